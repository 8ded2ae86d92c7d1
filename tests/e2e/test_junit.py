"""`--junit`: the results as JUnit XML, as Jenkins and GitLab read it."""

import os
import random
import signal
import subprocess
import xml.etree.ElementTree as tree

import junitparser
import pytest

import support
from support import client, python, says, server, serving
from terminal import Driver

SCHEMA = support.ROOT / "tests/e2e/junit.xsd"
ALL = [f"demo.test_{number}" for number in range(5)]

SUITE = '''
import os, sys, unittest

print("printed at import")


class Case(unittest.TestCase):
    def test_error(self):
        os.stat("/no/such/file")

    @unittest.expectedFailure
    def test_expected_failure(self):
        self.fail("known")

    def test_failure(self):
        print("to stdout \\x1b[1m\\x00 ]]> <b> &amp; \\ufffe")
        print("to stderr", file=sys.stderr)
        os.write(1, b"\\xff\\xed\\xa0\\x80\\n")
        self.assertEqual("<a>", "b", "\\x01 \\"quoted\\"")

    def test_killed(self):
        os.kill(os.getpid(), 9)

    @unittest.skip("no <need>\\nof it")
    def test_skip(self):
        pass

    def test_success(self):
        print("passed")

    @unittest.expectedFailure
    def test_unexpected_success(self):
        pass


class NotSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("no database")

    def test(self):
        pass
'''

PYTEST_SUITE = '''
import pytest


@pytest.fixture
def broken():
    raise ValueError("no fixture")


class TestIt:
    @pytest.mark.parametrize("text", ["a.b", "c::d"])
    def test(self, text):
        assert text == "a.b"


def test_without_fixture(broken):
    pass
'''


