"""What a server hears of its client while it is at work."""

import socket

import pytest

from subunit_rpc import Cancel, ClientSession, List, Pong, Run, ServerSession
from subunit_rpc.server import conversation
from subunit_rpc.attachment import encode_message
from subunit_rpc.server.connection import Connection
from subunit_rpc.server.conversation import Conversation
from subunit_rpc.errors import SessionError


@pytest.fixture
def pair():
    """A Conversation whose client has said Hello, the client's session and its socket."""
    ours, theirs = socket.socketpair()
    talk = Conversation(Connection(ours), ServerSession(), 10)
    client = ClientSession()
    client.hello()
    theirs.sendall(client.take_output())
    talk.look()
    client.receive(theirs.recv(1000))
    client.next_event()
    yield talk, client, theirs
    talk.connection.close()
    theirs.close()


def test_looking_does_not_wait_and_takes_in_what_is_there(pair):
    talk, client, sock = pair
    talk.look()
    first, second = client.run(["a"]), client.list()
    sock.sendall(client.take_output())
    talk.look()
    assert talk.next_request() == Run(("a",), first)
    assert not talk.stopped()
    talk.done()
    assert talk.next_request() == List(None, second)


def test_a_cancel_is_for_the_request_that_it_names(pair):
    talk, client, sock = pair
    nonces = [client.run() for _ in range(3)]
    client.cancel(nonces[1])
    sock.sendall(client.take_output())
    assert talk.next_request().nonce == nonces[0]
    assert not talk.stopped()
    sock.sendall(encode_message(Cancel(nonces[0])))
    assert talk.stopped()
    talk.done()
    assert talk.next_request().nonce == nonces[2]
    assert not talk.stopped()


def test_a_ping_behind_a_cancel_is_answered_when_whoever_is_at_work_knows_of_the_cancel(pair):
    talk, client, sock = pair
    nonce = client.run()
    sock.sendall(client.take_output())
    talk.next_request()
    talk.alive(patient=True)
    client.cancel(nonce)
    ping = client.ping()
    sock.sendall(client.take_output())
    assert talk.stopped()
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv(1000)
    talk.alive(patient=True)
    client.receive(sock.recv(1000))
    assert client.next_event() == Pong(ping)


def test_what_is_read_ahead_is_bounded(pair, monkeypatch):
    monkeypatch.setattr(conversation, "READ_AHEAD_BYTES", 1 << 20)
    talk, client, sock = pair
    client.run()
    sock.sendall(client.take_output())
    talk.next_request()
    sock.settimeout(0)
    sent = 0
    with pytest.raises(BlockingIOError):
        while sent < 64 << 20:
            client.run(["x" * 10_000])
            said = client.take_output()
            sock.sendall(said)
            sent += len(said)
            talk.look()
    assert sent >= 1 << 20


def test_the_end_of_the_stream_waits_for_its_turn(pair):
    talk, client, sock = pair
    client.run()
    sock.sendall(client.take_output())
    sock.shutdown(socket.SHUT_WR)
    talk.next_request()
    for _ in range(3):
        assert not talk.stopped()
    talk.done()
    with pytest.raises(SessionError, match="without Goodbye"):
        talk.next_request()


def test_a_client_that_is_gone_stops_the_work(pair):
    talk, client, sock = pair
    client.run()
    sock.sendall(client.take_output())
    talk.next_request()
    sock.close()
    talk.connection.send(b"a result")
    talk.connection.flush()
    assert talk.stopped()
    with pytest.raises(SessionError, match="the connection to the client broke: "):
        talk.next_request()
