"""subunit v2 packets: bytes to fields and back, no I/O.

Source: the section "Version 2" of subunit's README. A packet is

    0xB3 | flags u16 | length | fields | crc32 u32          (big-endian)

where length counts the whole packet and the crc covers all before it. The fields
stand in this order, each only if its flag is set:

    timestamp u32 seconds, number nanoseconds      0x0200
    test id   text                                 0x0800
    tags      number count, then that many texts   0x0080
    mime type text                                 0x0020
    file      text name, number size, bytes        0x0040
    route     text                                 0x0400

Flags without a field: version 2 (0x2000), runnable (0x0100), end of file (0x0010), and
the status in the lowest three bits; 0x0008 is reserved. A number takes 1 to 4 bytes, its
two highest bits say how many more follow; length takes 3 at most. A text is a number and
that many bytes of UTF-8 without NUL.
"""

from __future__ import annotations

import datetime
import zlib
from typing import Collection, Iterator, NamedTuple, Optional

from .errors import ProtocolError, quote

SIGNATURE = 0xB3
MAX_PACKET_BYTES = 4194303  # what three bytes of length can say
CHUNK_BYTES = 65536  # of content in a packet we write: a relay holds whole packets
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

_VERSION_MASK, _VERSION_2, _RESERVED, _STATUS_MASK = 0xF000, 0x2000, 0x0008, 0x0007
_TEST_ID, _ROUTE_CODE, _TIMESTAMP, _RUNNABLE = 0x0800, 0x0400, 0x0200, 0x0100
_TAGS, _FILE_CONTENT, _MIME_TYPE, _EOF = 0x0080, 0x0040, 0x0020, 0x0010
_STATUSES = (None, "exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail")
_STATUS_BITS = {status: bits for bits, status in enumerate(_STATUSES)}
_HEADER_BYTES, _CRC_BYTES = 3, 4  # signature and flags; the checksum


class Packet(NamedTuple):
    """One packet as it came. Field names and values are those of StreamResult.status().

    `raw` is the whole packet, to be passed on untouched; it keeps the nanoseconds that
    `timestamp` (microseconds) cannot hold, and the order of the tags.
    """

    raw: bytes
    test_id: Optional[str] = None
    test_status: Optional[str] = None
    test_tags: frozenset[str] = frozenset()
    runnable: bool = False
    file_name: Optional[str] = None
    file_bytes: Optional[bytes] = None
    eof: bool = False
    mime_type: Optional[str] = None
    route_code: Optional[str] = None
    timestamp: Optional[datetime.datetime] = None


class PacketDecoder:
    """Bytes in, packets out. Anything between packets is the peer's error here: this side
    of the proxy a connection carries packets only. Holds one packet at most, besides what
    was received and not yet asked for.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> None:
        self._buffer += data

    def next_packet(self) -> Optional[Packet]:
        """The next packet, or None if it is not complete. Raises ProtocolError for bytes
        that are no packet; nothing behind them can be trusted, so there is no way on."""
        buffer = self._buffer
        if len(buffer) < _HEADER_BYTES + 1:
            if buffer and buffer[0] != SIGNATURE:
                raise self._error("no packet starts here")
            return None
        if buffer[0] != SIGNATURE:
            raise self._error("no packet starts here")
        flags = buffer[1] << 8 | buffer[2]
        if flags & _VERSION_MASK != _VERSION_2 or flags & _RESERVED:
            raise self._error(f"flags {flags:#06x} are not those of subunit version 2")
        size = 1 + (buffer[3] >> 6)
        if size > 3:
            raise self._error("the packet's length takes more than three bytes")
        fields_at = _HEADER_BYTES + size
        if len(buffer) < fields_at:
            return None
        length = _decode_number(buffer[_HEADER_BYTES:fields_at])
        if length < fields_at + _CRC_BYTES:
            raise self._error(f"a packet cannot be {length} bytes long")
        if len(buffer) < length:
            return None
        raw = bytes(buffer[:length])
        fields_end = length - _CRC_BYTES
        if zlib.crc32(raw[:fields_end]) != int.from_bytes(raw[fields_end:], "big"):
            raise self._error("a packet's checksum is wrong")
        try:
            packet = _parse_fields(raw, flags, fields_at, fields_end)
        except ValueError as error:
            raise self._error(str(error)) from None
        del buffer[:length]
        return packet

    def receive_eof(self) -> None:
        """Raises ProtocolError if what is left is a part of a packet."""
        if self._buffer:
            raise self._error("the stream ended inside a packet")

    def _error(self, reason: str) -> ProtocolError:
        return ProtocolError(f"{reason}: {quote(bytes(self._buffer[:256]))}")


def encode_status(
    *, file_name: Optional[str] = None, file_bytes: Optional[bytes] = None, **fields: object
) -> Iterator[bytes]:
    """The packets of one StreamResult.status() call: as encode_packet(), but content above
    CHUNK_BYTES goes ahead in packets of its own; status, tags and EOF are on the last."""
    if file_name is not None and file_bytes is not None:
        names = ("test_id", "runnable", "mime_type", "route_code", "timestamp")
        common = {name: fields[name] for name in names if name in fields}
        while len(file_bytes) > CHUNK_BYTES:
            yield encode_packet(
                file_name=file_name, file_bytes=file_bytes[:CHUNK_BYTES], **common
            )
            file_bytes = file_bytes[CHUNK_BYTES:]
    yield encode_packet(file_name=file_name, file_bytes=file_bytes, **fields)


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

    `timestamp` is aware. Raises ValueError above MAX_PACKET_BYTES.
    """
    flags = _VERSION_2 | _STATUS_BITS[test_status]
    fields = b""
    if timestamp is not None:
        flags |= _TIMESTAMP
        since = timestamp - EPOCH
        seconds = since.days * 86400 + since.seconds
        fields += seconds.to_bytes(4, "big") + _encode_number(since.microseconds * 1000)
    if test_id is not None:
        flags |= _TEST_ID
        fields += _encode_text(test_id)
    if test_tags:
        flags |= _TAGS
        fields += _encode_number(len(test_tags)) + b"".join(map(_encode_text, test_tags))
    if runnable:
        flags |= _RUNNABLE
    if mime_type:
        flags |= _MIME_TYPE
        fields += _encode_text(mime_type)
    if file_name is not None:
        flags |= _FILE_CONTENT
        content = b"" if file_bytes is None else bytes(file_bytes)
        fields += _encode_text(file_name) + _encode_number(len(content)) + content
    if eof:
        flags |= _EOF
    if route_code is not None:
        flags |= _ROUTE_CODE
        fields += _encode_text(route_code)
    length = _HEADER_BYTES + len(fields) + _CRC_BYTES
    # The length counts itself too.
    length += 1 if length < 0x40 - 1 else 2 if length < 0x4000 - 2 else 3
    if length > MAX_PACKET_BYTES:
        raise ValueError(f"a packet cannot be {length} bytes long")
    packet = b"\xb3" + flags.to_bytes(2, "big") + _encode_number(length) + fields
    return packet + zlib.crc32(packet).to_bytes(4, "big")


