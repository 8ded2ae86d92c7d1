"""The real stestr, unmodified, with `subunit-proxy python` in the place of its Python."""

import re

import pytest

import support
from support import python, says, server
from test_testr import BROKEN, CAUSE, DEMO, LEAKY
from tool_project import Project

CONFIG = ".stestr.conf"
RUNNER = ("-m", "stestr.subunit_runner.run", "discover", "-t", "./", "./tests")


@pytest.fixture
def project(tmp_path):
    """stestr where the server has the suite with the isolation bug."""
    project = Project(tmp_path, "stestr", {"PYTHON": "subunit-proxy python"})
    command = project.channel(*python("-m", "subunit_rpc", "leaky"))
    project.configure(CONFIG, "test_path=./tests", f"server_command={command}")
    project.tool("init")
    return project


def ran(ended):
    """What its summary says: how many ran, and how many failed."""
    numbers = dict(re.findall(r"(Ran|Failed): (\d+)", ended.text))
    return int(numbers["Ran"]), int(numbers["Failed"])


def test_list(project):
    listed = project.tool("list")
    assert listed.status == 0
    assert listed.text.split() == LEAKY


def test_run_in_parallel(project):
    ended = project.tool("run", "--concurrency", "3")
    assert ran(ended)[0] == len(LEAKY)
    assert set(project.last.statuses) == set(LEAKY)
    assert project.opened == 1 + 3


def test_run_serial_reports_what_failed_and_no_failure_of_its_own(project):
    ended = project.tool("run", "--serial")
    assert ended.status == 1  # stestr's: a test failed
    assert ran(ended) == (6, 1)
    says(ended.text, "3 EUR / 1 ft")
    stream = project.last
    assert stream.statuses == {**dict.fromkeys(LEAKY, "success"), BROKEN: "fail"}


def test_run_of_some(project):
    ended = project.tool("run", "depth|sum")
    assert (ended.status, ran(ended)) == (0, (2, 0))
    assert set(project.last.statuses) == {LEAKY[1], LEAKY[5]}


def test_run_without_discovery(project):
    ended = project.tool("run", "--no-discover", LEAKY[0])
    assert (ended.status, ran(ended)) == (0, (1, 0))
    assert list(project.last.statuses) == LEAKY[:1]


def test_run_of_names_in_a_file(project):
    (project.directory / "names").write_text("\n".join(LEAKY[:2]) + "\n")
    ended = project.tool("run", "--load-list", "names")
    assert (ended.status, ran(ended)) == (0, (2, 0))


def test_failing_and_run_failing(project):
    project.tool("run", "--serial")
    says(project.tool("failing").text, BROKEN)
    again = project.tool("run", "--failing")
    assert (again.status, ran(again)) == (0, (1, 0))


def test_run_isolated(project):
    ended = project.tool("run", "--isolated")
    assert ended.status == 0
    assert ended.text.count("... ok") == len(LEAKY)


def test_analyze_isolation_finds_the_test_that_breaks_another(project):
    project.tool("run", "--serial")
    ended = project.tool("run", "--serial", "--analyze-isolation")
    assert ended.status == 3  # stestr's: conflicts were found
    assert re.search(rf"^{re.escape(BROKEN)} +{re.escape(CAUSE)}$", ended.text, re.MULTILINE)


def test_last_and_slowest(project):
    project.tool("run", "--serial")
    assert ran(project.tool("last")) == (6, 1)
    says(project.tool("slowest").text, BROKEN)


def test_several_server_commands_are_several_channels(project):
    command = project.channel(*server("good"))
    project.configure(
        CONFIG, "test_path=./tests", "server_command=", f"  {command}", f"  {command}"
    )
    ended = project.tool("run", "--serial")
    assert (ended.status, ran(ended)) == (0, (5, 0))
    assert project.last.statuses == dict.fromkeys(DEMO, "success")
    assert project.opened == 2


def test_a_channel_that_fails_in_discovery_is_told(project):
    project.configure(
        CONFIG, "test_path=./tests", "server_command=sh -c 'echo no route >&2; exit 255'"
    )
    ended = project.tool("run")
    assert ended.status == 100  # stestr's
    says(ended.stderr, "no route", "255")


def test_a_missing_key_or_file_is_an_error_that_says_what_to_do(project):
    project.configure(CONFIG, "test_path=./tests")
    ended = project.run("subunit-proxy", "python", *RUNNER, "--list")
    assert (ended.status, ended.stdout) == (3, b"")
    says(ended.stderr, CONFIG, "\nserver_command=ssh")
    (project.directory / CONFIG).unlink()
    ended = project.run("subunit-proxy", "python", *RUNNER)
    assert ended.status == 3
    says(ended.stderr, f"no {CONFIG}", str(project.directory))


def test_a_complete_stream_is_status_0_whatever_the_verdicts(project):
    ended = project.run("subunit-proxy", "python", *RUNNER)
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert ended.stream.failed() == [BROKEN]
