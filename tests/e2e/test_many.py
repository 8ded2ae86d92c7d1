"""Thousands of tests on several servers: each test once, ids and statuses as in a direct run, again
and again, and with servers that are killed at any time."""

import collections
import os
import random
import shlex
import signal
import threading

import pytest

from sshd import IS_INSTALLED
import suites
import support
from support import serving

RUNS = 10  # of each way
SUITE = suites.TESTTOOLS
SERVER = suites.test_server(SUITE)
# How the servers' command lines begin, once env has become Python.
SERVER_PROCESS = f"{support.PYTHON} -m subunit_rpc"

pytestmark = pytest.mark.skipif(not IS_INSTALLED, reason="openssh is not installed")


def one_channel(sshd):
    return [sshd.command(*serving(*SERVER, options=["--workers", "4"]))]


def two_channels(sshd):
    return [sshd.command(*serving(*SERVER, options=["--workers", "2"]))] * 2


WAYS = pytest.mark.parametrize("way", [one_channel, two_channels], ids=lambda way: way.__name__)


def start(channels, *options):
    words = [word for each in channels for word in ("--channel", shlex.join(each))]
    return support.start(["run", "--format", "subunit", *options, *words])


def workers_of(stream):
    """How many tests each tag worker-K stands at."""
    tags = collections.Counter()
    for event in stream.events:
        if event["test_status"] in support.FINAL:
            tags.update(tag for tag in event["test_tags"] if tag.startswith("worker-"))
    return tags


@pytest.mark.long
@WAYS
def test_every_run_is_what_it_is_directly_with_each_test_once(sshd, way):
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    wanted = suites.directly(SUITE)
    assert len(wanted) > 2600 and set(wanted.values()) == {1}
    for _ in range(RUNS):
        ended = support.finish(start(way(sshd)), limit=5 * support.LIMIT)
        stream = ended.stream
        stream.assert_clean()
        assert stream.ended == wanted
        assert (ended.status, ended.stderr.count("warning")) == (0, 0), ended.stderr
        assert sum(workers_of(stream).values()) == len(wanted)
        assert set(workers_of(stream)) <= {f"worker-{number}" for number in range(4)}


class Killer:
    """Kills a server now and then, while tests run: SIGKILL, to one at random."""

    def __init__(self, seed, times):
        self.killed = 0
        self._random = random.Random(seed)
        self._times = times
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while self.killed < self._times and not self._stop.wait(self._random.uniform(0, 0.3)):
            servers = sorted(support.running(SERVER_PROCESS))
            if servers:
                support.stop(self._random.choice(servers))
                self.killed += 1


def assert_only_what_was_in_progress_has_failed(stream, wanted):
    """As directly, but for tests that say that their server was killed while they ran."""
    statuses = stream.statuses
    assert statuses.keys() == {test_id for test_id, _ in wanted}
    started = {e["test_id"] for e in stream.events if e["test_status"] == "inprogress"}
    changed = [test_id for test_id, status in statuses.items() if not wanted[test_id, status]]
    for test_id in changed:
        assert statuses[test_id] == "fail" and test_id in started
        why = stream.files[test_id, "subunit-proxy"].decode()
        support.says(why, "SIGKILL", "in progress")
    return changed


@pytest.mark.long
@WAYS
def test_servers_that_are_killed_cost_the_tests_in_progress_and_no_more(sshd, way):
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    wanted = suites.directly(SUITE)
    killed = failed = 0
    for seed in range(RUNS):
        process = start(way(sshd))
        data = support.read_until(process, b"testtools.tests")
        with Killer(seed, times=6) as killer:
            ended = support.finish(process, limit=5 * support.LIMIT)
        stream = support.Stream(data + ended.stdout)
        changed = assert_only_what_was_in_progress_has_failed(stream, wanted)
        assert len(changed) <= killer.killed
        assert ended.status == (1 if changed else 0), ended.stderr
        killed += killer.killed
        failed += len(changed)
    print(f"{killed} killed, {failed} tests failed")
    assert killed >= 25  # 50 and more, both ways
