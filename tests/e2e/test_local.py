"""The way between proxy and server that no network setting touches: SUBUNIT_RPC_LOCAL."""

import os
from pathlib import Path
import signal
import socket
import stat
import subprocess

import pytest

import support
from support import PROXY, message, proxy, python, says, server

as_root = pytest.mark.skipif(os.getuid() != 0, reason="another network namespace takes root")

# Prints, takes the loopback interface down as a test of a network would, and prints again.
NETWORK = """
import fcntl, socket, struct, unittest

class Network(unittest.TestCase):
    def test_a(self):
        print("before")

    def test_b_interface_down(self):
        SIOCSIFFLAGS = 0x8914
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", 9), 1)

    def test_c(self):
        print("after")
"""
LO_UP = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""


def environment_of(pattern=support.SERVER_PROCESS):
    pid = support.find_process(pattern)
    lines = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(line.split("=", 1) for line in lines if line)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Where temporary files go, and nothing else."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def own_suite(tmp_path, monkeypatch):
    (tmp_path / "own_suite.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\n"
    )
    monkeypatch.chdir(tmp_path)


def test_a_server_is_offered_a_port_and_a_socket_of_its_user_alone(serve, places):
    channel = serve("--", *server("--local", "good"))
    attached = channel.attached()
    given = environment_of()
    assert given["SUBUNIT_RPC_ADDRESS"] == channel.ready()["listening"]
    assert attached["address"] == given["SUBUNIT_RPC_LOCAL"]
    path = Path(given["SUBUNIT_RPC_LOCAL"][len("unix:") :])
    assert path.parent.parent == places
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    channel.run_all()
    assert len(channel.stream.statuses) == 5
    assert channel.goodbye() == 0
    assert list(places.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_no_socket_behind(serve, places, number):
    channel = serve("--", *server("--local", "good"))
    channel.attached()
    assert list(places.iterdir())
    channel.process.send_signal(number)
    channel.exit_status()
    assert list(places.iterdir()) == []


def test_what_a_killed_proxy_has_left_is_removed_by_the_next_one(serve, places):
    channel = serve("--", *server("--local", "good"))
    channel.attached()
    channel.process.kill()
    channel.exit_status()
    (left,) = places.iterdir()
    long_ago = 1_000_000_000
    os.utime(left, (long_ago, long_ago))
    others = places / "subunit-proxy-other"  # without a socket, so something else
    others.mkdir()
    os.utime(others, (long_ago, long_ago))
    first = serve("--", *server("--local", "good"))
    first.attached()
    (in_use,) = {*places.iterdir()} - {others}
    assert in_use != left
    os.utime(in_use, (long_ago, long_ago))
    second = serve("--", *server("--local", "good"))
    second.attached()
    assert in_use.exists() and not left.exists()
    assert first.goodbye() == second.goodbye() == 0
    assert [*places.iterdir()] == [others]


@pytest.mark.parametrize("unsafe", ["writable by all", "another user's", "missing", "too long"])
def test_the_socket_is_in_the_first_folder_that_is_fit_for_it(serve, places, monkeypatch, unsafe):
    first = places / ("x" * 100 if unsafe == "too long" else "first")
    second = places / "second"
    second.mkdir()
    if unsafe != "missing":
        first.mkdir()
    if unsafe == "writable by all":
        first.chmod(0o777)
    if unsafe == "another user's":
        if os.getuid() != 0:
            pytest.skip("giving a folder away takes root")
        os.chown(first, 65534, 65534)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(first))
    monkeypatch.setenv("TMPDIR", str(second))
    channel = serve("--", *server("--local", "good"))
    assert channel.attached()["address"].startswith(f"unix:{second}/")
    assert channel.goodbye() == 0


@as_root
@pytest.mark.parametrize("suite", ["any language", "python"])
def test_where_no_folder_is_writable_the_socket_is_abstract(own_suite, suite):
    read_only = "for place in /tmp /dev/shm /run; do mount --bind $place $place && "
    read_only += 'mount -o remount,ro,bind $place || exit; done; exec "$@"'
    command = {
        "any language": server("--local", "good"),
        "python": python("-m", "subunit_rpc", "own_suite"),
    }[suite]
    environment = {key: value for key, value in os.environ.items() if key != "XDG_RUNTIME_DIR"}
    environment["TMPDIR"] = "/proc"
    wrapped = ["unshare", "--mount", "sh", "-c", read_only, "sh", support.SERVE_BINARY, "serve"]
    finished = proxy("run", "--format", "human", "--log-level", "info", "--", *wrapped,
                     "--log-level", "info", "--", *command, env=environment)
    assert "attached at unix:@subunit-proxy-" in finished.stderr, finished.stderr
    assert finished.status == 0


def test_at_the_socket_a_server_needs_its_token_whoever_its_user_is(serve, places):
    channel = serve("--", *server("--wait-for", places / "gate", "--local", "good"))
    channel.ready()
    path = environment_of()["SUBUNIT_RPC_LOCAL"][len("unix:") :]
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as wrong:
        silent.connect(path)
        wrong.connect(path)
        wrong.settimeout(support.LIMIT)
        wrong.sendall(message(PROXY, msg="Attach", token="0" * 32))
        assert support.is_closed(wrong)
        assert not channel.messages(PROXY, "Attached")
        (places / "gate").touch()
        channel.run_all()
    assert len(channel.messages(PROXY, "Attached")) == 1
    assert channel.goodbye() == 0
    says(channel.stderr, "token")


