"""Tests share the server's process. What they do to it, and where their output goes."""

import os
import re
import signal
import socket
import subprocess

import pytest

from rpc_client import TIMEOUT, Client
from server_process import COMMAND, running

HOSTILE = "hostile.Hostile.test_"
PASS = "basic.Basic.test_pass"


@pytest.fixture(scope="module")
def process():
    """One server for all of it: it has to outlive every test, and all of them together."""
    with running("--listen", "0", "hostile", "basic") as process:
        yield process


@pytest.mark.parametrize(
    "name, status",
    [
        ("changes_directory", "success"),
        ("exits", "fail"),
        ("forks_and_the_child_exits", "success"),
        ("forks_and_the_child_returns", "success"),
        ("prints_packets", "success"),
        ("replaces_streams", "success"),
        ("resets_signals", "success"),
        ("sets_a_default_timeout", "success"),
        ("starts_a_child", "success"),
    ],
)
def test_the_server_outlives_a_test_that(process, name, status):
    for _ in range(2):
        with process.client() as client:
            assert client.run([HOSTILE + name]).statuses == [(HOSTILE + name, status)]
            assert client.run([PASS]).statuses == [(PASS, "success")]
            client.goodbye()
    with process.client() as client:
        client.session.run([f"basic.Basic.test_{name}" for name in ("pass", "fail", "skip")])
        client.send()  # and nobody is there to read the answer
    process.wait_for_stderr("subunit_rpc: the connection to the client broke")
    assert process.process.poll() is None
    assert process.stderr.count("\n") == process.stderr.count("subunit_rpc: listening on") + (
        process.stderr.count("the connection to the client broke")
    )


@pytest.mark.parametrize("mode", ["listening", "dialing"])
def test_a_child_that_a_test_leaves_behind_does_not_hold_the_connection(start, mode):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        if mode == "listening":
            process = start("--listen", "0", "hostile")
            client = process.client()
        else:
            address = "127.0.0.1:%d" % sock.getsockname()[1]
            process = start("hostile", env={"SUBUNIT_RPC_ADDRESS": address})
            client = Client(sock.accept()[0])
            client.hello()
    with client:
        assert client.run([HOSTILE + "leaves_a_child_behind"]).statuses
        process.wait_for_stdout("lives\n")
        try:
            client.sock.settimeout(40)
            client.goodbye()
        finally:
            os.kill(int(re.search(r"child (\d+) lives", process.stdout)[1]), signal.SIGKILL)


def test_a_default_timeout_set_by_a_module_is_not_for_the_server(start):
    process = start("--listen", "0", "impatient")
    process.address()
    with pytest.raises(subprocess.TimeoutExpired):
        process.process.wait(0.2)
    with process.client() as client:
        with pytest.raises(socket.timeout):
            client.sock.settimeout(0.2)
            client.next_event()
        client.sock.settimeout(TIMEOUT)
        assert len(client.run().statuses) == 1
        client.goodbye()


@pytest.mark.parametrize("name", ["closes_standard_descriptors", "closes_low_descriptors"])
def test_the_session_outlives_a_test_that(start, name):
    with start("--listen", "0", "hostile", "basic").client() as client:
        assert client.run([HOSTILE + name]).statuses == [(HOSTILE + name, "success")]
        assert client.run([PASS]).statuses == [(PASS, "success")]
        client.goodbye()


def test_it_needs_neither_standard_descriptors_nor_many(start, tmp_path):
    launch = tmp_path / "launch"
    launch.write_text('ulimit -n 32; exec "$@" 0<&- 1>&-')  # stderr has to name the port
    process = start("--listen", "0", "basic", command=["sh", str(launch), *COMMAND])
    with process.client() as client:
        assert client.run([PASS]).statuses == [(PASS, "success")]
        directory = f"/proc/{process.pid}/fd"
        targets = {int(fd): os.readlink(f"{directory}/{fd}") for fd in os.listdir(directory)}
        sockets = [fd for fd, target in targets.items() if target.startswith("socket:")]
        assert len(sockets) == 2 and min(sockets) > 2
        client.goodbye()


def in_the_pipe(process):
    """What stands in the pipe of the server's stdout at this moment."""
    fd = process.process.stdout.fileno()
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 1 << 16).decode("latin-1")
    except BlockingIOError:
        return ""


@pytest.mark.parametrize(
    "name, output",
    [("test_1", "Python"), ("test_2", "C"), ("test_3", "os.write"), ("test_4", "child")],
)
def test_output_is_in_the_pipe_before_the_packet_that_tells_of_what_comes_next(
    start, name, output
):
    process = start("--listen", "0", "output")
    with process.client() as client:
        for _ in range(10):
            nonce = client.session.run([f"output.Output.{name}"])
            client.send()
            assert client.next_event().test_status == "inprogress"
            seen = in_the_pipe(process)
            expected = "before the class, C before the class"
            assert seen.startswith(expected)
            assert client.next_event().test_status == "success"
            seen += in_the_pipe(process)
            expected += output
            assert seen.startswith(expected)
            client.until_done(nonce)
            assert seen + in_the_pipe(process) == expected + "after the class"
        client.goodbye()


def test_what_a_test_prints_never_reaches_the_client(start):
    process = start("--listen", "0", "hostile")
    with process.client() as client:
        packets = client.run([HOSTILE + "prints_packets"]).packets
        assert [packet.test_status for packet in packets] == ["inprogress", "success"]
        assert '"Done"' in in_the_pipe(process)
        client.goodbye()
