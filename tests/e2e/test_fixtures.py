"""Classes that are not set up, be it on purpose: their tests are answered, and nothing else is."""

import pytest

import support
from support import client, python, says, server, serving

HEAD = "import unittest\n"
CLASS = """
class {name}(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        {setup}

    def test_1(self):
        pass

    test_2 = test_1
"""
SKIPS = CLASS.format(name="Skips", setup='raise unittest.SkipTest("no database here")')
FAILS = CLASS.format(name="Fails", setup='raise RuntimeError("on purpose")')
RUNS = CLASS.format(name="Runs", setup="pass")
SKIPPED = {"unfit.Skips.test_1": "skip", "unfit.Skips.test_2": "skip"}
FAILED = {"unfit.Fails.test_1": "fail", "unfit.Fails.test_2": "fail"}
PASSED = {"unfit.Runs.test_1": "success", "unfit.Runs.test_2": "success"}


@pytest.fixture
def run(tmp_path):
    """Runs tests of these classes with subunit_rpc, and `options` to the client."""

    def start(classes, *options, server=()):
        (tmp_path / "unfit.py").write_text(HEAD + classes)
        path = f"PYTHONPATH={tmp_path}:{support.PYTHONPATH}"
        command = [path if word.startswith("PYTHONPATH=") else word for word in
                   python("-m", "subunit_rpc", *server, "unfit")]
        return client("--format", "subunit", *options, channel=serving(*command))

    return start


@pytest.fixture
def run_by_command(tmp_path, monkeypatch):
    """The same with a command, which has no server to answer for the tests that do not run."""

    def start(classes, *options):
        (tmp_path / "unfit.py").write_text(HEAD + classes)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{support.PYTHONPATH}")
        command = f"{support.PYTHON} -m subunit.run $LISTOPT $IDOPTION unfit"
        channel = [support.SERVE_BINARY, "serve", "--test-command", command]
        return client("--format", "subunit", *options, channel=channel)

    return start


def statuses(stream):
    """Of tests, which have one each, and of fixtures, which each server sets up for itself."""
    for (test_id, _), times in stream.ended.items():
        assert times == 1 or test_id.startswith("setUpClass"), (test_id, times)
    return dict(stream.ended.keys())


WAYS = pytest.mark.parametrize(
    "server, options", [((), ()), (("--fork",), ()), ((), ("--isolated",)), (("-f",), ())],
    ids=["plain", "fork", "isolated", "failfast"],
)


def assert_green_without(ended, reason):
    assert (ended.status, ended.stderr) == (0, "")
    assert statuses(ended.stream) == {**SKIPPED, **PASSED, "setUpClass (unfit.Skips)": "skip"}
    says(ended.stream.details("unfit.Skips.test_2"), reason)


def assert_failed_with(ended, *reason):
    assert (ended.status, ended.stderr) == (1, "")
    assert statuses(ended.stream) == {**FAILED, "setUpClass (unfit.Fails)": "fail"}
    for test_id in FAILED:
        says(ended.stream.details(test_id), *reason)


@WAYS
def test_a_class_that_skips_itself_leaves_the_run_green(run, server, options):
    for names in ([], sorted(SKIPPED | PASSED)):
        ended = run(SKIPS + RUNS, *options, *names, server=server)
        assert_green_without(ended, "no database here")


@WAYS
def test_tests_of_a_class_that_cannot_be_set_up_fail_and_say_so(run, server, options):
    for names in ([], sorted(FAILED)):
        ended = run(FAILS, *options, *names, server=server)
        assert_failed_with(ended, "setUpClass (unfit.Fails)", "on purpose")


NAMED = pytest.mark.parametrize("named", [True, False], ids=["some", "all"])


@NAMED
def test_a_class_that_skips_itself_leaves_the_run_of_a_command_green(run_by_command, named):
    ended = run_by_command(SKIPS + RUNS, *(sorted(SKIPPED | PASSED) if named else ()))
    assert_green_without(ended, "setUpClass (unfit.Skips) was skipped")


@NAMED
def test_tests_of_a_command_fail_with_the_class_that_cannot_be_set_up(run_by_command, named):
    ended = run_by_command(FAILS, *(sorted(FAILED) if named else ()))
    assert_failed_with(ended, "setUpClass (unfit.Fails) failed")


def test_a_fixture_answers_for_the_tests_of_its_own_run_only():
    channel = serving(*server("--count", "40", "skip-first-run"), options=["--workers", "2"])
    ended = client("--format", "subunit", channel=channel)
    assert ended.status == 1
    assert set(statuses(ended.stream).values()) == {"skip", "fail"}
    forgotten = ended.stream.failed()[0]
    says(ended.stream.details(forgotten), "no result before Done")
