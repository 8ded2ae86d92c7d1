"""What Python has since some version, or Linux, for machines that have an older one. Python is 3.7 or
later; boards have it for many years.

Taken from their modules before the first test is imported, as in line.py.
"""

from __future__ import annotations

import _signal
import os
import sys
from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask
from _thread import start_new_thread
from os import O_CLOEXEC, P_PID, WEXITED, WNOWAIT, close, pipe2, waitid, write
from signal import SIGRTMAX, SIGRTMIN, Signals
from typing import Any, Iterable

from .own_builtins import BUILTINS

__builtins__ = BUILTINS

__all__ = ["Protocol", "open_process", "valid_signals"]

if sys.version_info >= (3, 8):
    from typing import Protocol
else:
    Protocol = object  # it is there for type checkers

_pidfd_open: Any = getattr(os, "pidfd_open", None)


def _all_signals() -> Iterable[int]:
    return {*map(int, Signals), *range(SIGRTMIN, SIGRTMAX + 1)}


valid_signals: Any = getattr(_signal, "valid_signals", _all_signals)  # since Python 3.8


def open_process(pid: int) -> int:
    """A descriptor that is readable once this child has ended, waited for or not."""
    if _pidfd_open is not None:  # since Python 3.9
        try:
            return _pidfd_open(pid)
        except OSError:
            pass  # before Linux 5.3, or forbidden like any call that whoever forbids does not know
    return _watch(pid)


def _watch(pid: int) -> int:
    """By a thread. There is none of them when this process forks: it has one child at a time."""
    readable, writable = pipe2(O_CLOEXEC)
    # A signal that came to the thread would not wake the rest of the process.
    before = pthread_sigmask(SIG_BLOCK, valid_signals())
    try:
        start_new_thread(_tell_of_end, (pid, writable))
    finally:
        pthread_sigmask(SIG_SETMASK, before)
    return readable


def _tell_of_end(pid: int, writable: int) -> None:
    try:
        waitid(P_PID, pid, WEXITED | WNOWAIT)
        write(writable, b"\0")
    except OSError:
        pass  # the others have noticed, and have closed the other end, or waited for it
    finally:
        close(writable)
