"""One request that a worker carries out: what it reports, turned into packets for the client,
and account taken of which tests have started and ended, so that somebody can go on if the
process does not live to do so.

The clock and the encoder are here, in the front, and so is the connection: what tests do to
their process does not change a result on its way.
"""

from __future__ import annotations

import datetime
import time
from typing import Callable, Dict, List, Optional, Set, Tuple

from .connection import Connection
from .conversation import Conversation
from ..errors import ProtocolError
from .lifeline import describe
from ..packet import EPOCH, encode_file, encode_packet
from .records import (
    CANCEL,
    DONE,
    ENDED,
    EXISTS,
    FILE,
    LIST,
    PASSED_ON,
    RAN,
    RUN,
    STARTED,
    Record,
    encode_text,
)
from .stdio import Stdio
from .worker import CHILD_END_SECONDS, Worker

CANCEL_SECONDS = 1.5  # for a test to end after a Cancel, before its process is killed

STATUSES = ("success", "skip", "xfail", "uxsuccess", "fail")

Ids = Optional[List[str]]  # as in the messages: None for all there are


class Delegation:
    """What came of it:

    in_progress, answered   ids of tests
    listed                  (id, packet) of each test that exists
    death                   how the process ended, as words that follow "the process", if it
                            did before the request was answered in full
    killed                  that was because it did not heed a Cancel
    status                  the wait status behind `death`
    fault                   as `death`, if the process was killed for what it sent
    by_spare                the process had been forked in advance, and may have ended before
    """

    def __init__(
        self, worker: Worker, conversation: Conversation, stdio: Stdio, *, fork: bool
    ) -> None:
        """With `fork` a child of the worker is to carry it out."""
        self.death: Optional[str] = None
        self.fault: Optional[str] = None
        self.by_spare = False
        self.status = 0
        self.killed = False
        self._worker = worker
        self._conversation = conversation
        self._stdio = stdio
        self._answer = Answer(conversation.connection.send, stdio)
        self._fork = fork
        self._ran = self._done = self._cancelled = False
        self._end: Optional[str] = None
        self._deadline: Optional[float] = None  # the process may live until then

    @property
    def in_progress(self) -> Dict[str, None]:
        return self._answer.in_progress

    @property
    def answered(self) -> Set[str]:
        return self._answer.answered

    @property
    def listed(self) -> List[Tuple[str, bytes]]:
        return self._answer.listed

    def list(self, asked: Ids) -> None:
        self._carry_out(LIST, asked)

    def run(self, asked: Ids) -> None:
        self._carry_out(RUN, asked)

    def _carry_out(self, kind: bytes, asked: Ids) -> None:
        """Returns when the request is answered, or the process has ended, and all that it has
        sent is passed on. Attends to the client meanwhile."""
        self.by_spare = self._worker.serve(fork=self._fork)
        self._conversation.alive(patient=False)
        if not self._worker.alive:
            self.status = self._worker.end()
            self._end = describe(self.status)
        else:
            ids = [] if asked is None else map(encode_text, asked)
            self._worker.run.send(kind, b"1" if asked is None else b"0", *ids)
        try:
            while not self._done and self._end is None:
                self._attend()
                self._heed_deadline()
        except KeyboardInterrupt:
            self._interrupt()
            raise
        self.death = None if self._done else self._end
        self._conversation.connection.flush()

    def _attend(self) -> None:
        """Waits for something to happen, and sees to it."""
        worker = self._worker
        timeout = None if self._deadline is None else self._deadline - time.monotonic()
        waiting = [worker.run.fileno(), worker.control.fileno(), worker.process]
        ready = self._conversation.attend(waiting, timeout, writable=worker.run.pending)
        if worker.run.pending in ready:
            worker.run.send_pending()
        self._heed_client()  # a Cancel is to be there before the next test starts
        left = worker.control.fileno() in ready or worker.process in ready
        if left or worker.run.fileno() in ready:
            self._relay()
        if left and not self._done:
            self.status = worker.left()
            if worker.fault is not None:
                self._blame(worker.fault)
            self._end = self.fault or describe(self.status)

    def _heed_client(self) -> None:
        """Stops the process when there is no use in its work any more."""
        conversation = self._conversation
        unwanted = conversation.cancelled or conversation.gone
        if unwanted and not (self._cancelled or self._ran or self._end):
            self._cancelled = True
            self._deadline = time.monotonic() + CANCEL_SECONDS
            self._worker.run.send(CANCEL)
        if unwanted and self.in_progress:
            conversation.alive(patient=True)

    def _heed_deadline(self) -> None:
        if self._deadline is None or self._end or time.monotonic() < self._deadline:
            return
        self._deadline = None
        self._kill()
        if self._ran:
            self._conversation.warn(
                f"a process with tests has not ended within {CHILD_END_SECONDS:g} s after its last "
                "test, so it is killed; something that the tests have left, a thread or a "
                "function for atexit, holds it up"
            )
            self._done = True
        else:
            self.killed = True

    def _relay(self) -> None:
        if self.fault is not None:
            return
        try:
            passed_on = sum(map(self._take, self._worker.run.receive()))
            if passed_on:
                # The process waits for that: what its tests do next is behind it, be it that they
                # kill the proxy, which then takes no results with it.
                self._conversation.connection.flush()
                if self._stdio.promise:
                    self._conversation.connection.await_read()
                self._worker.run.send_all([(PASSED_ON, ())] * passed_on)
            self._conversation.alive(patient=bool(self.in_progress))
        except ProtocolError as error:
            # A test has found the descriptor, and written to it.
            self._blame(str(error))
            self._kill()

    def _blame(self, fault: str) -> None:
        self.fault = f"was killed because it sent something that is not a result ({fault})"

    def _take(self, record: Record) -> bool:
        """Whether the process waits until it is passed on."""
        if record.kind == RAN:
            self._ran = True
            self._stdio.settle()
            self._deadline = time.monotonic() + CHILD_END_SECONDS if self._fork else None
        elif record.kind == DONE:
            self._done = True
            self._stdio.settle()
        else:
            return self._answer.take(record)
        return False

    def _interrupt(self) -> None:
        """The front ends, and so does the test in progress."""
        if self._fork:
            self._worker.end_child()
        else:
            self._worker.interrupt()

    def _kill(self) -> None:
        if self._fork:
            self._worker.end_child()
        else:
            self._worker.kill()


