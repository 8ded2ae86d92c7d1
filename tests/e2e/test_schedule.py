"""Which server gets which tests, in which order, and how a run learns from the ones before."""

from datetime import datetime, timedelta, timezone
import os
import re
import stat
import subprocess

import pytest

from small_suite import SmallSuite, all_busy, by_worker, durations, read_log, sent
from support import Stream, client, python, says, server, serving
import suites
import support
from test_workers import listening_server

NAP = "time.sleep(0.02)"
SHOW_PROCESS = "print('process', os.getpid(), flush=True)"


@pytest.fixture
def suite(tmp_path):
    return SmallSuite(tmp_path)


def passed(ended, *ids):
    """Asserts that these tests passed, each once, and nothing else was said. The stream."""
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(ids, "success")
    return ended.stream


# Who runs what


@pytest.mark.parametrize("workers", [2, 4])
def test_servers_share_the_tests_and_say_whose_each_was(suite, workers, tmp_path):
    suite.write(*[all_busy(tmp_path, workers)] * 40)
    stream = passed(suite.run(workers=workers), *suite.ids(*range(40)))
    assert set(by_worker(stream)) == set(range(workers))
    for event in stream.events:
        if event["test_status"] == "inprogress":
            assert len(event["test_tags"]) == 1


def test_a_server_has_the_number_that_it_was_started_with_whoever_comes_first(suite):
    suite.write(*["print(os.environ['SUBUNIT_RPC_WORKER'], end='', flush=True); " + NAP] * 60)
    late = 'if [ $SUBUNIT_RPC_WORKER = 0 ]; then sleep 0.4; fi; exec "$@"'
    channel = serving("sh", "-c", late, "sh", *suite.command, options=["--workers", "3"])
    stream = passed(client("--format", "subunit", channel=channel), *suite.ids(*range(60)))
    for number, ids in by_worker(stream).items():
        assert {stream.file(test_id, "stdout") for test_id in ids} == {str(number).encode()}


def test_one_server_needs_no_tag(suite):
    suite.write(*[NAP] * 3)
    stream = passed(suite.run(), *suite.ids(0, 1, 2))
    assert by_worker(stream) == {None: suite.ids(0, 1, 2)}


def test_a_server_that_runs_nothing_is_no_tag(suite):
    suite.write(NAP)
    stream = passed(suite.run(workers=3), suite.id(0))
    assert len(by_worker(stream)) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_the_order_given_is_kept(suite, workers, tmp_path):
    suite.write(*[NAP] * 30)
    order = suite.ids(*reversed(range(30)))
    # Lengths that would turn the order round.
    history = tmp_path / "history"
    suite.write(*[NAP] * 29, "time.sleep(0.2)")
    suite.run("--history", history)
    log = tmp_path / "log"
    ended = suite.run("--order", "given", "--history", history, "--schedule-log", log, *order,
                      workers=workers)
    assert [test_id for entry in read_log(log) for test_id in entry["tests"]] == order
    stream = passed(ended, *order)
    for ids in by_worker(stream).values():
        assert ids == sorted(ids, key=order.index)


def test_one_server_runs_in_the_order_given_whatever_the_history_says(suite, tmp_path):
    suite.write("", "", "time.sleep(0.1)")
    for _ in range(2):
        stream = passed(suite.run("--history", tmp_path / "history"), *suite.ids(0, 1, 2))
        assert stream.ids == suite.ids(0, 1, 2)


def test_a_group_stays_together_and_in_order(suite, tmp_path):
    suite.write(*[all_busy(tmp_path, 3)] * 40)
    ended = suite.run("--group", "[0-9]$", "--schedule-log", tmp_path / "log", workers=3)
    workers = by_worker(passed(ended, *suite.ids(*range(40))))
    assert len(workers) == 3
    for digit in range(10):
        group = suite.ids(*range(digit, 40, 10))
        (home,) = [ids for ids in workers.values() if group[0] in ids]
        start = home.index(group[0])
        assert home[start : start + 4] == group
    assert sent(tmp_path / "log") == workers


# What is known from earlier runs


def test_what_took_longest_the_last_time_starts_first(suite, tmp_path):
    history, log = tmp_path / "history", tmp_path / "log"
    everything = suite.ids(*range(16))
    longest = everything[-1]
    history.write_bytes(
        b"".join(history_of(test_id, 0.3 if test_id == longest else 0.02) for test_id in everything)
    )
    suite.write(*[all_busy(tmp_path, 2)] * 16)
    passed(suite.run("--history", history, "--schedule-log", log, workers=2), *everything)
    # In the order given it is the last one. A few short ones come before it: while there is one
    # server, and to find out how fast each is.
    order = [test_id for entry in read_log(log) for test_id in entry["tests"]]
    assert order.index(longest) < 12


