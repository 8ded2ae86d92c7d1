"""Processes that belong together: the whole of one, its end, and how that is told."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import traceback
from typing import Callable, NoReturn

from .stdio import flush_buffers

PR_SET_PDEATHSIG = 1  # prctl(2)
EXIT_BROKEN = 3  # the front is gone, or something is wrong here

_C_LIBRARY = ctypes.CDLL(None)


def live(parent: int, life: Callable[[], int]) -> NoReturn:
    """All of a process that was just forked. `life` returns the exit status."""
    status = EXIT_BROKEN
    try:
        _die_with(parent)
        status = life()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
    finally:
        leave(status)


def leave(status: int) -> NoReturn:
    """Ends this process, which was forked: what was registered for its end is done, but the
    frames that are its parent's are not unwound."""
    try:
        atexit._run_exitfuncs()
    finally:
        flush_buffers()
        os._exit(status)


def describe(status: int) -> str:
    """A wait status in words that follow the name of a process."""
    if not os.WIFSIGNALED(status):
        return f"ended with exit status {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    try:
        return f"was killed by {signal.Signals(number).name} ({number})"
    except ValueError:
        return f"was killed by signal {number}"  # one of those for real time


def _die_with(parent: int) -> None:
    """This process is not to outlive its parent, however that ends."""
    _C_LIBRARY.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it had ended before
