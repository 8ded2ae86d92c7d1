"""The inside of a worker: loads the tests, and serves the requests on the run line, itself or
by a child that it forks for one request. records.py has what is said on the lines."""

from __future__ import annotations

import atexit
import importlib
import threading
from _signal import SIGKILL
from os import close, fork, getpid, kill, listdir, waitpid
from select import POLLIN, poll
from typing import List, Optional, Sequence

from .compatibility import open_process
from ..errors import RequestError
from .lifeline import finish, leave, live, set_default_signals
from .line import FrontIsGone, TestsEnd
from ..packet import wire_bytes
from .records import (
    CHANGED,
    COMPARE,
    DONE,
    EXISTS,
    FAULT,
    KILL,
    LEFT,
    LIST,
    LOADED,
    RAN,
    SERVE,
    Record,
    encode_text,
)
from .reporter import Reporter
from .sources import Sources
from .stdio import flush_buffers
from .suite import Program, Suite
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

MAX_NAMES = 20  # of threads

_poll = poll


def work(control: TestsEnd, run: TestsEnd, program: Program, *, watch: bool) -> int:
    """All that the process does, which was forked for it: loads the tests of `program`, and
    serves. With `watch` it can tell whether their sources have changed. Returns the exit
    status."""
    set_default_signals()
    importlib.invalidate_caches()
    sources = Sources() if watch else None
    try:
        return program(_Worker(control, run, sources).serve, sources)
    except RequestError as error:
        flush_buffers()  # the front makes an end of this process then
        control.send(FAULT, encode_text(str(error)))
        control.flush()
    except FrontIsGone:
        pass
    return 0


class _Worker:
    def __init__(self, control: TestsEnd, run: TestsEnd, sources: Optional[Sources]) -> None:
        self._control = control
        self._run = run
        self._sources = sources

    def serve(self, suite: Suite) -> None:
        """Until the front is gone."""
        self._suite = suite
        if self._sources is not None:
            self._sources.loaded()
        threads = [name.encode("utf-8", "replace") for name in _other_threads()]
        try:
            captured = " ".join(map(str, suite.captured)).encode()
            self._tell(LOADED, b"1" if suite.failfast else b"0", captured, *threads)
            while True:
                self._carry_out(self._control.receive())
        except FrontIsGone:
            pass

    def _carry_out(self, order: Record) -> None:
        if order.kind == COMPARE:
            self._compare()
        elif order.kind == SERVE:
            status = self._serve_by_child() if order.fields[0] == b"1" else self._serve()
            self._tell(LEFT, b"%d" % status)
        # A kill that comes here has crossed the end of the child.

    def _tell(self, kind: bytes, *fields: bytes) -> None:
        self._control.send(kind, *fields)
        self._control.flush()

    def _compare(self) -> None:
        assert self._sources is not None
        self._tell(CHANGED, b"1" if self._sources.changed() else b"0")

    def _serve(self) -> int:
        self._answer(self._run.receive_request(), last=False)
        self._run.send(RAN)
        self._run.send(DONE)
        self._run.flush()
        return 0

    def _serve_by_child(self) -> int:
        """Returns the child's wait status."""
        flush_buffers()  # or the child would print it once more
        parent = getpid()
        child = fork()
        if child == 0:
            live(parent, self._serve_as_child)
        return self._attend(child)

    def _serve_as_child(self) -> int:
        """What tests have registered for the end of the process is done before it says that it
        is done; what was registered before is to be done once, at the parent's end."""
        atexit._clear()
        self._control.close()
        self._run.forked()
        try:
            self._answer(self._run.receive_request(), last=True)
            self._run.send(RAN)
            self._run.flush()
            finish()
            self._run.send(DONE)
            self._run.flush()
        except FrontIsGone:
            pass
        return 0

    def _attend(self, child: int) -> int:
        """Waits for the child's end, which the front may hasten, or by its own end bring."""
        process = open_process(child)
        ready = _poll()
        ready.register(process, POLLIN)
        ready.register(self._control.fileno(), POLLIN)
        try:
            while True:
                order = self._control.received()
                if order is None:
                    if process in (descriptor for descriptor, _ in ready.poll()):
                        return waitpid(child, 0)[1]
                    order = self._control.receive()
                if order.kind == COMPARE:
                    self._compare()
                elif order.kind == KILL:
                    kill(child, SIGKILL)
        except FrontIsGone:
            kill(child, SIGKILL)
            leave(0)
        finally:
            close(process)

    def _answer(self, request: Record, *, last: bool) -> None:
        asked: Optional[Sequence[str]] = None
        if request.fields[0] != b"1":
            asked = [request.text(index) for index in range(1, len(request.fields))]
        line = self._run
        if request.kind == LIST:
            for test_id, tags in self._suite.list(asked):
                line.send(EXISTS, wire_bytes(test_id), *map(wire_bytes, tags))
            return
        self._suite.run(asked, Reporter(line), stopped=line.cancelled, last=last)
        flush_buffers()


def _other_threads() -> List[str]:
    """Names of the threads that loading has left running beside this one."""
    names = [thread.name for thread in threading.enumerate()]
    names.remove(threading.current_thread().name)
    try:
        nameless = len(listdir("/proc/self/task")) - 1 - len(names)
    except OSError:
        nameless = 0  # there is no /proc
    if nameless > 0:
        names.append(f"{nameless} of libraries")
    return names[:MAX_NAMES]
