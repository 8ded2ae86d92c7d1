"""subunit RPC for Python: a test server for unittest and pytest, and the protocol for anybody.

A client lists and runs the tests of a warm process by messages inside of a subunit v2
stream. `python3 -m subunit_rpc --help` tells about the server. This package exports the
protocol, which does no I/O, settle() aside; protocol.py says how to drive a session:

    ClientSession, ServerSession        bytes in, events out, bytes to send pulled
    Agreed, List, Run, Cancel, Ping, Done, Error, Pong, Goodbye, Packet, Ended
                                        the events
    ProtocolError, VersionError         the peer's faults
    MisuseError                         ours
    negotiate, VERSIONS                 version ranges, as (max, min)
    Attach, encode_message              a server's first word to the proxy that started it
    settle                              what was printed comes before the next packet

Below that are message.py (messages and their JSON), attachment.py (messages in packets),
packet.py and decoder.py (subunit v2).
"""

from .attachment import encode_message
from .errors import MisuseError, ProtocolError, VersionError
from .message import Attach, Cancel, Done, Error, Goodbye, Hello, List, Ping, Pong, Run
from .packet import Packet
from .protocol import Agreed, ClientSession, Ended, Event, ServerSession
from .settling import settle
from .version import VERSIONS, negotiate

__all__ = [
    "VERSIONS",
    "Agreed",
    "Attach",
    "Cancel",
    "ClientSession",
    "Done",
    "Ended",
    "Error",
    "Event",
    "Goodbye",
    "Hello",
    "List",
    "MisuseError",
    "Packet",
    "Ping",
    "Pong",
    "ProtocolError",
    "Run",
    "ServerSession",
    "VersionError",
    "encode_message",
    "negotiate",
    "settle",
]
