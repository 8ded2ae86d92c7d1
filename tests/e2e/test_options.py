"""Each option of a run that selects, repeats, limits or reports, over a pipe with four servers and over ssh with two
channels, as python-subunit and its tools read the stream."""

import re
import shlex
import subprocess

import pytest

from sshd import IS_INSTALLED
import support
from support import proxy, python, says, serving

SUITE = '''
import os
import time
import unittest


class Case(unittest.TestCase):
    pass


def test(number):
    def run(self):
        time.sleep(0.005)
        if number == 7:
            self.fail("always")
        if number == 11 and not os.path.exists("flaky"):
            open("flaky", "w").close()
            self.fail("the first time")
        if number == 15:
            self.skipTest("no need")
    return run


for number in range(20):
    setattr(Case, f"test_{number:02}", test(number))
'''
IDS = [f"suite.Case.test_{number:02}" for number in range(20)]

# Options, and how many tests end how, as subunit-stats counts them: passed, failed, skipped.
ONCE = (17, 2, 1)
OPTIONS = {
    "none": ([], ONCE),
    "retries": (["--retries", "1"], (18, 1, 1)),
    "flaky": (["--retries", "1", "--flaky", "fail"], (18, 1, 1)),
    "repeat": (["--repeat", "2"], (18 + 17, 2 + 1, 2)),
    "until-failure": (["--until-failure"], ONCE),
    "time": (["--time", "0.01"], ONCE),
    "stress": (["--stress", IDS[7]], (0, 4, 0)),
    "shuffle": (["--shuffle", "7"], ONCE),
    "slice": (["--partition", "slice:2/2"], (7, 2, 1)),
    "hash": (["--partition", "hash:1/1"], ONCE),
    "resource": (["--resource", "some=1:Case"], ONCE),
    "exclusive": (["--exclusive", "_0[0-4]", "--exclusive-in-run", "_0[56]"], ONCE),
    "setup": (["--setup", "echo up", "--channel-setup", "echo on", "--channel-teardown", "echo off",
               "--teardown", "echo down"], ONCE),
    "isolated": (["--isolated", "--match", "_0[0-4]"], (5, 0, 0)),
    "group": (["--group", "_[01]"], ONCE),
    "reports": (["--junit", "out.xml", "--html", "out.html", "--trace", "out.json", "--history", "history",
                 "--schedule-log", "log"], ONCE),
    "slow": (["--slow", "10", "--test-timeout", "60"], ONCE),
}


@pytest.fixture
def suite(tmp_path, monkeypatch):
    (tmp_path / "suite.py").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=["pipe", "ssh"])
def run(request, suite):
    command = ["env", "-C", str(suite), *serving(*python("-m", "subunit_rpc", "suite"), options=["--workers", "4"])]
    if request.param == "pipe":
        return lambda *options: proxy("run", "--format", "subunit", *options, "--", *command)
    if not IS_INSTALLED:
        pytest.skip("openssh is not installed")
    command[command.index("4")] = "2"
    channel = shlex.join(request.getfixturevalue("sshd").command(*command))
    return lambda *options: proxy("run", "--format", "subunit", *options, "--channel", channel, "--channel", channel)


def counted(stream):
    """As subunit-stats has it: total, passed, failed, skipped."""
    # It prints what is of no test, too: here, what the login shell said.
    ended = subprocess.run(["subunit-stats"], input=stream, capture_output=True, timeout=support.LIMIT)
    out = ended.stdout.decode(errors="replace")
    return tuple(int(re.search(rf"{what} tests:\s+(\d+)", out).group(1))
                 for what in ("Total", "Passed", "Failed", "Skipped"))


@pytest.mark.parametrize("name", OPTIONS)
def test_the_stream_has_what_was_asked_for(run, name):
    options, (passed, failed, skipped) = OPTIONS[name]
    ended = run(*options)
    assert ended.status == (1 if failed else 0), ended.stderr
    ended.stream.assert_clean()
    assert counted(ended.stdout) == (passed + failed + skipped, passed, failed, skipped)


@pytest.mark.parametrize("options", [["-x"], ["--max-fail", "2"], ["-x", "--retries", "1"]])
def test_what_did_not_run_after_a_failure_is_skipped(run, options):
    ended = run(*options)
    assert ended.status == 1, ended.stderr
    assert ended.stream.statuses.keys() == set(IDS)
    total, passed, failed, skipped = counted(ended.stdout)
    assert total == 20 and 1 <= failed <= 2 and passed + failed + skipped == 20


def test_what_failed_runs_again_until_nothing_is_left(run):
    history = ["--history", "history"]
    assert counted(run(*history).stdout)[2] == 2
    again = run("--failed", *history)
    assert again.stream.statuses == {IDS[7]: "fail", IDS[11]: "success"}
    last = run("--failed", *history, "--match", "_11")
    assert last.status == 2
    assert run("--failed", *history, "--match", "_11", "--allow-empty").status == 0


def test_what_went_where_is_replayed(run):
    assert run("--schedule-log", "log", "--match", "_0[0-6]").status == 0
    ended = run("--replay", "log")
    assert ended.status == 0, ended.stderr
    assert counted(ended.stdout) == (7, 7, 0, 0)


def test_each_channel_has_every_test(run, suite, request):
    (suite / "flaky").touch()
    ended = run("--each")
    assert ended.status == 1, ended.stderr
    times = {"pipe": 1, "ssh": 2}[request.node.callspec.params["run"]]
    routes = {event["route_code"] for event in ended.stream.events if event["test_id"] == IDS[0]}
    assert routes == {str(channel) for channel in range(times)}
    assert counted(ended.stdout) == (20 * times, 18 * times, times, times)


def test_a_list_is_one_of_subunit(run):
    ended = run("--list")
    listed = subprocess.run(["subunit-ls", "--exists"], input=ended.stdout, capture_output=True, timeout=support.LIMIT)
    assert [word for word in listed.stdout.decode(errors="replace").split() if word in IDS] == IDS
    says(run("--list", "--partition", "slice:1/2").stdout.decode(errors="replace"), IDS[0])


def test_a_filter_finds_what_is_flaky_by_its_tag(run):
    ended = run("--retries", "1")
    flaky = subprocess.run(["subunit-filter", "--no-failure", "--no-error", "--no-skip", "--success", "--with-tag", "flaky"],
                           input=ended.stdout, capture_output=True, timeout=support.LIMIT).stdout
    assert counted(flaky) == (1, 1, 0, 0)
