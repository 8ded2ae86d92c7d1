"""One client served on one connection: Hello, then List and Run until Goodbye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Protocol, Sequence

from .connection import Connection
from .conversation import Conversation
from .errors import SessionError
from .message import List
from .protocol import ServerSession


class Tests(Protocol):
    """What answers requests, by packets on the conversation's connection. `asked` is as in
    the messages: None for all. Both return early once conversation.stopped()."""

    __test__ = False  # to pytest this is no test class

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
                request = conversation.next_request()
                if request is None:
                    return
                answer = self.tests.list if isinstance(request, List) else self.tests.run
                answer(request.tests, conversation)
                conversation.done()
        except SessionError:
            linger = True  # its last packet may say why
            raise
        finally:
            connection.close(linger=linger)
