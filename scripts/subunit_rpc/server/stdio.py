"""What the tests print: on its way out before the packets that start and end a test.

What is printed goes where it always goes, and whoever reads it there attributes it to the
test in progress. The packets take another way, so their order with the output is lost,
unless each waits for the other (PROTOCOL.md, section "What the tests print").

The process with the tests empties its buffers. The front, which has the same stdout and stderr,
waits until they are read: what the tests do to theirs is of no account.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import select
import stat
import sys
import termios
from time import sleep
from typing import List, Optional

from .connection import high_duplicate
from ..message import SETTLED
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

_fflush = ctypes.CDLL(None).fflush

LOOK_INTERVAL = 20e-6  # in seconds: a proxy that is awake needs no longer to read a pipe


def flush_buffers() -> None:
    """Writes out what stands in the buffers of Python and of C. What tests have made of
    sys.stdout and sys.stderr may not allow that, and then it is not for us to complain."""
    for stream in (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__):
        try:
            stream.flush()
        except Exception:
            pass
    _fflush(None)


class Stdio:
    """stdout and stderr that anybody may read, or nobody."""

    promise: Optional[str] = None  # for Hello

    def settle(self) -> None:
        """Returns when what was written so far is read, as far as that can be known."""


class CapturedStdio(Stdio):
    """stdout and stderr as pipes that a proxy reads, which has started this process."""

    promise = SETTLED

    def __init__(self) -> None:
        # Of our own, and high: tests put other things in the place of 1 and 2.
        self._pipes: List[int] = [high_duplicate(fd) for fd in (1, 2) if _is_pipe(fd)]

    def settle(self) -> None:
        """Waits until the proxy has read what was written so far. While it does not, because
        its client does not read, this waits with it; but not for one that is gone."""
        for pipe in self._pipes:
            _wait_until_read(pipe)


def _wait_until_read(pipe: int) -> None:
    """Until as much has been read as was in the pipe at the start. What others write meanwhile
    can only make this wait longer."""
    unread = left = _unread(pipe)
    while unread and left > 0 and _has_reader(pipe):
        sleep(LOOK_INTERVAL)
        before, unread = unread, _unread(pipe)
        left -= max(before - unread, 0)


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False  # closed from the start


def _has_reader(pipe: int) -> bool:
    poll = select.poll()
    poll.register(pipe, 0)
    return not poll.poll(0)  # POLLERR: the other end is closed (poll(2))


def _unread(pipe: int) -> int:
    """Bytes in a pipe, seen from either end (FIONREAD, pipe(7))."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(pipe, termios.FIONREAD, count)
    except OSError:
        return 0
    return count[0]
