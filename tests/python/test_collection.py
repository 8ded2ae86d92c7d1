"""Which tests run when some are asked for, in which order, and that they can run again."""

import os
import re
import subprocess
import sys
import unittest

import pytest
import testtools
from testtools.testsuite import ConcurrentTestSuite, FixtureSuite, iterate_tests

from recorder import run, short, suite_of
from subunit_rpc.server.for_unittest.collection import TestCollection
from suites import rerun, unfit

A, B, C = (f"{rerun.__name__}.Letters.test_{letter}" for letter in "abc")


class Fixture:
    """Counts what it does, and can be asked for what is set up now."""

    def __init__(self):
        self.log = []

    def setUp(self):
        self.log.append("up")

    def cleanUp(self):
        self.log.append("down")


def test_all_tests_run_in_the_order_of_the_suite():
    collection = TestCollection(suite_of(rerun.Letters))
    assert list(collection.ids()) == [A, B, C]
    assert run(collection).statuses == [(A, "success"), (B, "fail"), (C, "skip")]


def test_tests_run_in_the_order_they_are_asked_for():
    collection = TestCollection(suite_of(rerun.Letters))
    assert list(collection.ids([C, A])) == [C, A]
    assert run(collection, [C, A]).statuses == [(C, "skip"), (A, "success")]


def test_no_tests_are_no_tests():
    collection = TestCollection(suite_of(rerun.Letters))
    assert list(collection.ids([])) == []
    assert run(collection, []).packets == []


def test_an_id_asked_for_twice_counts_once():
    collection = TestCollection(suite_of(rerun.Letters))
    assert list(collection.ids([A, B, A])) == [A, B]
    assert run(collection, [A, B, A]).statuses == [(A, "success"), (B, "fail")]


def test_an_id_that_is_in_the_suite_twice_runs_twice():
    collection = TestCollection(suite_of(rerun.Letters, rerun.Letters))
    assert list(collection.ids()) == [A, B, C, A, B, C]
    assert list(collection.ids([B, A])) == [B, B, A, A]
    assert run(collection, [A]).statuses == [(A, "success")] * 2


def test_an_unknown_id_is_not_listed_and_fails_when_run():
    collection = TestCollection(suite_of(rerun.Letters))
    assert list(collection.ids(["no.such", A])) == [A]
    for _ in range(2):
        results = run(collection, [A, "no.such"])
        assert sorted(results.statuses) == [("no.such", "fail"), (A, "success")]
        started = [p.test_id for p in results.packets if p.test_status == "inprogress"]
        assert sorted(started) == ["no.such", A]
        text = results.attachment("no.such", "reason")
        assert text == "no.such is not known to this server, which has 3 tests."


@pytest.mark.parametrize(
    "code, why",
    [
        ("import helper", "SyntaxError: invalid syntax (helper.py, line 2)"),
        ("import no_such_helper", "ModuleNotFoundError: No module named 'no_such_helper'"),
        ("raise ValueError('no\\nway')", "way"),
    ],
)
@pytest.mark.parametrize("how", ["names", "a package", "discovery"])
def test_an_unknown_id_of_a_module_that_cannot_be_imported_says_why(how, code, why, tmp_path):
    (tmp_path / "unfit").mkdir()
    (tmp_path / "unfit" / "__init__.py").touch()
    (tmp_path / "helper.py").write_text("\nx = =\n")
    module = "test_broken" if how == "names" else "unfit.test_broken"
    (tmp_path / f"{module.replace('.', '/')}.py").write_text(code)
    arguments = ["discover"] if how == "discovery" else [module]
    text = unknown(f"{module}.Case.test_1", arguments, tmp_path)
    assert text.endswith(f"test_broken could not be imported: {why}."), text
    assert text.startswith(f"{module}.Case.test_1 is not known to this server, which has ")
    assert "imported" not in unknown("test_brok.Case.test_1", arguments, tmp_path)


def test_an_id_that_is_the_beginning_of_others_says_how_to_run_these():
    collection = TestCollection(suite_of(rerun.Letters))
    name = A.rpartition(".")[0]
    text = run(collection, [name]).attachment(name, "reason")
    assert text == (
        f"{name} is not known to this server, which has 3 tests; 3 tests begin with it: "
        f"to run these, use --match '^{re.escape(name)}'."
    )


