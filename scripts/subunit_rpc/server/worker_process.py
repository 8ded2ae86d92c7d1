"""The inside of a worker: loads the tests, and serves the requests on the run line, itself or
by a child that it forks for one request. records.py has what is said on the lines."""

from __future__ import annotations

import atexit
import importlib
import threading
from _signal import SIGKILL
from dataclasses import dataclass
from os import close, fork, getpid, kill, listdir, pidfd_open, waitpid
from select import POLLIN, poll
from typing import List, NoReturn, Optional, Sequence

from .collection import TestCollection
from ..errors import RequestError
from .lifeline import finish, leave, live, set_default_signals
from .line import FrontIsGone, TestsEnd
from .loader import LoadedProgram, Loader
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
from .runner import run_tests
from .sources import Sources
from .stdio import flush_buffers
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

MAX_NAMES = 20  # of threads

_poll = poll


def work(
    control: TestsEnd, run: TestsEnd, arguments: List[str], usage: str, *, watch: bool
) -> int:
    """All that the process does, which was forked for it: loads the tests that `arguments`
    name, and serves. With `watch` it can tell whether its sources have changed. Returns the
    exit status."""
    set_default_signals()
    importlib.invalidate_caches()
    sources = Sources() if watch else None
    try:
        tests = _load(control, arguments, usage, sources)
        if tests is not None:
            _Worker(control, run, tests, sources).work()
    except FrontIsGone:
        pass
    return 0


@dataclass(frozen=True)
class _LoadedTests:
    collection: TestCollection
    failfast: bool
    tb_locals: bool


def _load(
    control: TestsEnd, arguments: List[str], usage: str, sources: Optional[Sources]
) -> Optional[_LoadedTests]:
    """None if they cannot be loaded, and the front knows."""
    loader = Loader(None if sources is None else sources.note_directory)
    try:
        program = LoadedProgram(arguments, usage, loader)
        collection = TestCollection(program.test)
    except (ImportError, OSError, ValueError, RequestError) as error:
        control.send(FAULT, encode_text(f"cannot load the tests: {error}"))
    except SystemExit:
        control.send(FAULT, b"")  # what is wrong stands on stderr
    else:
        if sources is not None:
            sources.loaded()
        threads = [name.encode("utf-8", "replace") for name in _other_threads()]
        control.send(LOADED, b"1" if program.failfast else b"0", *threads)
        control.flush()
        return _LoadedTests(collection, bool(program.failfast), bool(program.tb_locals))
    control.flush()
    return None


class _Worker:
    def __init__(
        self, control: TestsEnd, run: TestsEnd, tests: _LoadedTests, sources: Optional[Sources]
    ) -> None:
        self._control = control
        self._run = run
        self._tests = tests
        self._sources = sources

    def work(self) -> NoReturn:
        """Until the front is gone."""
        while True:
            self._carry_out(self._control.receive())

    def _carry_out(self, order: Record) -> None:
        if order.kind == COMPARE:
            self._compare()
        elif order.kind == SERVE:
            status = self._serve_by_child() if order.fields[0] == b"1" else self._serve()
            self._tell(LEFT, b"%d" % status)
        # A kill that comes here has crossed the end of the child.

    def _tell(self, kind: bytes, field: bytes) -> None:
        self._control.send(kind, field)
        self._control.flush()

    def _compare(self) -> None:
        assert self._sources is not None
        self._tell(CHANGED, b"1" if self._sources.changed() else b"0")

    def _serve(self) -> int:
        _answer(self._run.receive_request(), self._tests, self._run)
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
            _answer(self._run.receive_request(), self._tests, self._run)
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
        pid_descriptor = pidfd_open(child)
        ready = _poll()
        ready.register(pid_descriptor, POLLIN)
        ready.register(self._control.fileno(), POLLIN)
        try:
            while True:
                order = self._control.received()
                if order is None:
                    if pid_descriptor in (descriptor for descriptor, _ in ready.poll()):
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
            close(pid_descriptor)


def _answer(request: Record, tests: _LoadedTests, line: TestsEnd) -> None:
    asked: Optional[Sequence[str]] = None
    if request.fields[0] != b"1":
        asked = [request.text(index) for index in range(1, len(request.fields))]
    if request.kind == LIST:
        for test_id in tests.collection.ids(asked):
            line.send(EXISTS, wire_bytes(test_id))
        line.flush()
        return
    run_tests(
        tests.collection.take(asked),
        Reporter(line),
        stopped=line.cancelled,
        failfast=tests.failfast,
        tb_locals=tests.tb_locals,
    )
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
