"""One stream socket to one client, kept out of the tests' way.

Tests share this process and do what they like with descriptors, signals and forks. So the
socket is never descriptor 0, 1 or 2, is closed in every child, and no signal comes of
writing to it. Writing never raises: it happens inside unittest's machinery, which would
take an exception for the test's. A connection that broke says so in `lost`.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import threading
import time
from typing import Optional

READ_BYTES = 256 << 10
BUFFER_BYTES = 64 << 10  # of output that waits for a flush()
LINGER_SECONDS = 1.0  # for the peer to read our last words before a close could undo them
DESCRIPTOR_FLOOR = 200  # tests that count or close descriptors look at low ones


class Connection:
    """Owns the socket. send() and flush() may be called from several threads."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = out_of_the_way(sock)
        if sock.family != socket.AF_UNIX:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Bound now, so that a test that replaces parts of the socket module, or of os,
        # replaces them for itself alone.
        self._sendall, self._recv = self._sock.sendall, self._sock.recv
        self._now = time.monotonic
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        self._poll = poll.poll
        self._buffer = bytearray()
        self._lock = threading.Lock()
        self._forked = False
        self.lost: Optional[OSError] = None

    def send(self, data: bytes) -> None:
        """Buffers the data; what is above BUFFER_BYTES goes out now."""
        with self._lock:
            self._buffer += data
            if len(self._buffer) >= BUFFER_BYTES:
                self._write()

    def flush(self) -> None:
        """Returns when the kernel has all that was sent, or the connection is lost."""
        with self._lock:
            self._write()

    def receive(self, deadline: Optional[float] = None) -> bytes:
        """The next bytes; b"" at the end of the stream. Waits until `deadline`, in seconds
        of time.monotonic(), then raises socket.timeout. Raises OSError when it breaks."""
        self._check_owner()
        try:
            if deadline is None:
                return self._recv(READ_BYTES)
            try:
                self._sock.settimeout(max(deadline - self._now(), 1e-3))
                return self._recv(READ_BYTES)
            finally:
                self._sock.settimeout(None)
        except socket.timeout:
            raise
        except OSError as error:
            self.lost = error
            raise

    def readable(self) -> bool:
        """Whether receive() would not wait."""
        self._check_owner()
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
                deadline = self._now() + LINGER_SECONDS
                while self._now() < deadline and self.receive(deadline):
                    pass
        except OSError:
            pass  # out of patience, or the peer is gone: that is what we waited for
        finally:
            self._sock.close()

    def forked(self) -> None:
        """To be called in a child that a test forked: the connection is the parent's."""
        self._forked = True
        self._lock = threading.Lock()  # another thread may have held it
        self._sock.close()

    def _check_owner(self) -> None:
        if self._forked:
            # A child came back from its test into our loop. Another server on the same
            # connection is the last thing that anybody wants.
            os._exit(1)

    def _write(self) -> None:
        self._check_owner()
        data = bytes(self._buffer)
        self._buffer.clear()
        if data and self.lost is None:
            try:
                self._sendall(data, socket.MSG_NOSIGNAL)
            except OSError as error:
                self.lost = error


def out_of_the_way(sock: socket.socket) -> socket.socket:
    """The same socket as a high descriptor, closed on exec, that waits without a limit."""
    descriptor = high_duplicate(sock.fileno())
    sock.close()
    moved = socket.socket(sock.family, sock.type, sock.proto, fileno=descriptor)
    moved.settimeout(None)  # a test may have set a default one
    return moved


def high_duplicate(descriptor: int) -> int:
    """The same as a high descriptor, closed on exec; as a lower one, but none of the
    standard ones, where the limit on descriptors is low. Raises OSError."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, DESCRIPTOR_FLOOR)
    except OSError:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
