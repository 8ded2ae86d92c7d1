"""The server under a Python that has nothing but its own library, and under older and newer ones than
that of these tests."""

import ast
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interpreters import BARE, OLDEST, bare, others
from library_names import imported_by, used_by
from python37_names import NAMES
from rpc_client import TIMEOUT, Client
from server_process import children, wait_for_end
from subunit_rpc.server import compatibility

PACKAGE = Path(__file__).resolve().parents[2] / "scripts/subunit_rpc"
FILES = sorted(PACKAGE.rglob("*.py"))
FOR_PYTEST = {"pytest_plugin.py", "for_pytest"}  # of these files and folders
NEW_METHODS = re.compile(r"\.(removeprefix|removesuffix|bit_count|is_relative_to|with_stem)\(")
SERVED = ["plain", "fixtured", "unfit", "unfit_module", "no_such_module"]
OTHERS = others()

MISSING = """
import os, signal, _signal, sys
del os.pidfd_open, os.waitstatus_to_exitcode, signal.valid_signals, _signal.valid_signals
sys.version_info = (3, 7, 0, "final", 0)
"""
REFUSED = """
import os
def refuse(pid, flags=0):
    raise {error}
os.pidfd_open = refuse
"""


def command_of(interpreter):
    return [*interpreter, "-m", "subunit_rpc"]


def outcome(start, interpreter, *arguments):
    """What a client gets to know in two Runs, but for times and addresses of objects."""
    server = start("--listen", "0", *arguments, *SERVED, command=command_of(interpreter))
    with server.client() as client:
        listed, runs = client.list(), [client.run(), client.run()]
        client.goodbye()
    return listed, [[said(packet) for packet in results.packets] for results in runs]


def said(packet):
    content = packet.file_bytes and re.sub(rb"0x[0-9a-f]{6,}", b"*", packet.file_bytes)
    return packet._replace(raw=b"", timestamp=None, file_bytes=content)


