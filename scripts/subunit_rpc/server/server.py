"""One client served on one connection: Hello, then List and Run until Goodbye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List as ListOf, Optional, Sequence, Union

from .compatibility import Protocol
from .connection import Connection
from .conversation import Conversation
from ..errors import RequestError, SessionError
from ..message import List, Run
from ..packet import encode_packet
from ..protocol import ServerSession
from .worker_tests import TestsDied
from .delegation import report_failure

REFUSED_ID = "subunit_rpc.refused"  # a test that stands for all that could not be loaded


class Tests(Protocol):
    """What answers requests, by packets on the conversation's connection. `asked` is as in
    the messages: None for all. Both return early once conversation.stopped(), and raise
    RequestError, or SessionError if they can never answer anything again."""

    __test__ = False  # to pytest this is no test class

    def watched(self) -> ListOf[int]:
        """While there is no request: descriptors that are readable when check() is due."""

    def check(self) -> None:
        """Raises SessionError if they can never answer anything again."""

    def prepare(self) -> None:
        """There is time, if it is short, to get ready for the next request."""

    def list(self, asked: Optional[Sequence[str]], conversation: Conversation) -> None: ...

    def run(self, asked: Optional[Sequence[str]], conversation: Conversation) -> None: ...


@dataclass(frozen=True)
class Server:
    """The tests, and how they are served. `promise` is for Hello, `hello_timeout` is in
    seconds."""

    tests: Tests
    promise: Optional[str]
    hello_timeout: float

    def serve(self, connection: Connection) -> None:
        """Answers the client until it says Goodbye, and closes the connection.

        Raises SessionError if it ends in any other way. What was asked before that is
        answered all the same, as far as there is somebody to answer.
        """
        session = ServerSession(output=self.promise)
        conversation = Conversation(connection, session, self.hello_timeout)
        linger = False
        try:
            while True:
                self.tests.prepare()
                request = conversation.next_request(self.tests.watched(), self.tests.check)
                if request is None:
                    return
                answer = self.tests.list if isinstance(request, List) else self.tests.run
                try:
                    answer(request.tests, conversation)
                except RequestError as error:
                    _refuse(request, str(error), conversation)
                else:
                    conversation.done()
        except TestsDied:
            raise
        except SessionError:
            linger = True  # its last packet may say why
            raise
        finally:
            connection.close(linger=linger)


def _refuse(request: Union[List, Run], reason: str, conversation: Conversation) -> None:
    if conversation.version != 1:
        conversation.error(reason)
        return
    # Version 1 has only tests to say it with.
    asked = (REFUSED_ID,) if request.tests is None else request.tests
    connection = conversation.connection
    if isinstance(request, Run):
        for test_id in asked:
            report_failure(connection, test_id, reason, started=False)
    elif request.tests is None:
        connection.send(encode_packet(test_id=REFUSED_ID, test_status="exists"))
    conversation.done()
