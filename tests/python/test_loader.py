"""Which tests a command line loads."""

import pytest

from server_process import SUITES
from subunit_rpc.server.for_unittest.collection import TestCollection
from subunit_rpc.server.for_unittest.loader import LoadedProgram

PASS, FAIL = "basic.Basic.test_pass", "basic.Basic.test_fail"
BOTH = ["fixtured.Fixtured.test_1", "fixtured.Fixtured.test_2"]


@pytest.fixture(autouse=True)
def directory(monkeypatch):
    monkeypatch.chdir(SUITES)
    monkeypatch.syspath_prepend(str(SUITES))


def loaded(*arguments):
    return list(TestCollection(LoadedProgram(list(arguments), "usage").test).ids())


@pytest.mark.parametrize(
    "arguments, ids",
    [
        (["fixtured"], BOTH),
        (["fixtured.Fixtured"], BOTH),
        (["fixtured.py"], BOTH),
        ([PASS, FAIL, PASS], [PASS, FAIL, PASS]),
        (["-k", "basic.Basic.*pass", "basic", "fixtured"], [PASS]),
        (["discover", "-s", ".", "-p", "fix*.py", "-t", "."], BOTH),
        (["discover", ".", "fix*.py"], BOTH),
        (["no_such_module"], ["unittest.loader._FailedTest.no_such_module"]),
    ],
)
def test_tests_are_chosen_as_for_subunit_run(arguments, ids):
    assert loaded(*arguments) == ids


def test_a_list_of_ids_leaves_only_those(tmp_path):
    (tmp_path / "list").write_text(f"{PASS}\nno.such\n")
    assert loaded("--load-list", str(tmp_path / "list"), "basic", "fixtured") == [PASS]


def test_without_names_tests_are_discovered(tmp_path, monkeypatch):
    (tmp_path / "test_found.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): pass\n"
    )
    monkeypatch.chdir(tmp_path)
    assert loaded() == ["test_found.T.test_it"]


def test_discovery_of_an_id_twice_is_an_error_as_for_subunit_run(tmp_path, monkeypatch):
    (tmp_path / "test_twice.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): pass\n"
        "def load_tests(loader, tests, pattern):\n    return unittest.TestSuite([tests, tests])\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="Duplicate test ids"):
        loaded()


def test_options_of_the_run_are_kept():
    program = LoadedProgram(["-f", "--locals", "basic"], "usage")
    assert (program.failfast, program.tb_locals) == (True, True)
    program = LoadedProgram(["basic"], "usage")
    assert (program.failfast, program.tb_locals) == (False, False)
