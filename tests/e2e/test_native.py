"""C++ test servers as such: requests, children, and the end. GoogleTest's program stands for all."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest

import native
from native import MODES
import support
from support import RPC, message, says, wait_until

OUTCOMES = "gtest_outcomes"
HANGS, PASSES = "Crash.Hangs", "Plain.Passes"


def serving(serve, mode="fork", version=2, **variables):
    """A serve that has said Hello."""
    started = serve("--", *native.command(OUTCOMES, mode=mode, **variables))
    started.attached()
    started.send(message(msg="Hello", max=version, min=1))
    started.wait_message(RPC, "Hello")
    return started


def hanging(serve, **more):
    started = serving(serve, **more)
    started.run(tests=[PASSES, HANGS, "Crash.DoesNotFollow"])
    started.wait(lambda: started.stream.output(HANGS, "stdout") == b"ready\n", "it hangs")
    return started


def processes():
    return support.running(native.program(OUTCOMES))


@MODES
def test_a_server_runs_tests_as_often_as_it_is_asked_to(mode, serve):
    started = serving(serve, mode)
    for nonce in ("1", "2", "3"):
        started.run(nonce, tests=[PASSES])
        started.wait_message(RPC, "Done", nonce=nonce)
    assert started.stream.ended == {(PASSES, "success"): 3}
    assert started.goodbye() == 0
    assert processes() == []


@MODES
def test_it_promises_settled_output_and_speaks_version_1_too(mode, serve):
    started = serving(serve, mode, version=1)
    assert started.messages(RPC, "Hello")[0]["output"] == "settled"
    started.run(tests=[PASSES])
    started.wait_message(RPC, "Done", nonce="run")
    assert started.goodbye() == 0


@MODES
def test_unknown_tests_fail_and_none_is_an_answer_too(mode, serve):
    started = serving(serve, mode)
    started.run("none", tests=[])
    started.wait_message(RPC, "Done", nonce="none")
    started.run("some", tests=["No.Such", PASSES, PASSES, "No.Such"])
    started.wait_message(RPC, "Done", nonce="some")
    assert started.stream.statuses == {"No.Such": "fail", PASSES: "success"}
    says(started.stream.details("No.Such"), "no test of this name")
    started.send(message(msg="List", nonce="list", tests=["No.Such", PASSES]))
    started.wait_message(RPC, "Done", nonce="list")
    assert started.stream.listed == [PASSES]
    assert started.goodbye() == 0


@pytest.mark.parametrize("mode", ["fork", "threads"])
def test_ping_is_answered_and_a_run_cancelled_while_a_test_hangs(mode, serve):
    started = hanging(serve, mode=mode)
    started.send(message(msg="Ping", nonce="ping"))
    started.wait_message(RPC, "Pong", nonce="ping")
    started.run("waits", tests=["Shared.One"])
    started.run("next", tests=["Shared.Two"])
    started.send(message(msg="Cancel", nonce="waits") + message(msg="Cancel", nonce="run"))
    started.wait_message(RPC, "Done", nonce="next")
    assert started.stream.statuses == {PASSES: "success", HANGS: "fail", "Shared.Two": "success"}
    says(started.stream.details(HANGS), "cancelled")
    assert started.stream.output(HANGS, "stdout") == b"ready\ncleaned up\n"
    assert [each["nonce"] for each in started.messages(RPC, "Done")] == ["waits", "run", "next"]
    assert started.goodbye() == 0


def test_without_fork_a_cancel_comes_between_two_tests(serve, tmp_path):
    gate = tmp_path / "gate"
    started = serving(serve, "no-fork", GATE=str(gate))
    started.run(tests=["Gated.Waits", "Gated.Follows"])
    started.wait_status("Gated.Waits", "inprogress")
    started.send(message(msg="Ping", nonce="ping") + message(msg="Cancel", nonce="run"))
    gate.touch()
    started.wait_message(RPC, "Done", nonce="run")
    started.wait_message(RPC, "Pong", nonce="ping")
    started.run("again", tests=["Gated.Waits"])
    started.wait_message(RPC, "Done", nonce="again")
    assert started.stream.ended == {("Gated.Waits", "success"): 2}
    assert b"followed" not in started.stream.all_output("stdout")
    assert started.goodbye() == 0


@pytest.mark.parametrize("mode", ["fork", "threads"])
def test_goodbye_ends_what_hangs(mode, serve):
    started = hanging(serve, mode=mode)
    assert started.goodbye() == 0
    assert processes() == []


@contextlib.contextmanager
def dialled(tmp_path, mode):
    """A server without a proxy, which would end its children in any case, and the connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        environment = {**os.environ, "SUBUNIT_RPC_LOCAL": f"unix:{tmp_path}/s"}
        process = subprocess.Popen(native.command(OUTCOMES, mode=mode), env=environment)
        connection, _ = listener.accept()
        with connection:
            yield process, connection
        process.wait()


