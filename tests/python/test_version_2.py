"""What version 2 of the protocol adds, and that a peer of version 1 never sees it."""

import pytest

from session_pair import events, opened
from subunit_rpc import (
    Cancel,
    ClientSession,
    Done,
    Ended,
    Error,
    MisuseError,
    Ping,
    Pong,
    ProtocolError,
    Run,
    ServerSession,
    VersionError,
)
from subunit_rpc.attachment import encode_message

SKEWED = [((1, 1), (2, 1)), ((2, 1), (1, 1)), ((1, 1), (1, 1)), ((1, 1), (7, 1))]


def test_a_ping_is_answered_at_once_whatever_is_outstanding():
    client, server = opened()
    run, first, second = client.run(), client.ping(), client.ping()
    assert first != second
    server.receive(client.take_output())
    assert events(server) == [Run(None, run), Ping(first), Ping(second)]
    client.receive(server.take_output())
    assert events(client) == [Pong(first), Pong(second)]


def test_nonces_of_pings_are_a_space_of_their_own():
    client, server = opened()
    ping = client.ping()
    client.run(nonce=ping)
    server.receive(client.take_output())
    events(server)
    server.done(ping)
    client.receive(server.take_output())
    assert events(client) == [Pong(ping), Done(ping)]
    client.receive_eof()
    assert client.next_event() == Ended(goodbye=False, outstanding=())


def test_a_cancelled_request_is_still_done():
    client, server = opened()
    nonce = client.run()
    client.cancel(nonce)
    server.receive(client.take_output())
    assert events(server) == [Run(None, nonce), Cancel(nonce)]
    server.done(nonce)
    client.receive(server.take_output())
    assert events(client) == [Done(nonce)]


def test_a_cancel_that_crosses_its_done_is_ignored():
    client, server = opened()
    nonce = client.run()
    server.receive(client.take_output())
    events(server)
    server.done(nonce)
    client.cancel(nonce)
    server.receive(client.take_output() + encode_message(Cancel("what?")))
    assert events(server) == []
    assert server.next_event() is None


def test_an_error_takes_the_place_of_done():
    client, server = opened()
    nonce = client.run()
    server.receive(client.take_output())
    events(server)
    server.error(nonce, "no")
    with pytest.raises(MisuseError, match="nothing with the nonce '1' is outstanding"):
        server.done(nonce)
    client.receive(server.take_output())
    assert events(client) == [Error(nonce, "no")]
    client.receive(encode_message(Done(nonce)))
    with pytest.raises(ProtocolError, match="Done came with a nonce that is not outstanding"):
        client.next_event()


def test_an_error_may_be_about_no_request():
    client, server = opened()
    client.run(nonce="1")
    server.error(None, "low on memory")
    client.receive(server.take_output())
    assert events(client) == [Error(None, "low on memory")]
    client.receive_eof()
    assert client.next_event() == Ended(goodbye=False, outstanding=("1",))


def test_what_is_outstanding_is_answered_after_goodbye():
    client, server = opened()
    client.run(nonce="1")
    client.ping()
    client.goodbye()
    server.receive(client.take_output())
    events(server)
    server.error("1", "no")
    client.receive(server.take_output())
    assert events(client) == [Pong("1"), Error("1", "no")]


@pytest.mark.parametrize("message", [Error("what?", ""), Pong("what?")])
def test_an_answer_to_nothing_is_the_servers_error(message):
    client, _ = opened()
    client.receive(encode_message(message))
    with pytest.raises(ProtocolError, match="nonce that is not outstanding: what[?]"):
        client.next_event()


@pytest.mark.parametrize("message", [Error(None, ""), Pong("1")])
def test_a_client_says_no_answers(message):
    _, server = opened()
    server.receive(encode_message(message))
    with pytest.raises(ProtocolError, match="is not allowed in an open session"):
        server.next_event()


@pytest.mark.parametrize("message", [Cancel("1"), Ping("1")])
def test_a_server_asks_nothing(message):
    client, _ = opened()
    client.receive(encode_message(message))
    with pytest.raises(ProtocolError, match="is not allowed in an open session"):
        client.next_event()


@pytest.mark.parametrize("client_speaks, server_speaks", SKEWED)
def test_a_client_says_nothing_of_version_2_in_version_1(client_speaks, server_speaks):
    client, _ = opened(client_speaks, server_speaks)
    assert client.version == 1
    nonce = client.run()
    client.take_output()
    for call, name in ((lambda: client.cancel(nonce), "Cancel"), (client.ping, "Ping")):
        with pytest.raises(MisuseError, match=f"{name} is not allowed in version 1"):
            call()
    assert client.take_output() == b""


@pytest.mark.parametrize("client_speaks, server_speaks", SKEWED)
def test_a_server_says_nothing_of_version_2_in_version_1(client_speaks, server_speaks):
    client, server = opened(client_speaks, server_speaks)
    nonce = client.run()
    server.receive(client.take_output())
    events(server)
    for about in (nonce, None):
        with pytest.raises(MisuseError, match="Error is not allowed in version 1"):
            server.error(about, "no")
    assert server.take_output() == b""
    server.done(nonce)
    client.receive(server.take_output())
    assert events(client) == [Done(nonce)]


@pytest.mark.parametrize("client_speaks, server_speaks", SKEWED)
@pytest.mark.parametrize("message", [Cancel("1"), Ping("1"), Error(None, ""), Pong("1")])
def test_in_version_1_its_messages_are_unknown(client_speaks, server_speaks, message):
    for session in opened(client_speaks, server_speaks):
        session.receive(encode_message(message))
        with pytest.raises(ProtocolError, match='a message has no "msg", or an unknown one: {"msg":'):
            session.next_event()
        assert session.take_output() == b""


@pytest.mark.parametrize("ours, theirs", [((2, 2), (1, 1)), ((1, 1), (2, 2))])
def test_who_insists_on_one_version_says_so_to_who_insists_on_the_other(ours, theirs):
    client, server = ClientSession(ours), ServerSession(theirs)
    client.hello()
    server.receive(client.take_output())
    both = f"this side speaks version {theirs[0]}, the other version {ours[0]}"
    with pytest.raises(VersionError, match=both):
        server.next_event()
    client.receive(server.take_output())
    both = f"this side speaks version {ours[0]}, the other version {theirs[0]}"
    with pytest.raises(VersionError, match=both):
        client.next_event()
