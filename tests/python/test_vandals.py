"""What tests do to the interpreter that they run in does not change a verdict, their own or that of
another test, nor does it end the server."""

import datetime
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


LIBRARIES = {
    "frozen": """
from freezegun import freeze_time

@freeze_time("1955-11-12")
class Ancient(unittest.TestCase):
    def test_a(self): pass

@freeze_time("2110-01-01")
class Future(unittest.TestCase):
    def test_b(self): self.fail("on purpose")
""",
    "green": """
import eventlet
eventlet.monkey_patch()

class Green(unittest.TestCase):
    def test_a(self): eventlet.sleep(0)
    def test_b(self): self.fail("on purpose")
""",
    "late": """
class Late(unittest.TestCase):
    def test_a(self):
        import eventlet
        eventlet.monkey_patch()
    def test_b(self): self.fail("on purpose")
""",
}


@pytest.mark.parametrize("mode", MODES, ids=" ".join)
@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_that_replace_half_of_python(start, tmp_path, mode, name):
    (tmp_path / f"{name}.py").write_text(f"import unittest\n{LIBRARIES[name]}")
    start_of_tests = datetime.datetime.now(datetime.timezone.utc)
    with start("--listen", "0", *mode, name, cwd=tmp_path).client() as client:
        for _ in range(2):
            results = client.run()
            statuses = {each.rpartition(".")[2]: status for each, status in results.statuses}
            assert statuses == {"test_a": "success", "test_b": "fail"}
            times = [packet.timestamp for packet in results.packets]
            assert start_of_tests <= min(times) <= max(times)
        client.goodbye()


def test_sockets_may_be_forbidden_on_import(start, tmp_path):
    (tmp_path / "guarded.py").write_text("""
import socket, unittest
def guard(*args, **kwargs): raise RuntimeError("tests must not use the network")
socket.socket = socket.getaddrinfo = socket.socketpair = guard
class Guarded(unittest.TestCase):
    def test_a(self):
        with self.assertRaises(RuntimeError): socket.create_connection(("127.0.0.1", 9))
""")
    for mode in MODES:
        with start("--listen", "0", *mode, "guarded", cwd=tmp_path).client() as client:
            assert [status for _, status in client.run().statuses] == ["success"]
            client.goodbye()