def test_one_test_is_one_test(tmp_path):
    (tmp_path / "test_broken.py").write_text("import no_such_helper")
    text = unknown("a.b", ["test_broken"], tmp_path)
    assert text == "a.b is not known to this server, which has 1 test."


def unknown(test_id, arguments, directory):
    """The text with which that test fails where these arguments were loaded."""
    program = (
        "import sys; from recorder import run; from subunit_rpc.server.for_unittest.loader import LoadedProgram; "
        "from subunit_rpc.server.for_unittest.collection import TestCollection; "
        "collection = TestCollection(LoadedProgram(sys.argv[2:], '').test); "
        "print(run(collection, [sys.argv[1]]).attachment(sys.argv[1], 'reason'))"
    )
    path = os.pathsep.join([os.environ["PYTHONPATH"], os.path.dirname(__file__)])
    return subprocess.run(
        [sys.executable, "-c", program, test_id, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.rstrip("\n")


def test_an_id_that_cannot_travel_is_listed_and_asked_for_in_its_escaped_form():
    case = testtools.clone_test_with_new_id(rerun.Letters("test_a"), "odd\udc80\0")
    for suite in (suite_of(case), suite_of(FixtureSuite(Fixture(), [case]))):
        collection = TestCollection(suite)
        (name,) = collection.ids()
        assert name == "odd\\udc80\\x00"
        assert run(collection, [name]).statuses == [(name, "success")]


@pytest.mark.parametrize("asked", [None, [A], [C, B, A]])
def test_tests_run_a_second_time_as_the_first(asked):
    collection = TestCollection(suite_of(rerun.Letters))
    first = run(collection, asked).statuses
    assert first
    for _ in range(3):
        assert run(collection, asked).statuses == first
    assert len(run(collection).statuses) == 3


def test_what_a_test_sets_on_itself_is_gone_when_it_runs_again():
    collection = TestCollection(suite_of(rerun.Stateful))
    for _ in range(3):
        assert short(run(collection)) == ["test_state success"]


def test_a_test_that_has_run_is_freed_with_all_it_holds():
    collection = TestCollection(suite_of(rerun.Countable))
    for _ in range(2):
        assert len(run(collection).statuses) == 5
        assert rerun.Countable.alive["most"] <= 2
    assert rerun.Countable.alive["now"] <= 1


def test_a_test_with_a_method_bound_to_itself_runs_again_as_itself():
    collection = TestCollection(suite_of(rerun.Bound, rerun.Expected))
    assert short(run(collection)) == ["test_check success", "test_expected uxsuccess"]
    assert short(run(collection)) == ["test_check success", "test_expected uxsuccess"]
    assert short(run(collection)) == ["test_check success", "test_expected xfail"]


def test_each_run_cleans_up():
    collection = TestCollection(suite_of(rerun.CleansUp))
    for _ in range(3):
        rerun.CleansUp.cleaned.clear()
        assert short(run(collection)) == ["test_it success"]
        assert rerun.CleansUp.cleaned == ["from the test", "from __init__"]


def test_what_cannot_be_copied_runs_again_as_it_is():
    inside = rerun.UncopyableSuite([rerun.Letters("test_a"), rerun.Uncopyable("test_it")])
    collection = TestCollection(suite_of(rerun.Uncopyable, inside))
    for _ in range(3):
        assert short(run(collection)) == [
            "test_it success",
            "test_a success",
            "test_it success",
        ]


def test_a_decorated_case_of_testtools_runs_again():
    letter = rerun.Letters("test_a")
    case = testtools.testcase.DecorateTestCaseResult(letter, lambda result: result)
    collection = TestCollection(suite_of(unittest.TestSuite([case])))
    for _ in range(2):
        assert run(collection, [A]).statuses == [(A, "success")]


def test_a_suite_with_a_fixture_of_its_own_stays_whole():
    fixture = Fixture()
    inside = FixtureSuite(fixture, [rerun.Letters("test_b"), rerun.Letters("test_c")])
    plain = unittest.TestSuite([rerun.Letters("test_a"), inside])
    collection = TestCollection(suite_of(plain))
    for asked in (None, [A, B, C]):
        assert short(run(collection, asked)) == ["test_a success", "test_b fail", "test_c skip"]
        assert fixture.log == ["up", "down"]
        fixture.log.clear()
    # Its tests run where the first of them was asked for, in its own order.
    assert short(run(collection, [C, A, B])) == ["test_b fail", "test_c skip", "test_a success"]
    assert fixture.log == ["up", "down"]
    fixture.log.clear()
    assert short(run(collection, [A])) == ["test_a success"]
    assert fixture.log == []
    # Asking for some has not taken the others away.
    assert short(run(collection, [C])) == ["test_c skip"]
    assert short(run(collection)) == ["test_a success", "test_b fail", "test_c skip"]


def test_a_concurrent_suite_runs_concurrently_again_and_again():
    def split(suite):
        return list(iterate_tests(suite))

    inside = ConcurrentTestSuite(suite_of(rerun.Letters), split)
    collection = TestCollection(suite_of(inside))
    assert list(collection.ids()) == [A, B, C]
    for asked, count in ((None, 3), ([B, A], 2), (None, 3)):
        statuses = run(collection, asked).statuses
        assert len(statuses) == count
        assert set(statuses) <= {(A, "success"), (B, "fail"), (C, "skip")}


def test_nested_plain_suites_are_nothing_but_an_order():
    nested = suite_of(rerun.Letters)
    for _ in range(50):
        nested = unittest.TestSuite([nested])
    collection = TestCollection(nested)
    assert run(collection, [B, A]).statuses == [(B, "fail"), (A, "success")]


def test_tests_multiplied_by_scenarios_run_again():
    testscenarios = pytest.importorskip("testscenarios")

    class Scenario(testscenarios.TestWithScenarios):
        scenarios = [("one", {"number": 1}), ("two", {"number": 2})]

        def test_number(self):
            self.assertEqual(self.number, 1)

    collection = TestCollection(suite_of(Scenario))
    for _ in range(2):
        assert short(run(collection)) == [
            "test_number(one) success",
            "test_number(two) fail",
        ]


def test_what_init_makes_is_new_in_each_run():
    later = rerun.Warm("test_set_later")
    later.values, later.marker = [1, 2, 3], rerun.MARKER
    collection = TestCollection(
        suite_of(
            rerun.Warm("test_made_by_init"),
            later,
            rerun.WithArguments("test_values", [1, 2]),
            rerun.Async,
        )
    )
    for _ in range(3):
        assert {status for _, status in run(collection).statuses} == {"success"}
        assert len(run(collection).statuses) == 4


FIXTURES = f"{rerun.__name__}.Letters"


@pytest.mark.parametrize(
    "test_id",
    [
        f"setUpClass ({FIXTURES})",
        f"tearDownClass ({FIXTURES})",
        f"setUpModule ({rerun.__name__})",
        f"tearDownModule ({rerun.__name__})",
        f"unittest.loader._FailedTest.{rerun.__name__}",
    ],
)
def test_a_step_that_has_failed_once_can_be_asked_for(test_id):
    collection = TestCollection(suite_of(rerun.Letters))
    assert list(collection.ids([test_id])) == [test_id]
    for _ in range(2):
        assert run(collection, [test_id]).statuses == [(test_id, "success")]
    both = run(collection, [A, test_id]).statuses
    assert sorted(both) == sorted([(A, "success"), (test_id, "success")])


@pytest.mark.parametrize(
    "test_id",
    ["setUpClass (no.Such)", f"setUpClass ({rerun.__name__})", f"setUpModule ({FIXTURES})",
     "unittest.loader._FailedTest.no_such"],
)  # fmt: skip
def test_a_step_that_there_is_not_is_unknown(test_id):
    collection = TestCollection(suite_of(rerun.Letters))
    assert list(collection.ids([test_id])) == []
    assert run(collection, [test_id]).statuses == [(test_id, "fail")]


def test_a_fixture_that_fails_again_answers_for_itself():
    collection = TestCollection(suite_of(unfit.Fails))
    test_id = f"setUpClass ({unfit.__name__}.Fails)"
    assert run(collection, [test_id]).statuses == [(test_id, "fail")]
