"""Tests, and all that is started for them, find signals as in a shell: whatever the proxy does about
signals itself, and whatever it was started with."""

import os
import shlex
import signal

import pytest

import support
from support import SERVE_BINARY, python, server, serving

ALL = {f"dispositions.Dispositions.test_{name}": "success" for name in (
    "a_child_ignores_nothing_and_blocks_nothing",
    "a_child_is_interrupted",
    "an_interrupt_is_an_exception",
)}
PLAIN = python("-m", "subunit_rpc", "dispositions")
LISTING = shlex.join(python("-m", "subunit.run")) + " $LISTOPT $IDOPTION dispositions"
SUITES = {
    "warm": serving(*PLAIN),
    "forked": serving(*python("-m", "subunit_rpc", "--fork", "dispositions")),
    "two": serving(*PLAIN, options=["--workers", "2"]),
    "test-command": [SERVE_BINARY, "serve", "--test-command", LISTING],
    "by a shell": ["sh", "-c", '"$@"; exit $?', "sh", *serving(*PLAIN)],
}


def by_a_script():
    """Who starts a command with & in a shell script, or with signals blocked."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGUSR2})


def by_nohup():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def as_a_shell_does():
    pass


STARTERS = [as_a_shell_does, by_a_script, by_nohup]


@pytest.fixture(params=STARTERS, ids=lambda starter: starter.__name__)
def starter(request, monkeypatch):
    if request.param is by_nohup:
        monkeypatch.setenv("UNDER_NOHUP", "1")
    return request.param


def assert_all_passed(ended):
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stream.statuses == ALL


@pytest.mark.parametrize("suite", SUITES)
def test_signals_are_at_their_default_in_tests_and_their_children(starter, suite):
    run = ["run", "--format", "subunit", "--", *SUITES[suite]]
    assert_all_passed(support.proxy(*run, preexec_fn=starter))


def test_signals_are_at_their_default_on_a_terminal_of_the_channel(starter):
    run = ["run", "--format", "subunit", "--pty", "--", *SUITES["warm"]]
    assert_all_passed(support.proxy(*run, preexec_fn=starter))


def test_signals_are_at_their_default_in_a_wrapped_command(starter):
    wrap = ["wrap", "--", *python("-m", "subunit.run", "dispositions")]
    assert_all_passed(support.proxy(*wrap, preexec_fn=starter))


@pytest.mark.parametrize("to", ["run", "serve"])
def test_a_hangup_that_nohup_ignores_ends_nothing(processes, tmp_path, to):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    wait = ["sh", "-c", f'read -r line < {gate}; exec "$@"', "sh"]
    process = support.start(
        ["run", "--format", "subunit", "--", *serving(*wait, *server("good"))],
        preexec_fn=by_nohup,
    )
    processes.append(process)
    waiting = support.find_process("sh -c read")
    os.kill(process.pid if to == "run" else support.find_process(support.SERVE_PROCESS),
            signal.SIGHUP)
    os.kill(waiting, signal.SIGHUP)
    gate.write_text("go on\n")
    ended = support.finish(process)
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()


def test_signals_that_whoever_started_serve_has_blocked_end_it(serve):
    proxy = serve("--", *server("hang"), preexec_fn=by_a_script)
    proxy.attached()
    proxy.process.terminate()
    assert proxy.exit_status() == 3