def longest_of(stream):
    """Not the one that sleeps longest, if the machine was busy in the middle of another one."""
    took = durations(stream)
    return max(took, key=took.get)


def history_of(test_id, seconds):
    """Packets that say so."""
    began = datetime(2020, 1, 1, tzinfo=timezone.utc)
    ended = began + timedelta(seconds=seconds)
    return support.encode(
        test_id=test_id, test_status="inprogress", timestamp=began
    ) + support.encode(test_id=test_id, test_status="success", timestamp=ended)


def test_a_history_has_the_duration_of_each_test_that_ever_ran(suite, tmp_path):
    suite.write(NAP, NAP, "time.sleep(0.25)")
    history = tmp_path / "history"
    took = {}
    for number in (2, 0):
        took |= durations(suite.run("--history", history, suite.id(number)).stream)
    stream = Stream(history.read_bytes())
    stream.assert_clean()
    assert stream.statuses.keys() == {suite.id(0), suite.id(2)}
    for test_id, least in [(suite.id(0), 0.02), (suite.id(2), 0.25)]:
        assert least <= took[test_id].total_seconds()
        assert durations(stream)[test_id].total_seconds() == pytest.approx(
            took[test_id].total_seconds(), abs=0.002
        )


def test_a_history_is_replaced_as_a_whole(suite, tmp_path):
    suite.write(NAP)
    history = tmp_path / "history"
    suite.run("--history", history)
    history.chmod(0o640)
    before = os.stat(history)
    with open(history, "rb") as reader:
        old = history.read_bytes()
        suite.run("--history", history)
        assert reader.read() == old
    after = os.stat(history)
    assert after.st_ino != before.st_ino
    assert after.st_mode == before.st_mode
    assert {path.name for path in tmp_path.glob("history*")} == {"history"}


def test_any_stream_of_results_is_a_history(suite, tmp_path):
    """`testr last --subunit` writes such a one."""
    suite.write(*[NAP] * 15, "time.sleep(0.3)")
    history, log = tmp_path / "history", tmp_path / "log"
    history.write_bytes(suite.run().stdout)
    longest = longest_of(Stream(history.read_bytes()))
    suite.write(*[all_busy(tmp_path, 2)] * 16)
    assert suite.run("--history", history, "--schedule-log", log, workers=2).status == 0
    place = [test_id for entry in read_log(log) for test_id in entry["tests"]]
    assert place.index(longest) < 8


@pytest.mark.parametrize("content", [b"root:x:0:0:root:/root:/bin/sh\n", bytes(range(256)) * 100],
                         ids=["text", "bytes"])
def test_what_is_no_history_is_not_replaced_by_one(suite, tmp_path, content):
    suite.write(f"open({str(tmp_path / 'ran')!r}, 'w')")
    file = tmp_path / "precious"
    file.write_bytes(content)
    ended = suite.run("--history", file)
    assert ended.status == 2
    says(ended.stderr, str(file), "refusing to overwrite", "no subunit packet",
         "root:x" if content.startswith(b"root") else "\\x01\\x02")
    assert file.read_bytes() == content
    assert not (tmp_path / "ran").exists()


def test_an_empty_file_is_a_history_of_nothing(suite, tmp_path):
    suite.write(NAP)
    history = tmp_path / "history"
    history.touch()
    passed(suite.run("--history", history), suite.id(0))
    assert Stream(history.read_bytes()).statuses.keys() == {suite.id(0)}


@pytest.mark.parametrize("exists", [True, False])
def test_a_history_behind_symbolic_links_is_replaced_where_it_is(suite, tmp_path, exists):
    suite.write(NAP)
    (tmp_path / "place").mkdir()
    history = tmp_path / "place" / "history"
    (tmp_path / "place" / "other").symlink_to("history")
    link = tmp_path / "link"
    link.symlink_to("place/other")
    if exists:
        history.touch()
        history.chmod(0o600)
    passed(suite.run("--history", link), suite.id(0))
    assert os.readlink(link) == "place/other"
    assert not history.is_symlink()
    assert Stream(history.read_bytes()).statuses.keys() == {suite.id(0)}
    assert (history.stat().st_mode & 0o777 == 0o600) == exists
    assert {path.name for path in (tmp_path / "place").iterdir()} == {"history", "other"}


