"""The real testr, unmodified, with `subunit-proxy testr` as its test command."""

import re

import pytest

import support
from support import python, says, server
from tool_project import Project

CONFIG = ".testr.conf"
KEYS = (
    "test_command=subunit-proxy testr $LISTOPT $IDOPTION",
    "test_list_option=--list",
    "test_id_option=--load-list $IDFILE",
)
LEAKY = [
    f"leaky.Lengths.test_{name}"
    for name in ("area", "depth", "length_in_feet", "none_is_no_length", "price", "sum")
]
BROKEN = "leaky.Lengths.test_price"
CAUSE = "leaky.Lengths.test_length_in_feet"
DEMO = [f"demo.test_{number}" for number in range(5)]


@pytest.fixture
def project(tmp_path):
    """testr where the server has the suite with the isolation bug."""
    project = Project(tmp_path, "testr")
    configure(project, f"server_command={project.channel(*python('-m', 'subunit_rpc', 'leaky'))}")
    project.tool("init")
    return project


def configure(project, *lines):
    project.configure(CONFIG, *KEYS, *lines)


def mentioned(text):
    """The ids of tests in it, in order."""
    return re.findall(r"^(?:FAIL: )?((?:leaky|demo)\.\S+)", text, re.MULTILINE)


# What testr does


def test_list_tests(project):
    listed = project.tool("list-tests")
    assert listed.status == 0
    assert mentioned(listed.text) == LEAKY


def test_run_reports_what_failed_and_no_failure_of_its_own(project):
    ended = project.tool("run")
    assert ended.status == 1  # testr's: a test failed
    assert mentioned(ended.text) == [BROKEN]
    says(ended.text, "3 EUR / 1 ft", "Ran 6 tests", "failures=1")
    assert "process-returncode" not in ended.text
    assert project.last.statuses == {
        **dict.fromkeys(LEAKY, "success"), BROKEN: "fail",
    }


def test_run_of_some(project):
    ended = project.tool("run", "depth|sum")
    assert ended.status == 0
    assert project.last.statuses == dict.fromkeys([LEAKY[1], LEAKY[5]], "success")


def test_run_parallel(project):
    ended = project.tool("run", "--parallel", "--concurrency", "3")
    assert set(project.last.statuses) == set(LEAKY)
    assert "process-returncode" not in ended.text
    assert project.opened == 1 + 3  # for the list, and for each part


def test_failing_and_run_failing(project):
    project.tool("run")
    assert mentioned(project.tool("failing").text) == [BROKEN]
    again = project.tool("run", "--failing")
    assert again.status == 0  # alone it does not fail
    assert project.last.statuses == {BROKEN: "success"}
    assert mentioned(project.tool("failing").text) == []


def test_run_isolated(project):
    ended = project.tool("run", "--isolated")
    assert ended.status == 0
    assert ended.text.count("PASSED") == len(LEAKY)


def test_analyze_isolation_finds_the_test_that_breaks_another(project):
    project.tool("run")
    ended = project.tool("run", "--analyze-isolation")
    assert ended.status == 3  # testr's: conflicts were found
    says(ended.text, "caused by test")
    assert re.search(rf"^{re.escape(BROKEN)} +{re.escape(CAUSE)}$", ended.text, re.MULTILINE)


def test_last_and_slowest(project):
    project.tool("run")
    assert mentioned(project.tool("last").text) == [BROKEN]
    assert BROKEN in mentioned(project.tool("slowest").text)


def test_load(project):
    stream = project.run("subunit-proxy", "testr").stdout
    (project.directory / "stream").write_bytes(stream)
    ended = project.tool("load", "stream")
    assert ended.status == 1
    assert mentioned(ended.text) == [BROKEN]
    assert set(project.last.statuses) == set(LEAKY)


def test_what_stands_behind_two_dashes_names_tests(project):
    assert project.tool("run", "--", LEAKY[0], LEAKY[1]).status == 0
    assert list(project.last.statuses) == LEAKY[:2]


# The subcommand by itself


def testr(project, *arguments, **options):
    return project.run("subunit-proxy", "testr", *arguments, **options)


testr.__test__ = False


def test_a_complete_stream_is_status_0_whatever_the_verdicts(project):
    ended = testr(project)
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert ended.stream.failed() == [BROKEN]


def test_a_list_and_its_names_are_what_run_has(project):
    listed = testr(project, "--list")
    assert listed.status == 0
    assert listed.stream.listed == LEAKY
    (project.directory / "names").write_text("\n".join(LEAKY[3:]) + "\n")
    assert testr(project, "--load-list", "names").stream.ids == LEAKY[3:]
    assert testr(project, *LEAKY[:2]).stream.ids == LEAKY[:2]


