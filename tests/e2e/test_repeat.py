"""`run --repeat`, `--until-failure` and `--time`, with real servers."""

import collections

import pytest

from support import client, python, says, server, serving

SUITE = '''
import unittest
from pathlib import Path


class Case(unittest.TestCase):
    def test_good(self):
        pass

    def test_fourth(self):
        """Fails when it runs for the fourth time."""
        with open("runs", "a") as runs:
            runs.write("x")
        self.assertNotEqual(len(Path("runs").read_text()), 4)
'''
IDS = ["suite.Case.test_fourth", "suite.Case.test_good"]


@pytest.fixture
def suite(tmp_path, monkeypatch):
    (tmp_path / "suite.py").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*options, workers=2):
    channel = serving(*python("-m", "subunit_rpc", "suite"), options=["--workers", str(workers)])
    form = [] if "--format" in options else ["--format", "subunit"]
    return client(*form, *options, channel=channel)


def ended(finished):
    finished.stream.assert_clean()
    return collections.Counter(finished.stream.ended)


def test_every_round_has_each_test(suite):
    finished = run("--repeat", "3")
    assert finished.status == 0, finished.stderr
    assert ended(finished) == {(test_id, "success"): 3 for test_id in IDS}
    for number in 1, 2, 3:
        assert f"round-{number}".encode() in finished.stdout
    says(finished.stderr, "the tests have run 3 times")


def test_reports_name_the_round(suite):
    finished = run("--format", "human", "--repeat", "5", "--html", "out.html", workers=1)
    assert finished.status == 1
    assert "FAIL: suite.Case.test_fourth (round 4)" in finished.text
    page = (suite / "out.html").read_text()
    assert '"tags":["round-1","round-2","round-3","round-4","round-5"]' in page


def test_until_a_failure(suite):
    finished = run("--until-failure", "--history", "history")
    assert finished.status == 1
    assert ended(finished) == {(IDS[0], "success"): 3, (IDS[0], "fail"): 1, (IDS[1], "success"): 4}
    says(finished.stderr, "the tests have run 4 times")
    again = run("--failed", "--history", "history")
    assert again.status == 0 and ended(again) == {(IDS[0], "success"): 1}


def test_a_failure_in_an_early_round_is_not_forgotten_by_the_history(suite):
    run("--repeat", "5", "--history", "history")
    again = run("--failed", "--history", "history")
    assert ended(again) == {(IDS[0], "success"): 1}


def test_for_some_time(suite):
    finished = run("--time", "0.5", IDS[1], workers=1)
    assert finished.status == 0
    rounds = ended(finished)[(IDS[1], "success")]
    assert rounds >= 1
    says(finished.stderr, f"the tests have run {rounds} time")


def test_isolated_tests_repeat_in_new_servers(suite):
    finished = run("--repeat", "2", "--isolated")
    assert finished.status == 0, finished.stderr
    assert sum(ended(finished).values()) == 4


def test_a_schedule_cannot_be_replayed_in_rounds(suite):
    finished = client("--replay", "log", "--repeat", "2", channel=serving(*server("good")))
    assert finished.status == 2
    says(finished.stderr, "--replay cannot be used with --repeat")
