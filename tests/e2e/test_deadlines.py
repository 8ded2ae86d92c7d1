"""What takes too long, and what a run says of it: a test, a server between tests, the link."""

import os
import re
import signal

import pytest

from small_suite import SmallSuite
import support
from support import client, says, server, serving
from test_workers import listening_server

NAP = "time.sleep(0.02)"
HANG = "print('going to sleep', flush=True); time.sleep(600)"
HANG_WITHOUT_TERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HANG
# In C, with the interpreter's lock: no thread and no handler of the server runs meanwhile.
HANG_IN_C = "import ctypes\nprint('going to sleep', flush=True)\nctypes.PyDLL(None).sleep(600)"
# Asked to end, it passes.
HANG_UNTIL_TERM = """
import signal, threading
told = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: told.set())
told.wait(600)
"""
# The server, too, goes on.
HANG_AND_EXIT = """
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
time.sleep(600)
"""
ALL = [f"demo.test_{number}" for number in range(5)]


@pytest.fixture
def suite(tmp_path):
    return SmallSuite(tmp_path)


def run(mode, *options, workers=1, argument=()):
    """The demo of a server that speaks version 1."""
    channel = serving(*server(mode, *argument),
                      options=["--grace", "3", "--workers", workers])
    return client("--format", "subunit", *options, channel=channel)


# A test that takes too long


