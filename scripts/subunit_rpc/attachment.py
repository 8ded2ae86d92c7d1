"""How a message travels: as the one file attachment of packets with the protocol's test id.

A message may take several packets, which share route code, test id and file name; the EOF
flag stands on the last. A single packet that holds a whole JSON object is a message even
without the flag, and an empty one with it, which some writers send behind that, is none.
"""

from __future__ import annotations

from typing import Dict, Optional, Tuple, Union

from .errors import ProtocolError, quote
from .message import Attach, Message, is_object, to_json
from .packet import Packet, encode_file

RPC_TEST_ID = "testrepository-rpc"
PROXY_TEST_ID = "testrepository-proxy"
FILE_NAME = "message"  # carries no meaning
MIME_TYPE = "application/json"
MAX_MESSAGE_BYTES = 64 << 20  # of all that are begun: a Run of a million ids of 60 bytes
MAX_OPEN_MESSAGES = 64  # that may be begun at a time

_Key = Tuple[Optional[str], Optional[str]]


def encode_message(message: Union[Message, Attach]) -> bytes:
    """The message as packets: one where it fits, and as many as it takes otherwise."""
    packets = encode_file(
        test_id=PROXY_TEST_ID if isinstance(message, Attach) else RPC_TEST_ID,
        file_name=FILE_NAME,
        mime_type=MIME_TYPE,
        eof=True,
        file_bytes=to_json(message),
    )
    return b"".join(packets)


def carries_message(packet: Packet) -> bool:
    """Whether the packet is a message of the RPC, or a piece of one."""
    if packet.test_id != RPC_TEST_ID or packet.file_bytes is None:
        return False
    mime_type = (packet.mime_type or "").partition(";")[0]  # parameters are allowed
    return mime_type.strip().lower() == MIME_TYPE


class MessageAssembler:
    """Packets for which carries_message() is true go in, the JSON of whole messages comes
    out. Messages with different route codes or file names may be interleaved."""

    def __init__(self) -> None:
        self._open: Dict[_Key, bytearray] = {}
        self._size = 0  # of all in _open

    def receive(self, packet: Packet) -> Optional[bytes]:
        """A message's JSON once that is whole, else None. Raises ProtocolError when a bound
        of this module is passed."""
        key, content = (packet.route_code, packet.file_name), packet.file_bytes or b""
        if key not in self._open:
            if packet.eof:
                return content or None
            if is_object(content):
                return content
            if len(self._open) == MAX_OPEN_MESSAGES:
                raise ProtocolError(
                    f"more than {MAX_OPEN_MESSAGES} messages were begun and not ended; "
                    f"the last one: {quote(content)}"
                )
        message = self._open.setdefault(key, bytearray())
        message += content
        self._size += len(content)
        if self._size > MAX_MESSAGE_BYTES:
            raise ProtocolError(
                f"a message is longer than {MAX_MESSAGE_BYTES} bytes: {quote(message)}"
            )
        if not packet.eof:
            return None
        self._size -= len(message)
        return bytes(self._open.pop(key))

    def receive_eof(self) -> None:
        """Raises ProtocolError if a piece of a message is left."""
        for message in self._open.values():
            raise ProtocolError(f"the stream ended inside a message: {quote(message)}")
