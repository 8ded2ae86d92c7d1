"""What each test of this suite writes, byte for byte, and how it ends."""

from __future__ import annotations

import codecs
from typing import Callable, Dict, NamedTuple, Tuple, Type, Union
import unittest

# Large outputs are a function, so that the suite itself does not hold them in memory.
Bytes = Union[bytes, Callable[[], bytes]]


class Expected(NamedTuple):
    status: str  # as subunit names it
    stdout: bytes
    stderr: bytes
    late: bytes  # written to stdout at the end of the process, belonging to no test


def makes(
    stdout: Bytes = b"", stderr: Bytes = b"", status: str = "success", late: bytes = b""
) -> Callable:
    """Says what the decorated test method writes and how it ends."""

    def decorate(method: Callable) -> Callable:
        method.makes = (status, stdout, stderr, late)
        return method

    return decorate


def expected(*cases: Type[unittest.TestCase]) -> Dict[str, Expected]:
    """Test id to what is expected of it, for all tests of these classes."""
    table = {}
    for case in cases:
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            status, stdout, stderr, late = getattr(case, name).makes
            table[case(name).id()] = Expected(status, _bytes(stdout), _bytes(stderr), late)
    return table


def text_and_rest(data: bytes) -> Tuple[bytes, bytes]:
    """Cuts `data` before the first byte at which it stops being UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(data, final=True)
    except UnicodeDecodeError as error:
        return data[: error.start], data[error.start :]
    return data, b""


def _bytes(value: Bytes) -> bytes:
    return value() if callable(value) else value
