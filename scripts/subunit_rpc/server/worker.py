"""A worker as the front sees it: the process, and the lines to it."""

from __future__ import annotations

import os
import select
import signal
from typing import List, Optional, Sequence, Tuple

from .compatibility import open_process
from .lifeline import describe, live, say, write_all
from .line import FrontEnd
from .records import (
    CHANGED,
    COMPARE,
    FAULT,
    KILL,
    LEFT,
    LOADED,
    SERVE,
    Record,
)
from ..errors import ProtocolError, RequestError
from .stdio import flush_buffers
from .suite import Program
from .worker_process import work

# For what tests have registered for the end of their process, threads included: of a child that has
# served its Run, and of a worker. The proxy may be less patient with the latter (serve --grace).
CHILD_END_SECONDS = 5.0
END_SECONDS = 30.0


class Worker:
    """A process that loads the tests, and then serves one request at a time, itself or by a
    child.

    control, run   the lines to it
    process        a descriptor, readable once the process has ended
    loaded         it has
    threads        names of those that loading has left running
    failfast       each Run ends after its first failure
    listed         the answer to a List of all tests, as in Delegation, if somebody has asked
    fault          what it has sent that is no record: it was killed for that
    """

    def __init__(self, program: Program, *, watch: bool) -> None:
        """Starts it, with the tests of `program`. With `watch` it can be asked whether their
        sources have changed."""
        self.control, self.run = FrontEnd(), FrontEnd()
        self.loaded = self.failfast = False
        self.threads: List[str] = []
        self.listed: Optional[List[Tuple[str, bytes]]] = None
        self.fault: Optional[str] = None
        self._status: Optional[int] = None  # of its end
        self._captured: List[int] = []
        self._serving = False  # a request, and has not reported its end yet
        self._spare = False  # that is to be served by a child that was forked in advance
        flush_buffers()  # or both would print it
        front = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            control, run = self.control.there(), self.run.there()
            live(front, lambda: work(control, run, program, watch=watch))
        self.process = open_process(self._pid)

    @property
    def alive(self) -> bool:
        """As far as was noticed yet."""
        return self._status is None

    def await_loaded(self) -> None:
        """To be called once, first, and when `control` or `process` is readable if it is not to
        wait. Raises RequestError, and the worker has ended then."""
        report = self._receive((LOADED, FAULT))
        if report is None:
            raise RequestError(
                f"cannot load the tests: the process that was loading them {describe(self.end())}"
            )
        if report.kind == FAULT:
            self.end()
            raise RequestError(report.text(0))
        self.loaded, self.failfast = True, report.fields[0] == b"1"
        self.threads = [report.text(index) for index in range(2, len(report.fields))]
        self._captured = self._open_captured(report.text(1).split())

    def check(self) -> None:
        """Notices if it, or the child in advance, has ended meanwhile. Not before
        await_loaded()."""
        if self.alive and select.select([self.control, self.process], [], [], 0)[0]:
            self.left()

    def prepare(self) -> None:
        """Has a child forked in advance, which saves the next request half of the time."""
        if not self._spare:
            self._serve(fork=True)
            self._spare = self.alive

    def serve(self, *, fork: bool) -> bool:
        """What is said on `run` from now on is for the worker, or with `fork` for a child of
        it: the one in advance if there is one, and then this is True. When `control` or
        `process` is readable it has come to an end: see left()."""
        spare, self._spare = self._spare, False
        if not spare:
            self._serve(fork=fork)
        return spare

    def left(self) -> int:
        """The wait status of what has served the request. Waits for its end."""
        report = self._receive((LEFT,))
        self._serving = self._spare = False
        return self.end() if report is None else int(report.fields[0])

    def show_captured(self) -> None:
        """What a test has printed that did not come to its end, and stands in a file yet. Works
        after end(), too."""
        for target, descriptor in zip((1, 2), self._captured):
            size = os.fstat(descriptor).st_size
            write_all(target, os.pread(descriptor, size, 0))

    def forget_captured(self) -> None:
        for descriptor in self._captured:
            os.close(descriptor)
        self._captured = []

    def has_changed_sources(self) -> bool:
        self._send(COMPARE)
        changed = self._receive((CHANGED,))
        # One that has ended is of no use any more either.
        return changed is None or changed.fields[0] == b"1"

    def end_child(self) -> None:
        """Kills the child that serves the request."""
        self._send(KILL)

    def interrupt(self) -> None:
        if self.alive:
            os.kill(self._pid, signal.SIGINT)

    def kill(self) -> None:
        if self.alive:
            os.kill(self._pid, signal.SIGKILL)

    def end(self) -> int:
        """Lets it end, for END_SECONDS, and then makes it; at once if it has not even loaded.
        Returns its wait status, which is 0 for one that had nothing to do any more and had to
        be made."""
        if self._status is None:
            self.control.close()
            self.run.close()
            patience = END_SECONDS if self.loaded else 0
            made = not select.select([self.process], [], [], patience)[0]
            if made and self.loaded:
                say(
                    f"the process with the tests (pid {self._pid}) has not ended within "
                    f"{END_SECONDS:g} s after its last request, so it is killed; something "
                    "that the tests have left, a thread or a function for atexit, holds it up"
                )
            if made:
                self.kill()
            os.close(self.process)
            status = os.waitpid(self._pid, 0)[1]
            self._status = 0 if made else status
        return self._status

    def _open_captured(self, names: List[str]) -> List[int]:
        """The files outlive the process, once they are open here."""
        opened: List[int] = []
        try:
            for name in names:
                opened.append(os.open(f"/proc/{self._pid}/fd/{name}", os.O_RDONLY))
        except OSError:
            pass  # then it is lost
        return opened

    def _serve(self, *, fork: bool) -> None:
        if self._serving:
            self.left()  # what is done leaves at once
        if self.alive:
            self.run.clear()
            self._send(SERVE, b"1" if fork else b"0")
            self._serving = True

    def _send(self, kind: bytes, *fields: bytes) -> None:
        if self.alive:
            self.control.send(kind, *fields)

    def _receive(self, kinds: Sequence[bytes]) -> Optional[Record]:
        """The next of these kinds; None if it has ended."""
        found: Optional[Record] = None
        while self.alive and found is None:
            ended = select.select([self.control, self.process], [], [])[0] == [self.process]
            try:
                records = self.control.receive()
            except ProtocolError as error:
                self.fault = str(error)  # a test has found the descriptor, and written to it
                self.kill()
                records = []
            for record in records:
                if record.kind in kinds:
                    found = record
                elif record.kind == LEFT:
                    self._serving = self._spare = False
            if ended:
                break
        return found
