"""The two ends of the protocol against each other, in memory."""

import random

import pytest

from session_pair import events, opened
from subunit_rpc import (
    Agreed,
    Cancel,
    ClientSession,
    Done,
    Ended,
    Goodbye,
    Hello,
    List,
    MisuseError,
    Packet,
    Ping,
    Pong,
    ProtocolError,
    Run,
    ServerSession,
    VersionError,
    negotiate,
)
from subunit_rpc.attachment import encode_message
from subunit_rpc.decoder import PacketDecoder
from subunit_rpc.message import Attach
from subunit_rpc.packet import encode_packet


def test_a_conversation_from_hello_to_goodbye():
    client, server = ClientSession(), ServerSession()
    client.hello()
    server.receive(client.take_output())
    assert events(server) == [Agreed(2, Hello(2, 1))]
    client.receive(server.take_output())
    assert events(client) == [Agreed(2, Hello(2, 1))]

    listing, running = client.list(), client.run(["b", "a"])
    server.receive(client.take_output())
    assert events(server) == [List(None, listing), Run(("b", "a"), running)]
    result = encode_packet(test_id="b", test_status="success")
    server.done(running)
    server.done(listing)
    client.receive(result + server.take_output())
    packet, *rest = events(client)
    assert isinstance(packet, Packet) and packet.raw == result
    assert rest == [Done(running), Done(listing)]

    client.goodbye()
    server.receive(client.take_output())
    assert events(server) == [Goodbye()]
    assert server.take_output() == b""
    for session in (client, server):
        session.receive_eof()
        assert session.next_event() == Ended(goodbye=True, outstanding=())
        assert session.next_event() == Ended(goodbye=True, outstanding=())


OTHERS = [
    encode_packet(test_id="testrepository-proxy", file_name="message", file_bytes=b"{}"),
    encode_packet(test_id="testrepository-rpc", test_status="success"),
    encode_packet(file_name="stdout", file_bytes=b"\xb3\xb3"),
    encode_message(Attach("token")),
]


def conversation():
    """All that a client says in a session with every message, and other packets between."""
    client, server = opened()
    said = encode_message(Hello(2, 1))
    client.list(["a"] * 1000, nonce="")
    client.run([f"test_{k}[{'x' * 100}]" for k in range(2000)], nonce="\ud800 ü")
    client.run([])
    client.ping()
    client.cancel("3")
    client.goodbye()
    return said + OTHERS[0] + OTHERS[1] + client.take_output() + OTHERS[2] + OTHERS[3]


def heard(pieces):
    server = ServerSession()
    seen = []
    for piece in pieces:
        server.receive(piece)
        seen += events(server)
    server.receive_eof()
    seen.append(server.next_event())
    return seen, server.take_output()


def test_what_was_said_is_understood_whole_byte_by_byte_and_at_any_cut():
    data = conversation()
    seen, output = heard([data])
    kinds = [Agreed, Packet, Packet, List, Run, Run]
    kinds += [Ping, Cancel, Goodbye, Packet, Packet, Ended]
    assert [type(event) for event in seen] == kinds
    assert [event.raw for event in seen if isinstance(event, Packet)] == OTHERS
    assert seen[-1] == Ended(goodbye=True, outstanding=("", "3", "\ud800 ü"))
    assert output == encode_message(Hello(2, 1)) + encode_message(Pong("1"))
    assert heard(data[at : at + 1] for at in range(len(data))) == (seen, output)
    rng = random.Random(3)
    for _ in range(20):
        cuts = sorted(rng.sample(range(len(data)), 30))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, None])]
        assert heard(pieces) == (seen, output)


@pytest.mark.parametrize(
    "ours, theirs, version",
    [
        ((1, 1), (1, 1), 1),
        ((5, 1), (1, 1), 1),
        ((5, 1), (3, 2), 3),
        ((5, 3), (4, 2), 4),
        ((5, 3), (3, 1), 3),
        ((5, 3), (2, 1), None),
        ((1, 1), (9, 2), None),
    ],
)
def test_both_sides_use_the_highest_version_in_common(ours, theirs, version):
    for client_speaks, server_speaks in ((ours, theirs), (theirs, ours)):
        if version is None:
            with pytest.raises(VersionError):
                negotiate(client_speaks, server_speaks)
            continue
        assert negotiate(client_speaks, server_speaks) == version
        client, server = ClientSession(client_speaks), ServerSession(server_speaks)
        client.hello()
        server.receive(client.take_output())
        assert server.next_event() == Agreed(version, Hello(*client_speaks))
        client.receive(server.take_output())
        assert client.next_event() == Agreed(version, Hello(*server_speaks))
        assert (client.version, server.version) == (version, version)


def test_without_a_common_version_both_sides_name_both_ranges():
    client, server = ClientSession((5, 3)), ServerSession((2, 1))
    client.hello()
    server.receive(client.take_output())
    with pytest.raises(VersionError) as at_server:
        server.next_event()
    client.receive(server.take_output())
    with pytest.raises(VersionError) as at_client:
        client.next_event()
    assert "this side speaks versions 1 to 2, the other versions 3 to 5" in str(at_server.value)
    assert "this side speaks versions 3 to 5, the other versions 1 to 2" in str(at_client.value)


def test_a_server_may_promise_that_output_is_settled():
    client, server = ClientSession(), ServerSession(output="settled")
    client.hello()
    server.receive(client.take_output())
    assert server.next_event() == Agreed(2, Hello(2, 1))
    client.receive(server.take_output())
    assert client.next_event() == Agreed(2, Hello(2, 1, "settled"))


