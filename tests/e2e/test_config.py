"""`run` with a file subunit-proxy.toml: what counts, where it is found, and what is wrong with it."""

import json
import shlex

import pytest

import support
from small_suite import SmallSuite
from support import proxy, says


@pytest.fixture
def project(tmp_path):
    """A folder with a suite and a configuration, and folders below it."""
    folder = tmp_path / "project"
    (folder / "deep" / "down").mkdir(parents=True)
    suite = SmallSuite(folder).write("pass", "self.fail('it')", "pass")
    return Project(folder, suite)


class Project:
    def __init__(self, folder, suite):
        self.folder, self.suite = folder, suite
        self.file = folder / "subunit-proxy.toml"
        self.channel = f"channel = {json.dumps(shlex.join(map(str, suite.channel())))}\n"

    def run(self, *options, below="."):
        return proxy("run", "--format", "subunit", *options, cwd=self.folder / below)

    def shown(self, *options):
        ended = self.run("--show-config", *options)
        assert ended.status == 0, ended.stderr
        return ended.text


def test_run_alone_does_what_the_file_says(project):
    project.file.write_text(project.channel + "history = 'times'\nretries = 1\n")
    ended = project.run(below="deep/down")
    assert ended.status == 1
    assert ended.stream.statuses == {
        project.suite.id(0): "success", project.suite.id(1): "fail", project.suite.id(2): "success"}
    assert (project.suite.id(1), "attempt-2/traceback") in ended.stream.files
    assert (project.folder / "times").exists()


def test_channels_of_the_file_start_in_its_folder(project):
    channel = shlex.join(["sh", "-c", "pwd >&2; exec false"])
    project.file.write_text(f"channel = {json.dumps(channel)}\n")
    assert project.run(below="deep").stderr.splitlines()[0] == str(project.folder)


def test_the_command_line_counts_more(project):
    project.file.write_text(project.channel + "match = ['00', '01']\nmax-fail = 5\n")
    assert project.run("--match", "02").stream.ids == [project.suite.id(2)]
    assert project.run("-x").status == 1  # not "cannot be used with"
    ended = project.run("--", "sh", "-c", "echo here >&2; exit 3")
    says(ended.stderr, "here", "exited with status 3")


def test_a_profile_takes_the_place_of_what_holds_for_all(project):
    project.file.write_text(
        project.channel
        + "retries = 1\nisolated = true\n[profile.ci]\nretries = 3\nisolated = false\nmatch = '0'\n"
        + "[profile.other]\nretries = 4\n"
    )
    plain, ci = project.shown(), project.shown("--profile", "ci")
    says(plain, 'retries = "1"  # ', "isolated = true  # ")
    says(ci, f'retries = "3"  # {project.file}:5 [profile.ci]', 'match = ["0"]')
    assert "isolated" not in ci and "match" not in plain
    ended = project.run("--profile", "nightly")
    assert ended.status == 2
    says(ended.stderr, "[profile.nightly]", "it has ci, other")


def test_what_is_in_force_is_shown_with_where_it_comes_from(project):
    project.file.write_text(project.channel + 'group = "a\\"b\\t"\nhistory = "sub/times"\n')
    text = project.shown("--retries", "2", "--", "ssh", "board")
    says(text, 'retries = "2"  # the command line', "# the channel command: ssh board",
         f'history = "{project.folder}/sub/times"  # {project.file}:3')
    project.file.write_text(text)  # it is such a file
    assert project.shown().count(str(project.file)) >= 4


def test_a_file_can_be_named_or_left_out(project, tmp_path):
    project.file.write_text(project.channel + "retries = 1\n")
    other = tmp_path / "other.toml"
    other.write_text("slow = 2.5\n")
    assert "retries" not in project.shown("--no-config", "--", "true")
    text = project.shown("--config", other, "--", "true")
    assert 'slow = "2.5"' in text and "retries" not in text


def test_a_list_leaves_out_what_is_for_runs(project):
    project.file.write_text(project.channel + "trace = 'trace.json'\njunit = 'results.xml'\n")
    assert project.run("--list").stream.listed == project.suite.ids(0, 1, 2)


@pytest.mark.parametrize("text, keywords", [
    ("retries 3", ["{file}:1:", "expected"]),
    ("\nretrys = 3", ["{file}:2: run has no option --retrys"]),
    ("retries = 'many'", ['{file}:1: --retries: "many" is not a whole number']),
    ("retries = true", ["{file}:1: --retries needs a value: N"]),
    ("isolated = 1", ["{file}:1: --isolated takes no value"]),
    ("retries = [1, 2]", ["{file}:1: --retries may be given only once"]),
    ("retries = 1979-05-27", ["{file}:1: the value of \"retries\" is not a text"]),
    ("profile = 1", ["{file}:1: \"profile\" is not a table"]),
    ("list = true", ["{file}:1: --list can be on the command line only"]),
    ("config = 'x'", ["--config can be on the command line only"]),
    ("[channels]\na = 1", ["{file}:1: the value of \"channels\" is not a text"]),
], ids=lambda value: value.strip().replace("\n", " ") if isinstance(value, str) else "")
def test_what_is_wrong_with_it_is_told_with_its_line(project, text, keywords):
    project.file.write_text(text + "\n")
    ended = project.run("--", "true")
    assert ended.status == 2
    says(ended.stderr, *(keyword.format(file=project.file) for keyword in keywords))
    assert project.run("--help").status == 0


@pytest.mark.parametrize("kind, keywords", [
    ("folder", ["subunit-proxy.toml is not a file"]),
    ("dangling", ["cannot read the configuration", "No such file"]),
])
def test_what_has_its_name_and_cannot_be_read_is_not_passed_over(project, kind, keywords):
    project.file.mkdir() if kind == "folder" else project.file.symlink_to("nowhere")
    ended = project.run("--", "true")
    assert ended.status == 2
    says(ended.stderr, *keywords, str(project.folder), "--no-config")


@pytest.mark.parametrize("value, what", [("", "the command is empty"), ("a 'b", "never closed")])
def test_a_channel_that_is_no_command_is_told_with_its_line(project, value, what):
    project.file.write_text(f"channel = {json.dumps(value)}\n")
    ended = project.run()
    assert ended.status == 2
    says(ended.stderr, f"{project.file}:1: --channel: ", what)


def test_what_others_can_write_is_not_executed(project):
    project.file.write_text("channel = 'touch done'\n")
    project.file.chmod(0o666)
    ended = project.run(below="deep")
    assert ended.status == 2
    says(ended.stderr, "refusing to use", str(project.file), "others may write it", "--no-config")
    assert not (project.folder / "done").exists()


@pytest.mark.skipif(support.os.getuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_is_not_executed(project):
    project.file.write_text("channel = 'touch done'\n")
    support.os.chown(project.file, 12345, 12345)
    ended = project.run()
    assert ended.status == 2
    says(ended.stderr, "it belongs to another user")