class Answer:
    """Turns what the process reports into packets.

    in_progress, answered   ids of tests
    listed                  (id, packet) of each test that exists; whoever asked tells the client
    """

    def __init__(self, deliver: Callable[[bytes], None], stdio: Stdio) -> None:
        self.in_progress: Dict[str, None] = {}
        self.answered: Set[str] = set()
        self.listed: List[Tuple[str, bytes]] = []
        self._deliver = deliver
        self._stdio = stdio

    def take(self, record: Record) -> bool:
        """Whether a test starts or ends by it: the process waits then. Raises ProtocolError."""
        if record.kind == STARTED:
            self._start(record)
        elif record.kind == ENDED:
            self._end(record)
        elif record.kind == FILE:
            self._attach(record)
        elif record.kind == EXISTS:
            self._list(record)
        return record.kind in (STARTED, ENDED)

    def _list(self, record: Record) -> None:
        test_id, *tags = map(record.text, range(len(record.fields)))
        packet = encode_packet(test_id=test_id, test_status="exists", test_tags=set(tags))
        self.listed.append((test_id, packet))

    def _start(self, record: Record) -> None:
        test_id = record.text(0)
        self._stdio.settle()
        self.in_progress[test_id] = None
        time = _time(record.fields[1])
        self._deliver(
            encode_packet(test_id=test_id, test_status="inprogress", timestamp=time)
        )

    def _attach(self, record: Record) -> None:
        self._deliver(
            encode_packet(
                test_id=record.text(0),
                file_name=record.text(1),
                mime_type=record.text(2),
                eof=record.fields[3] == b"1",
                file_bytes=record.fields[4],
                timestamp=_now(),
            )
        )

    def _end(self, record: Record) -> None:
        test_id, status = record.text(0), record.text(1)
        if status not in STATUSES:
            raise ProtocolError(f"{status!r} is not a status of a test")
        self._stdio.settle()
        self.in_progress.pop(test_id, None)
        self.answered.add(test_id)
        self._deliver(
            encode_packet(
                test_id=test_id,
                test_status=status,
                test_tags={record.text(index) for index in range(3, len(record.fields))},
                timestamp=_time(record.fields[2]),
            )
        )


def report_failure(
    connection: Connection, test_id: str, reason: str, *, started: bool
) -> None:
    """Sends status fail for a test that cannot say so itself. `started`: it was in progress."""
    now = _now()
    if not started:
        connection.send(
            encode_packet(test_id=test_id, test_status="inprogress", timestamp=now)
        )
    for packet in encode_file(
        test_id=test_id,
        test_status="fail",
        file_name="reason",
        mime_type="text/plain;charset=utf8",
        file_bytes=reason.encode("utf-8", "backslashreplace"),
        eof=True,
        timestamp=now,
    ):
        connection.send(packet)
    connection.flush()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _time(field: bytes) -> datetime.datetime:
    """Of a record: the time it tells, or this one. Raises ProtocolError."""
    if not field:
        return _now()
    try:
        return EPOCH + datetime.timedelta(microseconds=int(field))
    except (ValueError, OverflowError):
        raise ProtocolError(f"{field!r} is not a time") from None
