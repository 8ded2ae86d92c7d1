"""Both ends of the RPC as state machines without I/O, clock or threads.

Bytes from the peer go in by receive() and receive_eof(), events come out of next_event(),
and what is to be sent is pulled by take_output():

    session.receive(data)
    while (event := session.next_event()) is not None:
        ...                                   # answer with done(), list(), run(), ...
    connection.send(session.take_output())

The peer's faults raise ProtocolError from next_event(), for good; ours raise MisuseError.
After a ProtocolError there may still be output: a server without a version in common tells
the client its own range before it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Optional, Set, Tuple, Union

from .attachment import MessageAssembler, carries_message, encode_message
from .decoder import PacketDecoder
from .errors import MisuseError, ProtocolError, quote
from .message import (
    SINCE_VERSION_2,
    Cancel,
    Done,
    Error,
    Goodbye,
    Hello,
    List,
    Message,
    Ping,
    Pong,
    Run,
    parse_message,
)
from .packet import Packet
from .state import CLIENT_HEARS, CLIENT_SAYS, SERVER_HEARS, SERVER_SAYS, State, Table
from .version import VERSIONS, VersionRange, negotiate


@dataclass(frozen=True)
class Agreed:
    """Both sides have said Hello and speak `version` from now on."""

    version: int
    theirs: Hello


@dataclass(frozen=True)
class Ended:
    """The peer sends no more. `goodbye`: the client had said Goodbye before, as it should.
    `outstanding`: nonces of what was asked and is not done."""

    goodbye: bool
    outstanding: Tuple[str, ...]


# A Packet is one that is no message of the protocol; it is handed through untouched.
Event = Union[Agreed, List, Run, Cancel, Ping, Done, Error, Pong, Goodbye, Packet, Ended]


class _Session:
    """What both ends have in common: the way of a message in, and of one out."""

    _hears: Table
    _says: Table

    def __init__(self, versions: VersionRange, state: State) -> None:
        self.versions = versions
        self.version: Optional[int] = None  # the common one, once both have said Hello
        self.state = state
        self._outstanding: Set[str] = set()
        self._decoder = PacketDecoder()
        self._assembler = MessageAssembler()
        self._output = bytearray()
        self._at_eof = False
        self._goodbye = False
        self._failure: Optional[ProtocolError] = None

    def receive(self, data: bytes) -> None:
        """Takes any number of bytes from the peer, in order."""
        self._decoder.receive(data)

    def receive_eof(self) -> None:
        """The peer sends no more. What was received is still to be asked for."""
        self._at_eof = True

    def take_output(self) -> bytes:
        """What is to be sent now, in order. It is gone from the session then."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def next_event(self) -> Optional[Event]:
        """What the peer said next; None if more bytes are needed. After receive_eof() the
        last event is Ended, again and again. Raises ProtocolError."""
        if self._failure is not None:
            raise self._failure
        try:
            return self._next_event()
        except ProtocolError as error:
            self._failure, self.state = error, State.FAILED
            raise

    def _next_event(self) -> Optional[Event]:
        while True:
            packet = self._decoder.next_packet()
            if packet is None:
                return self._end() if self._at_eof else None
            if not carries_message(packet):
                return packet
            content = self._assembler.receive(packet)
            if content is None:
                continue
            message = parse_message(content, self.version or 1)
            state = self._hears.get((self.state, type(message)))
            if state is None:
                raise ProtocolError(
                    f"{type(message).__name__} is not allowed {self.state.value}: "
                    f"{quote(content)}"
                )
            self.state = state
            event = self._hear(message)
            if event is not None:
                return event

    def _end(self) -> Ended:
        self._decoder.receive_eof()
        self._assembler.receive_eof()
        self.state = State.ENDED
        return Ended(self._goodbye, tuple(sorted(self._outstanding)))

    def _hear(self, message: Message) -> Optional[Event]:
        raise NotImplementedError

    def _say(self, message: Message) -> None:
        state = self._says.get((self.state, type(message)))
        name = type(message).__name__
        if state is None:
            raise MisuseError(f"{name} is not allowed {self.state.value}")
        if isinstance(message, SINCE_VERSION_2) and (self.version or 1) < 2:
            raise MisuseError(f"{name} is not allowed in version {self.version}")
        self.state = state
        self._output += encode_message(message)

    def _agree(self, theirs: Hello) -> Agreed:
        self.version = negotiate(self.versions, (theirs.max, theirs.min))
        return Agreed(self.version, theirs)


