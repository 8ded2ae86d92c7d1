"""A server that is told by its environment where to go, as the proxy does it."""

import json
import os
import signal
import socket

import pytest

from rpc_client import TIMEOUT, Client
from subunit_rpc import Packet, Pong

ONE = "basic.Basic.test_pass"


@pytest.fixture
def listener():
    """A listening socket, and its address as the environment has it."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(TIMEOUT)
        yield sock, "127.0.0.1:%d" % sock.getsockname()[1]


@pytest.fixture
def dialed(start, listener):
    """Starts a server, and gives it and a Client that has not said anything."""
    clients = []

    def dial(*arguments, token=None, **popen):
        sock, address = listener
        env = {"SUBUNIT_RPC_ADDRESS": address}
        if token is not None:
            env["SUBUNIT_RPC_TOKEN"] = token
        process = start(*arguments, env=env, **popen)
        clients.append(Client(sock.accept()[0]))
        return process, clients[-1]

    yield dial
    for client in clients:
        client.sock.close()


@pytest.mark.parametrize("mode", [[], ["--fork"], ["--reload"]])
def test_it_serves_until_goodbye(dialed, mode):
    process, client = dialed(*mode, "basic")
    client.hello()
    for _ in range(2):
        assert client.run([ONE]).statuses == [(ONE, "success")]
    client.goodbye()
    assert process.exit_status() == 0
    assert (process.stdout, process.stderr) == ("", "")


LOADS_ONCE = """\
import os, threading, time, unittest

threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
try:
    os.mkdir("loaded")
except FileExistsError:
    time.sleep(1000)

class T(unittest.TestCase):
    def test(self):
        pass
