"""--pytest: what pytest collects, served."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

from rpc_client import Client, Results
from server_process import ServerProcess

LOG = """
import os, pytest

def log(text):
    with open(os.environ["LOG"], "a") as file:
        file.write(text + "\\n")
"""


class Suite:
    """Files in a directory, and what their tests have logged."""

    def __init__(self, path):
        self.path = path
        self.write("conftest.py", "")

    def write(self, name, text):
        head = LOG if name == "conftest.py" else "import os, pytest\nfrom conftest import log\n"
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(head + textwrap.dedent(text))
        return self

    @property
    def logged(self):
        try:
            return (self.path / "log").read_text().splitlines()
        except FileNotFoundError:
            return []


@pytest.fixture
def suite(tmp_path):
    return Suite(tmp_path)


@pytest.fixture
def serve(start, suite):
    """Starts a server for the suite: serve("-k", "name", own=["--fork"])."""

    def start_one(*arguments, own=()) -> ServerProcess:
        return start(
            "--listen", "0", *own, "--pytest", "-p", "no:cacheprovider", "-p", "no:rerunfailures",
            *arguments, cwd=suite.path, env={"LOG": str(suite.path / "log")},
        )

    return start_one


OWN = pytest.mark.parametrize("own", [[], ["--fork"], ["--reload"]], ids=lambda own: "".join(own))


def statuses(results: Results):
    return dict(results.statuses)


def files(results, test_id):
    """What is attached to a test, by name."""
    names = dict.fromkeys(p.file_name for p in results.packets if p.test_id == test_id)
    return {name: results.attachment(test_id, name) for name in names if name is not None}


# One test


OUTCOMES = """
import unittest, warnings, logging

def test_success(): pass

def test_fail():
    value = 5
    assert value == 6, "words"

@pytest.mark.skip(reason="not today")
def test_skip(): pass

@pytest.mark.skipif(True, reason="never")
def test_skipif_skip(): pass

def test_called_skip(): pytest.skip("from inside")

@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0

@pytest.mark.xfail(run=False, reason="hangs")
def test_not_run_xfail(): assert 0

def test_called_xfail(): pytest.xfail("from inside")

@pytest.mark.xfail(reason="surprise")
def test_uxsuccess(): pass

@pytest.mark.xfail(strict=True, reason="strictly")
def test_strict_fail(): pass

@pytest.fixture
def no_setup(): raise RuntimeError("no setup")

def test_setup_fail(no_setup): pass

@pytest.fixture
def no_teardown():
    yield
    raise RuntimeError("no teardown")

def test_teardown_fail(no_teardown): pass

def test_both_fail(no_teardown): assert not "the body"

def test_exit_fail(): pytest.exit("and away")

def test_system_exit_fail(): raise SystemExit(0)

class Test:
    def test_success(self): pass

