"""The subunit v2 packet: its layout, its fields as values, and how it is written.

Source: the section "Version 2" of subunit's README. A packet is

    0xB3 | flags u16 | length | fields | crc32 u32          (big-endian)

where length counts the whole packet and the crc covers all before it. The fields
stand in this order, each only if its flag is set:

    timestamp  u32 seconds, number nanoseconds
    test id    text
    tags       number count, then that many texts
    mime type  text
    file       text name, number size, that many bytes
    route code text

A number takes one to four bytes; its two highest bits say how many follow the first. The
length takes three at most. A text is a number and that many bytes of UTF-8 without NUL.
"""

from __future__ import annotations

import datetime
import zlib
from typing import Collection, FrozenSet, Iterator, NamedTuple, Optional

SIGNATURE = 0xB3
FLAG_VERSION_2 = 0x2000  # of the four highest bits
FLAG_TEST_ID = 0x0800
FLAG_ROUTE_CODE = 0x0400
FLAG_TIMESTAMP = 0x0200
FLAG_RUNNABLE = 0x0100
FLAG_TAGS = 0x0080
FLAG_FILE_CONTENT = 0x0040
FLAG_MIME_TYPE = 0x0020
FLAG_EOF = 0x0010
FLAG_RESERVED = 0x0008
STATUSES = (None, "exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail")
HEADER_BYTES = 3  # signature and flags
CRC_BYTES = 4
MAX_PACKET_BYTES = (1 << 22) - 1  # what three bytes of length can say
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

CHUNK_BYTES = 65536  # of content in a packet we write: a relay holds packets whole

_STATUS_BITS = {status: bits for bits, status in enumerate(STATUSES)}


class Packet(NamedTuple):
    """One packet as it came. Names and values are those of StreamResult.status().

    `raw` is the whole packet, to be passed on untouched; it keeps the nanoseconds that
    `timestamp` (microseconds) cannot hold, and the order of the tags.
    """

    raw: bytes
    test_id: Optional[str]
    test_status: Optional[str]
    test_tags: FrozenSet[str]
    runnable: bool
    file_name: Optional[str]
    file_bytes: Optional[bytes]
    eof: bool
    mime_type: Optional[str]
    route_code: Optional[str]
    timestamp: Optional[datetime.datetime]


def encode_packet(
    *,
    test_id: Optional[str] = None,
    test_status: Optional[str] = None,
    test_tags: Optional[Collection[str]] = None,
    runnable: bool = True,
    file_name: Optional[str] = None,
    file_bytes: Optional[bytes] = None,
    eof: bool = False,
    mime_type: Optional[str] = None,
    route_code: Optional[str] = None,
    timestamp: Optional[datetime.datetime] = None,
) -> bytes:
    """One packet, byte for byte what python-subunit's StreamResultToBytes writes.

    `timestamp` is aware, and left out where it is not between 1970 and 2106. Texts are sent as
    wire_text() has them. Raises ValueError for a packet above MAX_PACKET_BYTES.
    """
    flags = FLAG_VERSION_2 | _STATUS_BITS[test_status]
    fields = b""
    since = None if timestamp is None else timestamp - EPOCH
    if since is not None and 0 <= since.days * 86400 + since.seconds < 1 << 32:
        flags |= FLAG_TIMESTAMP
        seconds = since.days * 86400 + since.seconds
        fields += seconds.to_bytes(4, "big") + _number(since.microseconds * 1000)
    if test_id is not None:
        flags |= FLAG_TEST_ID
        fields += _text(test_id)
    if test_tags:
        flags |= FLAG_TAGS
        fields += _number(len(test_tags)) + b"".join(map(_text, test_tags))
    if runnable:
        flags |= FLAG_RUNNABLE
    if mime_type:
        flags |= FLAG_MIME_TYPE
        fields += _text(mime_type)
    if file_name is not None and file_bytes is not None:
        flags |= FLAG_FILE_CONTENT
        fields += _text(file_name) + _number(len(file_bytes)) + file_bytes
    if eof:
        flags |= FLAG_EOF
    if route_code is not None:
        flags |= FLAG_ROUTE_CODE
        fields += _text(route_code)
    for length_bytes in (1, 2, 3):
        length = HEADER_BYTES + length_bytes + len(fields) + CRC_BYTES
        if length < 1 << (8 * length_bytes - 2):
            break
    else:
        raise ValueError(f"a packet of {length} bytes is above subunit's limit")
    packet = b"\xb3" + flags.to_bytes(2, "big") + _number(length) + fields
    return packet + zlib.crc32(packet).to_bytes(4, "big")


def encode_file(*, file_bytes: bytes, **fields: object) -> Iterator[bytes]:
    """The packets of one status() call that has a file, whatever its size: content above
    CHUNK_BYTES goes ahead in packets of its own; status, tags and EOF are on the last."""
    kept = ("test_id", "runnable", "file_name", "mime_type", "route_code", "timestamp")
    ahead = {name: fields[name] for name in kept if name in fields}
    start = 0
    while len(file_bytes) - start > CHUNK_BYTES:
        chunk = file_bytes[start : start + CHUNK_BYTES]
        yield encode_packet(file_bytes=chunk, **ahead)  # type: ignore[arg-type]
        start += CHUNK_BYTES
    yield encode_packet(file_bytes=file_bytes[start:], **fields)  # type: ignore[arg-type]


def wire_text(text: str) -> str:
    """`text` as it travels: what UTF-8 or subunit cannot carry is escaped with backslashes
    (lone surrogates as \\udc80, NUL as \\x00)."""
    return wire_bytes(text).decode("utf-8")


def wire_bytes(text: str) -> bytes:
    """wire_text() as UTF-8."""
    return text.encode("utf-8", "backslashreplace").replace(b"\0", b"\\x00")


def _text(text: str) -> bytes:
    data = wire_bytes(text)
    return _number(len(data)) + data


def _number(value: int) -> bytes:
    for size in (1, 2, 3, 4):
        if value < 1 << (8 * size - 2):
            return (value | size - 1 << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(f"{value} is too large for a subunit number")
