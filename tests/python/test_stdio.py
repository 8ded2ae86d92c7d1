"""A server that a proxy has started: what its tests print is read before they go on."""

import array
import fcntl
import os
import select
import termios

import pytest

from rpc_client import TIMEOUT, Client
from server_process import COMMAND
from subunit_rpc import Agreed, Hello
from subunit_rpc.server import stdio


def unread(pipe):
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def read_now(process, pipe):
    """Reads what there is in the pipe once there is any."""
    assert select.select([pipe], [], [], TIMEOUT)[0], process.stderr
    return os.read(pipe.fileno(), 1 << 16).decode()


def test_who_was_not_started_by_a_proxy_promises_nothing(server):
    with Client(server.address()) as client:
        client.session.hello()
        client.send()
        assert client.next_event() == Agreed(2, Hello(2, 1))
        client.session.goodbye()
        client.send()


@pytest.mark.parametrize("mode", [[], ["--fork"]])
def test_no_status_is_sent_before_the_output_ahead_of_it_was_read(proxied, mode):
    process, client = proxied(*mode, "output")
    pipe = process.process.stdout
    nonce = client.session.run(["output.Output.test_1"])
    client.send()
    expected = ["before the class, C before the class", "Python", "after the class"]
    answers = []
    for text in expected:
        seen = ""
        while seen != text:
            assert text.startswith(seen)
            assert not select.select([client.sock], [], [], 0.05)[0], "sent too early"
            seen += read_now(process, pipe)
        answers.append(client.next_event())
    assert [getattr(answer, "test_status", nonce) for answer in answers] == [
        "inprogress",
        "success",
        nonce,
    ]
    client.goodbye()
    assert process.exit_status() == 0


def test_nothing_is_printed_before_the_start_of_the_test_is_sent(proxied):
    process, client = proxied("--fork", "output")
    for _ in range(20):
        nonce = client.session.run(["output.Output.test_3"])
        client.send()
        for text in ("before the class, C before the class", "os.write", "after the class"):
            seen = read_now(process, process.process.stdout)
            if text == "os.write":
                client.sock.settimeout(0)
                assert client.next_event().test_status == "inprogress"
                client.sock.settimeout(TIMEOUT)
            while seen != text:
                seen += read_now(process, process.process.stdout)
        assert [packet.test_status for packet in client.until_done(nonce)] == ["success"]
    client.goodbye()


def test_the_failure_of_a_test_that_crashed_waits_for_its_last_words_to_be_read(proxied):
    process, client = proxied("--fork", "crashing")
    nonce = client.session.run(["crashing.Crashing.test_5_leaves"])
    client.send()
    assert client.next_event().test_status == "inprogress"
    for pipe, text in (
        (process.process.stdout, "last words"),
        (process.process.stderr, "and on stderr"),
    ):
        seen = ""
        while seen != text:
            assert not select.select([client.sock], [], [], 0.1)[0], "sent too early"
            seen += read_now(process, pipe)
    assert [packet.test_status for packet in client.until_done(nonce)] == ["fail"]
    client.goodbye()


def test_a_quiet_test_waits_for_nobody(proxied):
    process, client = proxied("basic")
    assert client.run(["basic.Basic.test_pass"]).statuses
    assert unread(process.process.stdout) == 0
    client.goodbye()


def test_a_reader_that_is_gone_is_not_waited_for(proxied):
    process, client = proxied("output")
    client.session.run()
    client.send()
    assert select.select([process.process.stdout], [], [], TIMEOUT)[0]
    process.process.stdout.close()  # as by a proxy that was killed
    client.sock.close()
    process.process.wait(TIMEOUT)
    # 120 is Python's own, for an stdout that it cannot flush at its end.
    assert process.process.returncode in (3, 120)


@pytest.mark.parametrize("redirection", ["1>&-", "2>&-", "1>&- 2>&-", "1>/dev/null 2>&1"])
def test_output_that_nobody_captures_is_not_waited_for(proxied, tmp_path, redirection):
    launch = tmp_path / "launch"
    launch.write_text(f'exec "$@" {redirection}')
    process, client = proxied("basic", command=["sh", str(launch), *COMMAND])
    assert client.run(["basic.Basic.test_pass"]).statuses
    client.goodbye()
    assert process.exit_status() == 0


@pytest.mark.parametrize("name", ["closes_standard_descriptors", "reuses_low_descriptors"])
def test_descriptors_that_a_test_has_put_elsewhere_are_not_waited_for(proxied, name):
    process, client = proxied("hostile")
    test_id = f"hostile.Hostile.test_{name}"
    assert client.run([test_id]).statuses == [(test_id, "success")]
    client.goodbye()


@pytest.mark.parametrize(
    "unread",
    [
        [0],
        [10, 0],
        [10, 10, 6, 6, 0],  # in several goes
        [10, 6, 16, 12, 10],  # others write meanwhile: 10 bytes were read all the same
        [10, 30, 20],
    ],
)
def test_the_wait_ends_when_as_much_was_read_as_had_been_printed(monkeypatch, unread):
    counts = iter(unread)
    monkeypatch.setattr(stdio, "_unread", lambda pipe: next(counts))
    monkeypatch.setattr(stdio, "_has_reader", lambda pipe: True)
    stdio._wait_until_read(0)
    assert list(counts) == []  # no look too few, and one too many would have raised
