"""What the front and a process with tests tell each other, as bytes.

    mark u8 | kind u8 | length u32 | fields: length u32, that many bytes, again and again

Integers are big-endian, and the first length counts all fields with their lengths. Texts are
UTF-8, numbers decimal; a field that stands for None is empty.

On the control line, which a worker has as long as it lives:

    front says    SERVE fork           serve one request from the run line, itself ("0") or by a
                                       child that it forks ("1")
                  KILL                 kill that child
                  COMPARE              have the sources changed?
    worker says   LOADED failfast, captured, thread...
                                       first: the tests are loaded; "5 6": its descriptors of
                                       files with what tests print, stdout and stderr, or none;
                                       threads by name
                  FAULT text           or in its place: they cannot be loaded, and why
                  LEFT wait-status     the request is served, or the child has ended
                  CHANGED flag         the answer to COMPARE

On the run line, with whatever process serves the request:

    front says    LIST all, id...      all "1": every test, and no ids
                  RUN all, id...
                  CANCEL               stop between two tests
                  PASSED_ON            what was sent up to STARTED or ENDED is with the client
    process says  EXISTS id, tag...
                  STARTED id, time     time in microseconds since 1970, or none: now
                  FILE id, name, mime type, last, content
                                       last "1": the file is complete
                  ENDED id, status, time, tag...
                  RAN                  all is answered, what is left is the process's own end
                  DONE                 and that is done, too
"""

from __future__ import annotations

from typing import Iterable, List, NamedTuple, Optional

from ..errors import ProtocolError, quote
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

MARK = 0xA7
HEADER_BYTES = 6
LENGTH_BYTES = 4
MAX_RECORD_BYTES = 160 << 20  # a Run of as many ids as a message can have, with room

SERVE, KILL, COMPARE = b"s", b"k", b"c"
LOADED, FAULT, LEFT, CHANGED = b"l", b"f", b"x", b"h"
LIST, RUN, CANCEL, PASSED_ON = b"L", b"R", b"C", b"P"
EXISTS, STARTED, FILE, ENDED, RAN, DONE = b"e", b"S", b"F", b"E", b"r", b"D"

_FIELDS = {  # how many each has at least
    **dict.fromkeys((KILL, COMPARE, CANCEL, PASSED_ON, RAN, DONE), 0),
    LOADED: 2,
    **dict.fromkeys((SERVE, FAULT, LEFT, CHANGED, LIST, RUN, EXISTS), 1),
    STARTED: 2,
    FILE: 5,
    ENDED: 3,
}


class Record(NamedTuple):
    kind: bytes
    fields: List[bytes]

    def text(self, index: int) -> str:
        return self.fields[index].decode("utf-8", "surrogatepass")


def encode_record(kind: bytes, fields: Iterable[bytes]) -> bytes:
    parts = []
    for field in fields:
        parts.append(len(field).to_bytes(LENGTH_BYTES, "big"))
        parts.append(field)
    body = b"".join(parts)
    return b"".join((b"\xa7", kind, len(body).to_bytes(LENGTH_BYTES, "big"), body))


def encode_text(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class RecordReader:
    """Bytes in, in pieces of any size; records out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> None:
        self._buffer += data

    def next_record(self) -> Optional[Record]:
        """None until there is a whole one. Raises ProtocolError for anything else than
        records: tests may find a descriptor, and write to it."""
        buffer = self._buffer
        if not buffer:
            return None
        kind = bytes(buffer[1:2])
        if buffer[0] != MARK or (kind and kind not in _FIELDS):
            raise ProtocolError(f"no record starts with these bytes: {quote(bytes(buffer))}")
        if len(buffer) < HEADER_BYTES:
            return None
        length = int.from_bytes(buffer[2:HEADER_BYTES], "big")
        if length > MAX_RECORD_BYTES:
            raise ProtocolError(f"a record has {length} bytes, which is too long")
        end = HEADER_BYTES + length
        if len(buffer) < end:
            return None
        fields = _split(bytes(buffer[HEADER_BYTES:end]))
        if fields is None or len(fields) < _FIELDS[kind]:
            raise ProtocolError(f"a record is malformed: {quote(bytes(buffer[:end]))}")
        del buffer[:end]
        return Record(kind, fields)


def _split(body: bytes) -> Optional[List[bytes]]:
    fields, at = [], 0
    while at < len(body):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(body[at:start], "big")
        if at > len(body):
            return None
        fields.append(body[start:at])
    return fields
