"""--fork: each Run in a process of its own, of which the server and other Runs see nothing."""

import os
import re
import signal

import pytest

from rpc_client import Client
from server_process import children, running, wait_for_end
from subunit_rpc.server.for_unittest.runner import NOT_RUN

CRASHING = "crashing.Crashing.test_"
WORDS = {
    "2_segfaults": "was killed by SIGSEGV (11) while running this test.",
    "4_is_killed": "was killed by SIGKILL (9) while running this test.",
    "5_leaves": "ended with exit status 0 while running this test.",
    "7_interrupts": "was killed by SIGINT (2) while running this test.",
    "8_writes_to_every_pipe": "was killed because it sent something that is not a result "
    "(no record starts with these bytes: no record...) while running this test.",
}


@pytest.fixture(scope="module")
def process():
    """One server for all of it: nothing that a Run does is to be seen by another one."""
    with running("--listen", "0", "--fork", "crashing", "fixtured", "hostile") as process:
        yield process


def short(statuses, prefix=CRASHING):
    return [f"{test_id[len(prefix):]} {status}" for test_id, status in statuses]


def in_order(results):
    return [
        (packet.test_id, packet.test_status)
        for packet in results.packets
        if packet.test_status is not None
    ]


@pytest.mark.parametrize("name", WORDS)
def test_a_crash_is_the_failure_of_its_test_and_of_no_other(process, name):
    asked = [f"{CRASHING}{part}" for part in ("1_passes", name, "3_passes")]
    with process.client() as client:
        for _ in range(2):
            results = client.run(asked)
            expected = ["1_passes success", f"{name} fail", "3_passes success"]
            assert short(results.statuses) == expected
            reason = results.attachment(CRASHING + name, "reason")
            # Of what broke the connection, as much is shown as had come by then.
            beginning, _, end = f"The process of this Run {WORDS[name]}".partition("...")
            assert reason.startswith(beginning) and reason.endswith(end)
            for test_id in asked:  # each once
                assert in_order(results).count((test_id, "inprogress")) == 1
        client.goodbye()
    assert process.process.poll() is None


def test_what_comes_behind_a_crash_is_run_also_when_all_tests_were_asked_for(start):
    with start("--listen", "0", "--fork", "crashing.Crashing", "fixtured").client() as client:
        results = client.run()
        assert short(results.statuses[:8]) == [
            "1_passes success",
            "2_segfaults fail",
            "3_passes success",
            "4_is_killed fail",
            "5_leaves fail",
            "6_breaks_the_class success",
            "7_interrupts fail",
            "8_writes_to_every_pipe fail",
        ]
        assert [status for _, status in results.statuses[8:]] == ["success", "success"]
        client.goodbye()


def test_what_a_run_breaks_the_next_one_does_not_see(process):
    with process.client() as client:
        for _ in range(3):
            for name in ("3_passes", "6_breaks_the_class"):
                asked = [CRASHING + name]
                assert client.run(asked).statuses == [(CRASHING + name, "success")]
        client.goodbye()


def test_a_class_that_cannot_be_set_up_costs_its_tests_and_no_others(process):
    prefix = "crashing.CrashesInSetUpClass.test_"
    asked = [f"{CRASHING}1_passes", f"{prefix}1", f"{prefix}2", "crashing.Last.test_1"]
    with process.client() as client:
        results = client.run(asked)
        client.goodbye()
    assert [status for _, status in results.statuses if _ in asked] == [
        "success",
        "fail",
        "fail",
        "success",
    ]
    assert results.attachment("broken-runner", "reason") == (
        "The process of this Run ended with exit status 7 between two tests."
    )
    assert results.attachment(f"{prefix}1", "reason") == (
        "The process of this Run ended with exit status 7 before this test started."
    )


def test_a_crash_behind_the_last_test_is_a_failure_too(process):
    prefix = "crashing.CrashesInTearDownClass.test_"
    with process.client() as client:
        results = client.run([f"{prefix}1", f"{prefix}2"])
        client.goodbye()
    assert [status for _, status in results.statuses] == ["success", "success", "fail"]
    assert "ended with exit status 8" in results.attachment("broken-runner", "reason")


def test_failfast_minds_a_crash(start):
    with start("--listen", "0", "--fork", "-f", "crashing.Crashing").client() as client:
        results = client.run()
        assert short(results.statuses[:3]) == [
            "1_passes success",
            "2_segfaults fail",
            "3_passes fail",
        ]
        assert len(results.statuses) == len(client.list())
        assert results.attachment(f"{CRASHING}3_passes", "reason") == NOT_RUN
        client.goodbye()


