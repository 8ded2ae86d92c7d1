"""Where a session is, and which messages may come and go there."""

from __future__ import annotations

import enum
from typing import Dict, Tuple

from .message import Cancel, Done, Error, Goodbye, Hello, List, Ping, Pong, Run


class State(enum.Enum):
    """The value completes 'Run is not allowed ...'."""

    IDLE = "before Hello"
    AWAITING_HELLO = "before the peer's Hello"
    OPEN = "in an open session"
    CLOSING = "after Goodbye"
    ENDED = "after the end of the stream"
    FAILED = "after a protocol error"


Table = Dict[Tuple[State, type], State]  # what is not in it may not be received, or sent

SERVER_HEARS: Table = {
    (State.AWAITING_HELLO, Hello): State.OPEN,
    (State.OPEN, List): State.OPEN,
    (State.OPEN, Run): State.OPEN,
    (State.OPEN, Cancel): State.OPEN,
    (State.OPEN, Ping): State.OPEN,
    (State.OPEN, Goodbye): State.CLOSING,
}
SERVER_SAYS: Table = {
    (State.OPEN, Hello): State.OPEN,
    (State.OPEN, Done): State.OPEN,
    (State.OPEN, Error): State.OPEN,
    (State.OPEN, Pong): State.OPEN,
    # What was asked before the end, good or bad, is answered all the same.
    (State.CLOSING, Done): State.CLOSING,
    (State.CLOSING, Error): State.CLOSING,
    (State.ENDED, Done): State.ENDED,
    (State.ENDED, Error): State.ENDED,
    (State.FAILED, Done): State.FAILED,
    (State.FAILED, Error): State.FAILED,
}
CLIENT_SAYS: Table = {
    (State.IDLE, Hello): State.AWAITING_HELLO,
    (State.OPEN, List): State.OPEN,
    (State.OPEN, Run): State.OPEN,
    (State.OPEN, Cancel): State.OPEN,
    (State.OPEN, Ping): State.OPEN,
    (State.OPEN, Goodbye): State.CLOSING,
}
CLIENT_HEARS: Table = {
    (State.AWAITING_HELLO, Hello): State.OPEN,
    (State.OPEN, Done): State.OPEN,
    (State.OPEN, Error): State.OPEN,
    (State.OPEN, Pong): State.OPEN,
    (State.CLOSING, Done): State.CLOSING,
    (State.CLOSING, Error): State.CLOSING,
    (State.CLOSING, Pong): State.CLOSING,
}
