"""`--trace`: the run as a Chrome trace."""

import collections
import json
import random
import re

import pytest

import support
from support import client, says, server, serving
from terminal import Driver
import trace_format

ALL = [f"demo.test_{number}" for number in range(5)]


@pytest.fixture
def traced(processes, tmp_path):
    """Starts the outputs of a run with a trace; the file is at `.trace`."""

    def start(path=tmp_path / "trace"):
        driver = Driver("--trace", path, on_terminal=())
        driver.trace = path
        processes.append(driver.process)
        return driver

    return start


def written(run) -> str:
    """What of the trace is in its file."""
    return run.trace.read_text() if run.trace.exists() else ""


def finished(run) -> trace_format.Trace:
    said = run.finish().stderr
    # On a busy machine there may be time for a line of progress or two.
    assert re.fullmatch(r"(\d+(/\d+)?( tests)?, 0 failed, .*\n)*", said), said
    return trace_format.check(run.trace.read_text())


# The format, as the outputs write it


def test_a_trace_has_a_row_for_each_server_and_a_box_for_each_test(traced):
    run = traced()
    run.begin("a.test", 0, time=100.0)
    run.begin("b.test", 1, time=7.5)
    run.end("a.test", 0, time=100.25)
    run.end("b.test", 1, 6, time=9.5, tags=["worker-1", "slow"])
    trace = finished(run)
    assert trace.process == "subunit-proxy run"
    assert trace.rows == ["worker-0", "worker-1"]
    boxes = {box.name: box for box in trace.boxes}
    assert boxes.keys() == {"a.test", "b.test"}
    assert boxes["a.test"].row == "worker-0" and boxes["a.test"].args == {"status": "success"}
    assert boxes["b.test"].row == "worker-1"
    assert boxes["b.test"].args == {"status": "fail", "tags": ["worker-1", "slow"]}


def test_without_timestamps_a_box_is_as_long_as_the_test_took_to_arrive(traced):
    run = traced()
    run.begin("a.test")
    support.wait_until(lambda: "thread_name" in written(run), "the beginning")
    run.end("a.test")
    (box,) = finished(run).boxes
    assert 0.5 < box.end - box.begin < 30  # what is written waits for a second


def test_ids_output_and_reasons_of_every_kind_are_text(traced):
    ids = ["suite.試験", 'a "quoted" \\ test', "controls \x01\x1b\n\t", "\u2028 and \U0001f680"]
    run = traced()
    for test_id in ids:
        run.begin(test_id)
        run.tell(id=test_id, file="stdout", text=test_id, worker=0)
        run.tell(id=test_id, status=6, file="subunit-proxy", text=test_id, worker=0)
    trace = finished(run)
    assert [box.name for box in trace.boxes] == ids
    assert [box.args["reason"] for box in trace.boxes] == ids
    assert [mark.args["text"] for mark in trace.marks] == ids


def test_incidents_and_output_are_marks(traced):
    run = traced()
    run.tell(incident="attached", worker=1)
    run.begin("a.test", 1)
    run.tell(id="a.test", file="stderr", text="words\n", worker=1)
    run.tell(incident="slow", id="a.test", worker=1)
    run.tell(file="channel", text="banner\n")
    run.tell(incident="gone", worker=1, text="killed by SIGSEGV (11)")
    run.end("a.test", 1, 6)
    run.tell(incident="trouble", text="a channel is lost")
    assert "SIGSEGV" in run.finish().stderr
    trace = trace_format.check(run.trace.read_text())
    assert [(mark.name, mark.row) for mark in trace.marks] == [
        ("server attached", "worker-1"),
        ("stderr", "worker-1"),
        ("slow", "worker-1"),
        ("channel", "run"),
        ("server lost", "worker-1"),
        ("trouble", "run"),
    ]
    assert trace.marks[2].args["test"] == "a.test"
    (box,) = trace.boxes
    lost = trace.marks[4]
    assert box.end == pytest.approx(lost.at) and box.args["status"] == "fail"


@pytest.mark.parametrize("seed", support.SEEDS)
def test_any_run_is_a_trace_by_the_rules(traced, seed):
    """Several tests at once, clocks that jump, servers that are lost, ends without beginnings."""
    chance = random.Random(seed)
    run = traced()
    clock = collections.defaultdict(lambda: chance.uniform(0, 1e6))
    open_tests = collections.defaultdict(list)
    begun = ended = 0
    for number in range(3000):
        worker = chance.randrange(4)
        clock[worker] = max(clock[worker] + chance.choice([0, 1e-6, 0.01, 1, -5, 3600]), 0)
        time = {"time": clock[worker]} if chance.random() < 0.8 else {}
        tests = open_tests[worker]
        event = chance.random()
        if event < 0.45 and len(tests) < 8:
            tests.append(f"test_{number}")
            run.begin(tests[-1], worker, **time)
            begun += 1
        elif event < 0.9 and tests:
            run.end(tests.pop(chance.randrange(len(tests))), worker, chance.randrange(3, 8), **time)
            ended += 1
        elif event < 0.95:
            run.tell(file="stdout", text="words", worker=worker, **time)
        elif event < 0.97:
            run.tell(incident="gone", worker=worker, text="killed")
            for test_id in tests:
                run.tell(id=test_id, status=6)
                ended += 1
            tests.clear()
        else:
            run.end(f"alone_{number}", worker, **time)
            begun += 1
    run.finish()
    trace = trace_format.check(run.trace.read_text())
    assert len(trace.boxes) == begun
    assert sum(box.args["status"] == "unfinished" for box in trace.boxes) == sum(
        map(len, open_tests.values())
    )