@pytest.mark.parametrize("body", [HANG, HANG_WITHOUT_TERM, HANG_IN_C],
                         ids=["sleeps", "ignores-term", "in-c"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_test_that_takes_too_long_has_timed_out(suite, workers, body):
    suite.write(*[NAP] * 3, body, *[NAP] * 6)
    channel = serving(*suite.command, options=["--workers", workers, "--grace", "3"])
    ended = client("--format", "subunit", "--test-timeout", "3", channel=channel)
    assert ended.status == 1, ended.stderr
    stream = ended.stream
    stream.assert_clean()
    assert sorted(stream.statuses) == suite.ids(*range(10))
    assert stream.failed() == [suite.id(3)]
    says(stream.files[suite.id(3), "subunit-proxy"].decode(), "timed out", "3 s",
         "--test-timeout", "going to sleep")
    says(ended.stderr, "timed out", suite.id(3))


@pytest.mark.parametrize("body", [HANG_UNTIL_TERM, HANG_AND_EXIT], ids=["passes", "exits"])
def test_a_test_that_ends_when_asked_to_has_timed_out_all_the_same(suite, body):
    suite.write(NAP, body, *[NAP] * 3)
    channel = serving(*suite.command, options=["--grace", "3"])
    ended = client("--format", "subunit", "--test-timeout", "3", channel=channel)
    assert ended.status == 1, ended.stderr
    assert "more than once" not in ended.stderr
    stream = ended.stream
    stream.assert_clean()
    assert sorted(stream.statuses) == suite.ids(*range(5))
    assert stream.failed() == [suite.id(1)]
    says(stream.files[suite.id(1), "subunit-proxy"].decode(), "timed out", "--test-timeout")


def test_the_server_of_a_test_that_timed_out_is_replaced(suite):
    show = "print('process', os.getpid())"
    suite.write(show, HANG, show)
    ended = suite.run("--test-timeout", "3")
    first, last = (re.search(r"process \d+", ended.stream.output(test_id, "stdout").decode())[0]
                   for test_id in suite.ids(0, 2))
    assert first != last
    assert ended.stream.failed() == [suite.id(1)]


def test_many_tests_may_time_out(suite):
    suite.write(*[NAP, HANG] * 3)
    ended = suite.run("--test-timeout", "2", workers=3)
    assert ended.status == 1
    assert ended.stream.statuses == {
        suite.id(number): "fail" if number % 2 else "success" for number in range(6)
    }


@pytest.mark.parametrize("mode, load", [("hang", "no CPU"), ("burn", "% of a CPU")])
def test_a_test_that_hangs_is_told_from_one_that_is_busy(mode, load):
    """With version 1, too; Alive tells."""
    ended = run(mode, "--test-timeout", "4", workers=2)
    assert ended.status == 1
    assert ended.stream.failed() == [ALL[2]]
    says(ended.stream.details(ALL[2]), "timed out", load)


def test_a_test_that_times_out_without_a_proxy_ends_the_run():
    ended = client("--format", "subunit", "--direct", "--test-timeout", "3",
                   channel=server("--stdio", "hang"))
    assert ended.status == 3
    statuses = ended.stream.statuses
    assert [statuses[test_id] for test_id in ALL] == ["success"] * 2 + ["fail"] * 3
    says(ended.stream.details(ALL[2]), "timed out")
    says(ended.stream.details(ALL[3]), "not run")


@pytest.mark.parametrize("others", [0, 1])
def test_a_test_that_times_out_on_a_server_of_somebody_else_says_both(processes, others):
    ports = [listening_server(processes, "hang") for _ in range(1 + others)]
    channel = [support.SERVE_BINARY, "serve", "--grace", "3", *[f"--connect={port}" for port in ports]]
    ended = client("--format", "subunit", "--test-timeout", "3", channel=channel)
    assert ended.status == (1 if others else 3)  # it goes on, and does not hear Goodbye
    stream = ended.stream
    assert stream.failed() == ([ALL[2]] if others else ALL[2:])
    says(stream.details(ALL[2]), "timed out after 3 s (--test-timeout)", "cannot be started again",
         "the proxy did not start it", "-- COMMAND")
    assert "in progress" not in stream.details(ALL[2])


# A test that is slow


def test_a_slow_test_is_named_while_it_runs(suite, processes, tmp_path):
    suite.write(NAP, f"while not os.path.exists({str(tmp_path / 'gate')!r}): time.sleep(0.01)")
    process = support.start(
        ["run", "--format", "human", "--slow", "1", "--", *suite.channel(workers=2)],
    )
    processes.append(process)
    said = b""
    while b"slow:" not in said:
        said += process.stderr.read1(4096)
    (tmp_path / "gate").touch()
    ended = support.finish(process)
    assert ended.status == 0
    said = said.decode() + ended.stderr
    says(said, "slow:", suite.id(1), "worker-", "1 s")
    assert said.count("slow:") == 1
    assert suite.id(0) not in said


# A server that is stuck between tests


def stuck(directory):
    """The command of a server of version 1 that stops after its third test, the first time."""
    script = directory / "stuck.py"
    script.write_text(
        f"""
import os, signal, sys
sys.path.insert(0, {os.path.dirname(support.SERVER)!r})
import server

class Stuck(server.Server):
    def finish(self, test_id):
        super().finish(test_id)
        if self.is_third(test_id) and not os.path.exists({str(directory / 'once')!r}):
            open({str(directory / 'once')!r}, "w").close()
            signal.pause()

server.MODES["good"] = Stuck
sys.exit(server.main())
"""
    )
    return [support.PYTHON, str(script), "good"]


@pytest.mark.long
def test_a_server_that_is_stuck_between_tests_is_replaced_and_nothing_fails(tmp_path):
    channel = serving(*stuck(tmp_path), options=["--grace", "3"])
    ended = client("--format", "subunit", "--test-timeout", "3", channel=channel)
    assert ended.status == 0, ended.stderr
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(ALL, "success")
    says(ended.stderr, "stuck between tests", "tests to run", "using no CPU")
    assert 10 < ended.seconds
    assert "timed out" not in ended.stderr


# The link


@pytest.mark.long
def test_a_link_that_falls_silent_is_lost(suite, processes, tmp_path):
    """The proxy is stopped; its server and its channel are as they were."""
    suite.write(NAP, HANG, NAP)
    process = support.start(["run", "--format", "subunit", "--", *suite.channel()])
    processes.append(process)
    data = support.read_until(process, suite.id(1).encode())
    stopped = support.find_process(support.SERVE_PROCESS)
    support.stop(stopped, signal.SIGSTOP)
    try:
        ended = support.finish(process, limit=2 * support.LIMIT)
    finally:
        support.stop(stopped, signal.SIGCONT)
    assert ended.status == 3
    says(ended.stderr, "the link may be lost", "the link is lost", "45 s")
    assert "stuck" not in ended.stderr
    stream = support.Stream(data + ended.stdout)
    stream.assert_clean()
    assert stream.failed() == suite.ids(1, 2)
    says(stream.details(suite.id(1)), "link is lost", "in progress")
    says(stream.details(suite.id(2)), "link is lost", "not run")


@pytest.mark.long
def test_the_proxy_hears_from_a_run_that_has_nothing_to_say(tmp_path, processes):
    """Within its lease, however long a test takes."""
    log = tmp_path / "sent"
    channel = serving(*server("hang"), options=["--grace", "3"])
    tee = ["sh", "-c", 'tee "$0" | "$@"', str(log), *channel]
    run = support.start(["run", "--format", "subunit", "--", *tee])
    processes.append(run)
    support.read_until(run, b"demo.test_2")
    support.wait_until(lambda: log.read_bytes().count(b'"Watch"') >= 2, "a second Watch")
