"""What the tests of a server print, read before the packets that start and end them."""

from __future__ import annotations

from typing import Any, List

_captured: List[Any] = []


def settle() -> None:
    """Returns when what this process has written to its stdout and stderr was read.

    For a server that a proxy has started, before each packet that starts or ends a test: then each
    output belongs to its test (PROTOCOL.md, section 5.4). Such a server says so, with
    `ServerSession(output="settled")`. The first call finds the pipes: make it before tests put
    other things in their place. Where there are none, it returns at once. A packet has to go at
    once, too: over TCP, that takes TCP_NODELAY.
    """
    from .server.stdio import CapturedStdio, flush_buffers

    if not _captured:
        _captured.append(CapturedStdio())
    flush_buffers()
    _captured[0].settle()
