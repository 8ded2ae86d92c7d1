"""The suite of printing_server, a test server that needs nothing but its libraries."""

from pathlib import Path

import support

SERVER = Path(support.BINARY).resolve().parents[1] / "tests/printing_server"


def ids(count):
    return [f"Printing.test_{number:05}" for number in range(count)]


def assert_exact(stream, count):
    """Each test once, with what it printed."""
    stream.assert_clean()
    assert stream.statuses == dict.fromkeys(ids(count), "success")
    for number, test_id in enumerate(ids(count)):
        printed = b"output of test %d\n" % number if number % 10 == 0 else b""
        assert stream.output(test_id, "stdout") == (bytes(range(256)) if number == 7 else printed)