@pytest.mark.parametrize(
    "name",
    ["forks_and_the_child_exits", "forks_and_the_child_returns", "starts_a_child",
     "closes_standard_descriptors", "closes_low_descriptors", "replaces_streams",
     "reuses_low_descriptors"],
)  # fmt: skip
def test_a_run_outlives_a_test_that(process, name):
    test_id = f"hostile.Hostile.test_{name}"
    with process.client() as client:
        for _ in range(2):
            assert client.run([test_id, "crashing.Last.test_1"]).statuses == [
                (test_id, "success"),
                ("crashing.Last.test_1", "success"),
            ]
        client.goodbye()


def test_a_child_that_a_test_leaves_behind_holds_nobody_up(process):
    with process.client() as client:
        assert client.run(["hostile.Hostile.test_leaves_a_child_behind"]).statuses
        process.wait_for_stdout("lives\n")
        client.goodbye()
    os.kill(int(re.findall(r"child (\d+) lives", process.stdout)[-1]), signal.SIGKILL)


def watches_a_child(worker):
    directory = f"/proc/{worker}/fd"
    try:
        return any("pidfd" in os.readlink(f"{directory}/{fd}") for fd in os.listdir(directory))
    except FileNotFoundError:  # one of them, closed meanwhile
        return False


@pytest.mark.parametrize("whose", ["worker", "child"])
def test_processes_that_are_killed_while_they_wait_are_replaced(start, whose):
    process = start("--listen", "0", "--fork", "crashing.Last")
    with process.client() as client:
        for _ in range(3):
            client.session.ping()
            client.send()
            client.next_event()  # the child of the last Run has gone before this
            (worker,) = children(process.pid)
            process.wait_for(lambda: watches_a_child(worker), "child in advance")
            (child,) = children(worker)
            os.kill(worker if whose == "worker" else child, signal.SIGKILL)
            wait_for_end(child)
            assert client.run().statuses == [("crashing.Last.test_1", "success")]
        client.goodbye()


def test_the_suite_of_testtools_passes_twice(start):
    pytest.importorskip("testscenarios")
    with start("--listen", "0", "--fork", "testtools.tests.test_suite").client() as client:
        first, second = client.run(), client.run()
        client.goodbye()
    assert len(first.statuses) > 2000
    assert first.statuses == second.statuses
    assert {status for _, status in first.statuses} <= {"success", "skip", "xfail"}


def test_a_version_1_client_is_served_as_ever(process):
    with Client(process.address(), (1, 1)) as client:
        assert client.hello() == 1
        results = client.run([f"{CRASHING}2_segfaults", f"{CRASHING}3_passes"])
        assert short(results.statuses) == ["2_segfaults fail", "3_passes success"]
        client.goodbye()


def test_what_was_registered_for_the_end_is_done_by_whose_it_is(start):
    process = start("--listen", "0", "--fork", "stuck")
    with process.client() as client:
        for _ in range(2):
            assert client.run(["stuck.Registers.test_what_is_done_at_the_end"]).statuses
        client.goodbye()
    process.process.send_signal(signal.SIGINT)
    assert process.exit_status() == 130
    assert process.stdout == "at the end" * 2 + "at the end of the loader"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_of_a_server_that_is_ended_in_a_test(start, signum):
    process = start("--listen", "0", "--fork", "stuck")
    with process.client() as client:
        client.session.run(["stuck.Stuck.test_1_hangs"])
        client.send()
        process.wait_for_stdout("hanging")
        (worker,) = children(process.pid)
        (child,) = children(worker)
        process.process.send_signal(signum)
        assert process.exit_status() == (130 if signum == signal.SIGINT else -signum)
    for pid in (worker, child):
        wait_for_end(pid)


def test_threads_of_an_import_are_there_in_each_run_and_nothing_else_of_the_one_before(start):
    process = start("--listen", "0", "--fork", "threaded")
    with process.client() as client:
        for _ in range(2):
            assert len(client.list()) == 3
            assert dict(client.run().statuses) == {
                "threaded.Threaded.test_asks": "success",
                "threaded.Threaded.test_first": "success",
                "threaded.Threaded.test_leaves": "fail",
            }
        client.goodbye()
    note = process.stderr.splitlines()[0]
    assert "threads (answering)" in note and "loaded again for each run" in note
