"""`tunnel`: a channel for a client that speaks the protocol itself."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

import support
from support import PROXY, RPC, client, message, proxy, says, server, serving

ALL = [f"demo.test_{number}" for number in range(5)]
SESSION = (
    message(msg="Hello", max=1, min=1)
    + message(msg="Run", nonce="run")
    + message(msg="Goodbye")
)


def packets_of(data):
    """The packets, decoded; asserts that there is nothing else."""
    packets, stray = support.cut(bytearray(data))
    assert stray == b""
    return [support.decode(raw) for raw in packets]


def messages(packets):
    return [p.message["msg"] for p in packets if p.test_id in (RPC, PROXY)]


def tunnel(*channel, stdin=SESSION, **options):
    return proxy("tunnel", "--", *channel, stdin=stdin, **options)


def tunnel_raw(*channel, stdin):
    """Without a proxy that says how it is to be spoken to."""
    return proxy("tunnel", "--link", "raw", "--", *channel, stdin=stdin)


class Listening:
    """A tunnel with --listen, and connections to it."""

    def __init__(self, processes, *channel, address="0", options=()):
        reader, writer = os.pipe()
        self.process = support.start(
            ["tunnel", "--listen", address, "--ready-fd", str(writer), *options, "--", *channel],
            pass_fds=[writer],
        )
        processes.append(self.process)
        os.close(writer)
        with os.fdopen(reader) as file:
            ready = file.read()
        assert ready.startswith("READY "), (ready, self.process.stderr.read())
        self.address = ready[len("READY ") : -1]

    def connect(self):
        if self.address.startswith("unix:"):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.address[len("unix:") :])
        else:
            host, _, port = self.address.rpartition(":")
            connection = socket.create_connection((host, int(port)))
        connection.settimeout(support.LIMIT)
        return connection


def read_all(connection):
    data = b""
    while piece := connection.recv(1 << 16):
        data += piece
    return data


# On stdin and stdout


def test_a_client_on_stdin_and_stdout_sees_all_packets_and_nothing_else():
    ended = tunnel(*serving(*server("good")))
    assert (ended.status, ended.stderr) == (0, "")
    packets = packets_of(ended.stdout)
    assert messages(packets) == ["Ready", "Attached", "Hello", "Done", "Detached"]
    stream = ended.stream
    assert stream.statuses == dict.fromkeys(ALL, "success")
    assert stream.file(None, "channel") == b""


def test_what_the_channel_prints_besides_packets_becomes_file_packets():
    script = "printf 'Welcome\\n\\n'; \"$@\"; status=$?; printf 'bye \\303'; exit $status"
    ended = tunnel("sh", "-c", script, "sh", *serving(*server("good")))
    assert ended.status == 0
    packets_of(ended.stdout)
    # The line feed of Ready, which is the channel's last before that, is no noise.
    assert ended.stream.all_output("channel") == b"Welcome\n\nbye \xc3"
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")


def test_noise_that_ends_in_a_line_feed_keeps_it_where_no_proxy_is():
    packet = support.encode(test_id="a")
    ended = tunnel_raw("sh", "-c", "cat; echo; echo two", stdin=packet + b"one\n")
    assert ended.status == 0
    assert [p.test_id for p in packets_of(ended.stdout)][0] == "a"
    assert ended.stream.file(None, "channel") == b"one\n\ntwo\n"


def test_packets_pass_byte_for_byte_both_ways():
    odd = support.encode(
        test_id="µ", test_status="fail", test_tags={"x"}, route_code="1/2", runnable=False
    )
    ended = tunnel_raw("cat", stdin=100 * odd)
    assert (ended.status, ended.stdout) == (0, 100 * odd)


def test_run_takes_a_tunnel_for_a_channel():
    script = 'echo banner; "$@"'
    inner = [support.BINARY, "tunnel", "--", "sh", "-c", script, "sh", *serving(*server("good"))]
    ended = client("--format", "subunit", channel=inner)
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")
    assert ended.stream.file(None, "channel") == b"banner\n"


def test_the_end_of_stdin_ends_nothing_but_that_direction():
    ended = tunnel_raw("sh", "-c", "cat >/dev/null; echo still here", stdin=b"")
    assert ended.status == 0
    assert ended.stream.file(None, "channel") == b"still here\n"


@pytest.mark.parametrize(
    "script, seen", [("exit 4", "exited with status 4"), ("kill -KILL $$", "SIGKILL")]
)
def test_a_channel_that_does_not_end_with_0_is_an_error_that_says_how(script, seen):
    ended = tunnel_raw("sh", "-c", "cat >/dev/null; " + script, stdin=b"")
    assert ended.status == 3
    says(ended.stderr, '"sh"', seen)


def test_a_server_that_dies_is_no_success():
    ended = tunnel(*serving(*server("kill-in-test")))
    assert ended.status == 3
    assert ended.stream.failed() == ["demo.test_2"]


def test_a_channel_command_that_does_not_exist_is_an_error():
    ended = tunnel("/no/such/ssh", "host")
    assert ended.status == 3
    says(ended.stderr, "/no/such/ssh", "no such file")


def interrupted(process, number):
    process.send_signal(number)
    return support.finish(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_channel(processes, number):
    process = support.start(["tunnel", "--", *serving(*server("good"))], process_group=0)
    processes.append(process)
    support.read_until(process, b"Attached")
    ended = interrupted(process, number)
    assert ended.status == 3
    says(ended.stderr, "interrupted")


def test_a_second_signal_does_not_wait_for_the_channel(processes, tmp_path):
    """That would be given six seconds to end; it counts how many tenths it gets."""
    told = tmp_path / "told"
    script = f"trap 'touch {told}' HUP TERM; echo up; while :; do sleep 0.1; echo >>{told}.beats; done"
    command = ["sh", "-c", script]
    process = support.start(["tunnel", "--", *command], process_group=0)
    processes.append(process)
    support.read_until(process, b"up")
    process.send_signal(signal.SIGINT)
    support.wait_until(told.exists, "the channel to be told")
    ended = interrupted(process, signal.SIGINT)
    assert ended.status == 3
    assert len((tmp_path / "told.beats").read_text().splitlines()) < 40


@pytest.mark.long
def test_a_reader_of_stdout_that_is_gone_ends_the_channel(processes):
    process = support.start(["tunnel", "--", "sleep", "600"])
    processes.append(process)
    support.find_process("sleep 600")
    process.stdout.close()
    process.wait(support.LIMIT)
    assert process.returncode == 3
    says(process.stderr.read().decode(), "client is gone")


# Backpressure


def test_a_flood_is_bounded_in_memory_while_the_client_does_not_read(processes):
    process = support.start(["tunnel", "--", "yes", "noise without end"])
    processes.append(process)
    yes = support.find_process("yes noise")
    support.wait_until(lambda: support.is_blocked(yes), "the channel's writes block")
    bound = 200 if support.is_sanitized() else 20
    assert support.peak_memory(process.pid) < bound << 20


def test_a_client_that_sends_more_than_the_channel_takes_has_to_wait(processes, tmp_path):
    gate = tmp_path / "gate"
    command = f"until [ -e {gate} ]; do kill -0 $PPID || exit; sleep 0.05; done; exec cat"
    process = support.start(["tunnel", "--link", "raw", "--", "sh", "-c", command])
    processes.append(process)
    packet = support.encode(test_id="a" * 1000)
    stdin = process.stdin.fileno()
    os.set_blocking(stdin, False)
    written, data = 0, memoryview(packet * 20_000)
    while not support.is_full(stdin):
        written += support.write_some(stdin, data[written:])
        assert written < len(data)
    bound = 200 if support.is_sanitized() else 20
    assert support.peak_memory(process.pid) < bound << 20
    gate.write_text("")
    os.set_blocking(stdin, True)
    # communicate() writes the rest, and reads; all of it comes back.
    ended = support.finish(process, stdin=bytes(data[written:]))
    assert (ended.status, ended.stdout == bytes(data)) == (0, True)


# On a port


def test_the_channel_is_opened_when_the_client_connects_and_not_before(processes, tmp_path):
    opened = tmp_path / "opened"
    script = f"touch {opened}; exec \"$@\""
    listening = Listening(processes, "sh", "-c", script, "sh", *serving(*server("good")))
    assert re.fullmatch(r"127\.0\.0\.1:\d+", listening.address)
    assert not opened.exists()
    with listening.connect() as connection:
        connection.sendall(SESSION)
        data = read_all(connection)
    assert messages(packets_of(data)) == ["Ready", "Attached", "Hello", "Done", "Detached"]
    assert support.Stream(data).statuses == dict.fromkeys(ALL, "success")
    ended = support.finish(listening.process)
    assert ended.status == 0 and ended.stdout == b""
    assert ended.stderr == f"subunit-proxy: listening on {listening.address}\n"


def test_there_is_one_client_and_no_second(processes):
    listening = Listening(processes, *serving(*server("good")))
    with listening.connect() as connection:
        assert connection.recv(1)
        with pytest.raises(ConnectionRefusedError):
            listening.connect()
        connection.sendall(SESSION)
        read_all(connection)
    assert support.finish(listening.process).status == 0


def test_a_unix_socket_is_for_its_owner_and_gone_afterwards(processes, tmp_path):
    path = tmp_path / "socket"
    listening = Listening(processes, *serving(*server("good")), address=f"unix:{path}")
    assert path.stat().st_mode & 0o77 == 0
    with listening.connect() as connection:
        connection.sendall(SESSION)
        assert messages(packets_of(read_all(connection)))[-1] == "Detached"
    assert support.finish(listening.process).status == 0
    assert not path.exists()


def test_a_client_may_say_goodbye_and_go(processes):
    listening = Listening(processes, *serving(*server("good")))
    with listening.connect() as connection:
        connection.sendall(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
        data = b""
        while b'"Done"' not in data:
            data += connection.recv(1 << 16)
        connection.sendall(message(msg="Goodbye"))
    assert support.finish(listening.process).status == 0


def test_a_client_that_goes_without_goodbye_ends_the_channel(processes):
    listening = Listening(processes, *serving(*server("good")))
    with listening.connect() as connection:
        connection.sendall(message(msg="Hello", max=1, min=1))
        assert connection.recv(1)
    assert support.finish(listening.process).status == 3


def test_a_signal_ends_a_tunnel_that_no_client_uses(processes, tmp_path):
    path = tmp_path / "socket"
    listening = Listening(processes, "true", address=f"unix:{path}")
    ended = interrupted(listening.process, signal.SIGTERM)
    assert ended.status == 3
    says(ended.stderr, "interrupted")
    assert not path.exists()


CONNECT = """
import socket, sys
host, _, port = sys.argv[1].rpartition(":")
connection = socket.create_connection((host, int(port)))
try:
    connection.sendall(b"x")
    print(connection.recv(1))
except ConnectionError:
    print(b"")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="connecting as another user takes root")
def test_a_client_of_another_user_is_not_let_in_unless_asked_for(processes):
    def connect_as_another(listening):
        command = [sys.executable, "-c", CONNECT, listening.address]
        return subprocess.run(
            command, user=65534, group=65534, extra_groups=[], cwd="/", timeout=support.LIMIT,
            stdout=subprocess.PIPE, text=True, check=True,
        ).stdout

    listening = Listening(processes, *serving(*server("good")))
    assert connect_as_another(listening) == "b''\n"
    with listening.connect() as connection:
        connection.sendall(SESSION)
        read_all(connection)
    ended = support.finish(listening.process)
    assert ended.status == 0
    says(ended.stderr, "another user", "--any-owner")

    listening = Listening(processes, "sh", "-c", "echo; cat", options=["--any-owner", "--link", "raw"])
    assert connect_as_another(listening) != "b''\n"
    assert support.finish(listening.process).status == 0


def test_an_address_that_is_taken_is_an_error_that_names_it():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = proxy("tunnel", "--listen", port, "--", "true")
    assert ended.status == 3
    says(ended.stderr, f"127.0.0.1:{port}", "in use", "port 0")