class Unit(unittest.TestCase):
    def setUp(self): self.addCleanup(log, "cleanup")
    def test_success(self): pass
    def test_fail(self): self.assertEqual(1, 2)
    def test_skip(self): self.skipTest("unit")
    @unittest.expectedFailure
    def test_xfail(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected_fail(self): pass

def test_captured_fail():
    print("printed")
    os.system("echo from a child; echo on stderr >&2")
    logging.warning("logged")
    assert 0
"""


def status_in(test_id):
    return test_id.rpartition("_")[2]


@OWN
def test_every_outcome_is_one_status(serve, suite, own):
    suite.write("test_it.py", OUTCOMES)
    with serve(own=own).client() as client:
        listed = client.list()
        assert len(listed) == 22
        for _ in range(2):
            results = client.run()
            assert [test_id for test_id, _ in results.statuses] == listed
            for test_id, status in results.statuses:
                assert status == status_in(test_id), f"{test_id}: {files(results, test_id)}"


@pytest.fixture
def results(serve, suite):
    suite.write("test_it.py", OUTCOMES)
    with serve().client() as client:
        yield client.run()


@pytest.mark.parametrize("name, file, words", [
    ("fail", "traceback", "E       AssertionError: words\nE       assert 5 == 6"),
    ("skip", "reason", "not today"),
    ("skipif_skip", "reason", "never"),
    ("called_skip", "reason", "from inside"),
    ("xfail", "reason", "known"),
    ("not_run_xfail", "reason", "[NOTRUN] hangs"),
    ("called_xfail", "reason", "from inside"),
    ("uxsuccess", "reason", "surprise"),
    ("strict_fail", "traceback", "[XPASS(strict)] strictly"),
    ("setup_fail", "setup", "RuntimeError: no setup"),
    ("teardown_fail", "teardown", "RuntimeError: no teardown"),
    ("both_fail", "traceback", "the body"),
    ("both_fail", "teardown", "RuntimeError: no teardown"),
    ("exit_fail", "reason", "The run of this test has been broken off: Exit: and away"),
    ("system_exit_fail", "traceback", "SystemExit: 0"),
    ("captured_fail", "stdout", "printed\nfrom a child\n"),
    ("captured_fail", "stderr", "on stderr\n"),
    ("captured_fail", "log", "logged"),
])
def test_what_it_has_to_tell_is_attached(results, name, file, words):
    found = files(results, f"test_it.py::test_{name}")
    assert words in found[file]
    if file == "reason":
        assert found[file] == words


def test_the_way_to_show_a_failure_is_pytests(serve, suite):
    suite.write("test_it.py", "def test():\n    local_value = 5\n    assert local_value == 6\n")
    for arguments, wanted, unwanted in (
        (["--tb=short"], "local_value == 6\nE   assert 5 == 6", ">   "),
        (["--showlocals"], "local_value = 5", "never"),
        (["--tb=native"], "Traceback (most recent call last)", ">   "),
    ):
        with serve(*arguments).client() as client:
            text = files(client.run(), "test_it.py::test")["traceback"]
        assert wanted in text and unwanted not in text


@pytest.mark.parametrize("name", ["a b", "[x]", "größe", "a\\nb", "試験", "a::b", "", "-k", "\ud800"])
def test_ids_are_pytests(serve, suite, name):
    suite.write("test_it.py", f"@pytest.mark.parametrize('x', [{name!r}])\ndef test(x): pass\n")
    with serve().client() as client:
        (test_id,) = client.list()
        assert client.run([test_id]).statuses == [(test_id, "success")]
    found = os.popen(f"cd {suite.path} && {sys.executable} -m pytest --collect-only -q").read()
    assert test_id in found.splitlines()


# Many


def test_marks_are_tags(serve, suite):
    suite.write("pytest.ini", "")
    (suite.path / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: x\n  whole: x\n")
    suite.write("test_it.py", """
        pytestmark = pytest.mark.whole
        @pytest.mark.slow
        @pytest.mark.skipif(False, reason="")
        def test(): pass
    """)
    with serve().client() as client:
        nonce = client.session.list(None)
        client.send()
        (listed,) = client.until_done(nonce)
        (ended,) = [p for p in client.run().packets if p.test_status == "success"]
    assert set(listed.test_tags) == set(ended.test_tags) == {"whole", "slow", "skipif"}


def test_what_cannot_be_collected_is_a_test(serve, suite):
    suite.write("test_it.py", "def test(): pass\n")
    suite.write("test_broken.py", "import nowhere\n")
    suite.write("test_syntax.py", "def test(:\n")
    suite.write("test_skipped.py", "pytest.importorskip('nowhere')\n")
    with serve().client() as client:
        listed = client.list()
        assert sorted(listed) == ["test_broken.py", "test_it.py::test", "test_skipped.py", "test_syntax.py"]
        results = client.run()
        assert statuses(results) == dict(zip(sorted(listed), ("fail", "success", "skip", "fail")))
        assert "No module named 'nowhere'" in files(results, "test_broken.py")["traceback"]
        assert "SyntaxError" in files(results, "test_syntax.py")["traceback"]
        assert "No module named 'nowhere'" in files(results, "test_skipped.py")["reason"]
        inside = client.run(["test_broken.py::test"])
        reason = files(inside, "test_broken.py::test")["reason"]
    assert statuses(inside) == {"test_broken.py::test": "fail"}
    assert "test_broken.py could not be collected: E   ModuleNotFoundError: No module" in reason


def test_who_is_asked_for_runs_in_the_order_of_the_asking_and_once(serve, suite):
    suite.write("test_it.py", "".join(f"def test_{n}(): pass\n" for n in range(4)))
    ids = [f"test_it.py::test_{n}" for n in (2, 0, 9, 2)]
    file = "test_it.py"
    with serve().client() as client:
        assert client.list(ids) == ids[:2]
        results = client.run(ids)
        whole = client.run([file])
    assert results.statuses == [(ids[0], "success"), (ids[1], "success"), (ids[2], "fail")]
    assert files(whole, file)["reason"] == (
        "test_it.py can be collected; it is not a test itself; 4 tests begin with it: to run these, "
        r"use --match '^test_it\.py'"
    )
    assert "test_9 is not known to this server, which has 4 tests." in files(results, ids[2])["reason"]


def test_pytests_arguments_choose(serve, suite):
    suite.write("test_it.py", "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n")
    suite.write("sub/test_it.py", "def test_d(): pass\n")
    for name in ("pytest.ini", "other.ini"):
        (suite.path / name).write_text("[pytest]\npythonpath = .\n")
    for arguments, wanted in (
        (["-k", "test_a or test_d"], ["test_it.py::test_a", "sub/test_it.py::test_d"]),
        (["--deselect", "test_it.py::test_a", "--ignore=sub"], ["test_it.py::test_b", "test_it.py::test_c"]),
        (["sub"], ["sub/test_it.py::test_d"]),
        (["-o", "python_functions=*_c", "-p", "no:doctest", "-c", "other.ini"], ["test_it.py::test_c"]),
    ):
        with serve("--import-mode=importlib", *arguments).client() as client:
            assert client.list() == wanted


# Fixtures


SCOPES = """
    @pytest.fixture(scope="session")
    def whole():
        log("session up")
        yield
        log("session down")

    @pytest.fixture(scope="module")
    def module(whole, request):
        log(f"up {request.node.name}")
        yield
        log(f"down {request.node.name}")
"""


@pytest.fixture
def scoped(suite):
    suite.write("conftest.py", SCOPES)
    for name in "ab":
        suite.write(f"test_{name}.py", f"""
            def test_1(module): log("{name}1")
            def test_2(module): log("{name}2")
        """)
    return suite


def test_fixtures_stay_as_long_as_those_that_follow_need_them(serve, scoped):
    with serve().client() as client:
        client.run(["test_a.py::test_1"])
        client.run(["test_a.py::test_2", "test_a.py::test_1"])
        assert scoped.logged == ["session up", "up test_a.py", "a1", "a2", "a1"]
        client.run(["test_b.py::test_1"])
        assert scoped.logged[5:] == ["down test_a.py", "up test_b.py", "b1"]
        client.run(["test_b.py::test_2", "test_a.py::test_1"])
        assert scoped.logged[8:] == ["b2", "down test_b.py", "up test_a.py", "a1"]


def test_a_fork_has_fixtures_of_its_own(serve, scoped):
    whole = ["session up", "up test_a.py", "a1", "down test_a.py", "session down"]
    with serve(own=["--fork"]).client() as client:
        for times in (1, 2):
            assert client.run(["test_a.py::test_1"]).statuses == [("test_a.py::test_1", "success")]
            assert scoped.logged == whole * times


def test_fixtures_end_with_the_server(proxied, scoped, monkeypatch):
    monkeypatch.setenv("LOG", str(scoped.path / "log"))
    process, client = proxied("--pytest", "-p", "no:cacheprovider", cwd=scoped.path)
    client.run(["test_a.py::test_1"])
    client.goodbye()
    assert process.exit_status() == 0
    assert scoped.logged[3:] == ["down test_a.py", "session down"]


BROKEN_END = """
    @pytest.fixture(scope="module")
    def fixture():
        yield
        print("on the way down")
        assert not "torn down"
    def test(fixture): pass
"""


def test_a_fixture_that_fails_at_the_end_of_its_last_test_fails_that(serve, suite):
    suite.write("test_a.py", BROKEN_END).write("test_b.py", "def test(): pass\n")
    with serve().client() as client:
        results = client.run()
    assert statuses(results) == {"test_a.py::test": "fail", "test_b.py::test": "success"}
    assert "torn down" in files(results, "test_a.py::test")["teardown"]


def test_one_that_fails_when_the_next_run_begins_is_a_failure_of_its_own(serve, suite):
    suite.write("test_a.py", BROKEN_END).write("test_b.py", "def test(): pass\n")
    with serve().client() as client:
        assert client.run(["test_a.py::test"]).statuses == [("test_a.py::test", "success")]
        results = client.run(["test_b.py::test"])
        own = "test_a.py::test (teardown)"
        assert results.statuses == [(own, "fail"), ("test_b.py::test", "success")]
        assert "torn down" in files(results, own)["teardown"]
        assert client.list([own]) == [own]
        again = client.run([own])
        assert again.statuses == [(own, "fail")] and "torn down" in files(again, own)["teardown"]


def test_what_has_failed_and_is_no_test_passes_when_it_is_repaired(serve, suite):
    suite.write("test_a.py", "def test(): pass\n")
    module, teardown = "test_a.py", "test_a.py::test (teardown)"
    with serve().client() as client:
        assert client.list([module, teardown]) == [module, teardown]
        results = client.run([module, teardown])
    # Who means the tests in a module is not to take this for them.
    assert results.statuses == [(module, "skip"), (teardown, "success")]
    assert "test_a.py can be collected; it is not a test itself" in files(results, module)["reason"]


def test_one_that_fails_at_goodbye_is_told_on_stderr(proxied, suite):
    suite.write("test_a.py", BROKEN_END)
    process, client = proxied("--pytest", "-p", "no:cacheprovider", cwd=suite.path)
    client.run()
    client.goodbye()
    assert process.exit_status() == 1
    assert "torn down" in process.stderr


def test_a_second_run_is_as_the_first(serve, suite):
    suite.write("test_it.py", """
        class Test:
            seen = None
            def test(self, request, record_property, tmp_path):
                assert self.seen is None and not list(tmp_path.iterdir())
                self.seen = 1
                (tmp_path / "file").touch()
                record_property("key", "value")
                assert len(request.node.user_properties) == 1
                assert request.node.get_closest_marker("xfail") is None
                request.node.add_marker(pytest.mark.xfail)
                print("once")
    """)
    with serve().client() as client:
        for _ in range(3):
            results = client.run()
            assert results.statuses == [("test_it.py::Test::test", "uxsuccess")]
            assert files(results, "test_it.py::Test::test")["stdout"] == "once\n"


# Crashes


CRASH = """
    def test_1(): print("first")
    def test_2():
        print("last words")
        os.kill(os.getpid(), 9)
    def test_3(): print("third")
"""


def test_a_crash_costs_one_test_and_what_it_printed_is_not_lost(serve, suite):
    suite.write("test_it.py", CRASH)
    server = serve(own=["--fork"])
    with server.client() as client:
        results = client.run()
        assert [status for _, status in results.statuses] == ["success", "fail", "success"]
        assert "was killed by SIGKILL (9)" in files(results, "test_it.py::test_2")["reason"]
        assert files(results, "test_it.py::test_3")["stdout"] == "third\n"
        server.wait_for_stdout("last words")
    assert server.stdout == "last words\n"


@pytest.mark.parametrize("own", [[], ["--reload"]], ids=lambda own: "".join(own))
def test_it_is_not_lost_without_a_fork(serve, suite, own):
    suite.write("test_it.py", CRASH)
    server = serve(own=own)
    with server.client() as client:
        client.session.run(["test_it.py::test_1", "test_it.py::test_2"])
        client.send()
        server.wait_for_stdout("last words")
    assert server.stdout == "last words\n"


def test_tests_that_replace_functions_have_their_verdicts(serve, suite):
    suite.write("test_it.py", """
        import builtins, io, json, os, select, socket, sys, time
        def broken(*_, **__): raise RuntimeError("replaced")
        @pytest.mark.parametrize("module, name", [
            (os, "write"), (os, "read"), (time, "time"), (select, "poll"), (socket, "socket"), (json, "dumps"),
            (builtins, "map"), (builtins, "open"), (os, "fork"), (os, "dup"), (sys, "stdout"),
        ])
        def test(module, name, monkeypatch): monkeypatch.setattr(module, name, broken)
        def test_closed(): os.closerange(3, 4096)
        def test_after(): pass
    """)
    with serve("-s").client() as client:
        for _ in range(2):
            assert {status for _, status in client.run().statuses} == {"success"}


# The server


@pytest.mark.parametrize("arguments, words", [
    (["-n", "2"], "subunit-proxy serve --workers"),
    (["--dist=load", "--tx=popen"], "--channel"),
    (["--pdb"], "--pdb"),
    (["--collect-only"], "subunit-proxy run --list"),
    (["--setup-plan"], "--setup-plan"),
    (["--nonsense"], "unrecognized arguments: --nonsense"),
    (["nowhere.py"], "file or directory not found: nowhere.py"),
    (["--markers"], "pytest has ended with status 0 and without running any"),
])
def test_what_a_server_cannot_do_is_bad_usage(serve, suite, arguments, words):
    suite.write("test_it.py", "def test(): pass\n")
    server = serve(*arguments)
    assert server.exit_status() == 2
    assert words in server.stderr


def test_when_to_stop_is_up_to_the_client(serve, suite):
    suite.write("test_it.py", "def test_1(): assert 0\ndef test_2(): pass\n")
    server = serve("-x")
    with server.client() as client:
        assert [status for _, status in client.run().statuses] == ["fail", "success"]
    assert "-x and --maxfail have no effect" in server.stderr


def test_a_conftest_that_cannot_be_imported_is_shown(serve, suite):
    suite.write("conftest.py", "import nowhere\n")
    server = serve()
    assert server.exit_status() == 2
    assert "No module named 'nowhere'" in server.stderr


def test_what_pytest_has_to_say_at_the_end_is_said_on_stderr(proxied, suite):
    suite.write("conftest.py", """
        def pytest_terminal_summary(terminalreporter):
            terminalreporter.section("from a plugin")
    """)
    suite.write("test_it.py", """
        import warnings
        def test(): warnings.warn("careful")
        def test_fail(): assert 0
    """)
    process, client = proxied("--pytest", "-p", "no:cacheprovider", "--durations=1", "-vv", cwd=suite.path)
    client.run()
    client.goodbye()
    assert process.exit_status() == 0
    for words in ("UserWarning: careful", "slowest 1 durations", "from a plugin"):
        assert words in process.stderr
    for words in ("FAILURES", "test session starts", "passed", "PASSED"):
        assert words not in process.stderr
    assert process.stdout == ""


def test_a_suite_without_anything_to_say_says_nothing(proxied, suite):
    suite.write("test_it.py", "def test(): pass\n")
    process, client = proxied("--pytest", "-p", "no:cacheprovider", cwd=suite.path)
    client.run()
    client.goodbye()
    assert process.exit_status() == 0
    assert (process.stdout, process.stderr) == ("", "")


@pytest.mark.parametrize("change", ["test", "conftest", "module", "new test"])
def test_changed_sources_are_collected_again(serve, suite, change):
    suite.write("conftest.py", "NAME = 'old'\n").write("helper.py", "NAME = 'old'\n")
    suite.write("test_it.py", "import conftest, helper\ndef test(): assert 'old' == helper.NAME == conftest.NAME\n")
    with serve(own=["--reload"]).client() as client:
        assert client.run().statuses == [("test_it.py::test", "success")]
        if change == "test":
            suite.write("test_it.py", "def test(): assert 0\n")
        elif change == "conftest":
            suite.write("conftest.py", "NAME = 'new'\n")
        elif change == "module":
            suite.write("helper.py", "NAME = 'new'\n")
        else:
            suite.write("test_new.py", "def test(): assert 0\n")
        assert "fail" in statuses(client.run()).values()


def test_pytest_itself_can_be_started_as_a_server(suite):
    suite.write("test_it.py", "def test(): pass\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "subunit_rpc.pytest_plugin", "-p", "no:cacheprovider",
         "-p", "no:rerunfailures", "--subunit-rpc", "--fork", "--listen", "0", "test_it.py"],
        cwd=suite.path, env={**os.environ, "LOG": "/dev/null"}, stderr=subprocess.PIPE, text=True,
    )
    try:
        port = int(re.search(r"listening on .*:(\d+)", process.stderr.readline())[1])
        with Client(("127.0.0.1", port)) as client:
            client.hello()
            assert client.run().statuses == [("test_it.py::test", "success")]
            client.goodbye()
    finally:
        process.kill()
        process.communicate()


# Plugins


@pytest.mark.parametrize("module, arguments, text, wanted", [
    ("pytest_rerunfailures", ["-p", "rerunfailures"], """
        tries = []
        @pytest.mark.flaky(reruns=2)
        def test_late_success(): tries.append(1); assert len(tries) > 1
        @pytest.mark.flaky(reruns=1)
        def test_fail(): assert 0
     """, None),
    ("pytest_timeout", ["--timeout=0.2"], """
        import time
        def test_fail(): time.sleep(60)
        def test_success(): pass
     """, None),
    ("pytest_asyncio", ["--asyncio-mode=auto"], """
        import asyncio
        async def test_success(): await asyncio.sleep(0)
        async def test_fail(): assert await asyncio.sleep(0)
     """, None),
    ("pytest_mock", [], """
        def test_success(mocker): assert mocker.patch("os.getcwd", return_value=1) and os.getcwd() == 1
     """, None),
    ("hypothesis", [], """
        from hypothesis import given, strategies
        @given(strategies.integers())
        def test_success(x): assert x == x
        @given(strategies.integers())
        def test_fail(x): assert x < 1000
     """, None),
    ("pytest_subtests", [], """
        def test_fail(subtests):
            for number in range(3):
                with subtests.test("which", number=number): assert number != 1
        def test_success(subtests):
            with subtests.test(): pass
     """, None),
    ("doctest", ["--doctest-modules"], '''
        def one():
            """
            >>> one()
            2
            """
            return 1
     ''', {"test_it.py::test_it.one": "fail"}),
])
def test_plugins_do_what_they_do(serve, suite, module, arguments, text, wanted):
    pytest.importorskip(module)
    suite.write("test_it.py", text)
    with serve(*arguments).client() as client:
        results = client.run()
    for test_id, status in results.statuses:
        expected = wanted[test_id] if wanted else status_in(test_id)
        assert status == expected, files(results, test_id)
    if module == "pytest_subtests":
        found = files(results, "test_it.py::test_fail")
        assert "number=1" in next(name for name in found if name.startswith("traceback"))
