"""Who is at the other end of a connection: the user of the process that has that end."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Iterator, Optional, Tuple

SO_PEERCRED = 17  # socket(7), unix(7)
NETLINK_SOCK_DIAG = 4  # sock_diag(7)
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
NO_COOKIE = 0xFFFFFFFF
LISTENING = 10
HEADER = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBBxI")
COOKIE = struct.Struct("=III")  # an interface, and what tells sockets with the same addresses apart
ERROR = struct.Struct("=i")
STATE_AT = HEADER.size + 1
OWNER = struct.Struct("=II")  # user, inode
OWNER_AT = HEADER.size + 4 + 48 + 12
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")

Name = Tuple[str, int]


class _Unknown(Exception):
    """The kernel does not answer such questions."""


def is_our_user(sock: socket.socket) -> bool:
    """Whether a process of this user is at the other end. Not if that is on another machine,
    or closed already."""
    return peer_owner(sock) == os.geteuid()


def has_gone(sock: socket.socket) -> bool:
    """Whether the other end was on this machine, and is closed."""
    try:
        here = sock.family == socket.AF_UNIX or sock.getpeername()[0] == sock.getsockname()[0]
    except OSError:
        return True
    return here and peer_owner(sock) is None


def peer_owner(sock: socket.socket) -> Optional[int]:
    """The user id; None if no process of this machine has that end."""
    if sock.family == socket.AF_UNIX:
        credentials = sock.getsockopt(socket.SOL_SOCKET, SO_PEERCRED, struct.calcsize("=iII"))
        return struct.unpack("=iII", credentials)[1]
    try:
        ours, theirs = sock.getsockname()[:2], sock.getpeername()[:2]
    except OSError:
        return None  # it has gone again
    try:
        found = _ask(sock.family, theirs, ours)
        if found is None and _ask(sock.family, ours, theirs) is None:
            raise _Unknown  # our own end is there: this kernel says so of each
    except _Unknown:
        found = _search(sock.family, theirs, ours)
    return found


def _ask(family: int, local: Name, remote: Name) -> Optional[int]:
    """The owner of the socket that is bound to `local` and connected to `remote`. The kernel
    looks for this one alone, however many there are."""
    question = REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
    question += struct.pack("!HH", local[1], remote[1])
    for host, _ in (local, remote):
        question += socket.inet_pton(family, host.partition("%")[0]).ljust(16, b"\0")
    question += COOKIE.pack(0, NO_COOKIE, NO_COOKIE)
    header = HEADER.pack(
        HEADER.size + len(question), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0
    )
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
            netlink.send(header + question)
            answer = netlink.recv(4096, socket.MSG_DONTWAIT)
    except OSError:
        raise _Unknown from None
    if HEADER.unpack_from(answer)[1] == NLMSG_ERROR:
        if ERROR.unpack_from(answer, HEADER.size)[0] == -errno.ENOENT:
            return None
        raise _Unknown
    owner, inode = OWNER.unpack_from(answer, OWNER_AT)
    # Where there is no such connection, the kernel tells who listens at that port; and a socket
    # that no process has is shown as root's.
    return None if answer[STATE_AT] == LISTENING or inode == 0 else owner


def _search(family: int, local: Name, remote: Name) -> Optional[int]:
    """The same from the tables of all sockets."""
    wanted = _numbers(family, local), _numbers(family, remote)
    for line in _lines():
        fields = line.split()
        if (_parse(fields[1]), _parse(fields[2])) == wanted and fields[9] != "0":
            return int(fields[7])
    return None


def _lines() -> Iterator[str]:
    for name in TABLES:
        try:
            with open(name) as table:
                next(table)  # the titles
                yield from table
        except OSError:
            pass  # a machine without IPv6, or without /proc


def _numbers(family: int, name: Name) -> Tuple[bytes, int]:
    host, port = name
    return _plain(socket.inet_pton(family, host.partition("%")[0])), port


def _parse(field: str) -> Tuple[bytes, int]:
    """As the kernel prints it: groups of four bytes as numbers of the machine's own order."""
    host, _, port = field.partition(":")
    words = [int(host[at : at + 8], 16) for at in range(0, len(host), 8)]
    return _plain(struct.pack(f"={len(words)}I", *words)), int(port, 16)


def _plain(host: bytes) -> bytes:
    """An IPv4 address may stand in an IPv6 one."""
    return host[12:] if host.startswith(bytes(10) + b"\xff\xff") else host
