"""`run --each` and `--stress`: tests that run in several places, with real servers."""

import collections
import io
import json
import os
import re
import shlex
import signal
import subprocess

import pytest
from subunit import ByteStreamToStreamResult
from testtools import StreamToDict

import support
from sshd import IS_INSTALLED
from support import proxy, python, says, serving
from test_junit import Report

SUITE = '''
import os
import time
import unittest

BOARD = os.environ.get("BOARD")


class Case(unittest.TestCase):
    def test_both(self):
        """Ends on no channel before it has begun on the other."""
        print("on board", BOARD)
        open("begun-" + BOARD, "w").close()
        while not (os.path.exists("begun-1") and os.path.exists("begun-2")):
            time.sleep(0.01)
        print("still on board", BOARD)

    def test_device(self):
        self.assertNotEqual(BOARD, "2", "no such device")

    def test_usual(self):
        pass


class Stressed(unittest.TestCase):
    def test_rare(self):
        """Fails when it runs for the tenth time, wherever that is."""
        with open("runs", "a") as runs:
            runs.write("x")
        self.assertNotEqual(os.path.getsize("runs"), 10)

    def test_together(self):
        """Ends on no server before it has begun on all three."""
        number = os.environ["SUBUNIT_RPC_WORKER"]
        times = sum(name.startswith(f"together-{number}-") for name in os.listdir("."))
        open(f"together-{number}-{times}", "w").close()
        while not all(os.path.exists(f"together-{other}-{times}") for other in range(3)):
            time.sleep(0.01)

    def test_killed(self):
        if os.environ["SUBUNIT_RPC_WORKER"] == "1":
            os.kill(os.getpid(), 9)
'''
CASES = ["suite.Case.test_both", "suite.Case.test_device", "suite.Case.test_usual"]


@pytest.fixture
def suite(tmp_path, monkeypatch):
    (tmp_path / "suite.py").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def board(number, workers=1, suite="suite.Case"):
    return ["env", f"BOARD={number}"] + serving(
        *python("-m", "subunit_rpc", suite), options=["--workers", str(workers)]
    )


def run(*options, channels, form="subunit"):
    words = [word for each in channels for word in ("--channel", shlex.join(map(str, each)))]
    return proxy("run", "--format", form, *options, *words)


def stress(*options, workers=3, form="subunit"):
    channel = serving(*python("-m", "subunit_rpc", "suite.Stressed"), options=["--workers", str(workers)])
    return proxy("run", "--format", form, *options, "--", *channel)


def by_channel(finished):
    """As testtools tells one test from another in such a stream: {(id, tag of the channel): dict}."""
    finished.stream.assert_clean()
    tests = {}

    def ended(test):
        (channel,) = (tag for tag in test["tags"] if tag.startswith("channel-"))
        assert (test["id"], channel) not in tests
        tests[test["id"], channel] = test

    reader = StreamToDict(ended)
    reader.startTestRun()
    ByteStreamToStreamResult(io.BytesIO(finished.stdout)).run(reader)
    reader.stopTestRun()
    return tests


@pytest.mark.parametrize("workers", [1, 2])
def test_every_channel_has_every_test_at_the_same_time(suite, workers):
    finished = run("--each", channels=[board(1, workers), board(2, workers)])
    assert finished.status == 1, finished.stderr
    tests = by_channel(finished)
    assert {key: test["status"] for key, test in tests.items()} == {
        (test_id, f"channel-{channel}"): "fail" if (test_id, channel) == (CASES[1], 1) else "success"
        for test_id in CASES
        for channel in (0, 1)
    }
    for channel in 0, 1:
        printed = tests[CASES[0], f"channel-{channel}"]["details"]["stdout"].as_text()
        assert printed == f"on board {channel + 1}\nstill on board {channel + 1}\n"
    assert "no such device" in tests[CASES[1], "channel-1"]["details"]["traceback"].as_text()


def test_people_and_reports_see_which_channel_it_was(suite):
    finished = run("--each", "--junit", "out.xml", "--html", "out.html", "--trace", "trace.json", form="human",
                   channels=[board(1), board(2)])
    assert finished.status == 1
    says(finished.text, "FAIL: suite.Case.test_device (channel-1: env BOARD=2 ",
         "failed     suite.Case.test_device  channel-1 ", "6 tests: 5 passed, 1 failed")
    of_servers = [each for each in Report("out.xml").suites if each.get("hostname")]
    assert [each.get("tests") for each in of_servers] == ["3", "3"]
    assert sorted(each.get("failures") for each in of_servers) == ["0", "1"]
    page = (suite / "out.html").read_text()
    assert re.search(r'"channels":\["env BOARD=1 [^"]*","env BOARD=2 [^"]*"\]', page)
    boxes = [event for event in json.loads((suite / "trace.json").read_text()) if event["ph"] == "X"]
    assert sorted(box["name"] for box in boxes) == sorted(CASES * 2)


def test_a_history_keeps_the_failure_of_one_channel(suite):
    channels = [board(1), board(2)]
    run("--each", "--history", "history", channels=channels)
    again = run("--each", "--failed", "--history", "history", channels=channels)
    assert by_channel(again).keys() == {(CASES[1], "channel-0"), (CASES[1], "channel-1")}


