"""--reload: the next List or Run sees the sources as they are then."""

import os
import textwrap

import pytest

from rpc_client import Client
from subunit_rpc import Error

MODES = [["--reload"], ["--reload", "--fork"]]


class Tree:
    """Sources of tests."""

    def __init__(self, path):
        self.path = path
        self.write("suite/__init__.py", "")
        self.write("suite/test_one.py", self.module("test_a"))
        self.write("suite/helper.py", "ANSWER = 1\n")

    @staticmethod
    def module(*names, body="pass", imports=""):
        text = f"import unittest\n{imports}\n\nclass T(unittest.TestCase):\n"
        return text + "".join(f"    def {name}(self):\n        {body}\n" for name in names)

    def write(self, name, text):
        (self.path / name).parent.mkdir(exist_ok=True)
        (self.path / name).write_text(textwrap.dedent(text))


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture(params=MODES, ids=" ".join)
def serve(request, start, tree):
    """Starts a server of the tree, and gives it and a client."""
    clients = []

    def serve_tree(*arguments, env=None):
        process = start("--listen", "0", *request.param, *arguments, cwd=tree.path, env=env)
        clients.append(process.client())
        return process, clients[-1]

    yield serve_tree
    for client in clients:
        client.sock.close()


A = "suite.test_one.T.test_a"
B = "suite.test_one.T.test_b"


@pytest.mark.parametrize("arguments", [["suite.test_one"], ["discover", "-t", ".", "suite"]])
def test_an_edit_of_the_tests_is_seen_by_list_and_run(serve, tree, arguments):
    _, client = serve(*arguments)
    assert client.list() == [A]
    tree.write("suite/test_one.py", tree.module("test_a", "test_b"))
    assert client.list() == [A, B]
    tree.write("suite/test_one.py", tree.module("test_b", body="self.fail()"))
    assert client.run().statuses == [(B, "fail")]
    client.goodbye()


def test_an_edit_of_the_same_length_right_after_is_seen(serve, tree):
    # Python is to write its caches, but not into the tree of the package.
    cached = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tree.path / "cache")}
    _, client = serve("suite.test_one", env=cached)
    for name in ("test_b", "test_c", "test_d", "test_e"):
        tree.write("suite/test_one.py", tree.module(name))
        assert client.list() == [f"suite.test_one.T.{name}"]
    client.goodbye()


@pytest.mark.parametrize("where", ["at the top", "in the test"])
def test_an_edit_of_what_the_tests_import_is_seen(serve, tree, where):
    imports = "from suite import helper"
    body = "self.assertEqual(helper.ANSWER, 2)"
    if where == "at the top":
        text = tree.module("test_a", body=body, imports=imports)
    else:
        text = tree.module("test_a", body=f"{imports}; {body}")
    tree.write("suite/test_one.py", text)
    _, client = serve("suite.test_one")
    assert client.run().statuses == [(A, "fail")]
    tree.write("suite/helper.py", "ANSWER = 2\n")
    assert client.run().statuses == [(A, "success")]
    client.goodbye()


def test_what_has_not_changed_is_not_loaded_again(serve, tree):
    tree.write("suite/test_one.py", tree.module("test_a", imports="print('loaded')"))
    for name in ("suite/test_one.py", "suite/__init__.py"):
        os.utime(tree.path / name, (1e9, 1e9))
    process, client = serve("discover", "-t", ".", "suite")
    (tree.path / "suite" / "notes.txt").write_text("no source")
    for _ in range(3):
        assert client.run().statuses == [(A, "success")]
        assert client.list() == [A]
    client.goodbye()
    process.process.terminate()
    process.exit_status()
    assert process.stdout == "loaded\n"


FAILED = "unittest.loader._FailedTest."


@pytest.mark.parametrize(
    "arguments, failed",
    [
        (["suite.test_one"], FAILED + "suite.test_one"),
        (["discover", "-t", ".", "suite"], FAILED + "suite.test_one"),
    ],
)
def test_a_syntax_error_is_a_failed_test_until_it_is_put_right(serve, tree, arguments, failed):
    _, client = serve(*arguments)
    assert client.run().statuses == [(A, "success")]
    tree.write("suite/test_one.py", "def (")
    results = client.run()
    assert [status for _, status in results.statuses] == ["fail"]
    test_id = results.statuses[0][0]
    assert test_id.startswith(FAILED) and "test_one" in test_id
    assert "SyntaxError" in results.attachment(test_id, "traceback")
    tree.write("suite/test_one.py", tree.module("test_b"))
    assert client.run().statuses == [(B, "success")]
    client.goodbye()


def test_a_new_file_is_discovered_and_a_removed_one_is_gone(serve, tree):
    _, client = serve("discover", "-t", ".", "suite")
    assert client.list() == [A]
    tree.write("suite/test_two.py", tree.module("test_c"))
    assert client.list() == [A, "suite.test_two.T.test_c"]
    (tree.path / "suite" / "test_one.py").unlink()
    assert client.list() == ["suite.test_two.T.test_c"]
    client.goodbye()


