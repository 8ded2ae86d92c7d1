"""One stream socket to one client, in the front; the processes with tests do not have it.

It is never descriptor 0, 1 or 2, and no signal comes of writing to it. Writing never raises:
a connection that broke says so in `lost`.
"""

from __future__ import annotations

import array
import fcntl
import os
import select
import socket
import termios
import time
from typing import Optional

READ_BYTES = 256 << 10
BUFFER_BYTES = 64 << 10  # of output that waits for a flush()
KEEPALIVE_SECONDS = 15  # without a packet, before the kernel asks whether the peer is there
READ_SECONDS = 1.0
LOOK_INTERVAL = 20e-6  # seconds: a proxy that is awake needs no longer
LINGER_SECONDS = 1.0  # for the peer to read our last words before a close could undo them
DESCRIPTOR_FLOOR = 200  # tests that count or close descriptors look at low ones


class Connection:
    """Owns the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = out_of_the_way(sock)
        if sock.family != socket.AF_UNIX:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A client that was killed has closed its end, which looks as if it only had
            # nothing more to say.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_SECONDS)
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        self._poll = poll.poll
        self._buffer = bytearray()
        self._count = array.array("i", [0])
        self.lost: Optional[OSError] = None

    def send(self, data: bytes) -> None:
        """Buffers the data; what is above BUFFER_BYTES goes out now."""
        self._buffer += data
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Returns when the kernel has all that was sent, or the connection is lost."""
        data = bytes(self._buffer)
        self._buffer.clear()
        if data and self.lost is None:
            try:
                self._sock.sendall(data, socket.MSG_NOSIGNAL)
            except OSError as error:
                self.lost = error

    def await_read(self) -> None:
        """Returns when the peer, a proxy, has read what was sent, or is gone; or does not read, for
        READ_SECONDS, because its client does not. Where the kernel does not tell, as with TCP, at
        once."""
        end = time.monotonic() + READ_SECONDS
        while self._unread() and time.monotonic() < end:
            time.sleep(LOOK_INTERVAL)

    def _unread(self) -> int:
        if self._sock.family == socket.AF_UNIX and self.lost is None:
            fcntl.ioctl(self._sock, termios.TIOCOUTQ, self._count)
        return self._count[0]

    def receive(self, deadline: Optional[float] = None) -> bytes:
        """The next bytes; b"" at the end of the stream. Waits until `deadline`, in seconds
        of time.monotonic(), then raises socket.timeout. Raises OSError when it breaks."""
        try:
            if deadline is None:
                return self._sock.recv(READ_BYTES)
            try:
                self._sock.settimeout(max(deadline - time.monotonic(), 1e-3))
                return self._sock.recv(READ_BYTES)
            finally:
                self._sock.settimeout(None)
        except socket.timeout:
            raise
        except OSError as error:
            self.lost = error
            raise

    def readable(self) -> bool:
        """Whether receive() would not wait."""
        return bool(self._poll(0))

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self, *, linger: bool = False) -> None:
        """Flushes and closes. With `linger` what the peer still sends is read for up to
        LINGER_SECONDS: closing with it unread would reset the connection and could take
        back what the peer has not read yet."""
        self.flush()
        try:
            if linger and self.lost is None:
                self._sock.shutdown(socket.SHUT_WR)
                deadline = time.monotonic() + LINGER_SECONDS
                while time.monotonic() < deadline and self.receive(deadline):
                    pass
        except OSError:
            pass  # out of patience, or the peer is gone: that is what we waited for
        finally:
            self._sock.close()

    def forked(self) -> None:
        """To be called in a child: the connection is the parent's."""
        self._sock.close()


def out_of_the_way(sock: socket.socket) -> socket.socket:
    """The same socket as a high descriptor, closed on exec, that waits without a limit."""
    descriptor = high_duplicate(sock.fileno())
    sock.close()
    moved = socket.socket(sock.family, sock.type, sock.proto, fileno=descriptor)
    moved.settimeout(None)
    return moved


def high_duplicate(descriptor: int) -> int:
    """The same as a high descriptor, closed on exec; as a lower one, but none of the
    standard ones, where the limit on descriptors is low. Raises OSError."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, DESCRIPTOR_FLOOR)
    except OSError:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