def test_a_channel_that_ends_leaves_its_tests_undone(suite):
    (suite / "begun-2").touch()
    breaks = ["sh", "-c", "sleep 0.5; exit 7"]
    finished = run("--each", channels=[board(1), breaks])
    assert finished.status == 3
    says(finished.stderr, "exited with status 7")
    finished.stream.assert_clean()
    ended = finished.stream.ended
    for test_id in CASES:
        assert ended[test_id, "success"] == 1
        assert ended[test_id, "fail"] == 1
    says(finished.stream.broken_off, "exited with status 7")


def test_resources_of_channels_and_exclusive_tests_go_with_it(suite):
    (suite / "begun-1").touch()
    (suite / "begun-2").touch()
    finished = run("--each", "--resource", "x=1,per-channel:.", "--exclusive", "usual",
                   channels=[board(1, 2), board(2, 2)])
    assert len(by_channel(finished)) == 6


@pytest.mark.parametrize(
    "options, said",
    [
        (["--each", "--retries", "1"], "--each cannot be used with --retries"),
        (["--each", "--resource", "x=1:."], "its slots are of the whole run"),
        (["--each", "--exclusive-in-run", "."], "--each cannot be used with --exclusive-in-run"),
        (["--each", "--stress", "a"], "--each cannot be used with --stress"),
        (["--each", "--replay", "log"], "--replay cannot be used with --each"),
        (["--stress", "a", "--exclusive", "."], "--stress cannot be used with --exclusive"),
        (["--stress", "a", "--list"], "--stress cannot be used with --list"),
        (["--stress", "a", "b"], "--stress names the tests"),
        (["--stress", ""], "--stress: the id of the test is empty"),
    ],
)
def test_what_does_not_go_together_is_refused(suite, options, said):
    finished = proxy("run", *options, "--", *board(1))
    assert finished.status == 2
    says(finished.stderr, said)


def test_what_a_configuration_file_has_for_other_runs_is_no_obstacle(suite):
    (suite / "begun-1").touch()
    (suite / "begun-2").touch()
    (suite / "subunit-proxy.toml").write_text('retries = 2\nresource = ["x=1:."]\nexclusive-in-run = ["."]\n')
    assert len(by_channel(run("--each", channels=[board(1), board(2)]))) == 6
    assert stress("--stress", "suite.Stressed.test_rare").status == 1


@pytest.mark.skipif(not IS_INSTALLED, reason="openssh is not installed")
def test_over_ssh(suite, sshd):
    channels = [sshd.command("env", "-C", str(suite), *board(number)) for number in (1, 2)]
    finished = run("--each", channels=channels)
    assert finished.status == 1
    assert len(by_channel(finished)) == 6


@pytest.mark.parametrize("options", [["--each"], ["--repeat", "2"]])
def test_what_has_run_more_than_once_is_not_replayed(suite, tmp_path, options):
    log = tmp_path / "log"
    run(*options, "--schedule-log", log, CASES[2], channels=[board(1)])
    finished = run("--replay", log, channels=[board(1)])
    assert finished.status == 2
    says(finished.stderr, "cannot replay", str(log), "each test ran more than once")


def test_a_stressed_test_runs_on_all_servers_until_it_fails(suite):
    finished = stress("--stress", "suite.Stressed.test_rare")
    assert finished.status == 1, finished.stderr
    finished.stream.assert_clean()
    ended = finished.stream.ended
    # The round in which it fails goes on to its end.
    assert ended == {("suite.Stressed.test_rare", "fail"): 1, ("suite.Stressed.test_rare", "success"): 11}
    for tag in "worker-0", "worker-1", "worker-2", "round-4":
        assert tag.encode() in finished.stdout
    says(finished.stderr, "the tests have run 4 times")


def test_a_stressed_test_runs_at_the_same_time_everywhere(suite):
    finished = stress("--stress", "suite.Stressed.test_together", "--repeat", "5")
    assert finished.status == 0, finished.stderr
    assert finished.stream.ended["suite.Stressed.test_together", "success"] == 15


def test_stress_ends_with_its_time(suite):
    finished = stress("--stress", "suite.Stressed.test_together", "--time", "0.5")
    assert finished.status == 0, finished.stderr
    (times,) = finished.stream.ended.values()
    assert times >= 3 and times % 3 == 0


def test_a_server_that_crashes_under_stress_is_named(suite):
    finished = stress("--stress", "suite.Stressed.test_killed", form="human")
    assert finished.status == 1
    says(finished.text, "FAIL: suite.Stressed.test_killed (round 1, worker-1)",
         "crashed    suite.Stressed.test_killed  worker-1", "3 tests: 2 passed, 1 failed")


def test_stress_over_two_channels(suite):
    (suite / "begun-1").touch()
    (suite / "begun-2").touch()
    finished = run("--stress", CASES[0], "--repeat", "2", channels=[board(1), board(2)])
    assert finished.status == 0, finished.stderr
    assert finished.stream.ended[CASES[0], "success"] == 4


def test_an_interrupt_ends_a_run_on_each(suite):
    words = [word for each in (board(1), board(2)) for word in ("--channel", shlex.join(map(str, each)))]
    (suite / "suite.py").write_text(SUITE.replace('exists("begun-2")', 'exists("never")'))
    process = support.start(["run", "--format", "subunit", "--each", *words], stdin=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)
    support.wait_until(lambda: os.path.exists("begun-1") and os.path.exists("begun-2"), "both channels at work")
    process.send_signal(signal.SIGINT)
    finished = support.finish(process)
    assert finished.status == 3
    ended = collections.Counter(test_id for test_id, _ in finished.stream.ended.elements())
    assert [ended[test_id] for test_id in CASES] == [2, 2, 2]