def test_the_trace_of_a_run_that_is_killed_can_be_read(traced):
    run = traced()
    run.begin("a.test")
    run.end("a.test")
    run.begin("b.test")
    support.wait_until(lambda: "a.test" in written(run), "the first box")
    run.process.kill()
    run.process.wait()
    trace = trace_format.check(run.trace.read_text(), cut=True)
    assert [box.name for box in trace.boxes] == ["a.test"]


def test_a_long_trace_is_written_as_it_comes(traced):
    run = traced()
    for number in range(20_000):
        run.begin(f"demo.test_{number}")
        run.end(f"demo.test_{number}")
    before = support.peak_memory(run.process.pid)
    for number in range(100_000):
        run.begin(f"demo.test_{number}")
        run.end(f"demo.test_{number}")
    support.wait_until(lambda: "test_99999" in tail(run.trace), "the last box")
    # The ledger keeps each id, but not a hundred bytes of trace for each test.
    grown = support.peak_memory(run.process.pid) - before
    assert grown < 100_000 * 150 or support.is_sanitized()
    assert len(finished(run).boxes) == 120_000


def tail(path) -> str:
    with open(path, "rb") as file:
        file.seek(max(path.stat().st_size - 4096, 0))
        return file.read().decode(errors="replace")


def test_a_trace_that_cannot_be_written_is_a_warning_and_costs_no_result(traced):
    run = traced("/dev/full")
    for number in range(5000):
        run.end(f"demo.test_{number}")
    ended = run.finish()
    assert ended.status == 0
    assert ended.text.startswith("5000 tests: 5000 passed")
    assert len(ended.stderr.splitlines()) == 1
    says(ended.stderr, "warning", "/dev/full", "no space")


# The option


@pytest.mark.parametrize("form", ["human", "subunit"])
def test_run_writes_a_trace_beside_any_format(tmp_path, form):
    path = tmp_path / "trace"
    ended = client("--format", form, "--trace", path, channel=serving(*server("good")))
    assert ended.status == 0
    trace = trace_format.check(path.read_text())
    assert [box.name for box in trace.boxes] == ALL
    assert {box.args["status"] for box in trace.boxes} == {"success"}
    printed = [mark for mark in trace.marks if mark.name == "stdout"]
    assert [mark.args["text"] for mark in printed] == [f"{each}\n" for each in ALL]
    (row,) = trace.rows
    assert row == "worker-0"


def test_run_traces_a_crash(tmp_path):
    path = tmp_path / "trace"
    ended = client("--trace", path, channel=serving(*server("kill-in-test")))
    assert ended.status != 0
    trace = trace_format.check(path.read_text())
    boxes = {box.name: box for box in trace.boxes}
    assert boxes["demo.test_2"].args["status"] == "fail"
    says(boxes["demo.test_2"].args["reason"], "SIGKILL")
    assert "server lost" in [mark.name for mark in trace.marks]


def test_run_says_at_once_that_a_trace_cannot_be_written(tmp_path):
    path = tmp_path / "no/such/directory/trace"
    ended = client("--trace", path, channel=serving(*server("good")))
    assert ended.status == 3
    says(ended.stderr, str(path), "no such file")
    assert ended.stdout == b""


# The rules themselves

GOOD = [
    {"ph": "M", "name": "process_name", "pid": 1, "tid": 1, "args": {"name": "a run"}},
    {"ph": "M", "name": "thread_name", "pid": 1, "tid": 2, "args": {"name": "worker-0"}},
    {"ph": "X", "name": "a", "cat": "c", "pid": 1, "tid": 2, "ts": 0, "dur": 10, "args": {}},
    {"ph": "X", "name": "b", "cat": "c", "pid": 1, "tid": 2, "ts": 2, "dur": 8, "args": {}},
    {"ph": "X", "name": "c", "cat": "c", "pid": 1, "tid": 2, "ts": 10, "dur": 0, "args": {}},
    {"ph": "i", "name": "m", "cat": "c", "pid": 1, "tid": 2, "ts": 1.5, "s": "t", "args": {}},
]


def test_the_rules_accept_a_trace():
    assert len(trace_format.check(json.dumps(GOOD)).boxes) == 3
    assert len(trace_format.check(json.dumps(GOOD)[:-1] + ",\n", cut=True).boxes) == 3


@pytest.mark.parametrize(
    "number, change",
    [
        (0, {"ph": "i", "s": "t", "ts": 0, "cat": "c"}),
        (1, {"tid": 3}),
        (1, {"args": {}}),
        (2, {"ts": -1}),
        (2, {"dur": None}),
        (2, {"tid": 0}),
        (2, {"tid": "worker"}),
        (2, {"tid": 2**32}),
        (2, {"name": ""}),
        (2, {"pid": 2}),
        (3, {"dur": 9}),
        (3, {"ph": "E"}),
        (5, {"s": "x"}),
        (5, {"dur": 1}),
        (5, {"args": "words"}),
    ],
)
def test_the_rules_refuse_what_breaks_one(number, change):
    events = [{**event, **(change if at == number else {})} for at, event in enumerate(GOOD)]
    with pytest.raises(AssertionError):
        trace_format.check(json.dumps(events))
