"""What comes of a run: statuses, fixtures, and that nothing a test does ends the server."""

import datetime
import io
import sys

import pytest
from testtools.testsuite import FixtureSuite

from recorder import Recorder, run, short, suite_of
from subunit_rpc.server.for_unittest.collection import TestCollection
from subunit_rpc.server.for_unittest.runner import BROKEN_RUN_ID, NOT_RUN, run_tests
from subunit_rpc.server.reporter import Reporter
from subunit_rpc.server.stdio import flush_buffers
from suites import behaviour


@pytest.fixture(autouse=True)
def empty_log():
    behaviour.LOG.clear()


def test_fixtures_of_classes_and_modules_run_as_in_unittest_and_in_each_run():
    collection = TestCollection(suite_of(behaviour.First, behaviour.Second))
    for _ in range(2):
        run(collection)
        assert behaviour.LOG == (
            ["module up", "First up", "1", "2", "First down"]
            + ["Second up", "1", "2", "Second down", "module down"]
        )
        behaviour.LOG.clear()


def test_fixtures_follow_the_order_asked_for():
    collection = TestCollection(suite_of(behaviour.First, behaviour.Second))
    one, two = f"{behaviour.__name__}.First.test_1", f"{behaviour.__name__}.First.test_2"
    run(collection, [two, one])
    assert behaviour.LOG == ["module up", "First up", "2", "1", "First down", "module down"]
    behaviour.LOG.clear()
    run(collection, [one, f"{behaviour.__name__}.Second.test_1", two])
    assert behaviour.LOG == (
        ["module up", "First up", "1", "First down", "Second up", "1", "Second down"]
        + ["First up", "2", "First down", "module down"]
    )


def test_attachments_come_before_the_status_whatever_their_size():
    collection = TestCollection(suite_of(behaviour.Detailed))
    results = run(collection)
    test_id = f"{behaviour.__name__}.Detailed.test_details"
    assert results.statuses == [(test_id, "fail")]
    assert results.packets[0].test_status == "inprogress"
    assert results.packets[-1].test_status == "fail"
    assert results.attachment(test_id, "note") == "ü" * 100_000
    assert "AssertionError: on purpose" in results.attachment(test_id, "traceback")
    mime_types = {packet.mime_type for packet in results.packets if packet.file_name}
    assert mime_types == {
        'text/plain; charset="utf8"',
        'text/x-traceback; charset="utf8"; language="python"',
    }


def test_every_status_packet_has_the_time():
    before = datetime.datetime.now(datetime.timezone.utc)
    results = run(TestCollection(suite_of(behaviour.First)))
    after = datetime.datetime.now(datetime.timezone.utc)
    times = [packet.timestamp for packet in results.packets]
    assert times == sorted(times)
    assert before - datetime.timedelta(seconds=1) <= times[0] <= times[-1] <= after


@pytest.mark.parametrize(
    "case, expected",
    [
        (behaviour.Exits, ["test_1 fail", "test_2 success"]),
        (behaviour.TesttoolsExits, ["test_1 fail", "test_2 success"]),
        (behaviour.SetUpClassExits, ["test_1 fail", "test_2 fail"]),
        (behaviour.TesttoolsUnusual, ["test_1 fail", "test_2 success"]),
    ],
)
def test_whatever_a_test_raises_is_its_failure_and_the_others_run(case, expected):
    collection = TestCollection(suite_of(case, behaviour.First))
    for _ in range(2):
        assert short(run(collection)) == [*expected, "test_1 success", "test_2 success"]


def test_a_test_that_exits_is_torn_down():
    collection = TestCollection(suite_of(behaviour.TesttoolsExits))
    run(collection, [f"{behaviour.__name__}.TesttoolsExits.test_1"])
    assert behaviour.LOG[-2:] == ["teardown", "module down"]


def test_the_traceback_says_what_let_a_test_down():
    collection = TestCollection(suite_of(behaviour.SetUpClassExits))
    test_id = f"{behaviour.__name__}.SetUpClassExits.test_2"
    text = run(collection).attachment(test_id, "traceback")
    assert "in setUpClass" in text
    assert "SystemExit: from setUpClass" in text


def test_an_interrupt_is_for_the_server():
    with pytest.raises(KeyboardInterrupt):
        run(TestCollection(suite_of(behaviour.Interrupts)))


class BrokenFixture:
    def setUp(self):
        raise RuntimeError("no database")


