"""From results of tests to records on the run line.

What the tests print goes where it always goes, and whoever reads it there attributes it to
the test in progress. So it has to be out of this process's buffers before the record that
starts a test, and before the one that ends it; the front waits for the rest of its way.
"""

from __future__ import annotations

from typing import Collection, Optional

from .line import TestsEnd
from .records import ENDED, FILE, STARTED
from .stdio import flush_buffers
from ..packet import wire_bytes
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

CHUNK_BYTES = 65536  # of an attachment in a record
MAX_NAME = 500  # characters of an attachment's name


class Reporter:
    """Texts are sent as wire_text() has them, times are in microseconds since 1970, or None
    for now. Every method raises FrontIsGone.

    goes_on   right after the end of a test comes the start of the next one, settle(), or the end
              of the Run: that wakes the front once, and the end of the test goes with it
    """

    def __init__(self, line: TestsEnd) -> None:
        self.goes_on = False
        self._send, self._tell, self._wait = line.send, line.tell, line.wait

    def started(self, test_id: str, time: Optional[int] = None) -> None:
        """Returns when the client has been told: the test may print."""
        flush_buffers()
        self._tell(STARTED, wire_bytes(test_id), _number(time))
        self._wait()

    def attach(
        self, test_id: str, name: str, mime_type: str, content: bytes, *, last: bool = True
    ) -> None:
        """A file of the test, or a piece of one."""
        head = (wire_bytes(test_id), wire_bytes(name[:MAX_NAME]), wire_bytes(mime_type))
        start = 0
        while len(content) - start > CHUNK_BYTES:
            self._send(FILE, *head, b"0", content[start : start + CHUNK_BYTES])
            start += CHUNK_BYTES
        self._send(FILE, *head, b"1" if last else b"0", content[start:])

    def ended(
        self,
        test_id: str,
        status: str,
        tags: Collection[str] = (),
        time: Optional[int] = None,
    ) -> None:
        """Does not wait: settle() is to come before anything may print that is not a test."""
        flush_buffers()
        head = (wire_bytes(test_id), status.encode("ascii"), _number(time))
        self._tell(ENDED, *head, *map(wire_bytes, tags), at_once=not self.goes_on)

    def settle(self) -> None:
        """Returns when the client has been told of all that has ended."""
        self._wait()


def _number(value: Optional[int]) -> bytes:
    return b"" if value is None else b"%d" % value
