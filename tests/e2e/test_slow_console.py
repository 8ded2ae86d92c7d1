"""Consoles that take little, or nothing any more."""

import os
import signal
import subprocess
import termios
import tty

import pytest

from console import on_new_console
import support
from support import client, proxy, says, server, serving

DEMO = [f"demo.test_{number}" for number in range(5)]
SERVED = serving(*server("good"))
SERVER = " ".join(server())  # as its command line begins


def fill(console):
    """Nobody reads the console, and it takes nothing more, in raw mode either."""
    name = os.ttyname(console.side)
    mode = console.mode()
    tty.setraw(console.side, termios.TCSANOW)
    writer = os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        for size in (512, 1):
            while True:
                try:
                    os.write(writer, b"x" * size)
                except BlockingIOError:
                    break
    finally:
        os.close(writer)
        termios.tcsetattr(console.side, termios.TCSANOW, mode)


def assert_ends_and_restores(console, process, signals=1):
    """Ends it with so many signals, each when the one before has been seen to."""
    for number in range(signals):
        process.terminate()
        if number + 1 < signals:
            gone = lambda: not support.running(SERVER)  # noqa: E731
            support.wait_until(gone, "the end of the test server")
    assert process.wait(support.LIMIT) == 3
    assert console.mode() == console.before


def start(console, processes, *command):
    process = console.start(command, stderr=subprocess.PIPE)
    processes.append(process)
    support.wait_until(console.is_raw, "raw mode")
    return process


def test_a_signal_ends_serve_on_a_terminal_that_takes_nothing_more(console, processes):
    fill(console)
    process = start(console, processes, *serving(*server("good"), options=["--log-level", "info"]))
    while b"attached" not in process.stderr.readline():  # its hello waits by then
        assert process.poll() is None
    assert_ends_and_restores(console, process)


def test_two_signals_end_serve_when_the_line_stops_in_mid_run(console, processes):
    process = start(console, processes, *serving(*server("hang")))
    run = support.start(
        ["run", "--format", "subunit", "--", *console.channel()], pass_fds=[console.fd]
    )
    processes.append(run)
    support.read_until(run, b"demo.test_2")
    relay = support.find_process(" ".join(console.channel()))
    os.kill(relay, signal.SIGSTOP)
    fill(console)
    assert_ends_and_restores(console, process, signals=2)
    os.kill(relay, signal.SIGKILL)
    run.kill()
    run.wait()


@pytest.mark.long
def test_a_slow_line_is_slow_and_nothing_else():
    channel = on_new_console(*serving(*server("good"), options=["--baud", "1800"]))
    ended = client("--format", "subunit", channel=channel, limit=120)
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stream.statuses == dict.fromkeys(DEMO, "success")


@pytest.mark.parametrize("channel", [SERVED, on_new_console(*SERVED)], ids=["pipe", "console"])
def test_a_tunnel_whose_client_says_nothing_is_the_same_as_over_a_pipe(channel):
    ended = proxy("tunnel", "--", *channel, stdin=b"")
    assert ended.status == 3
    assert b"Ready" in ended.stdout and b"Detached" in ended.stdout


def test_what_a_client_said_and_nobody_heard_is_an_error():
    ended = proxy("tunnel", "--", "sleep", "3", stdin=b"hello")
    assert ended.status == 3
    says(ended.stderr, "nothing of what the client sent was passed on", "--link raw")


def test_a_second_client_is_told_of_the_first(console, processes):
    process = start(console, processes, *serving(*server("hang")))
    first = support.start(
        ["run", "--format", "subunit", "--", *console.channel()], pass_fds=[console.fd]
    )
    support.read_until(first, b"demo.test_2")
    first.kill()
    first.wait()
    second = console.run("--format", "subunit", "--ready-timeout", "20")
    assert second.status == 3
    says(second.stderr, "speaks to another client")
    assert_ends_and_restores(console, process, signals=2)
