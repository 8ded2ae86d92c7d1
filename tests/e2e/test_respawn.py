"""`serve` starts servers again, and stays for that when a client watches."""

import contextlib
import os
import signal

import pytest

import support
from support import PROXY, RPC, by_worker, message, says, server, wait_until

ALL = {f"demo.test_{number}": "success" for number in range(5)}


@pytest.mark.parametrize("routes", [(None,), ("0", "1")], ids=["one", "two"])
def test_a_server_is_started_again_with_everything_of_its_own(serve, routes):
    channel = serve("--workers", str(len(routes)), "--", *server("good"))
    channel.hello(*routes)
    first = channel.attached_at(routes[-1])["pid"]
    token = token_of(first)
    channel.respawn(routes[-1], reason="it had run a test")
    assert channel.detached_at(routes[-1])["reason"] == "it had run a test"
    second = channel.attached_at(routes[-1], 2)["pid"]
    assert second != first and token_of(second) != token
    # Hello was said once, and holds for this one too.
    channel.wait(lambda: len(channel.messages(RPC, "Hello", routes[-1])) == 2, "its Hello")
    channel.run_at(*routes)
    for route in routes:
        assert channel.stream_at(route).statuses == ALL
    assert channel.goodbye() == 0


def token_of(pid):
    environ = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
    return next(each for each in environ if each.startswith(b"SUBUNIT_RPC_TOKEN="))


@pytest.mark.parametrize("mode", ["hang", "hang-ignoring-term", "burn"])
def test_a_server_that_hangs_is_replaced_and_its_test_has_failed(serve, mode):
    channel = serve("--workers", "2", "--grace", "3", "--", *by_worker("good", {1: mode}))
    channel.hello("0", "1")
    channel.run(to="1")
    channel.wait_status("demo.test_2", "inprogress")
    channel.respawn("1", reason="timed out after 3 s")
    detached = channel.detached_at("1")
    assert detached["reason"] == "timed out after 3 s"
    assert detached["signal"] == (
        signal.SIGKILL if mode == "hang-ignoring-term" else signal.SIGTERM
    )
    stream = channel.stream_at("1")
    assert stream.failed() == ["demo.test_2"]
    says(stream.details("demo.test_2"), "timed out after 3 s while this test was in progress",
         "stdout of the server", "demo.test_1")  # what it prints in this test may come too late
    channel.attached_at("1", 2)
    channel.run_at("1", nonce="again", tests=["demo.test_0"])
    channel.run_at("0")
    assert channel.goodbye() == 0


def test_without_a_reason_the_failure_says_that_it_was_asked_for(serve):
    channel = serve("--", *server("hang"))
    channel.hello()
    channel.run()
    channel.wait_status("demo.test_2", "inprogress")
    channel.respawn()
    channel.wait_status("demo.test_2", "fail")
    says(channel.stream.details("demo.test_2"), "restarted on request while")
    channel.attached_at(None, 2)
    channel.run("again", tests=["demo.test_1"])
    channel.wait_message(RPC, "Done", nonce="again")
    assert channel.goodbye() == 0


def test_two_requests_are_one_restart(serve):
    channel = serve("--workers", "2", "--", *server("good"))
    channel.hello("0", "1")
    for _ in range(5):
        channel.respawn("1")
    channel.attached_at("1", 2)
    channel.respawn("1")
    channel.attached_at("1", 3)
    channel.run_at("1")
    assert channel.goodbye() == 0
    assert len(channel.messages(PROXY, "Attached")) == 4
    assert len(channel.messages(PROXY, "Detached")) == 4
    assert channel.messages(PROXY, "Refused") == []


def test_a_request_while_the_new_server_is_not_there_yet_changes_nothing(serve, tmp_path):
    gate = tmp_path / "gate"
    gate.touch()
    channel = serve("--workers", "2", "--", *server("--wait-for", gate, "good"))
    channel.hello("0", "1")
    gate.unlink()
    channel.respawn("1")
    channel.detached_at("1")
    wait_until(lambda: len(support.running(support.SERVER_PROCESS)) == 2, "the new server")
    channel.respawn("1")
    channel.run_at("0")  # so that was heard
    gate.touch()
    channel.attached_at("1", 2)
    assert len(channel.messages(PROXY, "Detached")) == 1
    assert channel.goodbye() == 0


def test_a_crash_and_a_restart_at_once(serve):
    channel = serve("--workers", "2", "--", *by_worker("good", {1: "kill-in-test"}))
    channel.hello("0", "1")
    for times in range(1, 6):
        channel.run(f"run-{times}", to="1")
        channel.wait(
            lambda: len([m for m in channel.messages(PROXY, "Detached")]) == times, "the crash"
        )
        channel.respawn("1")
        channel.attached_at("1", times + 1)
    assert len([p for p in channel.packets if p.test_status == "fail"]) == 5
    channel.run_at("0")
    assert channel.goodbye() == 0


def test_every_server_dead_is_no_end_for_a_client_that_watches(serve):
    channel = serve("--workers", "2", "--", *server("kill-in-test"))
    channel.watch()
    channel.hello("0", "1")
    for route in "01":
        channel.run(to=route)
        channel.detached_at(route)
    channel.alive(lambda servers: not servers, "nobody is there")
    channel.run("late", to="0")
    channel.refused('"0"', "gone")
    for route in "01":
        channel.respawn(route)
        channel.attached_at(route, 2)
        channel.run_at(route, nonce="again", tests=["demo.test_0"])
    assert channel.goodbye() == 0


