"""Getting a connection: by dialing, or by listening."""

from __future__ import annotations

import errno
import math
import os
import socket
import stat
import time
from typing import Optional, Sequence

from .address import Address, UnixAddress, address_of
from .connection import Connection, out_of_the_way
from .lifeline import say
from .owner import has_gone, is_our_user

CONNECT_SECONDS = 30.0
BACKLOG = 8  # clients that wait while one is served
SIGNAL_SECONDS = 1.0


def dial(addresses: Sequence[Address]) -> Connection:
    """Connects to the first of them that can be reached. Raises OSError, which is about the
    last, also when CONNECT_SECONDS have passed."""
    for address in addresses[:-1]:
        try:
            return _dial(address)
        except OSError:
            pass  # in a container, for instance, the socket's path is not there
    return _dial(addresses[-1])


def _dial(address: Address) -> Connection:
    if not isinstance(address, UnixAddress):
        return Connection(
            socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        )
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(CONNECT_SECONDS)
        sock.connect(address.socket_name)
    except OSError:
        sock.close()
        raise
    return Connection(sock)


class Listener:
    """A listening socket. On a path it is its owner's alone, and goes with close()."""

    def __init__(self, address: Address, *, any_owner: bool = False) -> None:
        """Clients of other users and on other machines are turned away, unless `any_owner`.

        Raises OSError, also for a path at which there is anything but a socket that
        nobody listens on any more."""
        self._forked = False
        self._any_owner = any_owner
        self._untold, self._told_at = 0, -math.inf
        self._latest: Optional[Connection] = None
        if isinstance(address, UnixAddress):
            sock = _listen_on_path(address)
        else:
            sock = _listen_on_port(address.host, address.port)
        self._sock = out_of_the_way(sock)
        # A signal that comes just before a system call waits for its handler until that returns.
        self._sock.settimeout(SIGNAL_SECONDS)
        self.address = address_of(self._sock)

    def accept(self) -> Connection:
        """Waits for the next client. Raises OSError."""
        while True:
            try:
                sock = self._sock.accept()[0]
            except socket.timeout:
                continue
            except ConnectionAbortedError:
                continue  # it has gone while it waited
            if self._any_owner or is_our_user(sock):
                self._latest = Connection(sock)
                return self._latest
            if has_gone(sock):
                why = "the client closed the connection without Goodbye"
            else:
                why = (
                    f"closed a connection to {self.address} from another user or machine "
                    "(--any-owner serves them, too)"
                )
            sock.close()
            self._turn_away(why)

    def _turn_away(self, why: str) -> None:
        """Whoever comes again and again must not fill anybody's log: one line a second."""
        now = time.monotonic()
        if now - self._told_at < 1:
            self._untold += 1
            return
        more = f"; {self._untold} more connections before it were closed" if self._untold else ""
        say(why + more)
        self._untold, self._told_at = 0, now

    def forked(self) -> None:
        """To be called in a child: all this is the parent's."""
        self._forked = True
        self._sock.close()
        if self._latest is not None:
            self._latest.forked()

    def close(self) -> None:
        self._sock.close()
        at_path = isinstance(self.address, UnixAddress) and not self.address.is_abstract
        if at_path and not self._forked:
            try:
                os.unlink(self.address.path)
            except FileNotFoundError:
                pass


def _listen_on_port(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, where = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _listen_on_path(address: UnixAddress) -> socket.socket:
    if not address.is_abstract:
        _remove_stale(address.path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(address.socket_name)
        if not address.is_abstract:
            os.chmod(address.path, 0o600)  # before listen(), so nobody can have connected
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path: str) -> None:
    try:
        is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise FileExistsError(errno.EEXIST, "there is already a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_SECONDS)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise OSError(errno.EADDRINUSE, "another server is already listening there")