def test_a_socket_that_was_asked_for_is_the_local_way_too(serve, tmp_path):
    tmp_path.chmod(0o700)
    address = f"unix:{tmp_path}/socket"
    channel = serve("--listen", address, "--", *server("--local", "good"))
    assert channel.attached()["address"] == address
    given = environment_of()
    assert given["SUBUNIT_RPC_ADDRESS"] == given["SUBUNIT_RPC_LOCAL"] == address
    assert channel.goodbye() == 0


def test_another_proxys_socket_is_not_handed_on(serve, places):
    outside = {**os.environ, "SUBUNIT_RPC_LOCAL": "unix:/nowhere/rpc"}
    port = support.free_port()
    channel = serve(
        "--connect", f"127.0.0.1:{port}", "--", *server("--listen", port, "good"), env=outside
    )
    channel.attached()
    assert "SUBUNIT_RPC_LOCAL" not in environment_of()
    assert channel.goodbye() == 0
    channel = serve("--", *server("--local", "good"), env=outside)
    channel.attached()
    assert channel.goodbye() == 0


OURS = {
    "python": python("-m", "subunit_rpc", "own_suite"),
    "command": [support.SERVE_BINARY, "command-server", "--",
                f"{support.PYTHON} {support.EXAMPLES}/no_server.py $LISTOPT $IDOPTION"],
}


@pytest.mark.parametrize("ours", OURS)
def test_our_own_servers_prefer_the_socket(serve, own_suite, ours):
    channel = serve("--", *OURS[ours])
    assert channel.attached()["address"].startswith("unix:")
    channel.run_all()
    assert channel.stream.ids
    assert channel.goodbye() == 0


@pytest.mark.parametrize("ours", OURS)
def test_our_own_servers_take_the_port_where_the_socket_cannot_be_reached(serve, own_suite, ours):
    """As in a container, which shares the network but not the files."""
    unreachable = 'SUBUNIT_RPC_LOCAL=unix:/nowhere/rpc exec "$@"'
    channel = serve("--", "sh", "-c", unreachable, "sh", *OURS[ours])
    assert channel.attached()["address"] == channel.ready()["listening"]
    channel.run_all()
    assert channel.stream.ids
    assert channel.goodbye() == 0


# Tests that own the network


@pytest.fixture
def network_suite(tmp_path, monkeypatch):
    (tmp_path / "network.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return python("-m", "subunit_rpc", "network")


def assert_all_passed(finished):
    stream = finished.stream
    names = ["test_a", "test_b_interface_down", "test_c"]
    tests = [f"network.Network.{name}" for name in names]
    assert stream.statuses == {test: "success" for test in tests}, finished.stderr
    assert stream.output(tests[0], "stdout") == b"before\n"
    assert stream.output(tests[2], "stdout") == b"after\n"
    assert finished.status == 0


@as_root
@pytest.mark.parametrize("options", [[], ["--fork"]], ids=["plain", "fork"])
@pytest.mark.parametrize("state", ["down", "up"])
def test_a_test_that_takes_loopback_down_and_those_behind_it_pass(network_suite, state, options):
    up = [support.PYTHON, "-c", LO_UP] if state == "up" else []
    channel = ["unshare", "--net", *up, support.SERVE_BINARY, "serve", "--", *network_suite, *options]
    finished = proxy("run", "--", *channel)
    assert_all_passed(finished)
    if state == "down":
        says(finished.stderr, "loopback", "unreachable", "SUBUNIT_RPC_LOCAL")


@as_root
def test_a_server_is_started_again_after_a_test_has_taken_loopback_down(network_suite):
    channel = ["unshare", "--net", support.PYTHON, "-c", LO_UP, support.SERVE_BINARY, "serve"]
    finished = proxy("run", "--isolated", "--", *channel, "--", *network_suite)
    assert_all_passed(finished)


@as_root
def test_without_loopback_there_is_only_the_socket_and_a_message_that_says_why(serve):
    unshared = [support.SERVE_BINARY, "serve", "--", *server("--local", "good")]
    process = subprocess.Popen(
        ["unshare", "--net", *unshared],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    with process:
        data = bytearray()
        packets = []
        while not any(p.message and p.message["msg"] == "Attached" for p in packets):
            data += os.read(process.stdout.fileno(), 4096)
            packets += [support.decode(raw) for raw in support.cut(data)[0]]
        given = environment_of()
        process.stdin.write(message(msg="Goodbye"))
        process.stdin.close()
        stderr = process.stderr.read().decode()
    assert "listening" not in packets[0].message
    assert "SUBUNIT_RPC_ADDRESS" not in given
    says(stderr, "loopback", "unreachable", given["SUBUNIT_RPC_LOCAL"])
    assert process.returncode == 0
