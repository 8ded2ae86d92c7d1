"""`serve`: readiness, attaching, relaying and ending, with the channel in the test's hands."""

import os
import re
import signal
import socket
import subprocess
import zlib

import pytest

import support
from support import PROXY, RPC, encode, message, says, server, wait_until

MEBIBYTE = 1 << 20
CHILD = "sh -c while"  # what the mode "orphan" starts


# Ready


def test_ready_comes_first_behind_one_newline_and_says_where_it_listens(serve):
    channel = serve("--", *server("good"), reading=False)
    first = os.read(channel.process.stdout.fileno(), 2)
    while len(first) < 2:
        first += os.read(channel.process.stdout.fileno(), 1)
    assert first == b"\n\xb3"
    rest = first[1:]
    while not (packets := support.cut(bytearray(rest))[0]):
        rest += os.read(channel.process.stdout.fileno(), 1)
    ready = support.decode(packets[0])
    assert ready.test_id == PROXY and ready.eof and ready.route_code is None
    assert ready.mime_type.startswith("application/json")
    assert ready.message["msg"] == "Ready"
    assert re.fullmatch(r"subunit-proxy/\d+\.\d+\.\d+", ready.message["proxy"])
    # What --version prints: "subunit-proxy 1.2.3 (a1b2c3d4e5f6)".
    told = subprocess.run([support.SERVE_BINARY, "--version"], capture_output=True, text=True)
    revision = re.fullmatch(r"subunit-proxy [\d.]+(?: \(([0-9a-f]{12}\+?)\))?\n", told.stdout)[1]
    assert ready.message.get("revision") == revision
    assert (ready.message["max"], ready.message["min"]) == (2, 1)
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", ready.message["listening"])
    assert os.read(channel.process.stdout.fileno(), 1) == b"\n"
    channel.start_reading()
    channel.attached()
    assert channel.goodbye() == 0
    assert channel.stray == b""


def test_ready_comes_before_a_server_is_there(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("--wait-for", gate, "good"))
    channel.ready()
    assert channel.messages(PROXY, "Attached") == []
    gate.touch()
    channel.attached()
    assert [each.message["msg"] for each in channel.packets] == ["Ready", "Attached"]
    assert channel.goodbye() == 0


def test_ready_fd_gets_one_line_and_is_closed(serve):
    reader, writer = os.pipe()
    channel = serve("--ready-fd", str(writer), "--", *server("good"), pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader) as lines:
        line = lines.readline()
        assert re.fullmatch(r"READY 127\.0\.0\.1:\d+\n", line)
        assert line.split()[1] == channel.ready()["listening"]
        assert lines.read() == ""  # its end: neither serve nor the test server keeps it open
        assert channel.process.poll() is None
    channel.attached()
    assert channel.goodbye() == 0


