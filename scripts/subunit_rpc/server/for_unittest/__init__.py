"""unittest's tests, and testtools'."""
