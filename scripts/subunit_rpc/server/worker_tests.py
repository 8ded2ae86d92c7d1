"""Tests that are loaded and run in other processes. This one, the front, stays as it is: it has
the connection to the client, and what tests do to their process does not reach it."""

from __future__ import annotations

import select
from typing import List, Optional, Sequence, Set, Tuple

from .conversation import Conversation
from .delegation import CANCEL_SECONDS, Delegation, report_failure
from .lifeline import describe, say
from ..errors import RequestError, SessionError
from ..packet import wire_text
from .stdio import Stdio
from .suite import BROKEN_RUN_ID, NOT_RUN, Ids, Program
from .worker import Worker

READY_SECONDS = 3.0  # for the tests to be loaded before the client is answered


class TestsDied(SessionError):
    """The process with the tests has ended while it was needed. `status`: its wait status."""

    __test__ = False  # to pytest this is no test class

    def __init__(self, status: int) -> None:
        super().__init__(f"the process with the tests {describe(status)}")
        self.status = status


class WorkerTests:
    """See server.Tests.

    One worker has loaded the tests. With `fork` it forks a child for each Run; where loading
    has started threads, which a fork would leave behind, each Run takes a worker of its own
    instead, and stderr tells so. With `reload` there is a new worker when the sources of the
    tests have changed. With neither, there is one worker for good: its end is the end of the
    server (TestsDied), so that whoever has started that starts it afresh.
    """

    def __init__(
        self,
        program: Program,
        stdio: Stdio,
        *,
        fork: bool,
        reload: bool,
    ) -> None:
        """Begins to load the tests."""
        self._program = program
        self._stdio = stdio
        self._fork = fork
        self._reload = reload
        self._told_of_threads = False
        self._worker = Worker(program, watch=reload)

    def close(self) -> int:
        """Ends the other processes. Returns the wait status of the last worker."""
        return self._worker.end()

    def await_ready(self, seconds: Optional[float] = READY_SECONDS) -> None:
        """Waits until the tests are loaded, but not longer than that. Raises RequestError if
        they cannot be loaded."""
        worker = self._worker
        if select.select([worker.control, worker.process], [], [], seconds)[0]:
            self._take_loaded()

    def watched(self) -> List[int]:
        return [self._worker.process] if self._for_good and self._worker.alive else []

    def check(self) -> None:
        if self._for_good and select.select([self._worker.process], [], [], 0)[0]:
            raise TestsDied(self._worker.end())

    def prepare(self) -> None:
        if self._for_good:
            return
        if not self._worker.alive:
            self._start()
        elif self._worker.loaded and self._forks:
            self._worker.prepare()

    def list(self, asked: Ids, conversation: Conversation) -> None:
        if self._ready(conversation):
            for _, packet in self._list(asked, conversation):
                conversation.connection.send(packet)

    def run(self, asked: Ids, conversation: Conversation) -> None:
        gone: Set[str] = set()  # ids that are not to be run any more
        ready = self._ready(conversation)
        while ready:
            delegation = self._run(asked, conversation)
            if delegation.death is None or conversation.gone:
                return
            self._show_captured()  # what was printed last is of the test in progress
            if conversation.cancelled:
                _report_cancelled(delegation, conversation)
                return
            if self._for_good:
                if delegation.fault is not None:
                    say(f"the process with the tests {delegation.fault}")
                raise TestsDied(delegation.status)
            started = delegation.answered | delegation.in_progress.keys()
            if not started and delegation.by_spare:
                ready = self._ready(conversation, compare=False)
                continue
            if started:
                _report_death(delegation, conversation)
            ready = self._ready(conversation, compare=False)
            gone |= started
            asked = self._rest(asked, gone, conversation) if ready else []
            if not started:
                _report_stillbirth(delegation, asked[:1], conversation)
                asked = asked[1:]  # or it would go on like that
            if self._worker.failfast:
                for test_id in dict.fromkeys(asked):
                    report_failure(conversation.connection, test_id, NOT_RUN, started=False)
                return
            if not asked:
                return

    @property
    def _forks(self) -> bool:
        return self._fork and not self._worker.threads

    @property
    def _for_good(self) -> bool:
        return not self._fork and not self._reload

    def _start(self) -> None:
        """A new worker in place of the one that was."""
        self._worker.forget_captured()
        self._worker = Worker(self._program, watch=self._reload)

    def _show_captured(self) -> None:
        self._worker.show_captured()
        self._stdio.settle()

    def _ready(self, conversation: Conversation, *, compare: bool = True) -> bool:
        """Sees to it that there is a worker that has loaded the tests; with `compare`, as
        their sources are now. False if the client has lost interest meanwhile. Raises
        RequestError, and TestsDied."""
        if self._worker.loaded:
            self._worker.check()
        if not self._worker.alive:
            if self._for_good and self._worker.loaded:
                raise TestsDied(self._worker.end())
            self._start()
        elif compare and self._reload and self._load(conversation):
            if self._worker.has_changed_sources():
                self._worker.end()
                self._start()
        return self._load(conversation)

    def _load(self, conversation: Conversation) -> bool:
        conversation.alive(patient=True)
        while not self._worker.loaded:
            if conversation.stopped():
                self._worker.end()  # it may be stuck
                return False
            if conversation.attend([self._worker.control.fileno(), self._worker.process]):
                self._take_loaded()
        return True

    def _take_loaded(self) -> None:
        self._worker.await_loaded()
        if self._fork and self._worker.threads and not self._told_of_threads:
            say(
                f"loading the tests has started threads ({', '.join(self._worker.threads)}). "
                "A fork would not have them, so the tests are loaded again for each run"
            )
            self._told_of_threads = True

    def _delegate(self, conversation: Conversation) -> Delegation:
        return Delegation(self._worker, conversation, self._stdio, fork=self._forks)

    def _list(self, asked: Ids, conversation: Conversation) -> List[Tuple[str, bytes]]:
        """(id, packet) of each test; of all, they are the same as long as there is this worker."""
        worker = self._worker
        if asked is None and worker.listed is not None:
            return worker.listed
        delegation = self._delegate(conversation)
        delegation.list(asked)
        if delegation.death is None:
            if asked is None:
                worker.listed = delegation.listed
        elif not conversation.stopped():
            if self._for_good:
                raise TestsDied(delegation.status)
            raise RequestError(f"the process that was listing the tests {delegation.death}")
        return delegation.listed

    def _run(self, asked: Ids, conversation: Conversation) -> Delegation:
        fork = self._forks
        delegation = self._delegate(conversation)
        delegation.run(asked)
        if not fork and self._fork:
            self._worker.end()  # a test may have left anything in it
        return delegation

    def _rest(self, asked: Ids, gone: Set[str], conversation: Conversation) -> List[str]:
        if asked is None:
            asked = [test_id for test_id, _ in self._list(None, conversation)]
        return [test_id for test_id in asked if wire_text(test_id) not in gone]


def _report_cancelled(delegation: Delegation, conversation: Conversation) -> None:
    reason = "This test was cancelled."
    if delegation.killed:
        seconds = f"{CANCEL_SECONDS:g} s"
        reason += f" It had not ended {seconds} after that, so its process was killed."
    for test_id in delegation.in_progress:
        report_failure(conversation.connection, test_id, reason, started=True)


def _report_death(delegation: Delegation, conversation: Conversation) -> None:
    how = f"The process of this Run {delegation.death}"
    for test_id in delegation.in_progress:
        reason = f"{how} while running this test."
        report_failure(conversation.connection, test_id, reason, started=True)
    if not delegation.in_progress:
        reason = f"{how} between two tests."
        report_failure(conversation.connection, BROKEN_RUN_ID, reason, started=False)


def _report_stillbirth(
    delegation: Delegation, first: List[str], conversation: Conversation
) -> None:
    """`first`: the test that was to come first, if there is any."""
    reason = f"The process of this Run {delegation.death} before this test started."
    for test_id in first or [BROKEN_RUN_ID]:
        report_failure(conversation.connection, test_id, reason, started=False)
