"""Tests share the server's process. What they do to it, and where their output goes."""

import os

import pytest

from server_process import running

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
    with process.client():
        pass  # gone without a word: to write to it now must not end the server
    process.wait_for_stderr("without Goodbye")
    assert process.process.poll() is None
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("name", ["closes_standard_descriptors", "closes_low_descriptors"])
def test_the_session_outlives_a_test_that(start, name):
    with start("--listen", "0", "hostile", "basic").client() as client:
        assert client.run([HOSTILE + name]).statuses == [(HOSTILE + name, "success")]
        assert client.run([PASS]).statuses == [(PASS, "success")]
        client.goodbye()


def test_it_needs_neither_standard_descriptors_nor_many(start, tmp_path):
    launch = tmp_path / "launch"
    launch.write_text('ulimit -n 32; exec "$@" 0<&- 1>&-')  # stderr has to name the port
    process = start("--listen", "0", "basic", wrapper=["sh", str(launch)])
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
