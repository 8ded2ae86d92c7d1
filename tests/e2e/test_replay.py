"""`--schedule-log` and `--replay`: what was sent where and when, and the same again."""

import json
import time

import pytest

from small_suite import SmallSuite, by_worker, read_log, sent
from support import by_worker as modes_by_worker
from support import client, says, server, serving

NAP = "time.sleep(0.02)"
DEMO = [f"demo.test_{number}" for number in range(5)]


@pytest.fixture
def suite(tmp_path):
    return SmallSuite(tmp_path).write(*[NAP] * 24)


@pytest.fixture
def schedule(tmp_path):
    """Writes a schedule: the tests of each message, with its worker."""

    def write(*entries):
        path = tmp_path / "schedule"
        lines = [json.dumps({"at": 0.5, "worker": k, "tests": tests}) for k, tests in entries]
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def replay(path, *options, workers=2, mode=server("good")):
    channel = serving(*mode, options=["--workers", workers])
    return client("--format", "subunit", "--replay", path, *options, channel=channel)


def test_the_log_has_a_line_for_each_message_with_time_worker_and_tests(suite, tmp_path):
    begin = time.monotonic()
    ended = suite.run("--schedule-log", tmp_path / "log", workers=3)
    most = time.monotonic() - begin
    entries = read_log(tmp_path / "log")
    assert len(entries) >= 2  # a server that comes late on a busy machine gets nothing
    for entry in entries:
        assert entry.keys() == {"at", "worker", "tests"}
        assert entry["worker"] in range(3) and entry["tests"]
    times = [entry["at"] for entry in entries]
    assert 0 < times[0] and times == sorted(times) and times[-1] < most
    assert sent(tmp_path / "log") == by_worker(ended.stream)


def test_without_routes_the_only_server_is_worker_0(tmp_path):
    ended = client("--format", "subunit", "--schedule-log", tmp_path / "log",
                   channel=serving(*server("good")))
    assert ended.status == 0
    assert sent(tmp_path / "log") == {0: DEMO}


def test_a_log_that_cannot_be_written_is_told_before_anything_runs(tmp_path):
    ended = client("--format", "subunit", "--schedule-log", tmp_path,
                   channel=serving(*server("good")))
    assert ended.status in (2, 3)
    says(ended.stderr, "schedule log", str(tmp_path), "directory")
    assert "success" not in {status for _, status in ended.stream.ended}


@pytest.mark.parametrize("options", [(), ("--isolated",)], ids=["", "isolated"])
def test_a_replay_sends_the_same_to_the_same_workers(suite, tmp_path, options):
    first, again = tmp_path / "log", tmp_path / "again"
    recorded = suite.run(*options, "--schedule-log", first, workers=3)
    ended = suite.run(*options, "--replay", first, "--schedule-log", again, workers=3)
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert sent(again) == sent(first)
    assert by_worker(ended.stream) == by_worker(recorded.stream)


def test_a_replay_runs_only_what_was_sent_then(schedule):
    ended = replay(schedule((1, [DEMO[4], DEMO[2]]), (0, [DEMO[3]])))
    assert (ended.status, ended.stderr) == (0, "")
    assert by_worker(ended.stream) == {1: [DEMO[4], DEMO[2]], 0: [DEMO[3]]}


def test_a_replay_may_be_recorded_over_its_own_schedule(schedule):
    path = schedule((1, DEMO[:2]), (0, DEMO[2:]))
    assert replay(path, "--schedule-log", path).status == 0
    assert sent(path) == {1: DEMO[:2], 0: DEMO[2:]}


def test_a_test_that_is_not_there_any_more_has_failed(schedule):
    ended = replay(schedule((0, [DEMO[0], "demo.gone"]), (1, [DEMO[1]])))
    assert ended.status == 1
    assert ended.stream.statuses == {
        DEMO[0]: "success", DEMO[1]: "success", "demo.gone": "fail"
    }


def test_a_replay_that_needs_more_servers_than_there_are_ends(schedule):
    path = schedule((0, DEMO[:2]), (2, DEMO[2:]))
    ended = replay(path, "--attach-timeout", "10")
    assert ended.status == 3
    says(ended.stderr, "3 tests", "10 s", "--attach-timeout", "--replay", "workers")
    ended.stream.assert_clean()
    statuses = ended.stream.statuses
    assert [statuses[test_id] for test_id in DEMO] == ["success"] * 2 + ["fail"] * 3


def test_a_replay_that_waits_for_servers_says_for_which(schedule):
    path = schedule((0, DEMO[:2]), (2, DEMO[2:4]), (3, DEMO[4:]))
    ended = replay(path, "--attach-timeout", "10")
    assert ended.status == 3
    lines = [line for line in ended.stderr.splitlines() if "worker-2, worker-3" in line]
    assert len(lines) == 1, ended.stderr
    says(lines[0], "warning", "3 tests are waiting", "not attached", "10 s (--attach-timeout)")


def test_what_a_server_that_died_in_a_replay_had_goes_to_the_one_in_its_place(schedule):
    mode = modes_by_worker("good", {0: "kill-in-test", 1: "kill-in-test"})
    ended = replay(schedule((0, [DEMO[0], DEMO[2], DEMO[3]]), (1, [DEMO[1], DEMO[4]])), mode=mode)
    assert ended.status == 1
    assert ended.stream.failed() == [DEMO[2]]
    assert by_worker(ended.stream) == {0: [DEMO[0], DEMO[2], DEMO[3]], 1: [DEMO[1], DEMO[4]]}


@pytest.mark.parametrize(
    "text, seen",
    [
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        ("garbage\n", ["line 1", "garbage", "not JSON"]),
        ('{"at":0,"worker":0,"tests":["a"]}\n{"at":0,"worker":0', ["line 2", "not JSON"]),
        ('{"at":0,"worker":-1,"tests":["a"]}\n', ["line 1", "worker"]),
        ('{"at":0,"worker":0}\n', ["line 1", "tests", "missing"]),
        ('{"at":0,"worker":0,"tests":[7]}\n', ["line 1", "tests", "list of test ids"]),
        ('["at"]\n', ["line 1", "object"]),
    ],
)
def test_a_schedule_that_makes_no_sense_starts_nothing(tmp_path, text, seen):
    path = tmp_path / "schedule"
    path.write_text(text)
    ended = client("--format", "subunit", "--replay", path,
                   channel=["sh", "-c", f"touch {tmp_path}/started"])
    assert ended.status in (2, 3)
    says(ended.stderr, "replay", str(path), *seen)
    assert not (tmp_path / "started").exists()


def test_a_schedule_that_is_not_there_is_named(tmp_path):
    ended = client("--format", "subunit", "--replay", tmp_path / "no-such", channel=["true"])
    assert ended.status in (2, 3)
    says(ended.stderr, "schedule", "no-such", "No such file")


def test_a_schedule_that_is_a_directory_is_named(tmp_path):
    ended = client("--format", "subunit", "--replay", tmp_path, channel=["true"])
    assert ended.status == 2
    says(ended.stderr, "cannot read the schedule", str(tmp_path), "is a directory")


def test_a_schedule_without_end_is_told():
    ended = client("--format", "subunit", "--replay", "/dev/zero", channel=["true"])
    assert ended.status == 2
    says(ended.stderr, "the schedule", "/dev/zero", "more than")
