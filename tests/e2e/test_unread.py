"""Nobody reads what we write, or somebody does so slowly: nothing waits for that."""

import fcntl
import os
import re
import signal
import subprocess
import termios
import threading
import time

import pytest

import support
import trace_format
from support import PROXY, message, says, server, serving

# What a pipe holds, and what is kept beside it.
PIPE, KEPT = 64 << 10, 256 << 10


@pytest.fixture
def unread(processes):
    """Starts a process of which nobody reads anything yet."""

    def start(*arguments, **options):
        process = support.start(arguments, **{"stdin": subprocess.DEVNULL, **options})
        processes.append(process)
        return process

    return start


def complaining(number):
    """A channel whose server makes the client write this many warnings, half a kilobyte each."""
    return serving(*server("complain", number))


def waiting(pipe):
    """How many bytes are in the pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), "little")


# Stderr


def test_a_run_ends_although_nobody_reads_its_stderr(unread):
    process = unread("run", "--format", "subunit", "--", *complaining(2000), stdout=subprocess.DEVNULL)
    assert process.wait(support.LIMIT) == 0
    # What was taken is whole, but for the end.
    lines = process.stderr.read().decode().split("\n")
    assert len(lines) > PIPE // 1000
    assert all(line.startswith("subunit-proxy: warning: ") for line in lines[:-1])


def test_a_signal_is_heard_although_nobody_reads_stderr(unread):
    process = unread("run", "--format", "subunit", "--", *complaining(10**9), stdout=subprocess.DEVNULL)
    support.wait_until(lambda: waiting(process.stderr) > PIPE - 4096, "stderr is full")
    process.terminate()
    assert process.wait(support.LIMIT) == 3


def test_a_slow_reader_of_stderr_gets_all_of_it(unread):
    number = (PIPE + KEPT) // 2000  # for the list, and again for the run
    process = unread("run", "--format", "subunit", "--", *complaining(number), stdout=subprocess.DEVNULL)
    text = b""
    while piece := os.read(process.stderr.fileno(), 1000):
        text += piece
        time.sleep(0.001)
    assert process.wait(support.LIMIT) == 0
    assert text.count(b"the test server reports: nono") == 2 * number
    assert b"left out" not in text


def test_what_was_left_out_of_stderr_is_counted(unread):
    process = unread("serve", "--", *server("good"), stdin=subprocess.PIPE)
    number = 3000
    refused = message(PROXY, msg="what" * 40)

    def speak():
        process.stdin.write(refused * number + message(msg="Hello", max=1, min=1))
        process.stdin.flush()

    speaker = threading.Thread(target=speak)
    speaker.start()
    support.read_until(process, b'"msg": "Hello"')  # the server's; all were refused before that
    speaker.join()
    text = []
    listeners = [threading.Thread(target=lambda: text.append(process.stderr.read().decode())),
                 threading.Thread(target=process.stdout.read)]
    for each in listeners:
        each.start()
    process.stdin.write(message(msg="Goodbye"))
    process.stdin.close()
    for each in listeners:
        each.join()
    assert process.wait(support.LIMIT) == 0
    left_out = re.findall(r"^subunit-proxy: warning: (\d+) messages were left out", text[0], re.M)
    assert left_out, text[0][-1000:]
    assert text[0].count("refused a packet") + sum(map(int, left_out)) == number


# Stdout


@pytest.mark.parametrize("command", [
    ["run", "--format", "subunit", "--"],
    ["run", "--format", "human", "--"],
    ["tunnel", "--"],
], ids=["subunit", "human", "tunnel"])
def test_one_signal_ends_a_client_although_nobody_reads_its_output(unread, command):
    channel = serving(*server("big-stdout", 1000), options=["--grace", "1"])
    process = unread(*command, *channel, stdin=subprocess.PIPE)
    if command[0] == "tunnel":
        process.stdin.write(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
        process.stdin.flush()
    writer = support.find_process(support.SERVER_PROCESS)
    if "human" not in command:  # which takes all, and shows the end of it
        support.wait_until(lambda: support.is_blocked(writer), "the test's writes block")
    process.terminate()
    assert process.wait(support.LIMIT) == 3


def test_one_signal_ends_serve_although_nobody_reads_its_output(serve):
    channel = serve("--grace", "1", "--", *server("big-attachment", 1000), reading=False)
    channel.send(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
    writer = support.find_process(support.SERVER_PROCESS)
    support.wait_until(lambda: support.is_blocked(writer), "the server's writes block")
    channel.process.terminate()
    assert channel.process.wait(support.LIMIT) == 3


def test_one_signal_ends_wrap_although_nobody_reads_its_output(unread):
    process = unread("wrap", "--", "yes")
    writer = support.find_process("yes")
    support.wait_until(lambda: support.is_blocked(writer), "the command's writes block")
    process.terminate()
    assert process.wait(support.LIMIT) == 74
    says(process.stderr.read().decode(), "cut off by a signal")


def test_after_a_signal_a_reader_gets_what_has_come(unread):
    """It begins to read when it has sent the signal, and that is not too late."""
    process = unread("run", "--format", "subunit", "--", *serving(*server("big-attachment", 30)))
    writer = support.find_process(support.SERVER_PROCESS)
    support.wait_until(lambda: support.is_blocked(writer), "the server's writes block")
    process.send_signal(signal.SIGINT)
    ended = support.finish(process)
    assert ended.status == 3
    stream = ended.stream
    stream.assert_clean()
    assert sorted(stream.statuses) == [f"demo.test_{number}" for number in range(5)]


# Files that are pipes


@pytest.fixture
def fifo(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("option", ["--trace", "--schedule-log", "--junit", "--html"])
def test_a_named_pipe_that_nobody_reads_is_an_error(fifo, option):
    ended = support.client(option, fifo, channel=serving(*server("good")))
    assert ended.status in (2, 3)
    says(ended.stderr, str(fifo), "nobody has opened it for reading")
    assert ended.stdout == b""


@pytest.mark.parametrize("option", ["--trace", "--schedule-log", "--junit", "--html"])
def test_a_reader_that_takes_nothing_holds_up_no_run(fifo, option):
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    ids = [word for number in range(1000) for word in (f"a.test.that.is.not.there_{number}",)]
    ended = support.client(option, fifo, *ids, channel=serving(*server("good")))
    assert ended.status == 1
    says(ended.stderr, str(fifo), "bytes", "nobody")
    os.close(reader)


def test_a_trace_goes_through_a_named_pipe(fifo):
    text = []
    reader = threading.Thread(target=lambda: text.append(fifo.read_text()))
    reader.start()
    ended = support.client("--trace", fifo, channel=serving(*server("good")))
    reader.join()
    assert ended.status == 0
    assert len(trace_format.check(text[0]).boxes) == 5