def wire_text(text: str) -> str:
    """`text` as it travels: what UTF-8 or subunit cannot carry is escaped with backslashes
    (lone surrogates as \\udc80, NUL as \\x00)."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _encode_text(text: str) -> bytes:
    data = text.encode("utf-8", "backslashreplace").replace(b"\0", b"\\x00")
    return _encode_number(len(data)) + data


def _encode_number(value: int) -> bytes:
    if value < 0x40:
        return value.to_bytes(1, "big")
    if value < 0x4000:
        return (value | 0x4000).to_bytes(2, "big")
    if value < 0x400000:
        return (value | 0x800000).to_bytes(3, "big")
    if value < 0x40000000:
        return (value | 0xC0000000).to_bytes(4, "big")
    raise ValueError(f"{value} is too large for a subunit number")


def _decode_number(data: bytes) -> int:
    return int.from_bytes(data, "big") & ~(3 << (8 * len(data) - 2))


class _Fields:
    """A place in a packet's fields, moving on as they are read. ValueError past the end."""

    def __init__(self, raw: bytes, at: int, end: int) -> None:
        self._raw, self._at, self._end = raw, at, end

    def bytes(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > self._end:
            raise ValueError("a field runs past the end of its packet")
        return self._raw[start : self._at]

    def number(self) -> int:
        first = self.bytes(1)
        return _decode_number(first + self.bytes(first[0] >> 6))

    def text(self) -> str:
        data = self.bytes(self.number())
        if b"\0" in data:
            raise ValueError("a text contains NUL")
        return data.decode("utf-8")  # UnicodeDecodeError is a ValueError

    def end(self) -> None:
        if self._at != self._end:
            raise ValueError("a packet is longer than its fields")


def _parse_fields(raw: bytes, flags: int, at: int, end: int) -> Packet:
    fields = _Fields(raw, at, end)
    timestamp = test_id = mime_type = file_name = file_bytes = route_code = None
    tags: frozenset[str] = frozenset()
    if flags & _TIMESTAMP:
        seconds, nanoseconds = int.from_bytes(fields.bytes(4), "big"), fields.number()
        timestamp = EPOCH + datetime.timedelta(
            seconds=seconds, microseconds=nanoseconds // 1000
        )
    if flags & _TEST_ID:
        test_id = fields.text()
    if flags & _TAGS:
        tags = frozenset([fields.text() for _ in range(fields.number())])
    if flags & _MIME_TYPE:
        mime_type = fields.text()
    if flags & _FILE_CONTENT:
        file_name = fields.text()
        file_bytes = fields.bytes(fields.number())
    if flags & _ROUTE_CODE:
        route_code = fields.text()
    fields.end()
    return Packet(
        raw,
        test_id,
        _STATUSES[flags & _STATUS_MASK],
        tags,
        bool(flags & _RUNNABLE),
        file_name,
        file_bytes,
        bool(flags & _EOF),
        mime_type,
        route_code,
        timestamp,
    )