def test_a_server_wants_hello_first():
    for message in (List(None, "1"), Run(None, "1"), Goodbye(), Done("1")):
        server = ServerSession()
        server.receive(encode_message(message))
        with pytest.raises(ProtocolError, match="is not allowed before the peer's Hello"):
            server.next_event()
        assert server.take_output() == b""


@pytest.mark.parametrize(
    "message, reason",
    [
        (Hello(1, 1), 'Hello is not allowed in an open session: {"msg":"Hello"'),
        (Done("1"), 'Done is not allowed in an open session: {"msg":"Done"'),
    ],
)
def test_a_client_says_only_what_clients_say(message, reason):
    _, server = opened()
    server.receive(encode_message(message))
    with pytest.raises(ProtocolError, match=reason):
        server.next_event()


@pytest.mark.parametrize("message", [Hello(1, 1), List(None, "1"), Goodbye()])
def test_a_server_says_only_what_servers_say(message):
    client, _ = opened()
    client.receive(encode_message(message))
    with pytest.raises(ProtocolError, match="is not allowed in an open session"):
        client.next_event()


def test_nothing_is_asked_after_goodbye():
    client, server = opened()
    client.goodbye()
    server.receive(client.take_output() + encode_message(Run(None, "1")))
    assert server.next_event() == Goodbye()
    with pytest.raises(ProtocolError, match="Run is not allowed after Goodbye"):
        server.next_event()


def test_a_nonce_is_used_again_only_when_it_is_done():
    _, server = opened()
    server.receive(encode_message(List(None, "same")) + encode_message(Run(None, "same")))
    assert server.next_event() == List(None, "same")
    server.done("same")
    assert server.next_event() == Run(None, "same")
    server.receive(encode_message(Run(None, "same")))
    with pytest.raises(ProtocolError, match="still outstanding: same"):
        server.next_event()


def test_done_with_an_unknown_nonce_is_the_servers_error():
    client, _ = opened()
    client.receive(encode_message(Done("what?")))
    with pytest.raises(ProtocolError, match="not outstanding: what?"):
        client.next_event()


def test_done_twice_is_the_servers_error():
    client, _ = opened()
    nonce = client.run()
    client.receive(encode_message(Done(nonce)) * 2)
    assert client.next_event() == Done(nonce)
    with pytest.raises(ProtocolError, match="not outstanding"):
        client.next_event()


def test_a_server_may_answer_in_any_order_and_after_goodbye():
    client, server = opened()
    first, second = client.run(), client.run()
    client.goodbye()
    server.receive(client.take_output())
    events(server)
    server.done(second)
    server.done(first)
    client.receive(server.take_output())
    assert events(client) == [Done(second), Done(first)]


def test_results_before_hello_are_handed_through():
    client = ClientSession()
    client.hello()
    result = encode_packet(test_id="a", test_status="inprogress")
    client.receive(result)
    assert client.next_event().raw == result


def test_the_end_of_the_stream_tells_what_is_missing():
    client, server = opened()
    client.run(nonce="b")
    client.run(nonce="a")
    server.receive(client.take_output())
    server.receive_eof()
    assert [type(event) for event in (server.next_event(), server.next_event())] == [Run, Run]
    assert server.next_event() == Ended(goodbye=False, outstanding=("a", "b"))
    client.receive_eof()
    assert client.next_event() == Ended(goodbye=False, outstanding=("a", "b"))


def test_the_end_of_the_stream_inside_a_message_is_the_peers_error():
    hello, message = encode_message(Hello(1, 1)), encode_message(Run(("x" * 100_000,), "1"))
    decoder = PacketDecoder()
    decoder.receive(message)
    first = decoder.next_packet()
    for end in (1, 1000, len(first.raw), len(first.raw) + 1, len(message) - 1):
        server = ServerSession()
        server.receive(hello + message[:end])
        events(server)
        server.receive_eof()
        where = "message" if end == len(first.raw) else "packet"
        with pytest.raises(ProtocolError, match=f"the stream ended inside a {where}"):
            server.next_event()


@pytest.mark.parametrize(
    "said, reason",
    [
        (b"GET / HTTP/1.1\r\n", "no packet starts with these bytes: GET /"),
        (encode_message(Goodbye()), "Goodbye is not allowed"),
    ],
)
def test_after_an_error_there_is_nothing_but_that_error(said, reason):
    server = ServerSession()
    server.receive(said + encode_message(Hello(1, 1)))
    for _ in range(3):
        with pytest.raises(ProtocolError, match=reason):
            server.next_event()
        server.receive(encode_message(Hello(1, 1)))
    assert server.take_output() == b""


def test_our_own_misuse_is_another_error():
    client, server = ClientSession(), ServerSession()
    for call in (client.list, client.run, client.goodbye):
        with pytest.raises(MisuseError, match="before Hello"):
            call()
    client.hello()
    with pytest.raises(MisuseError, match="Hello is not allowed before the peer's Hello"):
        client.hello()
    with pytest.raises(MisuseError, match="nothing with the nonce '1' is outstanding"):
        server.done("1")
    client, _ = opened()
    client.run(nonce="1")
    with pytest.raises(MisuseError, match="the nonce '1' is still outstanding"):
        client.run(nonce="1")
    client.goodbye()
    with pytest.raises(MisuseError, match="Run is not allowed after Goodbye"):
        client.run()
