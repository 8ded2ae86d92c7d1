"""Thousands of tests on several servers: each test once, ids and statuses as in a direct run, again
and again, and with servers that are killed at any time."""

import collections
import random
import shlex

import pytest

from sshd import IS_INSTALLED
import suites
import support
from support import serving

SUITE = suites.TESTTOOLS
SERVER = suites.test_server(SUITE)
# How the servers' command lines begin, once env has become Python.
SERVER_PROCESS = f"{support.PYTHON} -m subunit_rpc"

pytestmark = [
    pytest.mark.skipif(not IS_INSTALLED, reason="openssh is not installed"),
    pytest.mark.xdist_group("many"),  # one after the other: each has four servers of its own
]


def one_channel(sshd):
    return [sshd.command(*serving(*SERVER, options=["--workers", "4"]))]


def two_channels(sshd):
    return [sshd.command(*serving(*SERVER, options=["--workers", "2"]))] * 2


WAYS = pytest.mark.parametrize("way", [one_channel, two_channels], ids=lambda way: way.__name__)
SEEDS = pytest.mark.parametrize("seed", support.SEEDS)


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
@SEEDS
def test_every_run_is_what_it_is_directly_with_each_test_once(sshd, way, seed):
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    wanted = suites.directly(SUITE)
    assert len(wanted) > 2600 and set(wanted.values()) == {1}
    ended = support.finish(start(way(sshd)), limit=5 * support.LIMIT)
    stream = ended.stream
    stream.assert_clean()
    assert suites.steady(stream.ended) == suites.steady(wanted)
    assert ended.status == (1 if stream.failed() else 0), ended.stderr
    assert ended.stderr.count("warning") == 0, ended.stderr
    assert sum(workers_of(stream).values()) == len(wanted)
    assert set(workers_of(stream)) <= {f"worker-{number}" for number in range(4)}


def finish_while_servers_are_killed(process, seed, times):
    """Kills a server now and then: SIGKILL, to one at random, when some number of results has
    come. The last ones are left in peace, since a server that is killed when all tests have ended
    fails none but still the run. Returns what ended, and how many were killed."""
    choose = random.Random(seed)
    killed = 0
    data = b""
    for due in sorted(choose.sample(range(1500), times)):
        while data.count(b"testtools.tests") < 2 * due:
            data += support.read_more(process)
        if servers := sorted(support.running(SERVER_PROCESS)):
            support.stop(choose.choice(servers))
            killed += 1
    ended = support.finish(process, limit=5 * support.LIMIT)
    return ended._replace(stdout=data + ended.stdout), killed


def assert_only_what_was_in_progress_has_failed(stream, wanted):
    """As directly, but for tests that say that their server was killed while they ran."""
    statuses = stream.statuses
    assert statuses.keys() == {test_id for test_id, _ in wanted}
    started = {e["test_id"] for e in stream.events if e["test_status"] == "inprogress"}
    changed = [test_id for test_id, status in statuses.items()
               if not wanted[test_id, status] and test_id not in suites.UNSTEADY]
    for test_id in changed:
        why = stream.details(test_id)
        assert (statuses[test_id], test_id in started) == ("fail", True), f"{test_id}: {why}"
        support.says(why, "SIGKILL", "in progress")
    return changed


@pytest.mark.long
@WAYS
@SEEDS
def test_servers_that_are_killed_cost_the_tests_in_progress_and_no_more(sshd, way, seed):
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    wanted = suites.directly(SUITE)
    ended, killed = finish_while_servers_are_killed(start(way(sshd)), seed, times=6)
    changed = assert_only_what_was_in_progress_has_failed(ended.stream, wanted)
    assert len(changed) <= killed
    assert ended.status == (1 if ended.stream.failed() else 0), ended.stderr
    assert killed >= 3
