"""The Python package as the one file that the binary has within: it serves where there is no package."""

import os
import subprocess

import pytest

from small_suite import SmallSuite
import support
from support import client, proxy, says, serving

ANYWHERE = ["env", "-u", "PYTHONPATH"]
ALONE = [*ANYWHERE, support.PYTHON, "-S"]  # with Python's own library, and nothing else
FAILS = "self.fail('on purpose')"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "subunit_rpc.pyz"
    written = proxy("python", "--archive")
    assert (written.status, written.stderr) == (0, "")
    path.write_bytes(written.stdout)
    return path


def run(directory, *command, options=(), serve=()):
    """On a channel that begins in this directory."""
    channel = serving(*command, options=serve)
    return client("--format", "subunit", *options, channel=channel, cwd=directory)


def test_without_it_there_is_no_package(tmp_path):
    ended = run(tmp_path, *ALONE, "-m", "subunit_rpc")
    assert ended.status == 3
    says(ended.stream.output(None, "stderr").decode(), "no module named subunit_rpc")


@pytest.mark.parametrize("fork", [(), ("--fork",)], ids=" ".join)
@pytest.mark.parametrize("options, workers", [((), 1), ((), 3), (("--isolated",), 1)])
def test_unittest(archive, tmp_path, fork, options, workers):
    suite = SmallSuite(tmp_path, "test_small").write("print('words')", FAILS, "self.skipTest('no')", "")
    ended = run(tmp_path, *ALONE, archive, *fork, "discover", options=options, serve=["--workers", workers])
    assert ended.status == 1
    ended.stream.assert_clean()
    ids = suite.ids(0, 1, 2, 3)
    assert ended.stream.statuses == dict(zip(ids, ["success", "fail", "skip", "success"]))
    assert ended.stream.output(ids[0], "stdout") == b"words\n"
    assert "AssertionError: on purpose" in ended.stream.details(ids[1])


def test_a_test_that_crashes(archive, tmp_path):
    suite = SmallSuite(tmp_path).write("", "os.kill(os.getpid(), 11)", "")
    ended = run(tmp_path, *ALONE, archive, "--fork", "small")
    assert ended.stream.statuses == dict(zip(suite.ids(0, 1, 2), ["success", "fail", "success"]))
    says(ended.stream.details(suite.id(1)), "SIGSEGV")


@pytest.mark.parametrize("way", ["--pytest", "--subunit-rpc"])
def test_pytest(archive, tmp_path, way):
    (tmp_path / "test_it.py").write_text("def test_a(): print('words')\ndef test_b(): assert 1 == 2\n")
    arguments = ["-p", "no:cacheprovider", "test_it.py"]
    if way == "--pytest":
        command = [*ANYWHERE, support.PYTHON, archive, "--pytest", *arguments]
    else:
        command = ["env", f"PYTHONPATH={archive}", support.PYTHON, "-m", "pytest", "--subunit-rpc", *arguments]
    ended = run(tmp_path, *command)
    assert ended.stream.statuses == {"test_it.py::test_a": "success", "test_it.py::test_b": "fail"}
    assert ended.stream.file("test_it.py::test_a", "stdout") == b"words\n"
    assert "assert 1 == 2" in ended.stream.details("test_it.py::test_b")


def test_a_server_that_listens(archive, tmp_path, processes):
    suite = SmallSuite(tmp_path).write("")
    command = [*ALONE, archive, "--listen", "0", "small"]
    server = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    processes.append(server)
    address = server.stderr.readline().split()[-1]
    ended = client("--format", "subunit", channel=[support.BINARY, "serve", "--connect", address])
    assert ended.stream.statuses == {suite.id(0): "success"}


def test_what_cannot_be_written_is_an_error():
    with open("/dev/full", "wb") as full:
        ended = proxy("python", "--archive", stdout=full)
    assert ended.status == 3
    says(ended.stderr, "cannot write the archive to stdout", os.strerror(28))
