"""Fixtures of classes and modules that fail or skip: the tests that they are for say so."""

import unittest

import pytest
from testtools.testsuite import FixtureSuite

from recorder import Recorder, run, suite_of
from subunit_rpc.server.for_unittest.collection import FixtureTest, Taken, TestCollection
from subunit_rpc.server.for_unittest.runner import NOT_RUN, run_tests
from subunit_rpc.server.reporter import Reporter
from suites import unfit, unfit_module

SKIPS, FAILS = (f"{unfit.__name__}.{name}" for name in ("Skips", "Fails"))
RUNS = f"{unfit.__name__}.Runs.test_1"
MODULE = unfit_module.__name__


class Nothing:
    def setUp(self):
        pass

    cleanUp = setUp


def plain(*cases):
    return suite_of(*cases)


def fixture_suite(*cases):
    return suite_of(FixtureSuite(Nothing(), suite_of(*cases)))


@pytest.mark.parametrize("kind", [plain, fixture_suite])
def test_tests_of_a_class_that_skips_itself_are_skipped_with_its_reason(kind):
    collection = TestCollection(kind(unfit.Skips, unfit.Runs))
    for _ in range(2):
        results = run(collection)
        assert sorted(results.statuses) == [
            (f"setUpClass ({SKIPS})", "skip"),
            (RUNS, "success"),
            (f"{SKIPS}.test_1", "skip"),
            (f"{SKIPS}.test_2", "skip"),
        ]
        for test in ("test_1", "test_2"):
            assert results.attachment(f"{SKIPS}.{test}", "reason") == "no database here"


@pytest.mark.parametrize("kind", [plain, fixture_suite])
def test_tests_of_a_class_that_cannot_be_set_up_fail_with_its_traceback(kind):
    collection = TestCollection(kind(unfit.Fails, unfit.Runs))
    for asked in ([RUNS, f"{FAILS}.test_2"], [f"{FAILS}.test_2"]):
        results = run(collection, asked)
        expected = {f"setUpClass ({FAILS})": "fail", f"{FAILS}.test_2": "fail"}
        if RUNS in asked:
            expected[RUNS] = "success"
        assert dict(results.statuses) == expected
        assert len(results.statuses) == len(expected)
        reason = results.attachment(f"{FAILS}.test_2", "reason")
        assert reason == f"setUpClass ({FAILS}) failed, so this test did not run."
        traceback = results.attachment(f"{FAILS}.test_2", "traceback")
        assert "in setUpClass" in traceback
        assert "RuntimeError: on purpose" in traceback


def test_a_class_that_is_set_up_twice_in_a_run_says_so_for_each_of_its_tests():
    collection = TestCollection(suite_of(unfit.Fails, unfit.Runs))
    asked = [f"{FAILS}.test_1", RUNS, f"{FAILS}.test_2"]
    statuses = run(collection, asked).statuses
    assert [each for each in statuses if each[0] in asked] == [
        (f"{FAILS}.test_1", "fail"),
        (RUNS, "success"),
        (f"{FAILS}.test_2", "fail"),
    ]


def test_a_test_that_is_in_the_suite_twice_is_answered_twice():
    collection = TestCollection(suite_of(unfit.Skips, unfit.Skips))
    statuses = run(collection, [f"{SKIPS}.test_1"]).statuses
    assert statuses.count((f"{SKIPS}.test_1", "skip")) == 2


def test_tests_of_a_module_that_skips_itself_are_skipped_with_its_reason():
    collection = TestCollection(suite_of(unfit_module.First, unfit_module.Second))
    results = run(collection)
    assert results.statuses == [
        (f"setUpModule ({MODULE})", "skip"),
        (f"{MODULE}.First.test_1", "skip"),
        (f"{MODULE}.Second.test_1", "skip"),
    ]
    assert results.attachment(f"{MODULE}.Second.test_1", "reason") == "no network here"


def test_tests_of_a_module_that_cannot_be_set_up_fail_with_its_traceback(monkeypatch):
    def broken():
        raise RuntimeError("on purpose")

    monkeypatch.setattr(unfit_module, "setUpModule", broken)
    results = run(TestCollection(suite_of(unfit_module.First)))
    assert results.statuses == [
        (f"setUpModule ({MODULE})", "fail"),
        (f"{MODULE}.First.test_1", "fail"),
    ]
    text = results.attachment(f"{MODULE}.First.test_1", "reason")
    assert text == f"setUpModule ({MODULE}) failed, so this test did not run."
    text = results.attachment(f"{MODULE}.First.test_1", "traceback")
    assert "RuntimeError: on purpose" in text


def test_failfast_does_not_mind_a_class_that_skips_itself():
    collection = TestCollection(suite_of(unfit.Skips, unfit.Runs))
    assert run(collection, failfast=True).statuses[1:] == [
        (f"{SKIPS}.test_1", "skip"),
        (f"{SKIPS}.test_2", "skip"),
        (RUNS, "success"),
    ]


def test_a_fixture_is_not_taken_for_the_test_before_it():
    seen = []

    class Watches:
        def id(self):
            return "watches"

        def __call__(self, result):
            seen.append(result.names)
            result.answer("watches", "success")

    class Watched(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            # What unittest makes to report a failure may have the identity of a test that is gone.
            assert seen == [{}]

    name = "setUpClass (Watched)"
    taken = [Taken(Watches(), "watches"), Taken(FixtureTest(name, Watched), name)]
    recorder = Recorder()
    run_tests(taken, Reporter(recorder))
    assert recorder.results().statuses == [("watches", "success"), (name, "success")]


@pytest.mark.parametrize("kind", [plain, fixture_suite])
def test_failfast_tells_the_tests_that_it_leaves_out_from_those_without_their_fixture(kind):
    collection = TestCollection(unittest.TestSuite([kind(unfit.Fails), plain(unfit.Runs)]))
    for _ in range(2):
        results = run(collection, failfast=True)
        assert results.statuses == [
            (f"setUpClass ({FAILS})", "fail"),
            (f"{FAILS}.test_1", "fail"),
            (f"{FAILS}.test_2", "fail"),
            (RUNS, "fail"),
        ]
        for test in ("test_1", "test_2"):
            assert "on purpose" in results.attachment(f"{FAILS}.{test}", "traceback")
        assert results.attachment(RUNS, "reason") == NOT_RUN
