"""A listening server: where it listens, and which clients it parts with."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys

import pytest

from rpc_client import TIMEOUT, Client
from server_process import SUITES, running
from subunit_rpc import ClientSession, Hello, VersionError
from subunit_rpc.attachment import encode_message
from subunit_rpc.server import owner

ONE = "basic.Basic.test_pass"


def still_serves(process):
    with process.client() as client:
        assert client.run([ONE]).statuses == [(ONE, "success")]
        client.goodbye()
    assert process.process.poll() is None
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("address", ["0", "127.0.0.1:0", "localhost:0"])
def test_it_says_which_port_it_listens_on(start, address):
    process = start("--listen", address, "basic")
    host, port = process.address()
    assert re.fullmatch(r"127\.0\.0\.1|\[::1\]", host) and port > 0
    if host == "127.0.0.1":
        still_serves(process)


def test_a_unix_socket_is_its_owners_alone_and_gone_at_the_end(start, tmp_path):
    path = tmp_path / "socket"
    process = start("--listen", f"unix:{path}", "basic")
    process.wait_for_stderr(f"listening on unix:{path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Client(str(path)) as client:
        client.hello()
        assert client.run([ONE]).statuses == [(ONE, "success")]
        client.goodbye()
    process.process.send_signal(signal.SIGTERM)
    assert process.exit_status() == -signal.SIGTERM
    assert not path.exists()


def test_it_listens_on_an_abstract_socket(start, tmp_path):
    process = start("--listen", f"unix:@{tmp_path}", "basic")
    process.wait_for_stderr(f"listening on unix:@{tmp_path}\n")
    with Client(f"\0{tmp_path}") as client:
        client.hello()
        client.goodbye()


def test_a_unix_socket_is_gone_after_an_interrupt_too(start, tmp_path):
    path = tmp_path / "socket"
    process = start("--listen", f"unix:{path}", "basic")
    process.wait_for_stderr("listening on")
    process.process.send_signal(signal.SIGINT)
    assert process.exit_status() == 130
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(start, tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    process = start("--listen", f"unix:{path}", "basic")
    process.wait_for_stderr("listening on")
    with Client(str(path)) as client:
        client.hello()
        client.goodbye()


def test_a_socket_that_somebody_listens_on_is_left_alone(start, tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        process = start("--listen", f"unix:{path}", "basic")
        assert process.exit_status() == 3
    problem = "another server is already listening there"
    assert f"cannot listen on unix:{path}: {problem}" in process.stderr
    assert path.exists()


def test_a_path_that_is_something_else_is_left_alone(start, tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    process = start("--listen", f"unix:{path}", "basic")
    assert process.exit_status() == 3
    assert "there is already a file that is not a socket" in process.stderr
    assert path.read_text() == "precious"


def test_a_port_in_use_is_an_error(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = start("--listen", address, "basic")
        assert process.exit_status() == 3
    assert process.stderr == (
        f"subunit_rpc: cannot listen on {address}: Address already in use\n"
    )


@pytest.fixture(scope="module")
def short_patience():
    """A server that is impatient."""
    with running("--listen", "0", "--hello-timeout", "3", "basic") as process:
        yield process


def test_a_client_that_never_says_hello_is_closed_and_the_next_one_served(short_patience):
    with socket.create_connection(short_patience.address()) as silent:
        assert silent.recv(1) == b""
    short_patience.wait_for_stderr("subunit_rpc: the client sent no Hello within 3 s\n")
    still_serves(short_patience)


def test_a_client_that_says_hello_byte_by_byte_is_not_waited_for_longer(short_patience):
    with socket.create_connection(short_patience.address()) as slow:
        hello = encode_message(Hello(1, 1))
        slow.settimeout(4 / len(hello))
        data = None
        for at in range(len(hello) - 1):
            try:
                slow.sendall(hello[at : at + 1])
                data = slow.recv(1)
                break
            except socket.timeout:
                pass
            except ConnectionError:
                data = b""
                break
        assert data == b""
    short_patience.wait_for_stderr("sent no Hello within 3 s\n")
    still_serves(short_patience)


def test_a_client_that_has_said_hello_may_take_its_time(short_patience):
    with short_patience.client() as client:
        client.sock.settimeout(4)
        with pytest.raises(socket.timeout):
            client.next_event()
        assert client.run([ONE]).statuses == [(ONE, "success")]
        client.goodbye()


@pytest.fixture(scope="module")
def process():
    """A server that goes through all that follows."""
    with running("--listen", "0", "basic") as process:
        yield process


def test_without_a_common_version_both_sides_name_both_ranges(process):
    with Client(process.address()) as client:
        client.session = ClientSession((5, 3))
        client.session.hello()
        client.send()
        client.sock.sendall(encode_message(Hello(5, 3)) * 20_000)  # nobody will want that
        with pytest.raises(VersionError, match="speaks versions 3 to 5, the other versions 1 to 2"):
            client.next_event()
        assert client.sock.recv(1) == b""  # an end, and not a reset
    process.wait_for_stderr(
        "subunit_rpc: no version in common: this side speaks versions 1 to 2, "
        "the other versions 3 to 5\n"
    )
    still_serves(process)


@pytest.mark.parametrize(
    "said, reason",
    [
        (b"GET / HTTP/1.1\r\n\r\n", r"no packet starts with these bytes: GET / HTTP/1.1\r\n"),
        (encode_message(Hello(1, 1)) * 2, 'Hello is not allowed in an open session: {"msg":"He'),
    ],
)
def test_a_client_that_breaks_the_protocol_is_told_on_stderr_and_closed(process, said, reason):
    with Client(process.address()) as client:
        client.sock.sendall(said)
        while client.sock.recv(1000):
            pass
    process.wait_for_stderr(reason)
    still_serves(process)


@pytest.mark.parametrize("hello", [False, True])
def test_a_client_that_goes_away_without_goodbye_is_mentioned(process, hello):
    with Client(process.address()) as client:
        if hello:
            client.hello()
    process.wait_for_stderr("subunit_rpc: the client closed the connection without Goodbye\n")
    still_serves(process)


def test_a_client_that_vanishes_in_a_run_ends_it_soon(start, tmp_path):
    process = start("--listen", "0", "gates", cwd=tmp_path, env=suites_path())
    client = process.client()
    client.session.run()
    client.send()
    process.wait_for((tmp_path / "waiting").exists, "test in progress")
    # A close with a zero linger time is a reset, as when a machine restarts.
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.sock.close()
    (tmp_path / "go").touch()
    process.wait_for_stderr("subunit_rpc: the connection to the client broke: ")
    assert not (tmp_path / "third").exists()
    with process.client() as client:
        assert len(client.run().statuses) == 3
        client.goodbye()


@pytest.mark.parametrize("signum, status", [("SIGTERM", -signal.SIGTERM), ("SIGINT", 130)])
@pytest.mark.parametrize("when", ["waiting for a client", "waiting for a message"])
def test_a_signal_ends_it_without_a_word(start, signum, status, when):
    process = start("--listen", "0", "basic")
    process.address()
    client = process.client() if when == "waiting for a message" else None
    process.process.send_signal(getattr(signal, signum))
    assert process.exit_status() == status
    assert len(process.stderr.splitlines()) == 1
    if client is not None:
        client.sock.close()


@pytest.mark.parametrize("signum, status", [("SIGTERM", -signal.SIGTERM), ("SIGINT", 130)])
def test_a_signal_ends_it_in_a_test_too(start, tmp_path, signum, status):
    process = start("--listen", "0", "gates", cwd=tmp_path, env=suites_path())
    with process.client() as client:
        client.session.run()
        client.send()
        process.wait_for((tmp_path / "waiting").exists, "test in progress")
        process.process.send_signal(getattr(signal, signum))
        assert process.exit_status() == status
    assert len(process.stderr.splitlines()) == 1
    assert not (tmp_path / "second").exists()


def suites_path():
    return {"PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(SUITES)])}


# Whom it serves

CLIENT = """
import socket, sys
host, port, hello = sys.argv[1:]
with socket.create_connection((host, int(port))) as sock:
    try:
        sock.sendall(bytes.fromhex(hello))
        print(len(sock.recv(4096)) > 0)
    except ConnectionError:
        print(False)
