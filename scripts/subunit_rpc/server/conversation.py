"""A server's session on its connection: requests come out one at a time, and whoever answers
one can look up from it for what the client says meanwhile."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List as ListOf, Optional, Sequence, Tuple, Union

from .connection import Connection
from .lifeline import say
from ..errors import ProtocolError, SessionError
from ..message import Cancel, Goodbye, List, Run
from ..protocol import Ended, Event, ServerSession

# Of requests that wait for their turn. What is beyond stays in the socket, and behind it a
# Ping or Cancel: as much as the largest message there can be.
READ_AHEAD_BYTES = 64 << 20
MAX_POLLS = 8


class Conversation:
    """`cancelled`: the client has taken back the request that is being answered.

    A Ping is answered at once while a test is in progress, the tests are being loaded, or there
    is nothing to do. Between two tests, it is when the process that runs them has shown that
    it lives: a server that hangs there is silent. After a Cancel, it is at alive(), so that
    the client can know that whoever is at work has heard of it.
    """

    def __init__(
        self, connection: Connection, session: ServerSession, hello_timeout: float
    ) -> None:
        """`hello_timeout` is in seconds."""
        self.connection = connection
        self.cancelled = False
        self._session = session
        self._hello_timeout = hello_timeout
        self._hello_deadline = time.monotonic() + hello_timeout
        self._waiting: Deque[Union[List, Run, Goodbye, Ended]] = deque()
        self._ahead = 0  # bytes read since nothing was waiting
        self._current: Optional[str] = None  # nonce of the request that is being answered
        self._patient = False
        self._polls: Dict[Tuple[Any, ...], Any] = {}  # by what is waited for
        self._closed = False  # the client says no more, or nothing that can be understood
        self._failure: Optional[SessionError] = None

    @property
    def version(self) -> Optional[int]:
        return self._session.version

    @property
    def gone(self) -> bool:
        """Whether nobody will read an answer."""
        return self.connection.lost is not None

    def next_request(
        self, others: Sequence[int] = (), look_at_others: Callable[[], None] = lambda: None
    ) -> Union[List, Run, None]:
        """Waits for the next one, to be answered and ended by done() or error(); None after
        Goodbye. Raises SessionError if the session ends in any other way. Meanwhile it calls
        `look_at_others` when one of these descriptors is readable."""
        while not self._waiting and self._failure is None:
            self._ahead = 0
            if others and not self._await_client(others):
                look_at_others()
                continue
            self._read(self._hello_deadline if self.version is None else None)
        if self.connection.lost is not None:
            raise SessionError(f"the connection to the client broke: {self.connection.lost}")
        if not self._waiting:
            assert self._failure is not None
            raise self._failure
        request = self._waiting.popleft()
        if isinstance(request, Goodbye):
            return None
        if isinstance(request, Ended):
            raise SessionError("the client closed the connection without Goodbye")
        self._current, self.cancelled, self._patient = request.nonce, False, False
        return request

    def done(self) -> None:
        """The request has been answered in full."""
        assert self._current is not None
        self._session.done(self._current)
        self._end()

    def error(self, text: str) -> None:
        """The request could not be carried out. Not in version 1."""
        self._session.error(self._current, text)
        self._end()

    def warn(self, text: str) -> None:
        """Tells the client, or those who read stderr in version 1."""
        if self.version is None or self.version < 2:
            say(text)
        else:
            self._session.error(None, text)
            self._deliver()

    def stopped(self) -> bool:
        """Whether there is no use in going on with the request. Cheap."""
        self.look()
        return self.cancelled or self.gone

    def attend(
        self,
        others: Sequence[int],
        timeout: Optional[float] = None,
        writable: Optional[int] = None,
    ) -> ListOf[int]:
        """Waits, up to `timeout` seconds, until some of the other descriptors are readable, or
        that one is `writable`, and returns these; or none, after the client has said
        something, which is taken in as by look()."""
        poll = self._poll_for(self._listens(), others, writable)
        ready = dict(poll.poll(None if timeout is None else max(timeout, 0) * 1000))
        events = ready.pop(self.connection.fileno(), 0)
        if events and self._listens():
            self.look()
        elif events:
            self.connection.lost = ConnectionResetError("the client has closed it")
        return list(ready)

    def alive(self, *, patient: bool) -> None:
        """The request is being carried out. With `patient` it may take its time from now on."""
        self._patient = patient
        self._deliver()

    def look(self) -> None:
        """Takes in what the client has said meanwhile, without waiting and without raising:
        answers Ping, heeds Cancel, and keeps the rest, errors included, for their turn."""
        while self._listens() and self.connection.readable():
            self._read(None)

    def _await_client(self, others: Sequence[int]) -> bool:
        """Whether the client has something to say, or its time is up; else one of the others
        has."""
        timeout = None
        if self.version is None:
            timeout = max(self._hello_deadline - time.monotonic(), 0) * 1000
        ready = self._poll_for(True, others, None).poll(timeout)
        return not ready or self.connection.fileno() in dict(ready)

    def _poll_for(
        self, listens: bool, others: Sequence[int], writable: Optional[int]
    ) -> "select.poll":
        """Waits for the connection, if it `listens`, and for these. They are few, again and
        again."""
        wanted = (listens, *others, writable)
        poll = self._polls.get(wanted)
        if poll is None:
            poll = select.poll()
            poll.register(self.connection, select.POLLIN if listens else 0)
            for other in others:
                poll.register(other, select.POLLIN)
            if writable is not None:
                poll.register(writable, select.POLLOUT)
            if len(self._polls) >= MAX_POLLS:
                self._polls.clear()  # new processes, with other descriptors
            self._polls[wanted] = poll
        return poll

    def _listens(self) -> bool:
        return not self._closed and self._ahead < READ_AHEAD_BYTES

    def _end(self) -> None:
        self._current = None
        self._deliver()

    def _deliver(self) -> None:
        output = self._session.take_output()
        if output:
            self.connection.send(output)
            self.connection.flush()

    def _read(self, deadline: Optional[float]) -> None:
        try:
            data = self.connection.receive(deadline)
        except socket.timeout:
            self._fail(f"the client sent no Hello within {self._hello_timeout:g} s")
            return
        except OSError as error:
            self._fail(f"the connection to the client broke: {error}")
            return
        self._ahead += len(data)
        if data:
            self._session.receive(data)
        else:
            self._session.receive_eof()
        try:
            while not self._closed:
                event = self._session.next_event()
                if event is None:
                    break
                self._sort(event)
        except ProtocolError as error:
            self._fail(str(error))
        if self._current is None or (self._patient and not self.cancelled):
            self._deliver()

    def _sort(self, event: Event) -> None:
        if isinstance(event, Cancel):
            self._cancel(event.nonce)
        elif isinstance(event, (List, Run)):
            self._waiting.append(event)
        elif isinstance(event, (Goodbye, Ended)):
            self._waiting.append(event)
            self._closed = True
        # The session has answered Hello and Ping. Packets that are no messages may pass by,
        # and say nothing to a test server.

    def _cancel(self, nonce: str) -> None:
        if nonce == self._current:
            self.cancelled = True
            return
        for request in self._waiting:
            if isinstance(request, (List, Run)) and request.nonce == nonce:
                self._waiting.remove(request)
                self._session.done(nonce)
                return

    def _fail(self, reason: str) -> None:
        self._failure, self._closed = SessionError(reason), True
