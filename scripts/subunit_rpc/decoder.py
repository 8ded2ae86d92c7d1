"""Reading subunit v2 packets from a connection that carries nothing else.

packet.py has the layout. Bytes between packets are the peer's error here: finding packets
among noise is the proxy's work, and a server is reached through the proxy.
"""

from __future__ import annotations

import datetime
import zlib
from typing import FrozenSet, Optional

from .errors import ProtocolError, quote
from .packet import (
    CRC_BYTES,
    EPOCH,
    FLAG_EOF,
    FLAG_FILE_CONTENT,
    FLAG_MIME_TYPE,
    FLAG_RESERVED,
    FLAG_ROUTE_CODE,
    FLAG_RUNNABLE,
    FLAG_TAGS,
    FLAG_TEST_ID,
    FLAG_TIMESTAMP,
    FLAG_VERSION_2,
    HEADER_BYTES,
    SIGNATURE,
    STATUSES,
    Packet,
)


class PacketDecoder:
    """Bytes in, packets out. Holds what was received and not yet asked for."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> None:
        self._buffer += data

    def receive_eof(self) -> None:
        """Raises ProtocolError if a part of a packet is left."""
        if self._buffer:
            raise self._error("the stream ended inside a packet")

    def next_packet(self) -> Optional[Packet]:
        """The next packet, or None if it is not complete. Raises ProtocolError for bytes
        that are no packet: nothing behind them can be trusted, so there is no way on."""
        buffer = self._buffer
        if not buffer:
            return None
        if buffer[0] != SIGNATURE:
            raise self._error("no packet starts with these bytes")
        if len(buffer) <= HEADER_BYTES:
            return None
        flags = buffer[1] << 8 | buffer[2]
        if flags & 0xF000 != FLAG_VERSION_2 or flags & FLAG_RESERVED:
            raise self._error(f"flags {flags:#06x} are not those of subunit version 2")
        fields_at = HEADER_BYTES + 1 + (buffer[HEADER_BYTES] >> 6)
        if fields_at > HEADER_BYTES + 3:
            raise self._error("the packet's length takes more than three bytes")
        if len(buffer) < fields_at:
            return None
        length = _number(buffer[HEADER_BYTES:fields_at])
        fields_end = length - CRC_BYTES
        if fields_end < fields_at:
            raise self._error(f"a packet cannot be {length} bytes long")
        if len(buffer) < length:
            return None
        raw = bytes(buffer[:length])
        if zlib.crc32(raw[:fields_end]) != int.from_bytes(raw[fields_end:], "big"):
            raise self._error("a packet's checksum is wrong")
        try:
            packet = _parse(raw, flags, _Fields(raw, fields_at, fields_end))
        except ValueError as error:
            raise self._error(f"a packet's fields are wrong ({error})") from None
        del buffer[:length]
        return packet

    def _error(self, reason: str) -> ProtocolError:
        return ProtocolError(f"{reason}: {quote(self._buffer)}")


class _Fields:
    """A place in a packet's fields, moved on by reading. ValueError for what cannot be."""

    def __init__(self, raw: bytes, at: int, end: int) -> None:
        self._raw, self._at, self._end = raw, at, end

    def take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > self._end:
            raise ValueError("one runs past the end")
        return self._raw[start : self._at]

    def number(self) -> int:
        first = self.take(1)
        return _number(first + self.take(first[0] >> 6))

    def text(self) -> str:
        data = self.take(self.number())
        if b"\0" in data:
            raise ValueError("a text contains NUL")
        return data.decode("utf-8")  # UnicodeDecodeError is a ValueError

    def end(self) -> None:
        if self._at != self._end:
            raise ValueError("bytes are left after the last one")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big") & (1 << (8 * len(data) - 2)) - 1


def _parse(raw: bytes, flags: int, fields: _Fields) -> Packet:
    timestamp = test_id = mime_type = file_name = file_bytes = route_code = None
    tags: FrozenSet[str] = frozenset()
    if flags & FLAG_TIMESTAMP:
        seconds, nanoseconds = int.from_bytes(fields.take(4), "big"), fields.number()
        if nanoseconds >= 1_000_000_000:
            raise ValueError("the timestamp has more than a second of nanoseconds")
        timestamp = EPOCH + datetime.timedelta(0, seconds, nanoseconds // 1000)
    if flags & FLAG_TEST_ID:
        test_id = fields.text()
    if flags & FLAG_TAGS:
        tags = frozenset([fields.text() for _ in range(fields.number())])
    if flags & FLAG_MIME_TYPE:
        mime_type = fields.text()
    if flags & FLAG_FILE_CONTENT:
        file_name = fields.text()
        file_bytes = fields.take(fields.number())
    if flags & FLAG_ROUTE_CODE:
        route_code = fields.text()
    fields.end()
    return Packet(
        raw=raw,
        test_id=test_id,
        test_status=STATUSES[flags & 0x0007],
        test_tags=tags,
        runnable=bool(flags & FLAG_RUNNABLE),
        file_name=file_name,
        file_bytes=file_bytes,
        eof=bool(flags & FLAG_EOF),
        mime_type=mime_type,
        route_code=route_code,
        timestamp=timestamp,
    )
