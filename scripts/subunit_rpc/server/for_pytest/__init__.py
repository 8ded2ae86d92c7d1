"""pytest's tests."""
