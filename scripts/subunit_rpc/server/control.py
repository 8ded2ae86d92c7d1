"""The line between the front, which speaks to the client, and a worker, which has loaded the
tests: small messages, and descriptors.

The front says                          and the worker
    (nothing)                               {"threads": [name, ...], "failfast": bool} when
                                              it has loaded, {"error": text} if it could not
    {"do": "serve", "fork": bool}           {"ended": wait status} when it has served the
      + channel, acknowledgements             channel, itself (0) or by a forked child
    {"do": "kill"}                          kills that child
    {"do": "compare"}                       {"changed": bool}: whether its sources have
    (end of the stream)                     ends

The channel is a stream socket on which the RPC is spoken, with the front as the client; see
channel.py for the acknowledgements.
"""

from __future__ import annotations

import json
import socket
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .connection import out_of_the_way

MAX_MESSAGE_BYTES = 16 << 10
MAX_TEXT = 2000  # characters of an error: its JSON has to fit MAX_MESSAGE_BYTES
MAX_NAMES = 20  # of threads

_DESCRIPTORS = 2


class Control:
    """One end of the line."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = out_of_the_way(sock)

    def send(self, message: Dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Raises OSError if the other end is gone."""
        data = json.dumps(message).encode("ascii")
        socket.send_fds(self._sock, [data], descriptors, socket.MSG_NOSIGNAL)

    def receive(self) -> Tuple[Optional[Dict[str, Any]], List[int]]:
        """Waits for the next message; None when the other end is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._sock, MAX_MESSAGE_BYTES, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionResetError:
            return None, []
        return (json.loads(data) if data else None), descriptors

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()


def control_pair() -> Tuple[Control, Control]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Control(ours), Control(theirs)