def receive_until(connection, wanted):
    data = b""
    while wanted not in data:
        piece = connection.recv(65536)
        assert piece, f"the end came before {wanted}"
        data += piece


@pytest.mark.parametrize("mode", ["fork", "threads"])
@pytest.mark.parametrize("end", ["kill", "close"])
def test_the_end_of_the_server_or_of_its_client_ends_the_child(end, mode, tmp_path):
    with dialled(tmp_path, mode) as (process, connection):
        connection.sendall(message(msg="Hello", max=2, min=1)
                           + message(msg="Run", nonce="run", tests=[HANGS]))
        receive_until(connection, HANGS.encode())
        assert len(processes()) == 2
        process.kill() if end == "kill" else connection.close()
        wait_until(lambda: processes() == [], "both are gone")


def test_a_child_that_is_killed_from_outside_fails_its_test(serve):
    started = hanging(serve)
    os.kill(support.find_process(native.program(OUTCOMES), forked=True), signal.SIGKILL)
    started.wait_message(RPC, "Done", nonce="run")
    assert started.stream.statuses[HANGS] == "fail"
    assert started.stream.statuses["Crash.DoesNotFollow"] == "success"
    says(started.stream.details(HANGS), "SIGKILL (9)")
    assert started.goodbye() == 0


@pytest.mark.parametrize("mode", ["fork", "no-fork"])
def test_a_test_that_kills_the_proxy_does_not_take_the_results_of_others_with_it(
    serve, mode, tmp_path
):
    victim = tmp_path / "victim"
    chosen = [PASSES, "Crash.DoesNotFollow", "Gated.Follows"]
    for _ in range(8):  # it was a matter of chance
        victim.unlink(missing_ok=True)
        started = serving(serve, mode, VICTIM=str(victim))
        victim.write_text(str(started.process.pid))
        started.run(tests=chosen)
        assert started.exit_status() == -signal.SIGKILL
        assert started.stream.ended == {(name, "success"): 1 for name in chosen[:2]}


def test_what_a_run_leaves_in_memory_the_next_does_not_see_only_with_fork(serve):
    for mode, expected in (("fork", {"success": 2}), ("no-fork", {"success": 1, "fail": 1})):
        started = serving(serve, mode)
        for nonce in ("1", "2"):
            started.run(nonce, tests=["Plain.IsFirst"])
            started.wait_message(RPC, "Done", nonce=nonce)
        counts = {status: count for (_, status), count in started.stream.ended.items()}
        assert counts == expected
        assert started.goodbye() == 0


def test_threads_are_named_once(serve):
    started = serving(serve, "threads")
    for nonce in ("1", "2"):
        started.run(nonce, tests=[PASSES])
        started.wait_message(RPC, "Done", nonce=nonce)
    assert started.goodbye() == 0
    assert started.stream.all_output("stderr").count(b"has started a thread") == 1


def test_a_program_that_nobody_serves_tells_how(monkeypatch):
    monkeypatch.delenv("SUBUNIT_RPC_ADDRESS", raising=False)
    monkeypatch.delenv("SUBUNIT_RPC_LOCAL", raising=False)
    ended = native.directly(OUTCOMES, "--subunit-rpc")
    assert ended.returncode == 3
    says(ended.stderr.decode(), "subunit-proxy serve -- PROGRAM --subunit-rpc")