class ServerSession(_Session):
    """A test server's end. Events: Agreed, then List, Run, Cancel, Ping, Packet; Goodbye;
    Ended.

    The first message must be Hello. It is answered at once; without a version in common
    VersionError follows, with the answer in the output. A Ping has been answered when it
    comes out, and there is nothing to do but to send the output. A Cancel that has crossed
    its Done does not come out.
    """

    _hears, _says = SERVER_HEARS, SERVER_SAYS

    def __init__(
        self, versions: VersionRange = VERSIONS, output: Optional[str] = None
    ) -> None:
        super().__init__(versions, State.AWAITING_HELLO)
        self._promise = output

    def done(self, nonce: str) -> None:
        """The List or Run with this nonce is answered in full."""
        self._finish(nonce, Done(nonce))

    def error(self, nonce: Optional[str], text: str) -> None:
        """The List or Run with this nonce could not be carried out, and this is in place of
        its Done; or, without a nonce, something else could not. Not in version 1."""
        if nonce is None:
            self._say(Error(None, text))
        else:
            self._finish(nonce, Error(nonce, text))

    def _finish(self, nonce: str, message: Union[Done, Error]) -> None:
        if nonce not in self._outstanding:
            raise MisuseError(f"nothing with the nonce {nonce!r} is outstanding")
        self._say(message)
        self._outstanding.remove(nonce)

    def _hear(self, message: Message) -> Optional[Event]:
        if isinstance(message, Hello):
            self._say(Hello(*self.versions, self._promise))
            return self._agree(message)
        if isinstance(message, (List, Run)):
            if message.nonce in self._outstanding:
                raise ProtocolError(
                    f"{type(message).__name__} came with a nonce that is still "
                    f"outstanding: {quote(message.nonce.encode('utf-8', 'replace'))}"
                )
            self._outstanding.add(message.nonce)
            return message
        if isinstance(message, Cancel):
            return message if message.nonce in self._outstanding else None
        if isinstance(message, Ping):
            self._say(Pong(message.nonce))
            return message
        assert isinstance(message, Goodbye)
        self._goodbye = True
        return message


class ClientSession(_Session):
    """A client's end. Events: Agreed, then Done, Error, Pong and Packet (results among them);
    Ended."""

    _hears, _says = CLIENT_HEARS, CLIENT_SAYS

    def __init__(self, versions: VersionRange = VERSIONS) -> None:
        super().__init__(versions, State.IDLE)
        self._asked = 0
        self._pinged = 0
        self._pings: Set[str] = set()

    def hello(self) -> None:
        """To be said first; the rest has to wait for Agreed."""
        self._say(Hello(*self.versions))

    def list(self, tests: Optional[Iterable[str]] = None, nonce: Optional[str] = None) -> str:
        """Asks which of `tests` (default: all) exist. Returns the nonce of its Done."""
        return self._ask(List, tests, nonce)

    def run(self, tests: Optional[Iterable[str]] = None, nonce: Optional[str] = None) -> str:
        """Asks to run `tests` (default: all). Returns the nonce of its Done."""
        return self._ask(Run, tests, nonce)

    def cancel(self, nonce: str) -> None:
        """Asks to stop working on what is outstanding. Its Done still comes. Not in version
        1."""
        if nonce not in self._outstanding:
            raise MisuseError(f"nothing with the nonce {nonce!r} is outstanding")
        self._say(Cancel(nonce))

    def ping(self) -> str:
        """Asks whether the server is there. Returns the nonce of its Pong. Not in version 1."""
        self._pinged += 1
        nonce = str(self._pinged)
        self._say(Ping(nonce))
        self._pings.add(nonce)
        return nonce

    def goodbye(self) -> None:
        """The last thing to say."""
        self._say(Goodbye())
        self._goodbye = True

    def _ask(self, kind: type, tests: Optional[Iterable[str]], nonce: Optional[str]) -> str:
        self._asked += 1
        nonce = str(self._asked) if nonce is None else nonce
        if nonce in self._outstanding:
            raise MisuseError(f"the nonce {nonce!r} is still outstanding")
        self._say(kind(None if tests is None else tuple(tests), nonce))
        self._outstanding.add(nonce)
        return nonce

    def _hear(self, message: Message) -> Optional[Event]:
        if isinstance(message, Hello):
            return self._agree(message)
        assert isinstance(message, (Done, Error, Pong))
        outstanding = self._pings if isinstance(message, Pong) else self._outstanding
        if message.nonce is not None:
            if message.nonce not in outstanding:
                raise ProtocolError(
                    f"{type(message).__name__} came with a nonce that is not outstanding: "
                    + quote(message.nonce.encode("utf-8", "replace"))
                )
            outstanding.remove(message.nonce)
        return message
