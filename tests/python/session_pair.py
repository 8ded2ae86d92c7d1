"""The two ends of the protocol, in memory."""

from __future__ import annotations

from typing import Tuple

from subunit_rpc import VERSIONS, ClientSession, ServerSession
from subunit_rpc.version import VersionRange


def events(session) -> list:
    return list(iter(session.next_event, None))


def opened(
    client_speaks: VersionRange = VERSIONS, server_speaks: VersionRange = VERSIONS
) -> Tuple[ClientSession, ServerSession]:
    """A client and a server that have said Hello."""
    client, server = ClientSession(client_speaks), ServerSession(server_speaks)
    client.hello()
    server.receive(client.take_output())
    events(server)
    client.receive(server.take_output())
    events(client)
    return client, server
