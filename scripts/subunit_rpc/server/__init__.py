"""The test server for unittest: everything of the package that does I/O."""
