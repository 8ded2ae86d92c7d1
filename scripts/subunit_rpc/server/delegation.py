"""One request that a worker carries out: its packets passed on, and account taken of which
tests have started and ended, so that somebody can go on if the process does not live to do so.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, Optional, Set

from .conversation import Conversation
from ..errors import ProtocolError
from .lifeline import describe
from ..message import Done
from ..packet import Packet
from ..protocol import Agreed, ClientSession
from .worker import Worker

CANCEL_SECONDS = 1.5  # for a test to end after a Cancel, before its process is killed

FINAL_STATUSES = ("success", "uxsuccess", "skip", "fail", "xfail")


class Delegation:
    """What came of it:

    in_progress, answered   ids of tests
    death                   how the process ended, as words that follow "the process", if it
                            did before the request was answered in full
    killed                  that was because it did not heed a Cancel
    """

    def __init__(
        self,
        worker: Worker,
        conversation: Conversation,
        ask: Callable[[ClientSession], str],
        deliver: Callable[[Packet], None],
        *,
        fork: bool,
    ) -> None:
        """`ask` makes the request of a session, `deliver` takes the packets of the answer.
        With `fork` a child of the worker is to carry it out."""
        self.in_progress: Dict[str, None] = {}
        self.answered: Set[str] = set()
        self.death: Optional[str] = None
        self.killed = False
        self._worker = worker
        self._conversation = conversation
        self._ask = ask
        self._deliver = deliver
        self._fork = fork
        self._channel = worker.open(fork=fork)
        self._session = self._channel.session
        self._at_eof = False
        self._nonce: Optional[str] = None
        self._done = self._cancelled = False
        self._fault: Optional[str] = None  # for which the process is being killed
        self._end = None if worker.alive else describe(worker.end())
        self._deadline: Optional[float] = None  # the process may live until then

    def carry_out(self) -> None:
        """Returns when the request is answered, or the process has ended, and all that it has
        sent is passed on. Attends to the client meanwhile."""
        try:
            while not self._done and self._end is None:
                self._attend()
                self._heed_client()
                self._heed_deadline()
            while not self._done and not self._at_eof and self._channel.readable():
                self._relay()
        finally:
            self._channel.close()
        self.death = None if self._done else self._end

    def _attend(self) -> None:
        """Waits for something to happen, and sees to it."""
        control, channel = self._worker.control, self._channel
        timeout = None if self._deadline is None else self._deadline - time.monotonic()
        waiting = [control] if self._at_eof else [channel, control]
        ready = self._conversation.attend(waiting, timeout)
        if channel.fileno() in ready:
            self._relay()
        if control.fileno() in ready and not self._done:
            end = describe(self._worker.ended())
            self._end = self._fault or end

    def _heed_client(self) -> None:
        """Stops the process when there is no use in its work any more."""
        conversation = self._conversation
        unwanted = conversation.cancelled or conversation.connection.lost is not None
        if unwanted and not self._cancelled and not self._done:
            self._cancelled = True
            self._deadline = time.monotonic() + CANCEL_SECONDS
            if self._nonce is not None:
                self._session.cancel(self._nonce)
                self._channel.say()

    def _heed_deadline(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._deadline, self.killed = None, True
            self._kill()

    def _relay(self) -> None:
        try:
            data = self._channel.receive()
        except OSError:
            data = b""  # it has ended without reading all
        if not data:
            self._at_eof = True
            return
        self._session.receive(data)
        try:
            self._pass_on()
        except ProtocolError as error:
            # A test has found the descriptor, and written to it.
            self._fault = f"was killed because it sent something that is not a result ({error})"
            self._at_eof = True
            self._kill()
        self._conversation.connection.flush()
        self._channel.acknowledge(len(data))
        self._channel.say()

    def _pass_on(self) -> None:
        for event in iter(self._session.next_event, None):
            if isinstance(event, Packet):
                self._take_account(event)
                self._deliver(event)
            elif isinstance(event, Done):
                self._finish()
            elif isinstance(event, Agreed) and self._cancelled:
                self._finish()
            elif isinstance(event, Agreed):
                self._nonce = self._ask(self._session)

    def _finish(self) -> None:
        self._done = True
        self._session.goodbye()

    def _take_account(self, packet: Packet) -> None:
        if packet.test_id is None:
            return
        if packet.test_status == "inprogress":
            self.in_progress[packet.test_id] = None
        elif packet.test_status in FINAL_STATUSES:
            self.in_progress.pop(packet.test_id, None)
            self.answered.add(packet.test_id)

    def _kill(self) -> None:
        if self._fork:
            self._worker.end_child()
        else:
            self._worker.kill()
