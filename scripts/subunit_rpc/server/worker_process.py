"""The inside of a worker: loads the tests, and serves the channels that the front opens,
itself or by a child that it forks for one channel. control.py has what the two say."""

from __future__ import annotations

import atexit
import importlib
import os
import select
import signal
import socket
import threading
from dataclasses import dataclass
from typing import Any, Dict, List, NoReturn, Optional, Sequence

from .channel import Channel
from .control import MAX_NAMES, MAX_TEXT, Control
from .conversation import Conversation
from ..errors import RequestError, SessionError
from .lifeline import leave, live
from .loader import Loading
from .local_tests import LocalTests
from .server import Server
from .sources import Sources
from .stdio import flush_buffers

FRONT_SECONDS = 60.0  # for the front's Hello: it says that before it does anything else


def work(control: Control, loading: Loading, *, watch: bool) -> int:
    """All that the process does, which was forked for it. With `watch` it can tell whether
    its sources have changed. Returns the exit status."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the front's handler cleans up for it
    importlib.invalidate_caches()
    try:
        _load_and_serve(control, loading, Sources() if watch else None)
    except BrokenPipeError:
        pass  # the front did not even want to know of the end of something
    return 0


def _load_and_serve(control: Control, loading: Loading, sources: Optional[Sources]) -> None:
    try:
        tests = loading.load(sources)
    except RequestError as error:
        control.send({"error": str(error)[:MAX_TEXT]})
        return
    except SystemExit:
        control.send({"error": ""})
        return
    if sources is not None:
        sources.loaded()
    control.send({"threads": _other_threads(), "failfast": tests.failfast})
    _Worker(control, tests, sources).work()


@dataclass(frozen=True)
class LastTests(LocalTests):
    """LocalTests for a process that ends after one Run: what was registered for its end is
    done before that is answered."""

    def run(self, asked: Optional[Sequence[str]], conversation: Conversation) -> None:
        super().run(asked, conversation)
        atexit._run_exitfuncs()
        self.stdio.flush()


class _Worker:
    def __init__(self, control: Control, tests: LocalTests, sources: Optional[Sources]) -> None:
        self._control = control
        self._tests = tests
        self._sources = sources
        self._channel: Optional[Channel] = None
        os.register_at_fork(after_in_child=self._forked)

    def work(self) -> None:
        """Returns when the front wants nothing more."""
        while True:
            order, descriptors = self._control.receive()
            if order is None:
                return
            self._carry_out(order, descriptors)

    def _carry_out(self, order: Dict[str, Any], descriptors: List[int]) -> None:
        if order["do"] == "compare":
            self._compare()
        elif order["do"] == "serve" and order["fork"]:
            self._control.send({"ended": self._serve_by_child(descriptors)})
        elif order["do"] == "serve":
            self._serve(self._tests, descriptors)
            self._control.send({"ended": 0})
        # A kill that comes here has crossed the end of the child.

    def _compare(self) -> None:
        assert self._sources is not None
        self._control.send({"changed": self._sources.changed()})

    def _serve(self, tests: LocalTests, descriptors: List[int]) -> None:
        sock, acknowledgements = descriptors
        self._channel = Channel(socket.socket(fileno=sock), acknowledgements)
        try:
            Server(tests, tests.stdio.promise, FRONT_SECONDS).serve(self._channel)
        except SessionError:
            pass  # the front has closed its end
        finally:
            self._channel = None

    def _serve_by_child(self, descriptors: List[int]) -> int:
        """Returns the child's wait status."""
        flush_buffers()  # or the child would print it once more
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            self._be_child(parent, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        return self._attend(child)

    def _be_child(self, parent: int, descriptors: List[int]) -> NoReturn:
        def serve() -> int:
            atexit._clear()  # what is there is to be done once, at the parent's end
            self._serve(LastTests(**vars(self._tests)), descriptors)
            return 0

        live(parent, serve)

    def _attend(self, child: int) -> int:
        """Waits for the child's end, which the front may hasten, or by its own end bring."""
        pid_descriptor = os.pidfd_open(child)
        try:
            poll = select.poll()
            poll.register(pid_descriptor, select.POLLIN)
            poll.register(self._control, select.POLLIN)
            while True:
                ready = [descriptor for descriptor, _ in poll.poll()]
                if pid_descriptor in ready:
                    return os.waitpid(child, 0)[1]
                order, _ = self._control.receive()
                if order is not None and order["do"] == "compare":
                    self._compare()
                    continue
                os.kill(child, signal.SIGKILL)
                if order is None:
                    leave(0)
        finally:
            os.close(pid_descriptor)

    def _forked(self) -> None:
        self._control.close()
        if self._channel is not None:
            self._channel.forked()


def _other_threads() -> List[str]:
    """Names of the threads that loading has left running beside this one."""
    names = [thread.name for thread in threading.enumerate()]
    names.remove(threading.current_thread().name)
    nameless = len(os.listdir("/proc/self/task")) - 1 - len(names)
    if nameless > 0:
        names.append(f"{nameless} of libraries")
    return names[:MAX_NAMES]