class Report:
    """The report in a file, which has to be valid."""

    def __init__(self, path):
        checked = subprocess.run(
            ["xmllint", "--noout", "--schema", SCHEMA, path], capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stderr
        self.root = tree.parse(path).getroot()
        self.suites = list(self.root)
        self.cases = {
            f"{case.get('classname')} {case.get('name')}": case
            for case in self.root.iter("testcase")
        }
        self.check_counts()

    def check_counts(self):
        for name in ("tests", "failures", "errors"):
            total = sum(int(suite.get(name)) for suite in self.suites)
            assert int(self.root.get(name)) == total
        for suite in self.suites:
            cases = suite.findall("testcase")
            assert int(suite.get("tests")) == len(cases)
            for name, element in (("failures", "failure"), ("errors", "error"), ("skipped",) * 2):
                count = sum(case.find(element) is not None for case in cases)
                assert int(suite.get(name)) == count, name

    def outcome(self, name):
        """What the test's first element is, with its type and message; "" if it has passed."""
        for element in self.cases[name]:
            if element.tag not in ("system-out", "system-err"):
                text = element.text if element.tag == "skipped" else element.get("message")
                words = (element.tag, element.get("type"), text and text.splitlines()[0])
                return ": ".join(word for word in words if word)
        return ""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A folder with a suite of unittest, and one of pytest; it is the current one."""
    (tmp_path / "suite.py").write_text(SUITE)
    (tmp_path / "test_it.py").write_text(PYTEST_SUITE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, to="results.xml", workers=1, options=()):
    channel = serving(
        *python("-m", "subunit_rpc", *arguments), options=["--workers", str(workers)]
    )
    return client("--format", "subunit", "--junit", to, *options, channel=channel)


def test_each_outcome_of_unittest_is_an_element(suite):
    ended = run("suite")
    assert ended.status == 1
    ended.stream.assert_clean()
    report = Report("results.xml")
    assert {name: report.outcome(name) for name in report.cases} == {
        "suite.Case test_error": "error: FileNotFoundError: FileNotFoundError: [Errno 2] No such "
        "file or directory: '/no/such/file'",
        "suite.Case test_expected_failure": "skipped: expected failure: AssertionError: known",
        "suite.Case test_failure": "failure: AssertionError: AssertionError: '<a>' != 'b'",
        "suite.Case test_killed": report.outcome("suite.Case test_killed"),
        "suite.Case test_skip": "skipped: no <need> of it",
        "suite.Case test_success": "",
        "suite.Case test_unexpected_success": "failure: UnexpectedSuccess: it passed, but was "
        "expected to fail",
        "suite.NotSetUp setUpClass": "error: RuntimeError: RuntimeError: no database",
        "suite.NotSetUp test": "error: RuntimeError: RuntimeError: no database",
    }
    killed = report.outcome("suite.Case test_killed")
    assert killed.startswith("error: ")
    says(killed, "SIGKILL", "in progress")


def test_output_is_that_of_its_test_or_of_the_suite_whatever_it_is(suite):
    run("suite")
    report = Report("results.xml")
    failure = report.cases["suite.Case test_failure"]
    assert failure.findtext("system-out") == (
        "to stdout \\x1b[1m\\x00 ]]> <b> &amp; \\xef\\xbf\\xbe\n\\xff\\xed\\xa0\\x80\n"
    )
    assert failure.findtext("system-err") == "to stderr\n"
    says(failure.findtext("failure"), "Traceback", 'suite.py", line', '\\x01 "quoted"')
    assert report.cases["suite.Case test_success"].findtext("system-out") == "passed\n"
    (of_worker,) = (each for each in report.suites if each.get("hostname"))
    # Of two servers. What the proxy reads before the first one is connected is of none.
    printed = [each.findtext("system-out", "") for each in report.suites]
    assert "".join(printed) == "printed at import\n" * 2
    says(of_worker.findtext("system-err"), "SIGKILL")


def test_each_server_has_a_suite_with_its_host_its_channel_and_its_time(suite):
    ended = run("--pytest", "test_it.py", workers=2)
    assert ended.status == 1
    report = Report("results.xml")
    ran = {tag for event in ended.stream.events for tag in event.get("test_tags") or ()}
    assert {suite.get("hostname") for suite in report.suites} == {
        tag for tag in ran if tag.startswith("worker-")
    }
    for each in report.suites:
        assert each.get("name") == "results"
        says(each.find("properties/property").get("value"), support.SERVE_BINARY[:20])
    assert 0 < float(report.root.get("time")) < support.LIMIT


def test_node_ids_of_pytest_are_classes_and_names(suite):
    run("--pytest", "test_it.py")
    report = Report("results.xml")
    assert {name: report.outcome(name).split(":")[0] for name in report.cases} == {
        "test_it.TestIt test[a.b]": "",
        "test_it.TestIt test[c::d]": "failure",
        "test_it test_without_fixture": "error",
    }


@pytest.mark.parametrize("by", ["option", "environment"])
def test_places_of_failures_are_there_on_demand_and_for_gitlab(suite, monkeypatch, by):
    if by == "environment":
        monkeypatch.setenv("GITLAB_CI", "true")
    run("suite", options=["--junit-places"] if by == "option" else [])
    cases = {case.get("name"): case for case in tree.parse("results.xml").iter("testcase")}
    line = SUITE.splitlines().index('        os.stat("/no/such/file")') + 1
    assert cases["test_error"].get("file") == "suite.py"
    assert cases["test_error"].get("line") == str(line)
    assert cases["test_success"].get("file") is None


def test_another_parser_reads_the_same(suite):
    run("suite")
    parsed = junitparser.JUnitXml.fromfile("results.xml")
    assert (parsed.tests, parsed.failures, parsed.errors) == (9, 2, 4)
    results = {
        case.name: [type(result).__name__ for result in case.result]
        for each in parsed
        for case in each
    }
    assert results["test_failure"] == ["Failure"]
    assert results["test_skip"] == ["Skipped"]
    assert results["test_success"] == []


# Attempts, and any bytes, as the outputs of a run write them


@pytest.fixture
def told(processes, tmp_path):
    """Starts the outputs of a run with a report; its file is at `.junit`."""
    path = tmp_path / "driver.xml"
    driver = Driver("--junit", path, on_terminal=())
    driver.junit = path
    processes.append(driver.process)
    return driver


TRACEBACK = 'Traceback (most recent call last):\n  File "{}.py", line 1, in test\n{}\n'
ASSERTION = TRACEBACK.format("a", "AssertionError: no")
EXCEPTION = TRACEBACK.format("a", "OSError: no")


@pytest.mark.parametrize("texts", [[ASSERTION, EXCEPTION], [EXCEPTION, ASSERTION, EXCEPTION]])
@pytest.mark.parametrize("status", [3, 5, 6])
def test_tests_that_ran_again_have_an_element_for_each_attempt(told, texts, status):
    for number, text in enumerate(texts, 1):
        prefix = f"attempt-{number}/" if number > 1 else ""
        told.begin("a.b")
        told.tell(id="a.b", file=f"{prefix}stdout", text=f"printed {number}\n", worker=0)
        told.tell(id="a.b", file=f"{prefix}traceback", text=text, worker=0)
        if status != 6 or number < len(texts):
            told.tell(id="a.b", attempted=number, worker=0)
    told.end("a.b", 0, status)
    told.finish()
    (case,) = Report(told.junit).cases.values()
    kinds = ["Failure" if text is ASSERTION else "Error" for text in texts]
    expected = [f"rerun{kind}" for kind in kinds[1:]] + [kinds[0].lower()]
    if status != 6:
        expected = [f"flaky{kind}" for kind in kinds] + ["skipped"] * (status == 5)
    of_case = [each.tag for each in case if each.tag not in ("system-out", "system-err")]
    assert sorted(of_case) == sorted(expected)
    printed = {each.findtext("system-out") for each in case if each.find("stackTrace") is not None}
    others = range(2, len(texts) + 1) if status == 6 else range(1, len(texts) + 1)
    assert printed == {f"printed {number}\n" for number in others}
    assert case.findtext("system-out") == ("printed 1\n" if status == 6 else None)


def test_a_run_with_retries_tells_what_is_flaky_and_what_has_crashed(suite):
    (suite / "again.py").write_text(
        "import os, unittest\n"
        "class Case(unittest.TestCase):\n"
        "    def test_flaky(self):\n"
        "        os.mkdir('there') if not os.path.exists('there') else self.skipTest('now')\n"
        "        self.fail('the first time')\n"
        "    def test_killed(self):\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    assert run("again", options=["--retries", "1"]).status == 1
    cases = Report("results.xml").cases
    elements = {name.split()[1]: [each.tag for each in case] for name, case in cases.items()}
    assert elements["test_flaky"][:2] == ["flakyFailure", "skipped"]
    assert elements["test_killed"][:2] == ["error", "rerunError"]
    assert {each.get("type") for each in cases["again.Case test_killed"]} == {"crashed"}


@pytest.mark.parametrize("seed", support.SEEDS)
def test_whatever_is_printed_the_file_is_valid_and_no_test_is_lost(told, seed):
    chance = random.Random(seed)
    alphabet = "ab .:[]()<>&\"'\\/\n\r\t\x00\x01\x1b\x7f\x85\ufffe\uffff\ufeff\u2028\U0001f680試%#\x0b"
    text = lambda: "".join(chance.choices(alphabet, k=chance.randrange(1, 40)))
    for number in range(300):
        test_id = text().replace("\0", "") + str(number)
        told.begin(test_id)
        for _ in range(chance.randrange(4)):
            name = chance.choice(["stdout", "stderr", "traceback", "reason", "x" + text()])
            told.tell(id=test_id, file=name.replace("\0", ""), text=text(), worker=0)
        told.end(test_id, 0, chance.randrange(3, 8))
        told.tell(file=chance.choice(["stdout", "stderr", "channel"]), text=text())
        told.tell(incident="trouble", text=text())
    told.finish()
    assert Report(told.junit).root.get("tests") == "300"


# The file


def test_the_file_is_replaced_as_a_whole_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "results.xml"
    path.write_text("old")
    path.chmod(0o640)
    ended = client("--format", "human", "--junit", path, channel=serving(*server("good")))
    assert ended.status == 0
    assert set(Report(path).cases) == {f"demo test_{number}" for number in range(5)}
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["results.xml"]


def test_an_interrupted_run_has_a_report(processes, tmp_path):
    path = tmp_path / "results.xml"
    process = support.start(
        ["run", "--format", "subunit", "--junit", path, *ALL, "--", *serving(*server("hang"))]
    )
    processes.append(process)
    support.read_until(process, b"demo.test_2")
    assert not path.exists()
    process.send_signal(signal.SIGINT)
    assert support.finish(process).status == 3
    report = Report(path)
    outcomes = [report.outcome(f"demo test_{number}") for number in range(5)]
    assert outcomes[:2] == ["", ""]
    for outcome in outcomes[2:]:
        assert outcome.startswith("error: ")
        says(outcome, "interrupted")
    says(outcomes[4], "not run")


@pytest.mark.parametrize("channel", [["/no/such/command"], ["sh", "-c", "exit 3"]])
def test_a_run_that_cannot_begin_has_a_report_with_an_error(tmp_path, channel):
    path = tmp_path / "results.xml"
    ended = client("--junit", path, channel=channel)
    assert ended.status == 3
    report = Report(path)
    assert list(report.cases) == ["subunit-proxy run"]
    says(report.outcome("subunit-proxy run"), "error", channel[0])


def test_a_report_that_cannot_be_written_is_told_before_the_run(tmp_path):
    for path in (tmp_path / "no/such/folder/x.xml", tmp_path):
        ended = client("--junit", path, channel=serving(*server("good")))
        assert ended.status == 3
        says(ended.stderr, "the JUnit report", str(path), ("no such file", "is a directory"))
        assert ended.stdout == b""


def test_a_report_that_cannot_be_written_at_the_end_costs_no_result():
    ended = client("--junit", "/dev/full", channel=serving(*server("good")))
    assert ended.status == 3  # whoever reads it would miss the run
    assert len(ended.stream.statuses) == 5
    says(ended.stderr, "error", "the JUnit report", "/dev/full", "no space")


def test_a_report_can_go_into_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    assert client("--junit", pipe, channel=serving(*server("good"))).status == 0
    copy = tmp_path / "copy.xml"
    copy.write_bytes(reader.communicate(timeout=support.LIMIT)[0])
    assert len(Report(copy).cases) == 5


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--junit", "x", "--list"], ["--junit", "--list"]),
        (["--junit", "-"], ["--junit", "stdout"]),
        (["--junit-places"], ["--junit-places", "--junit"]),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    ended = client(*arguments, channel=["true"])
    assert ended.status == 2
    says(ended.stderr, *words)
    assert os.listdir(tmp_path) == []
