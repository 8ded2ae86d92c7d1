"""Suites of pytest, run through the proxy: what became of each test is what pytest itself says."""

import json
import os
import subprocess

import pytest

import support
from support import client, python, serving

DIRECTORY = support.EXAMPLES / "with_pytest"
# No cache, so that no test changes the order of another one; and no threads, which a fork would not have.
ARGUMENTS = ["-p", "no:cacheprovider", "-p", "no:rerunfailures", f"--rootdir={DIRECTORY.parent}", str(DIRECTORY)]


@pytest.fixture(scope="module")
def directly(tmp_path_factory):
    """What pytest says: id to (status, reason)."""
    path = tmp_path_factory.mktemp("directly") / "outcomes"
    subprocess.run(
        [support.PYTHON, "-m", "pytest", "-p", "outcomes", "--continue-on-collection-errors", *ARGUMENTS],
        cwd=support.EXAMPLES, stdout=subprocess.DEVNULL, timeout=support.LIMIT,
        env={**os.environ, "OUTCOMES": str(path), "PYTHONPATH": support.PYTHONPATH},
    )
    return {test_id: tuple(each) for test_id, each in json.loads(path.read_text()).items()}


def through_pipe(sshd, workers, own):
    return served(workers, own)


def through_ssh(sshd, workers, own):
    return sshd.command(*served(workers, own))


def through_ssh_terminal(sshd, workers, own):
    command = sshd.command(*served(workers, own))
    return [command[0], "-tt", *command[1:]]


def served(workers, own):
    suite = python("-m", "subunit_rpc", *own, "--pytest", *ARGUMENTS)
    return serving(*suite, options=["--workers", str(workers)])


@pytest.mark.parametrize("own", [[], ["--fork"]], ids=["warm", "fork"])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("way", [through_pipe, through_ssh, through_ssh_terminal], ids=lambda way: way.__name__)
def test_outcomes_and_reasons_are_pytests(sshd, directly, way, workers, own):
    ended = client("--format", "subunit", channel=way(sshd, workers, own))
    stream = ended.stream
    stream.assert_clean()
    assert ended.status == 1
    found = {
        test_id: (status, stream.file(test_id, "reason").decode()) for test_id, status in stream.statuses.items()
    }
    assert found == directly
    statuses = [status for status, _ in found.values()]
    assert len(statuses) > 40 and set(statuses) == set(support.FINAL)


def test_each_test_has_what_it_printed_and_fixtures_are_set_up_once():
    ended = client("--format", "subunit", channel=served(1, []))
    stream = ended.stream
    first = "with_pytest/test_shapes.py::test_with_fixtures"
    assert stream.output(first, "stdout") == (
        b"session begins\nmodule begins\nfunction begins\nprinted\nby a child\nfunction ends\n"
    )
    for number in range(20):
        printed = stream.output(f"with_pytest/test_shapes.py::test_many[{number}]", "stdout")
        assert printed == f"number {number}\n".encode()
    assert stream.all_output("stdout").count(b"session begins") == 1
    assert stream.output(None, "stdout") == b"module ends\nsession ends\n"
