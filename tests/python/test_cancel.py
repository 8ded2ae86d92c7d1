"""Ping and Cancel while a server is at work: all of version 2 that a client can say."""

import os
import socket

import pytest

from rpc_client import Client
from server_process import SUITES
from subunit_rpc import Cancel, Done, Packet, Ping, Pong, encode_message

GATES = "gates.Gates.test_"
HANGS, PASSES = "stuck.Stuck.test_1_hangs", "stuck.Stuck.test_2_passes"
MODES = [[], ["--fork"], ["--reload"]]
IN_PROCESSES = [["--fork"], ["--reload"]]


@pytest.fixture
def at_the_gate(start, tmp_path):
    """Starts a server and has it run a test that waits to be let go; gives the server, a
    client, the Run's nonce and what lets it go."""
    clients = []

    def run(mode, tests=None):
        path = os.pathsep.join([os.environ["PYTHONPATH"], str(SUITES)])
        process = start("--listen", "0", *mode, "gates", cwd=tmp_path, env={"PYTHONPATH": path})
        client = process.client()
        clients.append(client)
        nonce = client.session.run(tests)
        client.send()
        process.wait_for((tmp_path / "waiting").exists, "test in progress")
        return process, client, nonce, (tmp_path / "go").touch

    yield run
    for client in clients:
        client.sock.close()


def ids(packets):
    return [packet.test_id for packet in packets if packet.test_status == "success"]


@pytest.mark.parametrize("mode", MODES)
def test_a_ping_is_answered_while_nothing_else_happens(start, mode):
    with start("--listen", "0", *mode, "basic").client() as client:
        for _ in range(3):
            nonce = client.session.ping()
            client.send()
            assert client.next_event() == Pong(nonce)
        client.goodbye()


@pytest.mark.parametrize("mode", MODES)
def test_a_ping_is_answered_between_tests_at_the_latest(at_the_gate, mode):
    _, client, nonce, let_go = at_the_gate(mode)
    ping = client.session.ping()
    client.send()
    let_go()
    events = [client.next_event()]
    while events[-1] != Done(nonce):
        events.append(client.next_event())
    started = [
        at
        for at, event in enumerate(events)
        if isinstance(event, Packet) and event.test_status == "inprogress"
    ]
    assert events.index(Pong(ping)) < started[-1]
    client.goodbye()


@pytest.mark.parametrize("mode", IN_PROCESSES)
def test_a_ping_is_answered_while_a_test_hangs(start, mode):
    process = start("--listen", "0", *mode, "stuck")
    with process.client() as client:
        client.session.run([HANGS])
        client.send()
        assert client.next_event().test_status == "inprogress"
        for _ in range(3):
            nonce = client.session.ping()
            client.send()
            assert client.next_event() == Pong(nonce)


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelled_run_ends_with_the_test_in_progress(at_the_gate, tmp_path, mode):
    process, client, nonce, let_go = at_the_gate(mode)
    client.session.cancel(nonce)
    ping = client.session.ping()
    client.send()
    while client.next_event() != Pong(ping):  # then the Cancel has been heard, too
        pass
    let_go()
    assert ids(client.until_done(nonce)) == [f"{GATES}1_waits"]
    assert not (tmp_path / "second").exists()
    assert len(client.run().statuses) == 3
    client.goodbye()


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelled_run_that_waits_is_never_begun(at_the_gate, tmp_path, mode):
    process, client, nonce, let_go = at_the_gate(mode, [f"{GATES}1_waits"])
    second = client.session.run([f"{GATES}2_passes"])
    third = client.session.run([f"{GATES}3_passes"])
    client.session.cancel(second)
    client.send()
    let_go()
    events = []
    while events[-1:] != [Done(third)]:
        events.append(client.next_event())
    assert Done(second) in events and Done(nonce) in events
    assert not (tmp_path / "second").exists()
    client.goodbye()


@pytest.mark.parametrize("mode", MODES)
def test_a_cancel_of_what_is_done_is_ignored(start, mode):
    with start("--listen", "0", *mode, "basic").client() as client:
        nonce = client.session.run([])
        client.send()
        client.sock.sendall(encode_message(Cancel(nonce)) + encode_message(Cancel("never")))
        client.until_done(nonce)
        assert len(client.run(["basic.Basic.test_pass"]).statuses) == 1
        client.goodbye()


@pytest.mark.parametrize("mode", IN_PROCESSES)
def test_a_test_that_does_not_heed_a_cancel_is_killed_and_says_so(start, mode):
    process = start("--listen", "0", *mode, "stuck")
    with process.client() as client:
        nonce = client.session.run([HANGS, PASSES])
        client.send()
        assert client.next_event().test_status == "inprogress"
        client.session.cancel(nonce)
        client.send()
        (failure,) = client.until_done(nonce)
        assert (failure.test_id, failure.test_status) == (HANGS, "fail")
        assert failure.file_bytes == (
            b"This test was cancelled. It had not ended 1.5 s after that, so its process was "
            b"killed."
        )
        assert client.run([PASSES]).statuses == [(PASSES, "success")]
        client.goodbye()


@pytest.mark.parametrize("mode", IN_PROCESSES)
def test_a_client_that_is_lost_does_not_leave_a_test_hanging(start, mode):
    process = start("--listen", "0", *mode, "stuck")
    client = process.client()
    client.session.run([HANGS])
    client.send()
    assert client.next_event().test_status == "inprogress"
    # A close with a zero linger time is a reset, as when a machine restarts.
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.sock.close()
    process.wait_for_stderr("subunit_rpc: the connection to the client broke: ")
    with process.client() as client:
        assert client.run([PASSES]).statuses == [(PASSES, "success")]
        client.goodbye()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_wrong_is_found_after_what_was_asked_before_is_answered(at_the_gate, mode):
    process, client, nonce, let_go = at_the_gate(mode)
    client.sock.sendall(b"banner\n")
    let_go()
    assert len(ids(client.until_done(nonce))) == 3
    assert client.sock.recv(1) == b""
    process.wait_for_stderr("no packet starts with these bytes: banner")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("message", [Cancel("1"), Ping("1")])
def test_a_version_1_client_that_says_this_all_the_same_is_told_that_it_is_unknown(
    start, mode, message
):
    process = start("--listen", "0", *mode, "basic")
    with Client(process.address(), (1, 1)) as client:
        assert client.hello() == 1
        client.sock.sendall(encode_message(message))
        assert client.sock.recv(1) == b""
        process.wait_for_stderr('a message has no "msg", or an unknown one: {"msg":')