@pytest.mark.parametrize("fork", [(), ("--fork",)], ids=" ".join)
def test_without_anything_installed_the_results_are_the_same_to_the_byte(start, fork):
    code = "import importlib.util as u; print(*map(u.find_spec, ('testtools', 'subunit')))"
    installed = subprocess.run([*BARE, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert installed.stdout == "None None\n"
    assert outcome(start, BARE, *fork) == outcome(start, [sys.executable], *fork)


def test_nothing_is_imported_that_may_not_be_there():
    for path in FILES:
        allowed = {"pytest", "_pytest"} if FOR_PYTEST & set(path.parts) else set()
        roots = {name.partition(".")[0] for name in imported_by(path)}
        assert roots <= set(sys.stdlib_module_names) | allowed, path


def test_a_suite_of_unittest_finds_nothing_imported_but_what_is_its_own(start, tmp_path):
    (tmp_path / "it.py").write_text(
        "import sys, unittest\nclass T(unittest.TestCase):\n    def test(self):\n"
        "        self.assertFalse({'testtools', 'subunit', 'pytest'} & set(sys.modules))\n"
    )
    with start("--listen", "0", "it", cwd=tmp_path).client() as client:
        assert client.run().statuses == [("it.T.test", "success")]


def test_a_module_of_the_suite_may_be_called_testtools(start, tmp_path):
    (tmp_path / "testtools.py").write_text(
        "import unittest\nclass TestCase(unittest.TestCase):\n    def test(self): pass\n"
    )
    with start("--listen", "0", "testtools", cwd=tmp_path).client() as client:
        assert client.run().statuses == [("testtools.TestCase.test", "success")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_syntax_is_that_of_python_3_7(path):
    ast.parse(path.read_text(), feature_version=OLDEST)
    assert not NEW_METHODS.search(path.read_text())


def test_what_is_used_of_the_library_is_there_in_python_3_7():
    used = set().union(*map(used_by, FILES))
    assert used - NAMES == set(), "look up since when they are there; then add them to the list"
    assert NAMES - used == set(), "these are not used any more"


@pytest.mark.parametrize("version", OTHERS)
def test_what_is_used_of_the_library_is_there(version):
    code = "import sys, importlib\nfor name in sys.stdin.read().split():\n"
    code += "    module, *rest = name.split('.')\n    found = importlib.import_module(module)\n"
    code += "    for part in rest:\n        module += '.' + part\n"
    code += "        if not hasattr(found, part): importlib.import_module(module)\n"
    code += "        found = getattr(found, part)\n"
    names = " ".join(sorted(NAMES))
    subprocess.run([*bare(OTHERS[version]), "-c", code], input=names, text=True, check=True)


@pytest.mark.parametrize("fork", [(), ("--fork",)], ids=" ".join)
@pytest.mark.parametrize("version", OTHERS)
def test_results_do_not_depend_on_the_version(start, version, fork):
    listed, runs = outcome(start, bare(OTHERS[version]), *fork)
    here, runs_here = outcome(start, [sys.executable], *fork)
    new = "plain.Async", "plain.FailsToCleanUpClass"  # since 3.8
    if "plain.Async.test_pass" not in listed:
        here = [test_id for test_id in here if not test_id.startswith(new)]
    assert listed == here
    assert [statuses(run, here) for run in runs] == [statuses(run, here) for run in runs_here]


@pytest.mark.parametrize("version", OTHERS)
def test_what_is_wrong_stands_on_stderr(start, version):
    command = command_of(bare(OTHERS[version]))
    server = start("--listen", "0", "--no-such-option", command=command)
    assert server.exit_status() == 2
    assert "unrecognized arguments: --no-such-option" in server.stderr


def statuses(run, listed):
    return [
        (packet.test_id, packet.test_status) for packet in run
        if packet.test_status not in (None, "inprogress") and packet.test_id in listed
    ]  # fmt: skip


@pytest.fixture(params=["older", "no such call", "forbidden"])
def interpreter(request, tmp_path, monkeypatch):
    """One that lacks what the versions before it lack, or has a kernel that does."""
    lacks = {
        "older": MISSING,
        "no such call": REFUSED.format(error="OSError(38, 'not implemented')"),
        "forbidden": REFUSED.format(error="PermissionError(1, 'not permitted')"),
    }
    (tmp_path / "sitecustomize.py").write_text(lacks[request.param])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    return command_of([sys.executable])


def short(results):
    return [f"{test_id.rpartition('.')[2]} {status}" for test_id, status in results.statuses]


def test_where_no_process_can_be_watched_by_a_descriptor_a_run_outlives_crashes(start, interpreter):
    server = start("--listen", "0", "--fork", "crashing.Crashing", command=interpreter)
    with server.client() as client:
        names = [test_id for test_id in client.list() if re.search("_[1-5]_", test_id)]
        for _ in range(2):
            assert short(client.run(names)) == [
                "test_1_passes success", "test_2_segfaults fail", "test_3_passes success",
                "test_4_is_killed fail", "test_5_leaves fail",
            ]  # fmt: skip
        client.goodbye()


@pytest.mark.parametrize("whose", ["worker", "child"])
def test_nor_is_a_process_missed_that_is_killed_meanwhile(start, interpreter, whose):
    server = start("--listen", "0", "--fork", "crashing.Last", command=interpreter)
    with server.client() as client:
        for _ in range(3):
            assert short(client.run()) == ["test_1 success"]
            (worker,) = children(server.pid)
            server.wait_for(lambda: children(worker), "child in advance")
            (child,) = children(worker)
            os.kill(worker if whose == "worker" else child, signal.SIGKILL)
            wait_for_end(child)
        client.goodbye()


def test_the_thread_that_watches_a_process_takes_no_signal(monkeypatch):
    blocked = set()

    def waitid(*arguments):
        blocked.update(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        return os.waitid(*arguments)

    monkeypatch.setattr(compatibility, "waitid", waitid)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        descriptor = compatibility._watch(process.pid)
        assert not select.select([descriptor], [], [], 0)[0]
    assert select.select([descriptor], [], [], TIMEOUT)[0]
    os.close(descriptor)
    assert blocked == compatibility.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_nor_is_a_signal(start, interpreter, tmp_path):
    server = start("--listen", "0", "stuck.Stuck", command=interpreter)
    with server.client() as client:
        client.session.run()
        client.send()
        server.wait_for_stdout("hanging")
        os.kill(server.pid, signal.SIGINT)
        assert server.exit_status() == 130


def test_nor_a_change_of_the_sources(start, interpreter, tmp_path):
    test = "import unittest\nclass T(unittest.TestCase):\n    def test_{}(self): pass\n"
    (tmp_path / "it.py").write_text(test.format(1))
    server = start("--listen", "0", "--reload", "it", cwd=tmp_path, command=interpreter)
    with Client(server.address()) as client:
        client.hello()
        assert short(client.run()) == ["test_1 success"]
        (tmp_path / "it.py").write_text(test.format(22))
        assert short(client.run()) == ["test_22 success"]
        client.goodbye()


def test_a_client_that_cancels_need_not_wait(start, interpreter):
    server = start("--listen", "0", "--fork", "stuck.Stuck", command=interpreter)
    with server.client() as client:
        nonce = client.session.run()
        client.send()
        server.wait_for_stdout("hanging")
        client.session.cancel(nonce)
        client.send()
        ended = [packet.test_id for packet in client.until_done(nonce) if packet.test_status == "fail"]
        assert ended == ["stuck.Stuck.test_1_hangs"]
        client.goodbye()
