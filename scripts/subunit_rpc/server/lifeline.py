"""Processes that belong together: the whole of one, its end, and how that is told."""

from __future__ import annotations

import atexit
import ctypes
import threading
import traceback
from os import WEXITSTATUS, WIFSIGNALED, WTERMSIG, _exit, getpid, getppid, kill, write
from signal import (
    SIG_DFL,
    SIG_IGN,
    SIG_SETMASK,
    SIGHUP,
    SIGINT,
    SIGKILL,
    SIGPIPE,
    SIGTERM,
    SIGXFSZ,
    Signals,
    default_int_handler,
    getsignal,
    pthread_sigmask,
    signal,
)
from typing import Callable, NoReturn

from .compatibility import valid_signals
from .stdio import flush_buffers
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

PR_SET_PDEATHSIG = 1  # prctl(2)
EXIT_BROKEN = 3  # the front is gone, or something is wrong here
IGNORED_BY_PYTHON = {SIGPIPE, SIGXFSZ}

_prctl = ctypes.CDLL(None).prctl


def live(parent: int, life: Callable[[], int]) -> NoReturn:
    """All of a process that was just forked. `life` returns the exit status."""
    status = EXIT_BROKEN
    try:
        _die_with(parent)
        status = life()
    except KeyboardInterrupt:
        signal(SIGINT, SIG_DFL)
        kill(getpid(), SIGINT)
    except BaseException:
        traceback.print_exc()
    finally:
        leave(status)


def set_default_signals() -> None:
    """Signals as tests find them in a Python that a shell starts, whatever the front was started
    with. One that is ignored for nohup(1), HUP, stays so."""
    signal(SIGTERM, SIG_DFL)  # the front's handler cleans up for it
    if getsignal(SIGINT) == SIG_IGN:
        signal(SIGINT, default_int_handler)
    for number in valid_signals() - IGNORED_BY_PYTHON - {SIGHUP}:
        if getsignal(number) == SIG_IGN:
            signal(number, SIG_DFL)
    pthread_sigmask(SIG_SETMASK, ())


def leave(status: int) -> NoReturn:
    """Ends this process. What Python does at its end is done, but the frames are not unwound,
    which are the parent's where this one was forked; nor is its memory tidied up, for which a run
    would wait."""
    try:
        finish()
    finally:
        _exit(status)


def finish() -> None:
    """What Python does at the end of a program: waits for threads that are not daemons, and
    calls what was registered with atexit. Tests may have left threads that never end."""
    left = [
        thread.name
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.current_thread()
    ]
    if left:
        say(f"waiting for threads that the tests have left running: {', '.join(left)}")
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    finally:
        flush_buffers()


def say(text: str) -> None:
    """One line on stderr, as it was when the tests had not got at it yet."""
    write_all(2, f"subunit_rpc: {text}\n".encode("utf-8", "backslashreplace"))


def write_all(descriptor: int, data: bytes) -> None:
    try:
        while data:
            data = data[write(descriptor, data) :]
    except OSError:
        pass  # a test has closed it, or nobody reads it


def describe(status: int) -> str:
    """A wait status in words that follow the name of a process."""
    if not WIFSIGNALED(status):
        return f"ended with exit status {WEXITSTATUS(status)}"
    number = WTERMSIG(status)
    try:
        return f"was killed by {Signals(number).name} ({number})"
    except ValueError:
        return f"was killed by signal {number}"  # one of those for real time


def _die_with(parent: int) -> None:
    """This process is not to outlive its parent, however that ends."""
    _prctl(PR_SET_PDEATHSIG, SIGKILL)
    if getppid() != parent:
        _exit(1)  # it had ended before
