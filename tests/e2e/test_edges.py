"""Ends that come at a bad moment: during the start, behind an interrupt, with nobody to tell."""

import os
import signal
import subprocess

import pytest

import support
from support import PROXY, message, server, serving


def test_a_test_that_ends_after_an_interrupt_keeps_its_result(processes, tmp_path):
    (tmp_path / "slow.py").write_text(
        "import os, time, unittest\n"
        "class Slow(unittest.TestCase):\n"
        "    def test_one(self):\n"
        f"        while not os.path.exists({str(tmp_path / 'gate')!r}): time.sleep(0.01)\n"
    )
    path = f"PYTHONPATH={support.PYTHONPATH}:{tmp_path}"
    channel = serving("env", path, support.PYTHON, "-m", "subunit_rpc", "slow")
    process = support.start(["run", "--format", "subunit", "--", *channel])
    processes.append(process)
    data = support.read_until(process, b"slow.Slow.test_one")
    process.send_signal(signal.SIGINT)
    support.wait_until(lambda: not support.is_pending(process.pid, signal.SIGINT), "it is heard")
    (tmp_path / "gate").touch()
    ended = support.finish(process)
    assert ended.status == 3
    stream = support.Stream(data + ended.stdout)
    stream.assert_clean()
    assert stream.statuses == {"slow.Slow.test_one": "success"}


def test_serve_whose_reader_is_gone_already_starts_nothing(tmp_path):
    started = tmp_path / "started"
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = subprocess.Popen(
        [support.SERVE_BINARY, "serve", "--", "sh", "-c", f"touch {started}; sleep 100"],
        stdin=subprocess.PIPE, stdout=write_end, stderr=subprocess.PIPE,
    )
    os.close(write_end)
    with process:
        assert process.wait(support.LIMIT) == 3
    assert not started.exists()


@pytest.mark.parametrize("options", [
    ["--", *server("good")],
    ["--workers", "2", "--", *server("good")],
    ["--listen", "127.0.0.1:0"],
    ["--test-command", "true $LISTOPT $IDOPTION"],
], ids=["one", "two", "listening", "test-command"])
def test_a_channel_without_stdin_is_not_blamed_on_the_test_server(options):
    """What podman exec without -i, kubectl exec without -i and ssh -n make of it."""
    no_stdin = ["sh", "-c", 'exec "$@" < /dev/null', "sh"]
    ended = support.client("demo.test_1", channel=[*no_stdin, support.SERVE_BINARY, "serve", *options])
    assert ended.status == 3
    for text in (ended.stderr, ended.stream.details("demo.test_1")):
        support.says(text, "stdin", "at its end from the start", "-i", "ssh")
        assert "Hello" not in text and "test server was" not in text


@pytest.mark.parametrize("form", ["human", "subunit"])
def test_results_that_cannot_be_written_are_no_success(form):
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [support.BINARY, "run", "--format", form, "--", *serving(*server("good"))],
            stdout=full, stderr=subprocess.PIPE, timeout=support.LIMIT,
        )
    assert ended.returncode == 3
    assert b"stdout" in ended.stderr and b"No space left" in ended.stderr.replace(b"no space", b"No space")


def test_wrap_that_cannot_write_is_no_success():
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [support.SERVE_BINARY, "wrap", "--", "printf", "hello"],
            stdout=full, stderr=subprocess.PIPE, timeout=support.LIMIT,
        )
    assert ended.returncode == 74


def test_closed_standard_descriptors_do_no_harm():
    ended = subprocess.run(
        ["sh", "-c", f"{support.SERVE_BINARY} wrap -- sh -c 'cat; echo done' <&- 2>&-"],
        stdout=subprocess.PIPE, timeout=support.LIMIT,
    )
    assert ended.returncode == 0
    assert b"done" in ended.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="acting as another user takes root")
def test_a_connection_that_nobody_owns_any_more_is_not_taken_for_root(serve):
    """The kernel shows sockets that were closed already as root's."""
    channel = serve("--listen", "127.0.0.1:0")
    port = int(channel.ready()["listening"].rpartition(":")[2])
    script = (
        "import socket, sys\n"
        "for _ in range(50):\n"
        "    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "    s.sendall(bytes.fromhex(sys.argv[2]))\n"
        "    s.close()\n"
    )
    stranger = subprocess.run(
        ["/usr/bin/python3", "-c", script, str(port), message(msg="Hello", max=1, min=1).hex()],
        user=65534, group=65534, extra_groups=[], cwd="/", timeout=support.LIMIT,
    )
    assert stranger.returncode == 0
    support.wait_until(lambda: "not one of our test servers" in channel.stderr, "a connection is turned away")
    # An attached server would be announced before that.
    channel.watch()
    channel.alive(lambda servers: not servers, "nobody is there")
    assert not channel.messages(PROXY, "Attached")


def test_a_second_signal_ends_serve_although_its_reader_stands_still(serve):
    channel = serve("--grace", "600", "--", *server("big-attachment", "100"), reading=False)
    channel.send(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
    writer = support.find_process(support.SERVER_PROCESS)
    support.wait_until(lambda: support.is_blocked(writer), "the server's writes block")
    channel.process.send_signal(signal.SIGTERM)
    channel.process.send_signal(signal.SIGINT)
    assert channel.exit_status() == 3
