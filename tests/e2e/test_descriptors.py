"""Descriptors that are few, closed, or another process's, and files that may not grow."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time

import pytest

import support
from support import client, message, says, server, serving, wait_until

GOOD = serving(*server("good"))
COMMANDS = {
    "run": (["run", "--", *GOOD], 3),
    "serve": (["serve", "--", *server("good")], 3),
    "connect": (["serve", "--connect", "1"], 3),
    "tunnel": (["tunnel", "--", *GOOD], 3),
    "wrap": (["wrap", "--", "true"], 127),
}


def limited(what, most):
    """For preexec_fn."""
    return lambda: resource.setrlimit(what, (most, most))


@pytest.mark.parametrize("most", [*range(4, 10), 12, 20])
@pytest.mark.parametrize("command", COMMANDS)
def test_too_few_descriptors_are_an_error(command, most):
    arguments, status = COMMANDS[command]
    ended = support.proxy(*arguments, preexec_fn=limited(resource.RLIMIT_NOFILE, most))
    assert ended.status == status
    says(ended.stderr, "ulimit -n")


def test_descriptors_for_some_of_the_servers_are_an_error():
    ended = client(
        "--format", "subunit", preexec_fn=limited(resource.RLIMIT_NOFILE, 60),
        channel=serving(*server("good"), options=["--workers", "32"]),
    )
    assert ended.status in (0, 3)
    says(ended.stderr, "too many open files")


def cpu_time(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_connections_without_a_descriptor_for_them_wait(serve, tmp_path):
    """Those that are there to wait for hold all that are left. The loop does not turn for the others."""
    gate = tmp_path / "gate"
    channel = serve(
        "--listen", "127.0.0.1:0", "--", "sh", "-c",
        f"exec {' '.join(server('--wait-for', gate, 'good'))}",
        preexec_fn=limited(resource.RLIMIT_NOFILE, 36),
    )
    with contextlib.ExitStack() as idle:
        for _ in range(30):
            idle.enter_context(socket.create_connection(channel.address()))
        wait_until(lambda: "cannot accept connections" in channel.stderr, "none is left")
        before = cpu_time(channel.process.pid)
        time.sleep(1)  # what is measured
        assert cpu_time(channel.process.pid) - before < 0.3
    gate.touch()
    channel.run_all()
    assert channel.goodbye() == 0
    assert channel.stderr.count("cannot accept connections") == 1


# Files that may not grow


@pytest.fixture
def no_growth():
    return {"preexec_fn": limited(resource.RLIMIT_FSIZE, 100)}


@pytest.mark.parametrize("option, word", [
    ("--history", "history"), ("--trace", "trace"), ("--schedule-log", "schedule log"),
    ("--junit", "JUnit report"), ("--html", "HTML page"),
])
def test_a_file_that_may_not_grow_is_an_error_and_no_crash(tmp_path, no_growth, option, word):
    suite = serving(*support.python("-m", "subunit_rpc", "noisy.friendly"))
    ended = client("--format", "subunit", option, tmp_path / "file", channel=suite, **no_growth)
    assert ended.status == 1
    says(ended.stderr, word, "file too large")
    ended.stream.assert_clean()


@pytest.mark.parametrize("command, status", [
    (["run", "--", *GOOD], 3), (["wrap", "--", "ls", "-l", "/"], 74),
], ids=["run", "wrap"])
def test_results_in_a_file_that_may_not_grow_are_an_error(tmp_path, no_growth, command, status):
    with open(tmp_path / "results", "wb") as results:
        ended = support.proxy(*command, stdout=results, **no_growth)
    assert ended.status == status
    says(ended.stderr, "stdout", "file too large")


def test_what_is_started_finds_the_signal_of_the_limit_at_its_default():
    ended = support.proxy("wrap", "--", "sh", "-c", "kill -XFSZ $$")
    assert ended.status == 128 + signal.SIGXFSZ


# Closed standard descriptors


@pytest.mark.parametrize("closed, command, status", [
    (">&-", ["wrap", "--", "echo", "words"], 74),
    (">&-", ["run", "--format", "subunit", "--", *GOOD], 3),
    (">&-", ["run", "--format", "human", "--", *GOOD], 3),
    (">&-", ["run", "--list", "--format", "ids", "--", *GOOD], 3),
    (">&-", ["tunnel", "--", *GOOD], 3),
    (">&-", ["serve", "--", *server("good")], 3),
    ("<&-", ["wrap", "--", "echo", "words"], 0),
    ("<&-", ["run", "--", *GOOD], 0),
    ("<&-", ["run", "--load-list", "-", "--", *GOOD], 2),
    ("<&-", ["serve", "--", *server("good")], 3),
    ("2>&-", ["wrap", "--", "echo", "words"], 0),
    ("2>&-", ["run", "--", *GOOD], 0),
    ("2>&-", ["run", "--", "false"], 3),
    ("<&- >&- 2>&-", ["run", "--format", "subunit", "--", *GOOD], 3),
], ids=lambda value: value[0] if isinstance(value, list) else str(value))
def test_the_exit_status_holds_with_closed_descriptors(closed, command, status):
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", support.binary(command[0]), *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=support.LIMIT,
    )
    assert ended.returncode == status, ended.stderr


# Files without an end


@pytest.mark.parametrize("option", ["--load-list", "--replay", "--history", "--channels-from"])
def test_a_device_without_an_end_is_an_error(option):
    channel = [] if option == "--channels-from" else ["--", *GOOD]
    ended = support.proxy("run", option, "/dev/zero", *channel)
    assert ended.status == 2
    says(ended.stderr, "/dev/zero")


# Descriptors of the proxy


@pytest.mark.skipif(os.getuid() != 0, reason="acting as another user takes root")
def test_tests_cannot_write_to_what_the_proxy_has_open():
    look = "for p in $(ps -o pid= -C subunit-proxy); do ls /proc/$p/fd; done"
    ended = client("--format", "subunit", channel=serving(*server("leave", look)),
                   user=65534, group=65534, extra_groups=[], cwd="/")
    assert ended.status == 0
    stderr = ended.stream.output("demo.test_2", "stderr").decode()
    # The client, the proxy and perhaps its guard. (Others may have some of their own there.)
    assert stderr.count("Permission denied") >= 2
    assert ended.stream.output("demo.test_2", "stdout") == b"demo.test_2\n"