def test_names_are_a_set_and_the_suite_has_the_order(project):
    """testr and stestr have them in sets, which have a new order each time."""
    assert testr(project, LEAKY[5], LEAKY[0], LEAKY[2]).stream.ids == [LEAKY[0], LEAKY[2], LEAKY[5]]


def test_a_name_that_the_suite_does_not_have_is_a_failed_test(project):
    ended = testr(project, "no.such", LEAKY[0])
    assert ended.stream.statuses == {LEAKY[0]: "success", "no.such": "fail"}
    assert ended.status == 0


@pytest.mark.parametrize("mode", ["kill-in-test", "drop-one"])
def test_a_test_that_its_server_did_not_end_has_failed_and_the_stream_is_complete(project, mode):
    configure(project, f"server_command={project.channel(*server(mode))}")
    ended = testr(project)
    assert ended.status == 0
    assert set(ended.stream.statuses) == set(DEMO)
    assert ended.stream.failed() == ["demo.test_2"]


def test_a_stream_that_is_not_complete_is_status_3(project):
    """The channel is cut in the middle of the run."""
    cut = "sh -c '\"$@\" | dd bs=1 count=800 status=none' sh"
    configure(project, f"server_command={cut} {project.channel(*server('good'))}")
    ended = testr(project, *DEMO)
    assert ended.status == 3
    says(ended.stderr, "channel")
    ended.stream.assert_clean()
    assert set(ended.stream.statuses) == set(DEMO)
    assert DEMO[4] in ended.stream.failed()


def test_a_channel_that_fails_is_status_3_and_a_failure_in_testr(project):
    configure(project, "server_command=sh -c 'echo no route to host >&2; exit 255'")
    ended = testr(project)
    assert ended.status == 3
    says(ended.stderr, "no route to host", "255")
    ended = project.tool("run")
    assert ended.status == 1
    says(ended.text, "process-returncode")


def test_several_server_commands_are_several_channels(project):
    command = project.channel(*server("good"))
    configure(project, "server_command=", f"  {command}", "  # a comment", f"  {command}")
    ended = project.tool("run")
    assert ended.status == 0, ended.text + ended.stderr
    assert project.last.statuses == dict.fromkeys(DEMO, "success")
    assert project.opened == 2


def test_server_command_is_split_as_a_shell_does_it(project):
    inner = project.channel(*server("good"))
    configure(
        project,
        "here=%(there)s",
        f"there={project.directory}",
        "Server_Command : sh -c 'pwd >\"$0\"/\"a  b\"; date +%%Y >>\"$0/a  b\"; exec \"$@\"' "
        f"%(here)s \\\n    {inner}",
    )
    ended = testr(project)
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stream.statuses == dict.fromkeys(DEMO, "success")
    where, year = (project.directory / "a  b").read_text().splitlines()
    assert where == str(project.directory)
    assert re.fullmatch(r"\d{4}", year)


# Configuration that does not say where the servers are


def test_a_missing_key_is_an_error_that_says_which_line_to_add(project):
    configure(project)
    ended = testr(project)
    assert ended.status == 3
    assert ended.stdout == b""
    says(ended.stderr, CONFIG, str(project.directory), "\nserver_command=ssh", "[DEFAULT]")
    says(project.tool("run").stderr, "\nserver_command=ssh")


def test_a_missing_file_is_an_error_that_names_the_directory(project):
    (project.directory / CONFIG).unlink()
    ended = testr(project, "--list")
    assert ended.status == 3
    says(ended.stderr, f"no {CONFIG}", str(project.directory))


@pytest.mark.parametrize(
    "line, seen",
    [
        ("server_command=ssh 'board", "ssh 'board"),
        ("server_command=ssh 100% sure", "% sure"),
        ("server_command", "line 5"),
        ("server_command=\nnext=1", "has no server_command"),
    ],
)
def test_a_key_that_cannot_be_read_is_an_error_that_shows_it(project, line, seen):
    configure(project, line)
    ended = testr(project)
    assert ended.status == 3
    says(ended.stderr, CONFIG, seen)


def test_a_project_that_does_not_use_it_sees_no_change(project):
    project.configure(
        CONFIG,
        f"test_command={' '.join(python('-m', 'subunit.run'))} $LISTOPT $IDOPTION leaky",
        *KEYS[1:],
    )
    ended = project.tool("run")
    assert ended.status == 1
    assert mentioned(ended.text) == [BROKEN]
    assert ended.stderr == ""
    assert set(project.last.statuses) == set(LEAKY)
