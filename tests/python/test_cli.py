"""The command line."""

import pytest

from server_process import SUITES
from subunit_rpc.server.cli import main


@pytest.fixture(autouse=True)
def directory(monkeypatch):
    monkeypatch.chdir(SUITES)


def test_without_being_told_to_serve_it_says_what_to_do(start):
    process = start("basic")
    assert process.exit_status() == 2
    assert "give --listen ADDR" in process.stderr
    assert "subunit-proxy serve" in process.stderr
    assert "SUBUNIT_RPC_ADDRESS" in process.stderr
    assert "python3 -m subunit.run" in process.stderr
    assert process.stdout == ""


def test_help_names_everything(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    text = capsys.readouterr().out
    for word in (
        "usage: python3 -m subunit_rpc [--listen ADDR]",
        "--fork",
        "--reload",
        "--any-owner",
        "--hello-timeout SECONDS",
        "SUBUNIT_RPC_ADDRESS",
        "SUBUNIT_RPC_LOCAL",
        "SUBUNIT_RPC_TOKEN",
        "unix:PATH",
        "discover",
        "--load-list FILE",
        "exit status:",
        "examples:",
    ):
        assert word in text
    assert max(map(len, text.splitlines())) < 100


@pytest.mark.parametrize(
    "arguments, address, reason",
    [
        ("--listen nowhere", None, "'nowhere' is not HOST:PORT, PORT or unix:PATH"),
        ("--listen", None, "expected one argument"),
        ("--listen 0 --hello-timeout 0", None, "'0' is not a number of seconds"),
        ("--listen 0 --hello-timeout inf", None, "'inf' is not a number of seconds"),
        ("--listen 0 --hello-timeout x", None, "'x' is not a number of seconds"),
        ("--listen 0 --no-such-option", None, "unrecognized arguments"),
        ("--listen 0 --list", None, "a server lists its tests when a client asks"),
        ("basic", "x", "SUBUNIT_RPC_ADDRESS: 'x' is not HOST:PORT"),
        ("basic", "0", "SUBUNIT_RPC_ADDRESS: '0' has port 0"),
        ("--listen 0 discover -s no/such", None, "cannot load the tests: "),
        ("--listen 0 --fork discover -s no/such", None, "cannot load the tests: "),
        ("--listen 0 --reload discover -s no/such", None, "cannot load the tests: "),
        ("--listen 0 --fork --list", None, "a server lists its tests when a client asks"),
        ("--listen 0 --load-list no/such basic", None, "cannot load the tests: "),
    ],
)
def test_bad_usage_is_status_2_and_says_why(arguments, address, reason, monkeypatch, capfd):
    if address is not None:
        monkeypatch.setenv("SUBUNIT_RPC_ADDRESS", address)
    try:
        status = main(arguments.split())
    except SystemExit as exit:
        status = exit.code
    assert status == 2
    assert reason in capfd.readouterr().err


PASS, FAIL = "basic.Basic.test_pass", "basic.Basic.test_fail"


def test_failfast_ends_a_run_after_its_first_failure(start):
    with start("--listen", "0", "-f", "basic").client() as client:
        for _ in range(2):
            everything = client.list()
            results = client.run()
            assert results.statuses == [(test_id, "fail") for test_id in everything]
            assert "wrong" in results.attachment(everything[0], "traceback")
            for test_id in everything[1:]:
                assert "did not run: -f" in results.attachment(test_id, "reason")
            assert client.run([PASS, FAIL, PASS]).statuses == [
                (PASS, "success"),
                (FAIL, "fail"),
            ]
        client.goodbye()


def test_the_options_may_stand_anywhere(start):
    process = start("basic", "--hello-timeout", "5", "-k", "pass", "--listen", "0")
    with process.client() as client:
        assert len(client.list()) == 2
        client.goodbye()


def test_tests_that_crash_when_they_are_loaded_are_status_2_with_fork(start, tmp_path):
    (tmp_path / "test_it.py").write_text("import os; os.kill(os.getpid(), 11)")
    process = start("--listen", "0", "--fork", "test_it", cwd=tmp_path)
    assert process.exit_status() == 2
    assert process.stderr == (
        "subunit_rpc: cannot load the tests: the process that was loading them was killed by "
        "SIGSEGV (11)\n"
    )