@pytest.mark.parametrize("end", ["goodbye", "stdin"])
def test_a_client_that_watches_ends_serve_when_nobody_is_left(serve, end):
    channel = serve("--", *server("kill-in-test"))
    channel.watch()
    channel.hello()
    channel.run()
    channel.detached_at(None)
    if end == "goodbye":
        assert channel.goodbye() == 0
    else:
        channel.close_stdin()
        assert channel.exit_status() == 3


def test_a_server_may_fail_to_start_and_start_the_next_time(serve, tmp_path):
    gate = tmp_path / "gate"
    command = f'[ -e {gate} ] || exit 4; exec {" ".join(server("good"))}'
    wait = f"until [ -e {tmp_path}/watched ]; do sleep 0.01; done"
    channel = serve("--", "sh", "-c", f"{wait}; {command}")
    channel.watch()
    channel.alive(lambda servers: True, "the first Alive")
    (tmp_path / "watched").touch()
    assert channel.detached_at(None)["exit"] == 4
    gate.touch()
    channel.respawn()
    channel.attached()
    channel.run_all()
    assert channel.goodbye() == 0


def test_a_new_server_that_does_not_attach_in_time_is_given_up(serve, tmp_path):
    gate = tmp_path / "gate"
    command = f'[ -e {gate} ] && exec sleep 600; exec {" ".join(server("good"))}'
    channel = serve("--workers", "2", "--attach-timeout", "10", "--", "sh", "-c", command)
    channel.hello("0", "1")
    gate.touch()
    channel.respawn("1")
    channel.wait(lambda: len(channel.messages(PROXY, "Detached")) == 2, "the second end")
    says(channel.messages(PROXY, "Detached")[1]["reason"], "no test server connected", "10 s")
    channel.run_at("0")
    gate.unlink()
    channel.respawn("1")
    channel.attached_at("1", 2)
    assert channel.goodbye() == 0


def test_after_goodbye_a_server_may_end_by_itself_before_it_is_restarted(serve):
    channel = serve("--workers", "2", "--", *server("good"))
    channel.hello("0", "1")
    channel.send(message(to="1", msg="Goodbye") + message(PROXY, msg="Respawn", route="1"))
    assert channel.detached_at("1") == {
        "msg": "Detached", "route": "1", "reason": "goodbye", "exit": 0,
    }
    channel.attached_at("1", 2)
    channel.run_at("0", "1")
    assert channel.goodbye() == 0


def test_one_that_ignores_goodbye_is_restarted_after_the_grace_period(serve):
    channel = serve("--workers", "2", "--grace", "3", "--", *server("ignore-goodbye"))
    channel.hello("0", "1")
    channel.send(message(to="1", msg="Goodbye") + message(PROXY, msg="Respawn", route="1"))
    says(channel.detached_at("1")["reason"], "not ended", "Goodbye")
    channel.attached_at("1", 2)
    channel.process.terminate()
    assert channel.exit_status() == 3


def test_goodbye_ends_all_whatever_is_being_restarted(serve):
    channel = serve("--workers", "3", "--", *server("good"))
    channel.watch()
    channel.hello("0", "1", "2")
    channel.respawn("1")
    assert channel.goodbye() == 0
    assert len(channel.messages(PROXY, "Attached")) in (3, 4)


def test_what_an_old_server_left_behind_is_gone_before_the_new_one_starts(serve):
    stubborn = "(trap '' TERM; while :; do sleep 0.1; done) & "
    command = ["sh", "-c", stubborn + "exec " + " ".join(server("good"))]
    channel = serve("--workers", "2", "--grace", "6", "--", *command)
    channel.hello("0", "1")
    # A shell that is about to become sleep(1) is one more, for a moment.
    left = support.wait_until(lambda: stubborn_of("1"), "a stubborn shell")
    channel.respawn("1")
    channel.attached_at("1", 2)
    assert not left & stubborn_of("1")
    assert stubborn_of("0")
    assert channel.goodbye() == 0


def stubborn_of(worker):
    """The shells that ignore TERM, of this worker."""
    own = f"SUBUNIT_RPC_WORKER={worker}".encode()
    found = set()
    for pid in support.running("sh -c (trap"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as environ:
            if own in environ.read().split(b"\0"):
                found.add(pid)
    return found


def test_what_cannot_be_restarted_is_refused(serve, processes):
    channel = serve("--workers", "2", "--", *server("good"))
    channel.hello("0", "1")
    channel.respawn("2")
    channel.refused('"2"')
    channel.respawn()
    channel.refused("several")
    channel.send(message(PROXY, msg="Dance"))
    channel.refused("Dance")
    assert channel.goodbye() == 0
    from test_workers import dialling_server

    channel = serve("--listen", "127.0.0.1:0")
    dialling_server(processes, channel, "good")
    channel.hello("0")
    channel.respawn("0")
    channel.refused("did not start it")
    channel.run_at("0")
    assert channel.goodbye() == 0


def test_a_server_that_listens_is_restarted_too(serve):
    port = support.free_port()
    channel = serve("--connect", f"127.0.0.1:{port}", "--", *server("--listen", port, "good"))
    channel.hello()
    channel.respawn()
    channel.attached_at(None, 2)
    channel.run("again")
    channel.wait_message(RPC, "Done", nonce="again")
    assert channel.goodbye() == 0


def test_fifty_restarts_leave_nothing_behind(serve):
    channel = serve("--workers", "2", "--", *server("good"))
    channel.hello("0", "1")
    own = f"/proc/{channel.process.pid}/fd"
    before = len(os.listdir(own))
    for times in range(2, 27):
        for route in "01":
            channel.respawn(route)
        for route in "01":
            channel.attached_at(route, times)
    channel.run_at("0", "1")
    wait_until(lambda: len(os.listdir(own)) <= before, "descriptors are closed")
    assert channel.goodbye() == 0