def test_what_a_suite_raises_is_a_failure_of_its_own_and_the_others_run():
    broken = FixtureSuite(BrokenFixture(), [behaviour.First("test_1")])
    collection = TestCollection(suite_of(broken, behaviour.First))
    for _ in range(2):
        results = run(collection)
        assert results.statuses[0] == (BROKEN_RUN_ID, "fail")
        assert "no database" in results.attachment(BROKEN_RUN_ID, "traceback")
        assert short(results)[1:] == ["test_1 success", "test_2 success"]


def test_failfast_ends_each_run_after_the_first_failure():
    collection = TestCollection(suite_of(behaviour.First, behaviour.Fails, behaviour.Second))
    for _ in range(2):
        results = run(collection, failfast=True)
        assert short(results) == [
            "test_1 success",
            "test_2 success",
            "test_1 fail",
            "test_2 fail",
            "test_1 fail",
            "test_2 fail",
        ]
        for test_id, _ in results.statuses[3:]:
            assert results.attachment(test_id, "reason") == NOT_RUN
        assert "Second up" not in behaviour.LOG


def test_failfast_minds_what_breaks_a_run_too():
    collection = TestCollection(suite_of(behaviour.SetUpClassExits, behaviour.First))
    results = run(collection, failfast=True)
    assert short(results) == ["test_1 fail", "test_2 fail"] * 2
    reasons = [results.attachment(test_id, "reason") for test_id, _ in results.statuses]
    assert reasons == ["", NOT_RUN, NOT_RUN, NOT_RUN]


def test_local_variables_are_shown_when_asked_for():
    test_id = f"{behaviour.__name__}.Locals.test_1"
    for tb_locals in (False, True):
        results = run(TestCollection(suite_of(behaviour.Locals)), tb_locals=tb_locals)
        assert ("answer = 42" in results.attachment(test_id, "traceback")) is tb_locals


def test_a_run_that_is_stopped_ends_with_the_test_that_is_running():
    collection = TestCollection(suite_of(behaviour.First, behaviour.Second))
    recorder = Recorder()
    run_tests(collection.take(), Reporter(recorder), stopped=lambda: recorder.told >= 2)
    assert behaviour.LOG == ["module up", "First up", "1", "First down", "module down"]


class FlushingOut(io.StringIO):
    """A sys.stdout that notes when it is flushed, and how many packets had gone by then."""

    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder

    def flush(self):
        if self.getvalue():
            behaviour.LOG.append((self.getvalue(), self.recorder.told))
            self.truncate(0)
            self.seek(0)


def test_what_is_printed_is_out_before_the_packet_that_ends_its_test(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(sys, "stdout", FlushingOut(recorder))
    run_tests(TestCollection(suite_of(behaviour.Prints)).take(), Reporter(recorder))
    flush_buffers()
    flushed = [entry for entry in behaviour.LOG if isinstance(entry, tuple)]
    assert flushed == [("class", 0), ("1", 1), ("2", 3), ("end", 4)]


class Raising:
    def flush(self):
        raise RuntimeError("no")


@pytest.mark.parametrize("stream", [None, 3, Raising(), io.StringIO()])
def test_a_stdout_that_cannot_be_flushed_harms_nobody(stream, monkeypatch):
    if isinstance(stream, io.StringIO):
        stream.close()
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, name, stream)
    results = run(TestCollection(suite_of(behaviour.First)))
    monkeypatch.undo()
    assert short(results) == ["test_1 success", "test_2 success"]


def test_a_test_has_one_status_when_all_of_it_is_over():
    name = f"{behaviour.__name__}.TearsDown"
    results = run(TestCollection(suite_of(behaviour.TearsDown)))
    assert results.statuses == [(f"{name}.test_fails", "fail"), (f"{name}.test_skips", "fail")]
    texts = ["traceback", "traceback-1", "traceback-2"]
    for text, attachment in zip(["in the test", "in tearDown", "in a cleanup"], texts):
        assert text in results.attachment(f"{name}.test_fails", attachment)
    assert results.attachment(f"{name}.test_skips", "reason") == "no hardware"
    assert "in tearDown" in results.attachment(f"{name}.test_skips", "traceback")


def test_each_failing_subtest_is_shown_with_its_parameters():
    name = f"{behaviour.__name__}.Subtests"
    results = run(TestCollection(suite_of(behaviour.Subtests)))
    assert short(results) == ["test_all_pass success", "test_some_fail fail", "test_some_skip skip"]
    for number in (1, 3):
        text = results.attachment(f"{name}.test_some_fail", f"traceback (number={number})")
        assert "AssertionError" in text
    assert results.attachment(f"{name}.test_some_skip", "reason") == "(number=1): odd"
