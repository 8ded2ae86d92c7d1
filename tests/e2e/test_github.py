"""`--annotate github`: annotations and a summary for a step of GitHub Actions."""

import html.parser
from pathlib import Path
import re
import signal

import pytest

import support
from support import client, python, says, server, serving

MIB = 1 << 20

SUITE = '''
import unittest


class Case(unittest.TestCase):
    def test_failure(self):
        self.assertEqual(100, "50%\\n::error::a, b: c\\n##[error]d")

    def test_markup(self):
        self.fail("</pre></details></table>\\n\\n# heading\\n<script>\\n::error::e")

    def test_printing(self):
        print("::error::printed")
        print("  ::add-mask::printed ##[error]printed")
        self.assertTrue(False)

    def test_success(self):
        print("::error::not shown")
'''


class Runner:
    """What GitHub's runner does with the lines of a step."""

    KNOWN = {"error", "warning", "notice", "add-mask", "set-output", "stop-commands", "debug"}

    def __init__(self, *texts):
        self.commands = []
        for line in "".join(texts).splitlines():
            self.read(line)

    def read(self, line):
        line = line.lstrip()
        found = re.match(r"::([^ :]+)(?: (.*?))?::(.*)", line)
        if found and found.group(1) in self.KNOWN:
            pairs = [each.split("=", 1) for each in (found.group(2) or "").split(",") if each]
            properties = {key: self.unescape(value) for key, value in pairs}
            self.commands.append((found.group(1), properties, self.unescape(found.group(3))))
        elif re.search(r"##\[[^\]]+\]", line):
            self.commands.append(("##", {}, line))

    @staticmethod
    def unescape(text):
        for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
            text = text.replace(code, character)
        return text.replace("%25", "%")


class Summary(html.parser.HTMLParser):
    """The HTML in a summary, which has to be well formed; by name, the texts of its elements."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.texts = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in ("table", "tr", "th", "td", "code", "details", "summary", "pre", "p"), tag
        self.open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in self.open:
            self.texts[tag][-1] += data


@pytest.fixture
def step(tmp_path, monkeypatch):
    """A step in a folder of a repository, with a suite; returns the file for the summary."""
    folder = tmp_path / "repository/tests"
    folder.mkdir(parents=True)
    (folder / "suite.py").write_text(SUITE)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path / "summary"


def run(*options, form="human"):
    channel = serving(*python("-m", "subunit_rpc", "suite"))
    return client("--format", form, *options, channel=channel)


def line_of(text):
    return 1 + next(i for i, line in enumerate(SUITE.splitlines()) if text in line)


def test_failures_are_annotated_at_their_lines_and_nothing_that_is_printed_is_obeyed(step):
    ended = run("--annotate", "github")
    assert ended.status == 1
    commands = Runner(ended.text, ended.stderr).commands
    assert [(name, each["file"], int(each["line"]), each["title"]) for name, each, _ in commands] == [
        ("error", "tests/suite.py", line_of("assertEqual"), "suite.Case.test_failure"),
        ("error", "tests/suite.py", line_of("self.fail"), "suite.Case.test_markup"),
        ("error", "tests/suite.py", line_of("assertTrue"), "suite.Case.test_printing"),
    ]
    assert commands[0][2] == "AssertionError: 100 != '50%\\n::error::a, b: c\\n##[error]d'"
    # They are shown all the same.
    says(ended.text, "\\x3a:error::printed", "\\x3a:add-mask::printed \\x23#[error]printed")


def test_a_test_id_on_stderr_is_not_obeyed(step, tmp_path):
    gate = tmp_path / "gate"
    Path("test_slow.py").write_text(
        "import os, pytest, time\n"
        "@pytest.mark.parametrize('text', ['##[error]text'])\n"
        "def test(text):\n"
        f"    while not os.path.exists({str(gate)!r}):\n"
        "        time.sleep(0.01)\n"
    )
    channel = serving(*python("-m", "subunit_rpc", "--pytest", "test_slow.py"))
    options = ["--format", "human", "--slow", "0.01", "--annotate", "github"]
    ended = support.client_until("slow: ", gate, *options, channel=channel)
    assert ended.status == 0
    says(ended.stderr, "test[\\x23#[error]text]")
    assert Runner(ended.stderr).commands == []


def test_stdout_is_exact_where_it_is_for_programs(step):
    ended = run("--annotate", "github", form="subunit")
    stream = ended.stream
    stream.assert_clean()
    assert b"::error::printed\n" in stream.output("suite.Case.test_printing", "stdout")
    assert len(Runner(ended.stderr).commands) == 3


def test_the_summary_has_counts_and_failures(step):
    step.write_text("# before\n")
    run("--annotate", "github")
    text = step.read_text()
    assert text.startswith("# before\n## 3 of 4 tests failed\n")
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[2:] == ["### Failures"]
    assert "\n::" not in text and "\n```" not in text
    shown = Summary(text)
    assert len(shown.texts["details"]) == 3
    says(shown.texts["pre"][1], "Traceback", "</pre></details></table>\n\n# heading\n<script>")
    assert "suite.py:" in "".join(shown.texts["code"])


@pytest.mark.parametrize(
    "options, actions, is_on",
    [
        ([], "true", True),
        ([], "", False),
        (["--annotate", "auto"], "true", True),
        (["--annotate", "never"], "true", False),
        (["--annotate", "github"], "", True),
    ],
)
def test_annotations_are_there_in_github_actions_or_on_demand(
    step, monkeypatch, options, actions, is_on
):
    monkeypatch.setenv("GITHUB_ACTIONS", actions)
    ended = run(*options)
    assert ("::error file=" in ended.stderr) == is_on
    assert step.exists() == is_on
    assert ("\n::error::printed\n" in ended.text) != is_on


def test_a_list_has_neither_annotations_nor_a_summary(step):
    ended = run("--annotate", "github", "--list", form="ids")
    assert ended.status == 0
    assert ended.stderr == "" and not step.exists()


def test_an_interrupted_run_is_annotated_and_summed_up(step, processes):
    process = support.start(
        ["run", "--format", "subunit", "--annotate", "github", "--", *serving(*server("hang"))]
    )
    processes.append(process)
    support.read_until(process, b"demo.test_2")
    process.send_signal(signal.SIGINT)
    ended = support.finish(process)
    assert ended.status == 3
    first = Runner(ended.stderr).commands[0]
    assert first == ("error", {"title": "the run was not completed"}, "interrupted")
    says(step.read_text(), "1 of 3 tests failed, 2 not run", "not completed", "interrupted")


def test_a_run_that_cannot_begin_is_annotated(step):
    ended = client("--annotate", "github", channel=["/no/such/command"])
    assert ended.status == 3
    (command,) = Runner(ended.stderr).commands
    says(command[2], "/no/such/command", "no such file")
    says(step.read_text(), "not completed", "/no/such/command")


@pytest.mark.parametrize("size, has_room", [(MIB - 1000, True), (MIB, False)])
def test_a_step_never_has_too_long_a_summary(step, size, has_room):
    step.write_text("x" * size)
    ended = run("--annotate", "github")
    text = step.read_text()
    assert len(text) <= MIB and (len(text) > size) == has_room
    Summary(text)
    if has_room:
        says(text[size:], "3 of 4 tests failed")
    else:
        says(ended.stderr, "error", "summary", str(step), "too long")


def test_a_summary_that_cannot_be_written_costs_no_result(step, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step / "no/such/folder"))
    ended = run("--annotate", "github")
    assert ended.status == 1
    says(ended.stderr, "error", "summary", "no/such/folder", "no such file")
    assert len(Runner(ended.stderr).commands) == 3