def test_a_service_manager_is_told(serve, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(support.LIMIT)
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        channel = serve("--", *server("good"), env=environment)
        assert b"READY=1" in manager.recv(4096).split(b"\n")
    channel.attached()
    # The test server is none of the manager's business.
    with open(f"/proc/{support.find_process(support.SERVER_PROCESS)}/environ", "rb") as environ:
        assert b"NOTIFY_SOCKET" not in environ.read()
    assert channel.goodbye() == 0


# Ways to reach a server


@pytest.mark.parametrize("address", ["127.0.0.1:0", "0", "unix"])
def test_a_started_server_dials_in(serve, tmp_path, address):
    tmp_path.chmod(0o700)
    if address == "unix":
        address = f"unix:{tmp_path}/socket"
    channel = serve("--listen", address, "--", *server("good"))
    if address.startswith("unix:"):
        assert channel.ready()["listening"] == address
    attached = channel.attached()
    assert attached["pid"] == support.find_process(support.SERVER_PROCESS)
    channel.run_all()
    assert set(channel.stream.statuses.values()) == {"success"}
    assert len(channel.stream.statuses) == 5
    assert channel.goodbye() == 0
    assert not (tmp_path / "socket").exists()


def test_somebody_else_starts_the_server_which_proves_itself_by_its_uid(serve, processes, tmp_path):
    tmp_path.chmod(0o700)
    address = f"unix:{tmp_path}/socket"
    channel = serve("--listen", address)
    channel.ready()
    environment = {**os.environ, "SUBUNIT_RPC_ADDRESS": address}
    processes.append(subprocess.Popen(server("good"), env=environment))
    channel.attached()
    channel.run_all()
    assert channel.goodbye() == 0
    assert processes[0].wait(support.LIMIT) == 0


@pytest.mark.parametrize("family", ["tcp", "port", "unix"])
def test_connects_to_a_server_that_listens(serve, processes, tmp_path, family):
    address = f"unix:{tmp_path}/socket" if family == "unix" else "127.0.0.1:0"
    processes.append(
        subprocess.Popen(
            server("--listen", address, "good"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
    )
    # A socket has a file before anybody can connect.
    listening = processes[0].stderr.readline().split()[-1].decode()
    if family != "unix":
        address = listening if family == "port" else f"127.0.0.1:{listening}"
    channel = serve("--connect", address)
    assert "listening" not in channel.ready()
    assert address.rpartition(":")[2] in channel.attached()["address"]
    channel.run_all()
    assert len(channel.stream.statuses) == 5
    assert channel.goodbye() == 0


def test_starts_a_server_and_connects_as_soon_as_it_listens(serve, tmp_path):
    gate = tmp_path / "gate"
    port = support.free_port()
    command = server("--listen", port, "--wait-for", gate, "good")
    channel = serve("--connect", f"127.0.0.1:{port}", "--", *command)
    channel.ready()
    support.find_process(support.SERVER_PROCESS)
    gate.touch()
    channel.attached()
    channel.run_all()
    assert channel.goodbye() == 0
    # It captures the output of a server that it connects to, too.
    for number in range(5):
        test_id = f"demo.test_{number}"
        assert channel.stream.output(test_id, "stdout") == f"{test_id}\n".encode()


# What a server gets


def test_a_server_inherits_nothing_but_null_and_two_pipes(serve):
    reader, writer = os.pipe()
    channel = serve("--", *server("show"), pass_fds=[reader])
    channel.run_all()
    lines = channel.stream.output("demo.test_2", "stdout").decode().splitlines()
    open_files = dict(line.split(" ", 1) for line in lines)
    assert open_files.pop("0") == "/dev/null"
    for number in "12":
        assert open_files.pop(number).startswith("pipe:")
    # What the test put there itself is its caller's business, and may pass.
    open_files.pop(str(reader), None)
    assert list(open_files.values()) == [each for each in open_files.values() if "socket:" in each]
    assert len(open_files) == 1  # the server's own connection
    assert channel.goodbye() == 0
    os.close(reader)
    os.close(writer)


def test_the_channel_is_out_of_reach_of_libraries_and_children(serve):
    channel = serve("--", *server("good"))
    channel.attached()
    own = f"/proc/{channel.process.pid}/fd"
    channel_files = {os.readlink(f"/proc/self/fd/{file.fileno()}") for file in (
        channel.process.stdin, channel.process.stdout)}
    at = {int(number): os.readlink(f"{own}/{number}") for number in os.listdir(own)}
    assert at[0] == "/dev/null"
    assert at[1] == at[2]
    for number, file in at.items():
        if file in channel_files:
            flags = open(f"/proc/{channel.process.pid}/fdinfo/{number}").read()
            assert int(re.search(r"flags:\s*(\d+)", flags)[1], 8) & os.O_CLOEXEC
    assert channel_files <= set(at.values())
    assert channel.goodbye() == 0


# Relaying


def odd_packets():
    """Packets that python-subunit reads but would not write so."""

    def finish(head, body):
        length = len(head) + 1 + len(body) + 4
        packet = head + bytes([length]) + body
        return packet + zlib.crc32(packet).to_bytes(4, "big")

    yield finish(b"\xb3\x2a\x01", b"\0\0\0\1\xfb\x9a\xc9\xff" + b"\x01a")  # 999,999,999 ns
    yield finish(b"\xb3\x28\x83", b"\x01a" + b"\x02" + b"\x05zebra" + b"\x05apple")  # tags
    yield finish(b"\xb3\x28\x83", b"\x01a" + b"\x00")  # no tags, said in so many bytes
    yield finish(b"\xb3\x20\x50", b"\x01f" + b"\x00")  # an empty file, at its end, of no test
    yield finish(b"\xb3\x28\x01", b"\x40\x01a")  # an id whose length takes more bytes than needed
    yield finish(b"\xb3\x20\x00", b"")  # nothing
    yield encode(test_id="ü" * 100, test_status="skip", test_tags={"x"}, route_code="0/1")
    yield encode(file_name="core", file_bytes=bytes(range(256)) * 16000, test_id="b")  # 4 MB
    for size in (40, 47, 48, 49, 50, 16350, 16360, 16366, 16367, 16368, 16369, 16370, 16380):
        yield encode(test_id="c", file_name="f", file_bytes=b"\xb3" * size)


def test_packets_pass_byte_for_byte_in_both_directions(serve):
    channel = serve("--", *server("echo"))
    channel.hello()
    before = len(channel.packets)
    sent = list(odd_packets())
    for packet in sent:
        channel.send(packet)
    channel.run("after")
    channel.wait_message(RPC, "Done", nonce="after")
    # The echo is among the server's own packets and what it printed.
    assert [p.raw for p in channel.packets[before:] if p.raw in sent] == sent
    assert channel.goodbye() == 0


def test_noise_on_the_channel_costs_no_packet(serve):
    channel = serve("--", *server("echo"))
    channel.attached()
    noise = b"Last login: never\r\n\xc3", b"\xb3\x29\x00\xbf\xff\xff", b"\xb3", b"\n"
    packets = [encode(test_id=f"t{number}", test_status="exists") for number in range(4)]
    channel.send(noise[0] + message(msg="Hello", max=1, min=1))
    channel.wait_message(RPC, "Hello")
    for bytes_between, packet in zip(noise, packets):
        channel.send(bytes_between + packet)
    channel.run("after")
    channel.wait_message(RPC, "Done", nonce="after")
    assert [p.raw for p in channel.packets if (p.test_id or "").startswith("t")
            and p.test_status == "exists"] == packets
    assert channel.goodbye() == 0


def test_garbage_between_a_servers_packets_never_reaches_the_channel(serve):
    channel = serve("--", *server("garbage"))
    channel.run_all()
    stream = channel.stream
    assert channel.stray == b"\n"
    assert stream.statuses == {f"demo.test_{number}": "success" for number in range(5)}
    # Every byte is somewhere: told as an attachment, or at least counted for a person.
    garbage = b"text \xc3" + b"\xb3\x29\x00\xbf\xff\xff\xb3"
    files = b"".join(data for data in stream.files.values())
    assert files.count(b"text ") == 5 or re.search(rf"\b({5 * len(garbage)})\b", channel.stderr), (
        channel.stderr
    )
    assert channel.goodbye() == 0


def test_a_flood_of_results_meets_a_slow_reader_in_order_and_whole(serve):
    channel = serve("--", *server("--count", "1", "flood"), reading=False)
    channel.send(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
    channel.read_slowly(50_000)
    channel.start_reading()
    channel.wait_message(RPC, "Done", nonce="run")
    assert channel.goodbye() == 0
    log = b"".join(bytes(p.file_bytes) for p in channel.packets if p.file_name == "log")
    assert log == b"".join(b"%d\n" % number for number in range(100_000))


@pytest.mark.parametrize("mode", ["big-attachment", "big-stdout"])
def test_memory_stays_bounded_while_nobody_reads_and_all_arrives_afterwards(serve, mode):
    megabytes = 96
    channel = serve("--", *server("--count", "3", mode, megabytes), reading=False)
    channel.send(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
    writer = support.find_process(support.SERVER_PROCESS)
    wait_until(lambda: support.is_blocked(writer), "the server's writes block")
    assert channel.process.poll() is None
    bound = (256 if support.is_sanitized() else 8) * MEBIBYTE
    assert support.peak_memory(channel.process.pid) < bound
    channel.start_reading()
    channel.wait_message(RPC, "Done", nonce="run")
    assert support.peak_memory(channel.process.pid) < bound
    name = "core" if mode == "big-attachment" else "stdout"
    size = sum(len(p.file_bytes) for p in channel.packets if support.is_output(p.file_name, name))
    assert size == megabytes * MEBIBYTE
    assert channel.goodbye() == 0


def test_memory_stays_bounded_while_the_server_does_not_read(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("deaf", gate))
    channel.attached()
    hello = message(msg="Hello", max=1, min=1)
    packet = encode(test_id="x", file_name="f", file_bytes=bytes(60_000))
    stdin = channel.process.stdin.fileno()
    os.set_blocking(stdin, False)
    left = memoryview(hello + packet * 1500 + message(msg="Run", nonce="run"))  # 90 MB
    sent = 0
    while not support.is_full(stdin):
        sent += support.write_some(stdin, left[sent:])
    assert sent < 40 * MEBIBYTE  # what the pipe, the socket and serve hold together
    if not support.is_sanitized():
        assert support.peak_memory(channel.process.pid) < 16 * MEBIBYTE
    gate.touch()
    while sent < len(left):
        wait_until(lambda: not support.is_full(stdin), "the server reads")
        sent += support.write_some(stdin, left[sent:])
    os.set_blocking(stdin, True)
    channel.wait_message(RPC, "Done", nonce="run")
    assert len(channel.stream.statuses) == 5
    assert channel.goodbye() == 0


# Who may attach


def test_a_wrong_token_is_turned_away_and_the_right_one_still_gets_in(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("--wait-for", gate, "good"))
    stranger = socket.create_connection(channel.address())
    stranger.settimeout(support.LIMIT)
    stranger.sendall(message(PROXY, msg="Attach", token="0" * 32))
    stranger.sendall(message(msg="Hello", max=1, min=1))
    assert support.is_closed(stranger)
    assert channel.messages(PROXY, "Attached") == []
    gate.touch()
    channel.attached()
    channel.run_all()
    assert len(channel.messages(RPC, "Hello")) == 1  # the stranger's own got no answer
    assert channel.goodbye() == 0
    says(channel.stderr, "token")


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        message(msg="Hello", max=1, min=1),
        encode(test_id="forged", test_status="fail"),
        message(PROXY, msg="Ready", proxy="x/1", max=1, min=1),
        b"\xb3\x29\x00\xbf\xff\xff",
        b"\xb3" * 100_000,
    ],
    ids=["http", "hello", "result", "ready", "header", "signatures"],
)
def test_a_stranger_who_proves_nothing_is_turned_away(serve, tmp_path, first):
    gate = tmp_path / "gate"
    channel = serve("--", *server("--wait-for", gate, "good"))
    stranger = socket.create_connection(channel.address())
    stranger.settimeout(support.LIMIT)
    try:
        stranger.sendall(first)
    except OSError:
        pass  # turned away before the end
    if len(first) != 6:  # a header that waits for its packet may wait on, like silence
        assert support.is_closed(stranger)
    gate.touch()
    channel.run_all()
    assert channel.goodbye() == 0
    assert "forged" not in channel.stream.statuses
    stranger.close()


def test_silent_strangers_keep_nobody_out(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("--wait-for", gate, "good"))
    strangers = [socket.create_connection(channel.address()) for _ in range(50)]
    gate.touch()
    channel.run_all()
    assert channel.goodbye() == 0
    for each in strangers:
        each.close()


def test_the_token_is_in_no_command_line_and_in_no_packet(serve, tmp_path):
    channel = serve("--", *server("good"))
    channel.attached()
    pid = support.find_process(support.SERVER_PROCESS)
    with open(f"/proc/{pid}/environ", "rb") as environ:
        variables = dict(each.split(b"=", 1) for each in environ.read().split(b"\0") if each)
    token = variables[b"SUBUNIT_RPC_TOKEN"]
    assert re.fullmatch(rb"[0-9a-f]{32}", token)
    assert variables[b"SUBUNIT_RPC_ADDRESS"].decode() == channel.ready()["listening"]
    assert channel.goodbye() == 0
    assert not any(token in packet.raw for packet in channel.packets)
    assert token.decode() not in channel.stderr


def test_a_second_server_is_turned_away_while_one_is_attached(serve):
    channel = serve("--", *server("good"))
    channel.attached()
    pid = support.find_process(support.SERVER_PROCESS)
    environ = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
    token = next(each for each in environ if each.startswith(b"SUBUNIT_RPC_TOKEN="))[18:].decode()
    second = None
    try:
        second = socket.create_connection(channel.address())
        second.settimeout(support.LIMIT)
        second.sendall(message(PROXY, msg="Attach", token=token))
        assert support.is_closed(second)
    except ConnectionError:
        pass  # it listens no more
    channel.run_all()
    assert len(channel.messages(PROXY, "Attached")) == 1
    assert channel.goodbye() == 0
    if second:
        second.close()


def test_a_token_from_outside_is_replaced(serve):
    """What serve itself was started with is another proxy's secret."""
    others = {"SUBUNIT_RPC_TOKEN": "f" * 32, "SUBUNIT_RPC_ADDRESS": "127.0.0.1:1"}
    channel = serve("--", *server("good"), env={**os.environ, **others})
    channel.attached()
    channel.run_all()
    assert channel.goodbye() == 0


LISTENER_OF_ANOTHER_USER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    listener.accept()[0].recv(1)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="starting a process of another user takes root")
def test_a_port_of_another_user_is_refused_unless_asked_for(serve, processes):
    processes.append(
        subprocess.Popen(
            [support.PYTHON, "-c", LISTENER_OF_ANOTHER_USER],
            stdout=subprocess.PIPE, user=65534, group=65534, cwd="/",
        )
    )
    port = processes[0].stdout.readline().decode().strip()
    channel = serve("--connect", f"127.0.0.1:{port}", "--attach-timeout", "30")
    assert channel.exit_status() == 3
    assert channel.messages(PROXY, "Attached") == []
    says(channel.stderr, port, ("user", "uid", "owner", "owned"), "--any-owner")
    channel = serve("--connect", f"127.0.0.1:{port}", "--any-owner")
    channel.attached()


# No server


def test_a_server_that_does_not_attach_in_time_is_an_error_and_is_ended(serve):
    channel = serve("--attach-timeout", "0.5", "--", "sleep", "600")
    channel.ready()
    assert channel.exit_status() == 3
    says(channel.stderr, ("attach", "connect", "dial"), "0.5", "sleep")


def test_a_command_that_ends_before_it_attaches_is_an_error_at_once(serve):
    channel = serve("--", *server("exit-7"))
    assert channel.exit_status() == 3
    says(channel.stderr, "7", ("exit", "status", "code", "ended"))
    told = channel.stderr.encode() + b"".join(channel.stream.files.values())
    assert b"no licence for this machine" in told  # what it said last is not lost


def test_a_command_that_does_not_exist_is_an_error(serve):
    channel = serve("--", "/no/such/command", "argument")
    assert channel.exit_status() == 3
    says(channel.stderr, "/no/such/command", "no such file")


def test_a_server_with_a_wrong_token_never_attaches(serve):
    channel = serve("--attach-timeout", "20", "--", *server("wrong-token"))
    assert channel.exit_status() == 3
    says(channel.stderr, "token")
    assert channel.messages(PROXY, "Attached") == []


def test_nobody_listening_is_an_error_that_names_the_address(serve):
    port = support.free_port()
    channel = serve("--connect", f"127.0.0.1:{port}", "--attach-timeout", "0.5")
    assert channel.exit_status() == 3
    says(channel.stderr, str(port), ("refused", "nobody", "no server"))


def test_a_port_in_use_is_an_error_that_names_it(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        channel = serve("--listen", address, "--", *server("good"))
        assert channel.exit_status() == 3
    says(channel.stderr, address, ("in use", "EADDRINUSE"))
    assert channel.packets == []


def test_a_unix_socket_is_out_of_reach_of_others_wherever_it_is(serve, tmp_path):
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o777)
    gate = tmp_path / "gate"
    command = server("--wait-for", gate, "good")
    channel = serve("--listen", f"unix:{public}/socket", "--", *command)
    channel.ready()
    assert (public / "socket").stat().st_mode & 0o077 == 0
    gate.touch()
    channel.attached()
    assert channel.goodbye() == 0


# The end


def test_goodbye_ends_the_server_and_serve_with_status_0(serve):
    channel = serve("--", *server("good"))
    channel.run_all()
    assert channel.goodbye() == 0
    detached = channel.messages(PROXY, "Detached")
    assert len(detached) == 1
    assert channel.packets[-1].message == detached[0]
    assert detached[0].get("exit") == 0 and "signal" not in detached[0]
    assert channel.stray == b"\n"


def test_the_end_of_stdin_lets_results_flow_on(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("gate", gate))
    channel.hello()
    channel.run()
    channel.wait_status("demo.test_2", "inprogress")
    channel.close_stdin()
    gate.touch()
    channel.wait_message(RPC, "Done", nonce="run")
    channel.exit_status()
    assert channel.stream.statuses == {f"demo.test_{number}": "success" for number in range(5)}


def test_the_end_of_stdin_while_idle_ends_the_server(serve):
    channel = serve("--", *server("good"))
    channel.run_all()
    channel.close_stdin()
    channel.exit_status()
    assert channel.messages(PROXY, "Detached")


def test_the_end_of_stdin_before_any_server_is_one_for_the_server_too(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("--wait-for", gate, "good"))
    channel.ready()
    channel.send(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
    channel.close_stdin()
    gate.touch()
    channel.wait_message(RPC, "Done", nonce="run")
    channel.exit_status()
    assert len(channel.stream.statuses) == 5


def test_the_reader_of_stdout_gone_while_idle_ends_all(serve):
    channel = serve("--", *server("good"))
    channel.run_all()
    channel.close_stdout()
    assert channel.exit_status() == 3
    says(channel.stderr, ("reader", "stdout", "channel", "client"))


def test_the_reader_of_stdout_gone_in_a_test_ends_all(serve):
    channel = serve("--", *server("hang"))
    channel.hello()
    channel.run()
    channel.wait_status("demo.test_2", "inprogress")
    channel.close_stdout()
    assert channel.exit_status() == 3


def test_the_reader_of_stdout_gone_in_a_flood_ends_all(serve):
    channel = serve("--", *server("big-attachment", "1000"), reading=False)
    channel.send(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
    os.read(channel.process.stdout.fileno(), 100_000)
    channel.process.stdout.close()
    assert channel.exit_status() == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_server_and_serve(serve, number):
    channel = serve("--", *server("orphan"))
    channel.run_all()
    channel.process.send_signal(number)
    assert channel.exit_status() == 3
    says(channel.stderr, number.name)
    if number != signal.SIGHUP:  # then there is nobody to tell
        assert channel.messages(PROXY, "Detached")


def test_sigkill_of_serve_lets_the_server_end(serve):
    channel = serve("--", *server("good"))
    channel.run_all()
    channel.process.kill()
    channel.process.wait()


def test_a_server_that_ignores_term_is_killed_after_the_grace_period(serve):
    channel = serve("--grace", "3", "--", *server("ignore-term"))
    channel.run_all()
    channel.process.terminate()
    assert channel.exit_status() == 3
    assert channel.messages(PROXY, "Detached")[0].get("signal") == signal.SIGKILL


def test_a_server_that_ignores_goodbye_is_ended(serve):
    channel = serve("--grace", "3", "--", *server("ignore-goodbye"))
    channel.run_all()
    channel.send(message(msg="Goodbye"))
    channel.close_stdin()
    channel.exit_status()


def test_children_of_the_server_are_ended_with_it(serve):
    channel = serve("--", *server("orphan"))
    channel.run_all()
    assert support.running(CHILD)
    channel.goodbye()
    wait_until(lambda: not support.running(CHILD), "the child's end")


def test_a_daemon_that_holds_stdout_does_not_hold_up_the_end(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--", *server("hold-stdout", gate))
    channel.run_all()
    assert channel.goodbye() == 0
    assert not support.running("sh -c until")  # in a session of its own: it ends with the run


@pytest.mark.skipif(os.getuid() != 0, reason="a process namespace of our own takes root")
def test_zombies_that_nobody_reaps_do_not_hold_up_the_end(processes):
    """As in a container, whose first process is no init."""
    first = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
    command = [support.SERVE_BINARY, "serve", "--", *server("zombie")]
    process = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", support.PYTHON, "-c", first, *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    processes.append(process)
    words = [message(msg="Hello", max=1, min=1), message(msg="Run", nonce="run"),
             message(msg="Goodbye")]
    ended = support.finish(process, stdin=b"".join(words))
    assert ended.status == 0
    assert support.cut(bytearray(ended.stdout), ends_lines=True)[1] == b"\n"  # before Ready
    assert len(ended.stream.statuses) == 5


# Crashes


@pytest.mark.parametrize(
    "mode, cause", [("kill-in-test", ("SIGKILL", "signal 9")), ("exit-in-test", ("9",))]
)
def test_a_server_that_dies_in_a_test_fails_exactly_that_test(serve, mode, cause):
    channel = serve("--", *server(mode))
    channel.hello()
    channel.run()
    assert channel.exit_status() == 3
    stream = channel.stream
    assert stream.statuses == {
        "demo.test_0": "success", "demo.test_1": "success", "demo.test_2": "fail",
    }
    details = stream.details("demo.test_2")
    says(details, cause, "last words")
    assert stream.output("demo.test_2", "stdout") == b"demo.test_2\n"
    assert stream.output("demo.test_2", "stderr") == b"last words\n"
    (detached,) = channel.messages(PROXY, "Detached")
    if mode == "kill-in-test":
        assert detached.get("signal") == signal.SIGKILL and "exit" not in detached
    else:
        assert detached.get("exit") == 9 and "signal" not in detached
    assert channel.packets[-1].message == detached


def test_a_server_that_dies_between_tests_fails_none(serve):
    channel = serve("--", *server("kill-between"))
    channel.hello()
    channel.run()
    assert channel.exit_status() == 3
    assert channel.stream.statuses == {f"demo.test_{number}": "success" for number in range(3)}
    assert channel.messages(PROXY, "Detached")[0].get("signal") == signal.SIGKILL


def test_a_server_that_closes_its_connection_in_a_test_fails_it_and_is_ended(serve):
    channel = serve("--grace", "3", "--", *server("close-in-test"))
    channel.hello()
    channel.run()
    assert channel.exit_status() == 3
    assert channel.stream.failed() == ["demo.test_2"]