"""


def test_a_goodbye_while_the_tests_are_loaded_again_is_one_like_any_other(dialed, tmp_path):
    (tmp_path / "loads_once.py").write_text(LOADS_ONCE)
    process, client = dialed("--fork", "loads_once", cwd=tmp_path)
    client.hello()
    assert client.run().statuses == [("loads_once.T.test", "success")]
    client.goodbye()
    assert process.exit_status() == 0


def test_it_dials_a_path_too(start, tmp_path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
        sock.listen()
        sock.settimeout(TIMEOUT)
        process = start("basic", env={"SUBUNIT_RPC_ADDRESS": f"unix:{tmp_path / 'socket'}"})
        with Client(sock.accept()[0]) as client:
            client.hello()
            client.goodbye()
    assert process.exit_status() == 0


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_it_prefers_the_local_way(start, listener, tmp_path, kind):
    name = str(tmp_path / "socket") if kind == "path" else f"@{tmp_path}"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(name.replace("@", "\0"))
        sock.listen()
        sock.settimeout(TIMEOUT)
        env = {"SUBUNIT_RPC_LOCAL": f"unix:{name}", "SUBUNIT_RPC_ADDRESS": listener[1]}
        process = start("hostile", env=env)
        with Client(sock.accept()[0]) as client:
            client.hello()
            test_id = "hostile.Hostile.test_sees_the_environment"
            assert client.run([test_id]).statuses == [(test_id, "success")]
            client.goodbye()
    assert process.exit_status() == 0


def test_it_takes_the_address_where_the_local_way_is_not_there(start, listener, tmp_path):
    sock, address = listener
    env = {"SUBUNIT_RPC_LOCAL": f"unix:{tmp_path}/none", "SUBUNIT_RPC_ADDRESS": address}
    process = start("basic", env=env)
    with Client(sock.accept()[0]) as client:
        client.hello()
        client.goodbye()
    assert process.exit_status() == 0


def test_the_local_way_alone_will_do(start, tmp_path):
    process = start("basic", env={"SUBUNIT_RPC_LOCAL": f"unix:{tmp_path}/none"})
    assert process.exit_status() == 3
    assert process.stderr.startswith(f"subunit_rpc: cannot connect to unix:{tmp_path}/none: ")


def test_its_first_packet_carries_the_token(dialed):
    process, client = dialed("basic", token="0123 ü")
    packet = client.next_event()
    assert isinstance(packet, Packet)
    assert packet.test_id == "testrepository-proxy"
    assert packet.mime_type == "application/json"
    assert packet.eof
    assert json.loads(packet.file_bytes) == {"msg": "Attach", "token": "0123 ü"}
    client.hello()
    client.goodbye()
    assert process.exit_status() == 0


def test_without_a_token_it_says_nothing_before_hello(dialed):
    _, client = dialed("basic")
    client.hello()
    client.goodbye()


def test_neither_address_nor_token_reach_the_tests(dialed):
    _, client = dialed("hostile", token="secret")
    assert isinstance(client.next_event(), Packet)
    client.hello()
    test_id = "hostile.Hostile.test_sees_the_environment"
    assert client.run([test_id]).statuses == [(test_id, "success")]
    client.goodbye()


def test_listen_goes_before_the_environment(start):
    process = start("--listen", "0", "hostile", env={"SUBUNIT_RPC_ADDRESS": "127.0.0.1:1"})
    with process.client() as client:
        test_id = "hostile.Hostile.test_sees_the_environment"
        assert client.run([test_id]).statuses == [(test_id, "success")]
        client.goodbye()


def test_nobody_to_connect_to_is_status_3(start):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = "127.0.0.1:%d" % sock.getsockname()[1]
    process = start("basic", env={"SUBUNIT_RPC_ADDRESS": address})
    assert process.exit_status() == 3
    assert process.stderr == f"subunit_rpc: cannot connect to {address}: Connection refused\n"


def test_a_client_that_never_says_hello_is_status_3(dialed):
    process, client = dialed("--hello-timeout", "0.1", "basic")
    assert client.sock.recv(1) == b""
    client.sock.close()
    assert process.exit_status() == 3
    assert process.stderr == "subunit_rpc: the client sent no Hello within 0.1 s\n"


def test_a_client_that_goes_away_without_goodbye_is_status_3(dialed):
    process, client = dialed("basic")
    client.hello()
    client.sock.close()
    assert process.exit_status() == 3
    assert process.stderr == "subunit_rpc: the client closed the connection without Goodbye\n"


def test_what_was_asked_before_the_end_of_the_stream_is_answered(dialed):
    process, client = dialed("basic")
    client.hello()
    nonces = [client.session.run([ONE]), client.session.list([ONE])]
    client.send()
    client.sock.shutdown(socket.SHUT_WR)
    assert [len(client.until_done(nonce)) for nonce in nonces] == [2, 1]
    assert process.exit_status() == 3
    assert "without Goodbye" in process.stderr


def test_a_protocol_error_is_status_3(dialed):
    process, client = dialed("basic")
    client.hello()
    client.sock.sendall(b"banner\n")
    assert client.sock.recv(1) == b""
    client.sock.close()
    assert process.exit_status() == 3
    assert process.stderr == (
        "subunit_rpc: no packet starts with these bytes: banner\\n\n"
    )


def test_it_dials_and_answers_while_an_import_is_stuck_and_a_signal_ends_it(dialed, tmp_path):
    (tmp_path / "stuck.py").write_text("import time; print('loading'); time.sleep(60)")
    process, client = dialed("stuck", cwd=tmp_path)
    process.wait_for_stdout("loading")
    client.hello()
    client.session.list()
    ping = client.session.ping()
    client.send()
    assert client.next_event() == Pong(ping)
    process.process.send_signal(signal.SIGINT)
    assert process.exit_status() == 130
    assert process.stderr == ""


FAULTS = {
    "syntax": ("def (", "SyntaxError"),
    "value": ("raise ValueError('at import')", "ValueError: at import"),
    "leaves": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "missing": ("import no_such_module", "No module named 'no_such_module'"),
}


@pytest.mark.parametrize("how", ["names", "discover"])
def test_modules_that_cannot_be_imported_are_failed_tests_beside_the_others(
    start, listener, tmp_path, how
):
    for name, (text, _) in FAULTS.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    (tmp_path / "test_skip.py").write_text("import unittest; raise unittest.SkipTest('no')")
    (tmp_path / "test_fine.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): pass\n"
    )
    names = sorted(path.stem for path in tmp_path.glob("*.py"))
    sock, address = listener
    arguments = ["discover"] if how == "discover" else names
    start(*arguments, cwd=tmp_path, env={"SUBUNIT_RPC_ADDRESS": address})
    with Client(sock.accept()[0]) as client:
        client.hello()
        expected = {f"unittest.loader._FailedTest.test_{name}": "fail" for name in FAULTS}
        expected["test_fine.T.test_it"] = "success"
        expected["unittest.loader.ModuleSkipped.test_skip"] = "skip"
        assert sorted(client.list()) == sorted(expected)
        for asked in (None, sorted(expected)):
            results = client.run(asked)
            assert dict(results.statuses) == expected
            for name, (_, text) in FAULTS.items():
                test_id = f"unittest.loader._FailedTest.test_{name}"
                assert text in results.attachment(test_id, "traceback")
        client.goodbye()


def test_the_listening_side_sees_a_process_that_is_gone_as_an_end(dialed):
    process, client = dialed("basic")
    client.hello()
    os.kill(process.pid, signal.SIGKILL)
    assert client.next_event().goodbye is False
