"""`run --resource`, `--exclusive` and `--exclusive-in-run`, on real servers."""

import json
import shlex

import pytest

from small_suite import SmallSuite
from support import client, proxy, says

WORKERS = 4


class Times:
    """When each test of a suite ran."""

    def __init__(self, directory):
        self._path = directory / "times"

    def body(self, then="time.sleep(0.03)"):
        """The code of a test that writes down when it begins and ends."""
        return f"""
def now(what):
    with open({str(self._path)!r}, "a") as file:
        print(what, self.id(), time.monotonic(), file=file, flush=True)
now("begin")
try:
    {then}
finally:
    now("end")
"""

    def read(self):
        """What began and ended, in order: (time, "begin" or "end", id)."""
        lines = [line.split() for line in self._path.read_text().splitlines()]
        # What ends and begins at the same time does not run at the same time.
        return sorted((float(time), what != "end", what, test) for what, test, time in lines)

    def beside(self, ids):
        """For each begin of one of `ids`, and while they run, which others ran at that time."""
        running, sets = [], []
        for _, _, what, test in self.read():
            if what == "begin":
                running.append(test)
                sets.append(list(running))
            else:
                running.remove(test)
        return [tests for tests in sets if set(tests) & set(ids)]

    def most(self, ids):
        """How many of `ids` ran at the same time."""
        return max(sum(test in ids for test in tests) for tests in self.beside(ids))


@pytest.fixture
def times(tmp_path):
    return Times(tmp_path)


@pytest.fixture
def suite(tmp_path):
    return SmallSuite(tmp_path)


def test_as_many_tests_run_at_a_time_as_there_are_slots(suite, times, tmp_path):
    # The first two that begin wait for one another: both slots are used.
    meet = (f"open({str(tmp_path / 'here-')!r} + self.id(), 'w').close()\n"
            f"    while sum(name.startswith('here-') for name in os.listdir({str(tmp_path)!r})) < 2: "
            "time.sleep(0.01)\n    time.sleep(0.03)")
    suite.write(*[times.body(meet)] * 8, *[times.body()] * 8)
    limited = suite.ids(*range(8))
    ended = suite.run("--resource", "db=2:_0[0-7]$", workers=WORKERS)
    assert ended.status == 0, ended.stderr
    ended.stream.assert_clean()
    assert len(ended.stream.statuses) == 16
    assert times.most(limited) == 2


def test_a_name_may_be_given_again_and_a_test_may_need_several(suite, times):
    suite.write(*[times.body()] * 10)
    ended = suite.run("--resource", "db=1:_0[0-2]$", "--resource", "db=1:_0[34]$",
                      "--resource", "port=1:_0[4-6]$", workers=WORKERS)
    assert ended.status == 0, ended.stderr
    assert times.most(suite.ids(*range(5))) == 1
    assert times.most(suite.ids(4, 5, 6)) == 1


def test_with_one_slot_for_everything_all_tests_run(suite, times):
    suite.write(*[times.body()] * 8)
    ended = suite.run("--resource", "all=1:.", workers=WORKERS)
    assert ended.status == 0, ended.stderr
    assert len(ended.stream.statuses) == 8
    assert times.most(suite.ids(*range(8))) == 1


def test_nothing_runs_beside_an_exclusive_test(suite, times):
    suite.write(*[times.body()] * 12)
    exclusive = suite.ids(3, 7)
    ended = suite.run("--exclusive", "_0[37]$", workers=WORKERS)
    assert ended.status == 0, ended.stderr
    assert {tuple(tests) for tests in times.beside(exclusive)} == {(id,) for id in exclusive}


def test_a_slot_on_each_channel_and_an_exclusive_test_in_the_run(suite, times):
    suite.write(*[times.body()] * 12)
    channel = shlex.join(map(str, suite.channel(2)))
    ended = proxy(
        "run", "--format", "subunit", "--channel", channel, "--channel", channel,
        "--resource", "board=1,per-channel:_0[0-5]$", "--exclusive-in-run", "_07$")
    assert ended.status == 0, ended.stderr
    assert len(ended.stream.statuses) == 12
    assert times.most(suite.ids(*range(6))) <= 2
    assert times.beside(suite.ids(7)) == [suite.ids(7)]


def test_attempts_and_servers_that_crash_keep_within_the_limits(suite, times):
    fails = times.body("time.sleep(0.03); self.fail('always')")
    suite.write(*[fails] * 3, times.body(), times.body(), "os.kill(os.getpid(), 9)",
                *[times.body()] * 3)
    ended = suite.run("--resource", "db=1:_0[0-6]$", "--retries", "1", workers=WORKERS)
    assert ended.status == 1
    failed = {id for id, status in ended.stream.statuses.items() if status == "fail"}
    assert failed == set(suite.ids(0, 1, 2, 5))
    assert times.most(suite.ids(*range(7))) == 1


def test_isolated_tests_keep_within_the_limits(suite, times):
    suite.write(*[times.body("time.sleep(0.2)")] * 5)  # longer than a server takes to start
    ended = suite.run("--isolated", "--exclusive", "_0[0-2]$", workers=2)
    assert ended.status == 0, ended.stderr
    assert all(len(tests) == 1 for tests in times.beside(suite.ids(0, 1, 2)))


def test_a_configuration_can_have_them(suite, times, tmp_path):
    suite.write(*[times.body()] * 6)
    channel = json.dumps(shlex.join(map(str, suite.channel(WORKERS))))
    (tmp_path / "subunit-proxy.toml").write_text(
        f"channel = {channel}\nresource = ['db=1:_0[0-2]', 'db=1:_03']\nexclusive = '_05'\n")
    ended = proxy("run", "--format", "subunit", cwd=tmp_path)
    assert ended.status == 0, ended.stderr
    assert times.most(suite.ids(0, 1, 2, 3)) == 1
    assert times.beside(suite.ids(5)) == [suite.ids(5)]
    shown = proxy("run", "--show-config", cwd=tmp_path).text
    says(shown, 'resource = ["db=1:_0[0-2]", "db=1:_03"]', 'exclusive = ["_05"]')


@pytest.mark.parametrize("options, words", [
    (["--resource", "db"], ["--resource", '"db"', "NAME=N:REGEX"]),
    (["--resource", "db=0:x"], ['"db=0:x"', "from 1"]),
    (["--resource", "db=2:"], ['"db=2:"']),
    (["--resource", "db=2,per-host:x"], ['"db=2,per-host:x"', "per-channel"]),
    (["--resource", "db=2:("], ["--resource", "regular expression"]),
    (["--exclusive", "("], ["--exclusive", "regular expression"]),
    (["--exclusive-in-run", "("], ["--exclusive-in-run", "regular expression"]),
    (["--resource", "db=2:a", "--resource", "db=3:b"], ["db=2", "db=3"]),
    (["--resource", "db=2:a", "--resource", "db=2,per-channel:b"], ["db=2 ", "db=2,per-channel"]),
    (["--replay", "log", "--resource", "db=2:a"], ["--replay", "--resource"]),
    (["--replay", "log", "--exclusive", "a"], ["--replay", "--exclusive"]),
    (["--replay", "log", "--exclusive-in-run", "a"], ["--replay", "--exclusive-in-run"]),
])
def test_what_is_wrong_with_them_is_told(options, words):
    ended = client(*options, channel=["true"])
    assert ended.status == 2
    says(ended.stderr, *words)
