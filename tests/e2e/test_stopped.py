"""A client or a proxy that is stopped for a while, by ^Z for instance, and goes on: no time-out has
gone on meanwhile, and what has come meanwhile counts."""

import os
import shlex
import signal
import time

import pytest

from small_suite import SmallSuite
import support
from support import server, serving

TIMEOUT = 4  # seconds
ALL = dict.fromkeys((f"demo.test_{number}" for number in range(5)), "success")


class Stopped:
    """A process that does not run within the block, for longer than any time-out allows."""

    def __init__(self, pid):
        self._pid = pid

    def __enter__(self):
        os.kill(self._pid, signal.SIGSTOP)
        self._end = time.monotonic() + TIMEOUT + 2

    def __exit__(self, *_):
        support.wait_until(lambda: time.monotonic() > self._end, "the end of the time-out")
        os.kill(self._pid, signal.SIGCONT)


def behind(gate, *command):
    """The command, once somebody has written to `gate`."""
    os.mkfifo(gate)
    return ["sh", "-c", f'read -r line < {shlex.quote(str(gate))}; exec "$@"', "sh", *command]


def go_on(gate):
    gate.write_text("go on\n")


def finish(process):
    ended = support.finish(process)
    assert (ended.status, ended.stderr) == (0, "")
    return ended.stream.statuses


@pytest.mark.parametrize("who", ["client", "proxy"])
@pytest.mark.parametrize("link", [[], ["--pty"]], ids=["pipe", "console"])
def test_a_test_that_ends_while_one_side_is_stopped_has_not_timed_out(
    tmp_path, processes, link, who
):
    suite = SmallSuite(tmp_path).write(
        f"open({str(tmp_path / 'begun')!r}, 'w').close()\n"
        f"while not os.path.exists({str(tmp_path / 'gate')!r}): time.sleep(0.01)",
        *["time.sleep(0.1)"] * 3,
    )
    process = support.start([
        "run", "--format", "subunit", "--test-timeout", str(TIMEOUT), *link, "--",
        *serving(*suite.command),
    ])
    processes.append(process)
    support.wait_until((tmp_path / "begun").exists, "the first test")
    pid = process.pid if who == "client" else support.find_process(support.SERVE_PROCESS)
    with Stopped(pid):
        (tmp_path / "gate").touch()
    assert finish(process) == dict.fromkeys(suite.ids(0, 1, 2, 3), "success")


@pytest.mark.parametrize("what", ["ready", "attach"])
def test_what_comes_while_the_client_is_stopped_has_come_in_time(tmp_path, processes, what):
    gate = tmp_path / "gate"
    if what == "ready":
        channel = behind(gate, *serving(*server("good")))
    else:
        channel = serving(*behind(gate, *server("good")))
    process = support.start(
        ["run", "--format", "subunit", f"--{what}-timeout", str(TIMEOUT), "--", *channel]
    )
    processes.append(process)
    support.find_process("sh -c read")
    with Stopped(process.pid):
        go_on(gate)
    assert finish(process) == ALL


def test_a_server_that_comes_while_serve_is_stopped_has_come_in_time(serve, tmp_path):
    gate = tmp_path / "gate"
    channel = serve("--attach-timeout", TIMEOUT, "--", *behind(gate, *server("good")))
    channel.ready()
    support.find_process("sh -c read")
    with Stopped(channel.process.pid):
        go_on(gate)
    channel.attached()
    channel.run_all()
    assert channel.goodbye() == 0


def test_a_lease_is_not_used_up_while_serve_is_stopped(serve):
    channel = serve("--", *server("good"))
    channel.attached()
    channel.watch(interval=0.1, lease=TIMEOUT)
    channel.wait_message(support.PROXY, "Alive")
    with Stopped(channel.process.pid):
        channel.send(support.message(msg="Hello", max=1, min=1))
    channel.wait_message(support.RPC, "Hello")
    channel.watch(interval=0.1, lease=support.LIMIT)
    channel.run()
    channel.wait_message(support.RPC, "Done", nonce="run")
    assert channel.goodbye() == 0


def test_time_goes_on_for_a_process_that_goes_on(tmp_path, processes):
    """What hangs after that times out."""
    suite = SmallSuite(tmp_path).write("time.sleep(600)")
    process = support.start([
        "run", "--format", "subunit", "--test-timeout", str(TIMEOUT), "--", *serving(*suite.command)
    ])
    processes.append(process)
    support.read_until(process, suite.id(0).encode())
    with Stopped(process.pid):
        pass
    ended = support.finish(process)
    assert ended.status == 1
    support.says(ended.stream.details(suite.id(0)), "timed out")
