"""One client served on one connection: Hello, then List and Run until Goodbye."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Optional

from .collection import TestCollection
from .connection import Connection
from .errors import ProtocolError, SessionError
from .message import Goodbye, List, Run
from .packet import encode_packet
from .protocol import Ended, Event, ServerSession
from .runner import run_tests
from .stdio import Stdio


@dataclass(frozen=True)
class Server:
    """The tests, and how they are served. `hello_timeout` is in seconds."""

    tests: TestCollection
    stdio: Stdio
    hello_timeout: float
    failfast: bool = False
    tb_locals: bool = False

    def serve(self, connection: Connection) -> None:
        """Answers the client until it says Goodbye, and closes the connection.

        Raises SessionError if it ends in any other way. What was asked before that is
        answered all the same, as far as there is somebody to answer.
        """
        linger = False
        try:
            self._converse(connection, ServerSession(output=self.stdio.promise))
        except SessionError:
            linger = True  # its last packet may say why
            raise
        finally:
            connection.close(linger=linger)

    def _converse(self, connection: Connection, session: ServerSession) -> None:
        hello_deadline = time.monotonic() + self.hello_timeout
        while True:
            try:
                event = session.next_event()
            except ProtocolError as error:
                connection.send(session.take_output())
                raise SessionError(str(error)) from None
            if event is None:
                deadline = hello_deadline if session.version is None else None
                self._receive(connection, session, deadline)
            elif isinstance(event, Goodbye):
                return
            elif isinstance(event, Ended):
                raise SessionError("the client went away without Goodbye")
            else:
                self._answer(event, connection, session)
                connection.send(session.take_output())
                connection.flush()
            if connection.lost is not None:
                raise SessionError(f"the connection to the client broke: {connection.lost}")

    def _receive(
        self, connection: Connection, session: ServerSession, deadline: Optional[float]
    ) -> None:
        try:
            data = connection.receive(deadline)
        except socket.timeout:
            raise SessionError(
                f"the client said no Hello within {self.hello_timeout:g} s"
            ) from None
        except OSError as error:
            raise SessionError(f"the connection to the client broke: {error}") from None
        if data:
            session.receive(data)
        else:
            session.receive_eof()

    def _answer(self, event: Event, connection: Connection, session: ServerSession) -> None:
        if isinstance(event, List):
            for test_id in self.tests.ids(event.tests):
                connection.send(encode_packet(test_id=test_id, test_status="exists"))
            session.done(event.nonce)
        elif isinstance(event, Run):
            run_tests(
                self.tests.take(event.tests),
                connection,
                self.stdio,
                failfast=self.failfast,
                tb_locals=self.tb_locals,
            )
            session.done(event.nonce)
        # Agreed needs no more than the Hello that the session has written. Packets that
        # are no messages may pass by, and say nothing to a test server.
