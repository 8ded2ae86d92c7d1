"""`serve` with several test servers behind one channel: routes, ends, and who gets what."""

import os
import signal
import socket
import subprocess

import pytest

import native
import support
from support import (
    PROXY, RPC, by_worker, encode, message, python, says, server, wait_until,
)

FOUR = ["0", "1", "2", "3"]
ALL = {f"demo.test_{number}": "success" for number in range(5)}


def listening_server(processes, *arguments):
    """A test server that somebody else has started. Its port."""
    processes.append(
        subprocess.Popen(
            server("--listen", "127.0.0.1:0", *arguments),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
    )
    return processes[-1].stderr.readline().split()[-1].decode()


def dialling_server(processes, channel, *arguments):
    """One that dials in."""
    address = channel.ready()["listening"]
    processes.append(
        subprocess.Popen(
            server(*arguments), env={**os.environ, "SUBUNIT_RPC_ADDRESS": address},
            stdout=subprocess.DEVNULL,
        )
    )


# Routes


def test_each_server_has_a_route_a_process_and_a_number_of_its_own(serve):
    channel = serve("--workers", "4", "--", *server("good"))
    pids = {channel.attached_at(route)["pid"] for route in FOUR}
    assert len(pids) == 4
    tokens = set()
    for route in FOUR:
        pid = channel.attached_at(route)["pid"]
        environ = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
        variables = dict(each.split(b"=", 1) for each in environ if each)
        assert variables[b"SUBUNIT_RPC_WORKER"].decode() == route
        tokens.add(variables[b"SUBUNIT_RPC_TOKEN"])
    assert len(tokens) == 4
    assert channel.goodbye() == 0


def test_one_hello_reaches_every_server_and_a_run_the_one_that_is_meant(serve):
    channel = serve("--workers", "4", "--", *server("good"))
    channel.hello(*FOUR)
    channel.run_at("2", nonce="a")
    channel.run_at("0", "3", nonce="b")
    for route in FOUR:
        assert channel.stream_at(route).statuses == ({} if route == "1" else ALL)
    for packet in channel.packets:
        assert (packet.route_code is None) == (packet.test_id == PROXY)
    assert channel.goodbye() == 0
    assert sorted(m["route"] for m in channel.messages(PROXY, "Detached")) == FOUR
    assert {m["reason"] for m in channel.messages(PROXY, "Detached")} == {"goodbye"}
    assert channel.stray == b"\n"


def test_a_hello_before_anybody_is_there_reaches_all(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--workers", "3", "--", *server("--wait-for", gate, "good"))
    channel.ready()
    channel.send(message(msg="Hello", max=1, min=1))
    gate.touch()
    for route in "012":
        channel.wait_message(RPC, "Hello", at=route)
    assert channel.goodbye() == 0


@pytest.mark.parametrize("language", ["python", "c++"])
def test_a_goodbye_to_all_ends_a_server_that_was_not_greeted_without_a_word(serve, language):
    suite = python("-m", "subunit_rpc", "noisy.friendly")
    command = suite if language == "python" else native.command("doctest_example")
    channel = serve("--workers", "2", "--", *command)
    for route in "01":
        channel.attached_at(route)
    channel.send(message(to="0", msg="Hello", max=1, min=1))
    channel.wait_message(RPC, "Hello", at="0")
    assert channel.goodbye() == 0
    assert {m["reason"] for m in channel.messages(PROXY, "Detached")} == {"goodbye"}
    assert channel.stream.all_output("stderr") == b""


def test_a_goodbye_to_all_closes_the_connection_of_who_was_not_greeted(serve, processes):
    channel = serve("--listen", "127.0.0.1:0", "--max-servers", "2")
    dialling_server(processes, channel, "good")
    channel.attached_at("0")
    assert channel.goodbye() == 0
    assert {m["reason"] for m in channel.messages(PROXY, "Detached")} == {"goodbye"}
    processes[-1].wait(timeout=support.LIMIT)


def test_packets_pass_unchanged_but_for_the_first_hop_of_their_route(serve):
    channel = serve("--workers", "2", "--", *server("echo"))
    channel.hello("0", "1")
    fields = [
        dict(test_id="a", test_status="skip", test_tags={"x"}),
        dict(test_id="b", file_name="core", file_bytes=bytes(range(256)) * 16000),  # 4 MB
        dict(file_name="f", file_bytes=b"\xb3" * 16370),
        dict(test_id="ü" * 100, test_status="exists"),
    ]
    for each in fields:
        for below in ("", "/7", "/7/8"):
            channel.send(encode(**each, route_code="1" + below))
    channel.run_at("1")
    expected = [
        encode(**each, route_code="1" + below) for each in fields for below in ("", "/7", "/7/8")
    ]
    assert [p.raw for p in channel.packets if p.raw in expected] == expected
    assert channel.goodbye() == 0


@pytest.mark.parametrize("route", ["7", "1/0/2", "00", "x", "", "-0", "99999999999999999999"])
def test_a_packet_for_nobody_is_refused_with_its_route(serve, route):
    channel = serve("--workers", "2", "--", *server("good"))
    channel.hello("0", "1")
    if route == "1/0/2":
        os.kill(channel.attached_at("1")["pid"], signal.SIGKILL)
        channel.detached_at("1", signal=signal.SIGKILL)
    channel.run(to=route)
    channel.refused(f'"{route.split("/")[0]}"', "gone" if route == "1/0/2" else "no such")
    channel.run_at("0")
    assert channel.goodbye() == 0


def test_a_packet_that_names_no_server_is_refused(serve):
    channel = serve("--workers", "2", "--", *server("good"))
    channel.hello("0", "1")
    channel.run()
    channel.refused("route code")
    assert channel.goodbye() == 0
    assert channel.messages(RPC, "Done") == []


def test_a_packet_for_a_server_that_is_not_there_yet_is_refused(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--workers", "2", "--", *server("--wait-for", gate, "good"))
    channel.ready()
    channel.run(to="1")
    channel.refused('"1"', "yet")
    gate.touch()
    channel.hello("0", "1")
    assert channel.goodbye() == 0


# Other ways to reach several


def test_connects_to_several_that_listen(serve, processes):
    ports = [listening_server(processes, "good") for _ in range(3)]
    arguments = [word for port in ports for word in ("--connect", port)]
    channel = serve(*arguments)
    assert "listening" not in channel.ready()
    for route, port in zip("012", ports):
        assert channel.attached_at(route)["address"].endswith(":" + port)
    channel.hello("0", "1", "2")
    channel.run_at("0", "1", "2")
    assert channel.goodbye() == 0


def test_one_of_several_that_does_not_listen_costs_only_itself(serve, processes):
    port, nobody = listening_server(processes, "good"), support.free_port()
    channel = serve("--connect", port, "--connect", str(nobody))
    says(channel.detached_at("1")["reason"], str(nobody), "refused")
    channel.hello("0")
    channel.run_at("0")
    assert channel.goodbye() == 0


def test_whoever_dials_in_is_welcome_and_comes_and_goes(serve, processes):
    channel = serve("--listen", "127.0.0.1:0")
    channel.send(message(msg="Hello", max=1, min=1))
    for number in range(3):
        dialling_server(processes, channel, "good")
        channel.attached_at(str(number))
        channel.wait_message(RPC, "Hello", at=str(number))
    channel.run_at("0", "1", "2")
    channel.send(message(to="1", msg="Goodbye"))
    channel.detached_at("1", reason="goodbye")
    dialling_server(processes, channel, "good")
    channel.attached_at("3")
    channel.run_at("3", "0", nonce="again")
    channel.run(to="1")
    channel.refused('"1"', "no such")
    assert channel.goodbye() == 0


def test_the_only_server_that_dialled_in_needs_no_route_from_the_client(serve, processes):
    channel = serve("--listen", "127.0.0.1:0")
    channel.ready()
    channel.send(message(msg="Hello", max=1, min=1) + message(msg="Run", nonce="run"))
    dialling_server(processes, channel, "good")
    channel.wait_message(RPC, "Done", at="0", nonce="run")
    assert channel.goodbye() == 0


def test_no_more_may_dial_in_than_there_is_room_for(serve, processes):
    channel = serve("--listen", "127.0.0.1:0", "--max-servers", "2")
    dialling_server(processes, channel, "good")
    channel.attached_at("0")
    dialling_server(processes, channel, "good")
    channel.attached_at("1")
    with socket.create_connection(channel.address()) as third:
        third.settimeout(support.LIMIT)
        assert support.is_closed(third)
    channel.send(message(msg="Hello", max=1, min=1))
    channel.run_at("0", "1")
    assert channel.goodbye() == 0


def test_with_room_for_one_there_are_no_routes(serve, processes):
    channel = serve("--listen", "127.0.0.1:0", "--max-servers", "1")
    dialling_server(processes, channel, "good")
    channel.attached()
    channel.run_all()
    assert all(packet.route_code is None for packet in channel.packets)
    assert channel.goodbye() == 0


def test_strangers_among_those_who_dial_in_are_turned_away(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--workers", "16", "--", *server("--wait-for", gate, "good"))
    strangers = [socket.create_connection(channel.address()) for _ in range(40)]
    strangers[-1].sendall(message(PROXY, msg="Attach", token="0" * 32))
    strangers[-2].sendall(b"GET / HTTP/1.0\r\n\r\n")
    gate.touch()
    routes = [str(number) for number in range(16)]
    channel.hello(*routes)
    for stranger in strangers[-2:]:
        stranger.settimeout(support.LIMIT)
        assert support.is_closed(stranger)
    assert channel.goodbye() == 0
    for stranger in strangers:
        stranger.close()


def test_on_a_unix_socket_the_token_says_who_is_who(serve, tmp_path):
    tmp_path.chmod(0o700)
    late = f"[ $SUBUNIT_RPC_WORKER = 3 ] || until [ -e {tmp_path}/gate ]; do sleep 0.01; done"
    command = ["sh", "-c", f"{late}; exec {' '.join(server('good'))}"]
    channel = serve("--workers", "4", "--listen", f"unix:{tmp_path}/socket", "--", *command)
    channel.hello("3")
    (tmp_path / "gate").touch()
    for route in FOUR:
        channel.wait_message(RPC, "Hello", at=route)
        channel.run_at(route)
        assert channel.stream_at(route).output("demo.test_3", "stdout") == b"demo.test_3\n"
    assert channel.goodbye() == 0


NESTED = """
import socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
peer = listener.accept()[0]
listener.close()
sys.exit(subprocess.call(sys.argv[1:], stdin=peer, stdout=peer))
"""


def nested_proxy(processes, *arguments):
    """A `subunit-proxy serve` whose channel is a socket. Its port."""
    command = [support.SERVE_BINARY, "serve", *arguments]
    processes.append(
        subprocess.Popen(
            [support.PYTHON, "-c", NESTED, *command],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
    )
    return processes[-1].stdout.readline().decode().strip()


def test_proxies_nest(serve, processes):
    first = nested_proxy(processes, "--workers", "2", "--", *server("good"))
    second = nested_proxy(processes, "--workers", "2", "--", *by_worker("good", {1: "hang"}))
    channel = serve("--connect", first, "--connect", second)
    for outer in "01":
        channel.wait_message(PROXY, "Ready", at=outer)
        for inner in "01":
            channel.wait_message(PROXY, "Attached", at=outer, route=inner)
    channel.hello("0/0", "0/1", "1/0", "1/1")
    channel.run_at("0/1", "1/0")
    assert channel.stream_at("0/1").statuses == ALL
    assert channel.stream_at("0/1").output("demo.test_3", "stdout") == b"demo.test_3\n"
    # A message to the inner proxy is none of the outer one's.
    channel.send(message(PROXY, to="0", msg="Respawn", route="1"))
    channel.wait_message(PROXY, "Detached", at="0", route="1")
    channel.wait_message(PROXY, "Attached", at="0", route="1")
    # What was in progress behind a proxy that dies has failed under the route it had.
    channel.run(to="1/1")
    channel.wait(lambda: "demo.test_2" in channel.stream_at("1/1").unfinished, "the third test")
    os.kill(support.find_process(f"{support.SERVE_BINARY} serve --workers 2 -- sh"), signal.SIGKILL)
    channel.detached_at("1")
    support.stop(channel.wait_message(PROXY, "Attached", at="1", route="1")["pid"])
    assert channel.stream_at("1/1").failed() == ["demo.test_2"]
    assert channel.goodbye() == 0
    # The line feed before Ready is no output.
    assert not any(p.file_name == "noise" for p in channel.packets)


# The end


@pytest.mark.parametrize("mode, cause", [("kill-in-test", "SIGKILL"), ("exit-in-test", "status 9")])
def test_one_that_dies_fails_its_test_and_the_others_go_on(serve, mode, cause):
    channel = serve("--workers", "4", "--", *by_worker("good", {2: mode}))
    channel.hello(*FOUR)
    channel.run("run", to="2")
    detached = channel.detached_at("2")
    says(detached["reason"], cause)
    assert detached.get("exit") == 9 or detached.get("signal") == signal.SIGKILL
    stream = channel.stream_at("2")
    assert stream.failed() == ["demo.test_2"]
    says(stream.details("demo.test_2"), cause, "in progress", "last words")
    channel.run_at("0", "1", "3")
    assert channel.goodbye() == 0  # that one was gone when Goodbye was said


def test_when_all_have_died_serve_ends(serve):
    channel = serve("--workers", "4", "--", *server("kill-in-test"))
    channel.hello(*FOUR)
    for route in FOUR:
        channel.run(to=route)
    assert channel.exit_status() == 3
    assert sorted(m["route"] for m in channel.messages(PROXY, "Detached")) == FOUR
    assert sorted(p.route_code for p in channel.packets if p.test_status == "fail") == FOUR


def test_one_that_cannot_start_costs_only_itself(serve):
    channel = serve("--workers", "4", "--", *by_worker("good", {1: "exit-7"}))
    says(channel.detached_at("1", exit=7)["reason"], "before it connected")
    assert channel.stream_at("1").output(None, "stderr") == (
        b"server.py: no licence for this machine\n"
    )
    channel.hello("0", "2", "3")
    assert channel.goodbye() == 0


def test_goodbye_to_one_ends_that_one(serve):
    channel = serve("--workers", "3", "--", *server("good"))
    channel.hello("0", "1", "2")
    channel.send(message(to="1", msg="Goodbye"))
    channel.detached_at("1", reason="goodbye", exit=0)
    channel.run_at("0", "2")
    channel.send(message(to="0", msg="Goodbye") + message(to="2", msg="Goodbye"))
    assert channel.exit_status() == 0  # nobody watches, and nobody is left


def test_goodbye_ends_those_that_are_not_there_yet(serve):
    channel = serve(
        "--workers", "3", "--", "sh", "-c",
        f'[ $SUBUNIT_RPC_WORKER = 1 ] && exec sleep 600; exec {" ".join(server("good"))}',
    )
    channel.hello("0", "2")
    assert channel.goodbye() == 0
    assert channel.detached_at("1")["reason"] == "goodbye"


def test_one_that_ends_badly_after_goodbye_is_not_passed_over(serve):
    channel = serve("--workers", "3", "--grace", "3", "--", *by_worker("good", {1: "hang"}))
    channel.hello("0", "1", "2")
    channel.run(to="1")
    channel.wait_status("demo.test_2", "inprogress")
    channel.send(message(msg="Goodbye"))
    channel.close_stdin()
    assert channel.exit_status() == 3
    well = [m for m in channel.messages(PROXY, "Detached") if m["reason"] == "goodbye"]
    assert sorted(m["route"] for m in well) == ["0", "2"]


def test_the_end_of_stdin_lets_the_results_of_all_flow_on(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--workers", "4", "--", *server("gate", gate))
    channel.hello(*FOUR)
    for route in FOUR:
        channel.run(to=route)
    for route in FOUR:
        channel.wait(lambda: "demo.test_2" in channel.stream_at(route).unfinished, "a third test")
    channel.close_stdin()
    gate.touch()
    channel.exit_status()
    for route in FOUR:
        assert channel.stream_at(route).statuses == ALL
        assert channel.messages(RPC, "Done", at=route)


def test_a_signal_ends_all_of_them(serve):
    channel = serve("--workers", "4", "--", *server("orphan"))
    channel.hello(*FOUR)
    channel.run_at(*FOUR)
    channel.process.terminate()
    assert channel.exit_status() == 3
    assert len(channel.messages(PROXY, "Detached")) == 4


# What they print, and how much


def test_what_four_servers_print_at_the_same_time_is_attributed_exactly(serve):
    from noisy import forged, friendly, harsh
    from noisy.expected import expected
    from test_attribution import assert_as_expected

    modules = [friendly, harsh, forged]
    channel = serve(
        "--workers", "4", "--", *python("-m", "subunit_rpc", *(each.__name__ for each in modules))
    )
    channel.hello(*FOUR)
    for nonce in "ab":
        for route in FOUR:
            channel.run(nonce, to=route)
        for route in FOUR:
            channel.wait_message(RPC, "Done", at=route, nonce=nonce)
        table = expected(*(case for module in modules for case in module.CASES))
        packets, channel.packets = channel.packets, []
        for route in FOUR:
            own = [p.raw for p in packets if p.route_code == route and p.test_id != RPC]
            assert_as_expected(support.Stream(b"".join(own)), table)
    channel.goodbye()


@pytest.mark.parametrize("mode", ["big-attachment", "big-stdout"])
def test_who_floods_does_not_starve_the_others(serve, mode):
    routes = [str(number) for number in range(8)]
    channel = serve("--workers", "8", "--", *server("--count", "3", mode, 64))
    channel.hello(*routes)
    channel.stop_reading()
    for route in routes:
        channel.run(to=route)
    for route in routes:
        pid = channel.attached_at(route)["pid"]
        wait_until(lambda: support.is_blocked(pid), "the server's writes block")
    # All have more to say than the channel takes. Whose is what it takes next?
    buffer, sizes = bytearray(), dict.fromkeys(routes, 0)
    while sum(sizes.values()) < 12 << 20:
        buffer += os.read(channel.process.stdout.fileno(), 64 << 10)
        for raw in support.cut(buffer)[0]:
            sizes[support.decode(raw).route_code] += len(raw)
    assert min(sizes.values()) > max(sizes.values()) / 32, sizes
    channel.start_reading()
    channel.process.terminate()
    channel.exit_status()


@pytest.mark.parametrize("mode", ["big-attachment", "big-stdout"])
def test_memory_stays_bounded_while_nobody_reads_what_eight_servers_say(serve, mode):
    routes = [str(number) for number in range(8)]
    channel = serve("--workers", "8", "--", *server("--count", "3", mode, 24))
    channel.hello(*routes)
    channel.stop_reading()
    for route in routes:
        channel.run(to=route)
    writers = [channel.attached_at(route)["pid"] for route in routes]
    for pid in writers:
        wait_until(lambda: support.is_blocked(pid), "the server's writes block")
    bound = (512 if support.is_sanitized() else 16) << 20
    assert support.peak_memory(channel.process.pid) < bound
    channel.start_reading()
    for route in routes:
        channel.wait_message(RPC, "Done", at=route, nonce="run")
    name = "core" if mode == "big-attachment" else "stdout"
    for route in routes:
        size = sum(
            len(p.file_bytes) for p in channel.packets
            if p.route_code == route and support.is_output(p.file_name, name)
        )
        assert size == 24 << 20
    assert support.peak_memory(channel.process.pid) < bound
    assert channel.goodbye() == 0


def test_a_server_that_does_not_read_does_not_keep_packets_from_the_others(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--workers", "2", "--", *by_worker("good", {1: f"deaf {gate}"}))
    for route in "01":
        channel.attached_at(route)
    channel.hello("0")
    packet = encode(test_id="x", file_name="f", file_bytes=bytes(60_000), route_code="1")
    for _ in range(100):  # more than the sockets hold
        channel.send(packet)
    channel.run_at("0")
    gate.touch()
    channel.run_at("1")
    assert channel.goodbye() == 0