def test_a_history_that_is_no_regular_file_is_only_read(suite, tmp_path):
    suite.write(*[NAP] * 15, "time.sleep(0.3)")
    history, log, null = tmp_path / "history", tmp_path / "log", tmp_path / "null"
    history.write_bytes(suite.run().stdout)
    null.symlink_to("/dev/null")
    longest = longest_of(Stream(history.read_bytes()))
    passed(suite.run("--history", null), *suite.ids(*range(16)))
    assert null.is_symlink() and stat.S_ISCHR(os.stat(null).st_mode)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    suite.write(*[all_busy(tmp_path, 2)] * 16)
    with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', history, fifo]):
        ended = suite.run("--history", fifo, "--schedule-log", log, workers=2)
    passed(ended, *suite.ids(*range(16)))
    assert stat.S_ISFIFO(os.stat(fifo).st_mode)
    place = [test_id for entry in read_log(log) for test_id in entry["tests"]]
    assert place.index(longest) < 8


@pytest.mark.parametrize("place", ["no-such-place", "/proc/self"])
def test_a_history_that_cannot_be_written_is_told_before_anything_runs(suite, tmp_path, place):
    suite.write(f"open({str(tmp_path / 'ran')!r}, 'w')")
    history = tmp_path / place / "history"
    ended = suite.run("--history", history)
    assert ended.status == 2
    says(ended.stderr, "cannot write the history", str(history), "No such file")
    assert not (tmp_path / "ran").exists()


def test_a_history_that_cannot_be_read_is_told_before_anything_runs(suite, tmp_path):
    suite.write(f"open({str(tmp_path / 'ran')!r}, 'w')")
    ended = suite.run("--history", tmp_path)
    assert ended.status in (2, 3)
    says(ended.stderr, "history", str(tmp_path), "directory")
    assert not (tmp_path / "ran").exists()


# A server for each test


@pytest.mark.parametrize("workers", [1, 3])
def test_isolated_tests_have_a_process_each(suite, workers):
    suite.write(*[SHOW_PROCESS] * 7)
    ended = suite.run("--isolated", workers=workers)
    stream = passed(ended, *suite.ids(*range(7)))
    printed = [stream.output(test_id, "stdout").decode() for test_id in suite.ids(*range(7))]
    pids = re.findall(r"process (\d+)", "".join(printed))
    assert len(pids) == len(set(pids)) == 7


def test_isolated_keeps_the_order_on_one_server(suite):
    suite.write(*[""] * 5)
    order = suite.ids(3, 1, 4, 0, 2)
    assert passed(suite.run("--isolated", *order), *order).ids == order


def test_nobody_can_isolate_tests_of_a_server_without_a_proxy():
    ended = client("--format", "subunit", "--isolated", "--direct",
                   channel=server("--stdio", "good"))
    assert ended.status in (2, 3)
    says(ended.stderr, "--isolated", "proxy", ("start", "--direct"))
    assert "success" not in {status for _, status in ended.stream.ended}


def test_nobody_can_isolate_tests_of_a_server_that_somebody_else_has_started(processes):
    port = listening_server(processes, "good")
    ended = client("--format", "subunit", "--isolated",
                   channel=[support.SERVE_BINARY, "serve", "--connect", port])
    assert ended.status == 3
    says(ended.stderr, "--isolated", "cannot be started again", "did not start it", "-- COMMAND")


# An id twice


@pytest.mark.parametrize("workers", [1, 2])
def test_an_id_that_is_listed_twice_is_asked_for_once_and_named(workers, tmp_path):
    suites.require("libpython3.11-testsuite", "test.test_json")
    suite = ("test.test_json",)
    wanted = suites.directly(suite)
    twice = [test_id for (test_id, _), times in wanted.items() if times > 1]
    assert twice
    channel = serving(*suites.test_server(suite), options=["--workers", workers])
    log = tmp_path / "log"
    ended = client("--format", "subunit", "--schedule-log", log, channel=channel, limit=300)
    assert ended.status == 0
    assert ended.stream.ended == wanted
    says(ended.stderr, "more than once", twice[0])
    asked = [test_id for entry in read_log(log) for test_id in entry["tests"]]
    assert len(asked) == len(set(asked)) == len(wanted)
