"""The worker's end of a channel, which another process relays to the client.

A proxy that attributes output to tests relies on a server that does not go on before its
packets are out. So flush() waits here until the front has passed on what was sent. The front
acknowledges it on a pipe, in numbers of bytes.
"""

from __future__ import annotations

import os
import socket
import struct

from .connection import Connection, high_duplicate

ACKNOWLEDGEMENT = struct.Struct("=I")


class Channel(Connection):
    """A Connection to the front. Owns the socket, and the pipe's end `acknowledgements`."""

    def __init__(self, sock: socket.socket, acknowledgements: int) -> None:
        super().__init__(sock)
        self._acknowledgements = high_duplicate(acknowledgements)
        os.close(acknowledgements)
        self._read, self._close = os.read, os.close
        self._unacknowledged = 0

    def flush(self) -> None:
        """Returns when the client's connection has all that was sent, or is lost."""
        with self._lock:
            self._write()
            while self._unacknowledged and self.lost is None:
                data = self._read(self._acknowledgements, ACKNOWLEDGEMENT.size)
                if data:
                    self._unacknowledged -= ACKNOWLEDGEMENT.unpack(data)[0]
                else:
                    self.lost = BrokenPipeError("the front is gone")

    def close(self, *, linger: bool = False) -> None:
        super().close(linger=linger)
        self._close(self._acknowledgements)

    def forked(self) -> None:
        super().forked()
        self._close(self._acknowledgements)

    def _write(self) -> None:
        size = len(self._buffer)
        super()._write()
        self._unacknowledged += size
