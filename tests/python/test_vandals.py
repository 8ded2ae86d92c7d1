"""What tests do to the interpreter that they run in does not change a verdict, their own or that of
another test, nor does it end the server."""

import subprocess
import sys

import pytest

from server_process import SUITES, running

MODES = [[], ["--fork"]]


def verdict_of(test_id):
    """As the name of the test tells."""
    return test_id.rpartition(".")[2].rpartition("_")[2]


def classes():
    listed = subprocess.run(
        [sys.executable, "-c",
         "import unittest, vandals\n"
         "for name, value in vars(vandals).items():\n"
         "    if isinstance(value, type) and issubclass(value, unittest.TestCase):\n"
         "        if value.__module__ == 'vandals' and name != 'Patched': print(name)"],
        cwd=SUITES, stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    return listed.split()


CLASSES = classes()


@pytest.mark.parametrize("mode", MODES, ids=" ".join)
@pytest.mark.parametrize("name", CLASSES)
def test_the_verdicts_are_those_of_unittest(start, mode, name):
    process = start("--listen", "0", *mode, f"vandals.{name}", "vandals.Last")
    with process.client() as client:
        listed = client.list()
        assert len(listed) > 1
        for _ in range(2):
            results = client.run()
            assert {test_id: status for test_id, status in results.statuses} == {
                test_id: verdict_of(test_id) for test_id in listed
            }
            assert len(results.statuses) == len(listed)
        client.goodbye()
    assert process.process.poll() is None, process.stderr


@pytest.mark.parametrize("mode", MODES, ids=" ".join)
def test_all_of_them_together(start, mode):
    names = [f"vandals.{name}" for name in CLASSES]
    with start("--listen", "0", *mode, *names).client() as client:
        results = client.run()
        assert [each for each in results.statuses if each[1] != verdict_of(each[0])] == []
        assert len(results.statuses) == len(client.list())
        client.goodbye()
