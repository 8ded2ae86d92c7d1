"""Addresses as people write them: HOST:PORT, PORT, unix:PATH."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Union

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class TcpAddress:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class UnixAddress:
    path: str  # absolute: a test may change the directory; or @NAME, an abstract socket

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @property
    def is_abstract(self) -> bool:
        return self.path.startswith("@")

    @property
    def socket_name(self) -> str:
        """As connect() and bind() take it."""
        return "\0" + self.path[1:] if self.is_abstract else self.path


Address = Union[TcpAddress, UnixAddress]


def parse_address(text: str) -> Address:
    """HOST:PORT, [IPV6]:PORT, a bare PORT (loopback) or unix:PATH, where @NAME is an
    abstract socket. Raises ValueError, with a text that says what is wrong. The host is not
    looked up here."""
    if text.startswith("unix:"):
        path = text[len("unix:") :]
        if not path:
            raise ValueError(f"{text!r} has no path after unix:")
        return UnixAddress(path if path.startswith("@") else os.path.abspath(path))
    host, colon, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT, PORT or unix:PATH")
    if not colon:
        return TcpAddress(LOOPBACK, int(port))
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host:
        raise ValueError(f"{text!r} has no host; a bare PORT stands for {LOOPBACK}:PORT")
    return TcpAddress(host, int(port))


def address_of(sock: socket.socket) -> Address:
    """Where a listening socket can be reached."""
    name = sock.getsockname()
    if isinstance(name, bytes):
        return UnixAddress("@" + os.fsdecode(name[1:]))
    return UnixAddress(name) if isinstance(name, str) else TcpAddress(name[0], name[1])
