"""Tests that are loaded and run in other processes, so that this one, the front, stays as it
is: it lives on when a test kills its process, and a fresh one can be forked from it."""

from __future__ import annotations

from typing import Callable, List, Optional, Sequence, Set

from .conversation import Conversation
from .delegation import CANCEL_SECONDS, Delegation
from ..errors import RequestError
from .loader import Loading
from ..packet import Packet, wire_text
from .results import report_failure
from .runner import BROKEN_RUN_ID, NOT_RUN
from .worker import Worker

Ids = Optional[Sequence[str]]  # as in the messages: None for all there are


class WorkerTests:
    """See server.Tests.

    One worker has loaded the tests. With `fork` it forks a child for each Run; where loading
    has started threads, which a fork would leave behind, each Run takes a worker of its own
    instead, and `say` is told so. With `reload` there is a new worker when the sources of the
    tests have changed.
    """

    def __init__(
        self, loading: Loading, say: Callable[[str], None], *, fork: bool, reload: bool
    ) -> None:
        """Loads the tests. Raises RequestError if that cannot be done."""
        self._loading = loading
        self._fork = fork
        self._reload = reload
        self._say: Optional[Callable[[str], None]] = say  # None once it has been told
        self._worker = self._start()
        self._take_loaded()
        self._failfast = self._worker.failfast  # the command line's, and so of every worker

    def close(self) -> None:
        """Ends the other processes."""
        self._worker.end()

    def prepare(self) -> None:
        if not self._worker.alive:
            self._worker = self._start()
        elif self._worker.loaded and self._forks:
            self._worker.prepare()

    def list(self, asked: Ids, conversation: Conversation) -> None:
        if self._ready(conversation):
            self._list(asked, conversation, _passing_on(conversation))

    def run(self, asked: Ids, conversation: Conversation) -> None:
        gone: Set[str] = set()  # ids that are not to be run any more
        ready = self._ready(conversation)
        while ready:
            delegation = self._run(asked, conversation)
            if delegation.death is None or conversation.connection.lost is not None:
                return
            self._loading.stdio.flush()  # what was printed last is of the test in progress
            if conversation.cancelled:
                _report_cancelled(delegation, conversation)
                return
            started = delegation.answered | delegation.in_progress.keys()
            if started:
                _report_death(delegation, conversation)
            ready = self._ready(conversation, compare=False)
            gone |= started
            asked = self._rest(asked, gone, conversation) if ready else []
            if not started:
                _report_stillbirth(delegation, asked[:1], conversation)
                asked = asked[1:]  # or it would go on like that
            if self._failfast:
                for test_id in dict.fromkeys(asked):
                    report_failure(conversation.connection, test_id, NOT_RUN, started=False)
                return
            if not asked:
                return

    @property
    def _forks(self) -> bool:
        return self._fork and not self._worker.threads

    def _start(self) -> Worker:
        return Worker(self._loading, watch=self._reload)

    def _ready(self, conversation: Conversation, *, compare: bool = True) -> bool:
        """Sees to it that there is a worker that has loaded the tests; with `compare`, as
        their sources are now. False if the client has lost interest meanwhile. Raises
        RequestError."""
        if self._worker.loaded:
            self._worker.check()
        if not self._worker.alive:
            self._worker = self._start()
        elif compare and self._reload and self._load(conversation):
            if self._worker.has_changed_sources():
                self._worker.end()
                self._worker = self._start()
        return self._load(conversation)

    def _load(self, conversation: Conversation) -> bool:
        while not self._worker.loaded:
            if conversation.stopped():
                self._worker.end()  # it may be stuck
                return False
            if conversation.attend([self._worker.control]):
                self._take_loaded()
        return True

    def _take_loaded(self) -> None:
        self._worker.await_loaded()
        if self._fork and self._worker.threads and self._say is not None:
            self._say(
                f"loading the tests has started threads ({', '.join(self._worker.threads)}). "
                "A fork would not have them, so the tests are loaded again for each run"
            )
            self._say = None

    def _list(
        self, asked: Ids, conversation: Conversation, deliver: Callable[[Packet], None]
    ) -> None:
        delegation = Delegation(
            self._worker,
            conversation,
            lambda session: session.list(asked),
            deliver,
            fork=self._forks,
        )
        delegation.carry_out()
        if delegation.death is not None and not conversation.stopped():
            raise RequestError(f"the process that was listing the tests {delegation.death}")

    def _run(self, asked: Ids, conversation: Conversation) -> Delegation:
        fork = self._forks
        delegation = Delegation(
            self._worker,
            conversation,
            lambda session: session.run(asked),
            _passing_on(conversation),
            fork=fork,
        )
        delegation.carry_out()
        if not fork and self._fork:
            self._worker.end()  # a test may have left anything in it
        return delegation

    def _rest(self, asked: Ids, gone: Set[str], conversation: Conversation) -> List[str]:
        if asked is None:
            ids: List[str] = []
            self._list(None, conversation, lambda packet: ids.append(packet.test_id or ""))
            asked = ids
        return [test_id for test_id in asked if wire_text(test_id) not in gone]


def _passing_on(conversation: Conversation) -> Callable[[Packet], None]:
    return lambda packet: conversation.connection.send(packet.raw)


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