"""

as_root = pytest.mark.skipif(os.getuid() != 0, reason="acting as another user takes root")


def is_served(process, address, **popen):
    command = [sys.executable, "-c", CLIENT, *map(str, address), encode_message(Hello(1, 1)).hex()]
    seen = subprocess.run(command, stdout=subprocess.PIPE, timeout=TIMEOUT, cwd="/", **popen)
    return seen.stdout == b"True\n"


@as_root
@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::]:0"])
def test_it_serves_its_own_user_only(start, address):
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    process = start("--listen", address, "basic")
    where = "127.0.0.1", process.address()[1]
    for _ in range(20):
        assert not is_served(process, where, **nobody)
    assert is_served(process, where)
    process.wait_for_stderr("from another user or machine (--any-owner serves them, too)")
    assert process.stderr.count("closed a connection") < 20
    process = start("--listen", address, "--any-owner", "basic")
    assert is_served(process, ("127.0.0.1", process.address()[1]), **nobody)


@pytest.mark.parametrize("kernel", ["answers", "knows nothing of sockets"])
def test_the_owner_is_that_of_the_other_end(monkeypatch, kernel):
    def fail(*_):
        raise owner._Unknown

    if kernel != "answers":
        monkeypatch.setattr(owner, "_ask", fail)
    for host in ("127.0.0.1", "::"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server(
            (host, 0), family=family, dualstack_ipv6=":" in host
        ) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as caller:
                assert owner.peer_owner(caller) is None  # it is not accepted yet
                with listener.accept()[0] as accepted:
                    assert owner.peer_owner(caller) == os.geteuid()
                    assert owner.peer_owner(accepted) == os.geteuid()
                    caller.close()
                    assert owner.peer_owner(accepted) is None


def test_it_shows_a_proxy_that_connects_its_token(start):
    process = start("--listen", "0", "basic", env={"SUBUNIT_RPC_TOKEN": "token"})
    for _ in range(2):
        with Client(process.address()) as client:
            packet = client.next_event()
            assert b'"Attach"' in packet.file_bytes and b'"token"' in packet.file_bytes
            client.hello()
            client.goodbye()
