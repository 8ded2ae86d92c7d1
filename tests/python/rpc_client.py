"""A blocking client for the tests, on the package's own ClientSession."""

from __future__ import annotations

import socket
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

from subunit_rpc import VERSIONS, Agreed, ClientSession, Done, Ended, Packet
from subunit_rpc.version import VersionRange

TIMEOUT = 180.0  # seconds until a test gives up waiting; none is waited for on purpose


class Client:
    """One connection to a server. `address` is (host, port), or a path."""

    def __init__(
        self,
        connection: Union[str, Tuple[str, int], socket.socket],
        versions: VersionRange = VERSIONS,
    ) -> None:
        if isinstance(connection, socket.socket):
            self.sock = connection
        elif isinstance(connection, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(connection)
        else:
            self.sock = socket.create_connection(connection, TIMEOUT)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(TIMEOUT)
        self.session = ClientSession(versions)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def hello(self) -> int:
        """Returns the version that both speak."""
        self.session.hello()
        self.send()
        event = self.next_event()
        assert isinstance(event, Agreed), event
        return event.version

    def list(self, tests: Optional[Sequence[str]] = None) -> List[str]:
        nonce = self.session.list(tests)
        self.send()
        packets = self.until_done(nonce)
        assert {packet.test_status for packet in packets} <= {"exists"}
        return [packet.test_id for packet in packets]

    def run(self, tests: Optional[Sequence[str]] = None) -> "Results":
        nonce = self.session.run(tests)
        self.send()
        return Results(self.until_done(nonce))

    def goodbye(self) -> None:
        """Returns when the server has closed the connection."""
        self.session.goodbye()
        self.send()
        event = self.next_event()
        assert event == Ended(goodbye=True, outstanding=()), event

    def until_done(self, nonce: str) -> List[Packet]:
        packets = []
        while True:
            event = self.next_event()
            if event == Done(nonce):
                return packets
            assert isinstance(event, Packet), event
            packets.append(event)

    def send(self) -> None:
        self.sock.sendall(self.session.take_output())

    def next_event(self):
        while True:
            event = self.session.next_event()
            if event is not None:
                return event
            data = self.sock.recv(1 << 18)
            if data:
                self.session.receive(data)
            else:
                self.session.receive_eof()


class Results(NamedTuple):
    """What a Run gave, in order."""

    packets: List[Packet]

    @property
    def statuses(self) -> List[Tuple[str, str]]:
        """(id, final status) of each test, in order."""
        return [
            (packet.test_id, packet.test_status)
            for packet in self.packets
            if packet.test_status not in (None, "exists", "inprogress")
        ]

    def attachment(self, test_id: str, name: str) -> str:
        return b"".join(
            packet.file_bytes
            for packet in self.packets
            if packet.test_id == test_id and packet.file_name == name
        ).decode("utf-8")
