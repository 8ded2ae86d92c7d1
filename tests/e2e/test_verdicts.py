"""Tests that break the interpreter they run in, on every way that tests are run: each ends as its name
does, and no server is lost."""

import shlex

import pytest

import support
from support import python, says, serving
from small_suite import SmallSuite

SUITES = support.ROOT / "tests" / "python" / "suites"
SOME = ["vandals.Devices", "vandals.Clocks", "vandals.Descriptors", "vandals.Texts"]


def server(*arguments):
    path = f"PYTHONPATH={SUITES}:{support.PYTHONPATH}"
    return [path if word.startswith("PYTHONPATH=") else word for word in
            python("-m", "subunit_rpc", *arguments)]


def check(ended):
    stream = ended.stream
    stream.assert_clean()
    assert len(stream.statuses) > 10
    wrong = [(test_id, status) for test_id, status in stream.statuses.items()
             if not test_id.endswith(f"_{status}")]
    assert wrong == [], ended.stderr
    assert "exited" not in ended.stderr and "killed" not in ended.stderr


@pytest.mark.parametrize(
    "options, workers, arguments",
    [
        ([], 1, ["vandals"]),
        ([], 1, ["--fork", "vandals"]),
        ([], 2, ["vandals"]),
        (["--isolated"], 2, SOME),
    ],
    ids=["plain", "fork", "workers", "isolated"],
)
def test_tests_that_break_their_process_have_their_verdicts(options, workers, arguments):
    channel = serving(*server(*arguments), options=["--workers", workers])
    ended = support.client("--format", "subunit", *options, channel=channel)
    check(ended)
    assert ended.status == 1


def test_they_have_them_in_testr_too(tmp_path):
    channel = shlex.join(map(str, serving(*server(*SOME))))
    (tmp_path / ".testr.conf").write_text(f"[DEFAULT]\nserver_command={channel}\n")
    ended = support.proxy("testr", cwd=tmp_path)
    check(ended)
    assert ended.status == 0


LEFT = "import threading; threading.Thread(target=time.sleep, args=(60,)).start()"


@pytest.mark.parametrize("mode", [[], ["--fork"]], ids=" ".join)
def test_a_thread_that_outlives_its_test_costs_no_verdict(tmp_path, mode):
    suite = SmallSuite(tmp_path).write(LEFT, "print('printed')")
    channel = serving(*suite.command, *mode, options=["--grace", "2"])
    ended = support.client("--format", "subunit", channel=channel)
    assert ended.status == 0, ended.stderr
    assert ended.stream.statuses == dict.fromkeys(suite.ids(0, 1), "success")
    says(ended.stream.all_output("stderr").decode(), "waiting for threads", "Thread-1")
    if not mode:
        says(ended.stderr, "warning", "did not end", "all results had come before that")
    else:
        says(ended.stderr, "warning", "a process with tests has not ended within", "so it is killed")


def test_what_a_test_prints_when_it_is_torn_down_is_its_own(tmp_path):
    suite = SmallSuite(tmp_path)
    suite.write("self.addCleanup(print, 'cleaned up')", "print('second')")
    stream = suite.run().stream
    assert stream.output(suite.id(0), "stdout") == b"cleaned up\n"
    assert stream.output(suite.id(1), "stdout") == b"second\n"
