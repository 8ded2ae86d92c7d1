"""Other users of the same machine: what they can take, forge or hold up. Nothing."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

import support
from support import PROXY, RPC, message, says, server

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="acting as another user takes root")

NOBODY = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def nobodys(processes, script, *arguments):
    """A script of another user, once it has printed its first line, which is returned."""
    processes.append(
        subprocess.Popen(
            [support.PYTHON, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, **NOBODY
        )
    )
    return processes[-1].stdout.readline().decode().strip()


# Who is at the other end of a connection

# Takes the port, is connected to, and makes room for the real server.
SQUATTER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
connection = listener.accept()[0]
listener.close()
print("accepted", flush=True)
while connection.recv(4096): pass
print("turned away", flush=True)
"""

def patient(port, *arguments):
    """A server that tries again until its port is free."""
    script = 'until "$@" 2>/dev/null; do sleep 0.02; done'
    return ["sh", "-c", script, "sh", *server("--listen", port, *arguments)]


@pytest.mark.parametrize("shows_token", [True, False], ids=["token", "user"])
def test_who_takes_the_port_first_is_turned_away_and_the_server_gets_in(
    serve, processes, shows_token
):
    port = support.free_port()
    nobodys(processes, SQUATTER, port)
    forget = [] if shows_token else ["env", "-u", "SUBUNIT_RPC_TOKEN"]
    channel = serve("--connect", f"127.0.0.1:{port}", "--", *forget, *patient(port, "good"))
    channel.run_all()
    assert len(channel.stream.statuses) == 5
    assert processes[0].stdout.read() == b"accepted\nturned away\n"
    says(channel.stderr, "user 65534", "--any-owner")
    channel.goodbye()


def test_a_server_of_another_user_is_known_by_its_token(serve):
    readable = subprocess.run([*AS_NOBODY, "test", "-r", support.SERVER])
    if readable.returncode != 0:
        pytest.skip("another user cannot read this checkout")
    port = support.free_port()
    command = [*AS_NOBODY, *server("--listen", port, "good")]
    channel = serve("--connect", f"127.0.0.1:{port}", "--", *command)
    channel.run_all()
    assert len(channel.stream.statuses) == 5
    assert channel.goodbye() == 0
    assert channel.messages(PROXY, "Attach") == []


def test_a_server_with_the_token_of_another_run_is_not_the_one_that_was_started(serve):
    port = support.free_port()
    command = server("--listen", port, "wrong-token")
    channel = serve("--connect", f"127.0.0.1:{port}", "--attach-timeout", "3", "--", *command)
    channel.send(message(msg="Hello", max=1, min=1))
    assert channel.exit_status() == 3
    says(channel.stderr, "wrong token")
    assert channel.messages(RPC, "Hello") == []


def test_a_connection_that_nobody_has_accepted_is_no_server_yet(serve):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        channel = serve("--connect", str(port), "--attach-timeout", "0.5")
        assert channel.exit_status() == 3
        assert channel.messages(PROXY, "Attached") == []
        says(channel.stderr, str(port), "not accepted")
        channel = serve("--connect", str(port))
        channel.ready()
        listener.accept()[0].close()  # of the first
        with listener.accept()[0]:
            channel.attached()


def test_nobody_reads_the_tables_of_all_sockets(processes):
    """Any user can make them so long that reading them takes a second."""
    port = support.free_port()
    hidden = 'mount -t tmpfs none /proc && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", hidden, "sh", support.SERVE_BINARY, "serve", "--listen", port]
    processes.append(
        subprocess.Popen(
            [*map(str, command)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
    )
    support.read_until(processes[0], b'"Ready"')
    with socket.create_connection(("127.0.0.1", port)):
        support.read_until(processes[0], b'"Attached"')


# Who connects again and again

FLOOD = """
import socket, sys
address = "127.0.0.1", int(sys.argv[1])
held = [socket.create_connection(address) for _ in range(300)]
print("held", flush=True)
sys.stdin.read()
"""


def attach_message():
    """What proves that somebody is the server that serve has started."""
    environ = open(f"/proc/{support.find_process('sleep 600')}/environ", "rb").read().split(b"\0")
    token = next(each for each in environ if each.startswith(b"SUBUNIT_RPC_TOKEN="))[18:].decode()
    return message(PROXY, msg="Attach", token=token)


def test_other_users_connections_cost_ours_nothing_and_a_line_a_second(serve, processes):
    channel = serve("--", "sleep", "600")
    address = channel.address()
    attach = attach_message()
    with socket.create_connection(address) as slow:  # it takes its time between that and Attach
        started = time.monotonic()
        for _ in range(2):
            assert nobodys(processes, FLOOD, address[1]) == "held"
        slow.sendall(attach)
        channel.attached()
        seconds = time.monotonic() - started
        channel.process.send_signal(signal.SIGTERM)
        channel.exit_status()
    told = [line for line in channel.stderr.splitlines() if "closed a connection" in line]
    assert len(told) <= seconds + 3, channel.stderr
    more = sum(int(number) for number in re.findall(r"and (\d+) more", channel.stderr))
    assert len(told) + more >= 600 - 40  # what waited was closed with the port


def test_the_queue_of_a_port_has_room_beside_a_flood(serve, processes):
    """A stopped proxy, as on a busy machine, loses no server to those that came before it."""
    channel = serve("--", "sleep", "600")
    address = channel.address()
    attach = attach_message()
    channel.process.send_signal(signal.SIGSTOP)
    assert nobodys(processes, FLOOD, address[1]) == "held"
    with socket.create_connection(address, 5) as late:
        late.sendall(attach)
        channel.process.send_signal(signal.SIGCONT)
        channel.attached()
        channel.process.send_signal(signal.SIGTERM)
        channel.exit_status()