def test_a_new_package_is_discovered_when_it_is_one(serve, tree):
    _, client = serve("discover", "-t", ".", "suite")
    tree.write("suite/more/test_more.py", tree.module("test_c"))
    assert client.list() == [A]
    tree.write("suite/more/__init__.py", "")
    assert client.list() == ["suite.more.test_more.T.test_c", A]
    tree.write("suite/more/test_most.py", tree.module("test_d"))
    assert len(client.list()) == 3
    client.goodbye()


def test_a_module_that_was_missing_is_found_when_it_is_there(serve, tree):
    _, client = serve("test_later")
    assert client.list() == [FAILED + "test_later"]
    tree.write("test_later.py", tree.module("test_a"))
    assert client.run().statuses == [("test_later.T.test_a", "success")]
    client.goodbye()


def test_a_file_that_a_test_imports_and_removes_is_no_change(serve, tree):
    tree.write(
        "suite/test_one.py",
        """\
        import os, sys, unittest
        print("loaded")
        class T(unittest.TestCase):
            def test_a(self):
                with open("passing.py", "w"):
                    pass
                sys.modules.pop("passing", None)
                sys.path_importer_cache.clear()
                import passing
                os.remove("passing.py")
        """,
    )
    os.utime(tree.path / "suite/test_one.py", (1e9, 1e9))
    os.utime(tree.path / "suite/__init__.py", (1e9, 1e9))
    process, client = serve("suite.test_one")
    for _ in range(3):
        assert client.run().statuses == [(A, "success")]
    client.goodbye()
    process.process.terminate()
    process.exit_status()
    assert process.stdout == "loaded\n"


def test_tests_that_cannot_be_looked_for_any_more_are_an_error(serve, tree):
    process, client = serve("discover", "-s", "suite")
    for path in (tree.path / "suite").iterdir():
        if path.is_file():
            path.unlink()
    (tree.path / "suite").rename(tree.path / "elsewhere")
    for ask in (client.session.list, client.session.run):
        nonce = ask()
        client.send()
        event = client.next_event()
        assert isinstance(event, Error) and event.nonce == nonce
        assert event.text.startswith("cannot load the tests: ")
    client.goodbye()
    with Client(process.address(), (1, 1)) as old:
        old.hello()
        assert old.list() == ["subunit_rpc.refused"]
        assert old.list([A]) == []
        for asked in (None, [A, B]):
            results = old.run(asked)
            expected = ["subunit_rpc.refused"] if asked is None else asked
            assert results.statuses == [(test_id, "fail") for test_id in expected]
            reason = results.attachment(expected[0], "reason")
            assert reason.startswith("cannot load the tests: ")
        tree.write("suite/test_one.py", tree.module("test_a"))
        assert old.run().statuses == [("test_one.T.test_a", "success")]
        old.goodbye()


def test_a_load_that_crashes_is_an_error_and_tried_again(serve, tree):
    _, client = serve("suite.test_one")
    tree.write("suite/test_one.py", "import os; os._exit(4)")
    client.session.run()
    client.send()
    event = client.next_event()
    assert isinstance(event, Error)
    assert event.text == (
        "cannot load the tests: the process that was loading them ended with exit status 4"
    )
    tree.write("suite/test_one.py", tree.module("test_b"))
    assert client.run().statuses == [(B, "success")]
    client.goodbye()


def test_a_load_that_hangs_can_be_cancelled(serve, tree):
    process, client = serve("suite.test_one")
    tree.write(
        "suite/test_one.py", "import time; print('stuck', flush=True); time.sleep(1000)"
    )
    nonce = client.session.run()
    client.send()
    process.wait_for_stdout("stuck")
    ping = client.session.ping()
    client.send()
    assert client.next_event().nonce == ping
    client.session.cancel(nonce)
    client.send()
    assert client.until_done(nonce) == []
    tree.write("suite/test_one.py", tree.module("test_b"))
    assert client.run().statuses == [(B, "success")]
    client.goodbye()


WAITING_THREAD = """\
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


def test_threads_of_an_import_do_no_harm(start, tree):
    tree.write("suite/helper.py", WAITING_THREAD)
    tree.write("suite/test_one.py", tree.module("test_a", imports="from suite import helper"))
    for mode in MODES:
        process = start("--listen", "0", *mode, "suite.test_one", cwd=tree.path)
        with process.client() as client:
            for name in ("test_a", "test_b", "test_c"):
                text = tree.module(name, imports="from suite import helper")
                tree.write("suite/test_one.py", text)
                for _ in range(2):
                    assert client.run().statuses == [(f"suite.test_one.T.{name}", "success")]
            client.goodbye()
