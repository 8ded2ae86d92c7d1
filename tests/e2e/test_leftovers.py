"""Nothing outlives the run: neither what servers and tests leave behind, nor those of a proxy that was killed."""

import os
from pathlib import Path
import shutil
import signal
import subprocess
import tempfile

import pytest

import support
from support import client, message, says, server, serving, wait_until

# Has to be recognised without the mark, which an empty environment does not have.
SLEEP = f"sleep 8{os.getpid()}"
WAYS = {
    "a session": f"setsid {SLEEP} &",
    "a session of an orphan": f"(setsid {SLEEP} &)",
    "nothing open": f"setsid {SLEEP} <&- >&- 2>&- &",
    "nothing in its environment": f"(env -i setsid {SLEEP} >/dev/null 2>&1 &)",
    "a tree": f'(setsid sh -c "{SLEEP} & setsid sh -c \'{SLEEP} & wait\' & wait" &)',
    "deaf": f"(setsid sh -c 'trap \"\" TERM HUP; {SLEEP} & while :; do wait; done' &)",
}
everyway = pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)


def left():
    """The processes that our tests have left behind."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", name, "cmdline").read_bytes().split(b"\0")[:-1]
        except OSError:
            continue
        if b" ".join(words) == SLEEP.encode():
            found.append(int(name))
    return found


@pytest.fixture(autouse=True)
def nothing_sleeps():
    assert not left()
    yield
    try:
        wait_until(lambda: not left(), "the end of what tests left behind", 15)
    finally:
        for pid in left():
            support.stop(pid)


def wait_for_guard(channel):
    """Until the guard of this serve has looked: it does so four times a second."""
    (guard,) = [
        pid for pid in support.running("/proc/self/exe guard")
        if support.status_of(pid)["PPid"] == str(channel.process.pid)
    ]
    looks = lambda: int(support.status_of(guard)["voluntary_ctxt_switches"])
    before = looks()
    wait_until(lambda: looks() > before + 1, "the guard has looked")


def has_left(command):
    return len(left()) >= command.count(SLEEP)


@everyway
def test_what_a_test_leaves_behind_stays_for_the_run_and_ends_with_it(serve, command):
    channel = serve("--log-level", "info", "--", *server("leave", command))
    channel.run_all()
    wait_until(lambda: has_left(command), "it runs")
    channel.run("again", tests=["demo.test_0"])
    channel.wait_message(support.RPC, "Done", nonce="again")
    assert has_left(command)
    assert channel.goodbye() == 0
    assert not left()
    says(channel.stderr, "left behind", SLEEP)


@everyway
def test_a_killed_proxy_leaves_nothing_behind(serve, command):
    channel = serve("--", *server("leave", command))
    channel.run_all()
    wait_until(lambda: has_left(command), "it runs")
    wait_for_guard(channel)
    channel.process.kill()
    wait_until(lambda: not left(), "its end")


@pytest.mark.parametrize("mode", ["hang", "burn", "hang-ignoring-term"])
@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one", "two"])
def test_a_client_and_a_proxy_killed_together_leave_nothing_behind(processes, mode, options):
    channel = serving(*server(mode), options=options)
    process = support.start(["run", "--format", "subunit", "--", *channel], process_group=0)
    processes.append(process)
    support.read_until(process, b"demo.test_2")
    os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: not support.running(support.SERVER_PROCESS), "the servers' end", 15)


def test_a_killed_proxy_ends_what_a_test_command_runs(serve):
    leave = f"(env -i setsid {SLEEP} >/dev/null 2>&1 &)"
    channel = serve("--test-command", f"{leave}; $LISTOPT $IDLIST {SLEEP}")
    channel.hello()
    channel.run()
    wait_until(lambda: len(left()) == 2, "it runs")
    wait_for_guard(channel)
    channel.process.kill()
    wait_until(lambda: not left(), "its end")


def test_serve_goes_on_without_its_guard(serve):
    channel = serve("--", *server("good"))
    channel.attached()
    support.stop(support.find_process("/proc/self/exe guard"))
    channel.run_all()
    assert channel.goodbye() == 0


# Who loses its parent


# As a test of a daemon does: it has been started by something that ends.
SEE_THE_END = """
pid=$(sh -c 'sleep 0 >/dev/null & echo $!')
for _ in $(seq 500); do kill -0 $pid 2>/dev/null || exit; sleep 0.02; done
echo it still exists
"""


@pytest.mark.parametrize("first", [False, True], ids=["serve", "first process"])
@pytest.mark.parametrize("command", [
    ["--", *server("leave", SEE_THE_END)],
    ["--test-command", f"$LISTOPT $IDLIST {SEE_THE_END}"],
], ids=["server", "test command"])
def test_a_process_whose_parent_has_ended_does_not_stay_as_a_zombie(first, command):
    if first and os.getuid() != 0:
        pytest.skip("a process namespace of our own takes root")
    namespace = ["unshare", "--pid", "--fork", "--kill-child"] if first else []
    ended = client("--format", "subunit", channel=[*namespace, support.SERVE_BINARY, "serve", *command])
    assert ended.stdout and b"it still exists" not in ended.stdout + ended.stderr.encode()


@pytest.mark.skipif(os.getuid() != 0, reason="a process of another user takes root")
def test_what_cannot_be_ended_is_named(processes):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        become_root = shutil.copy("/usr/bin/setpriv", folder)
        os.chmod(become_root, 0o4755)
        command = f"setsid {become_root} --reuid 0 --regid 0 --clear-groups {SLEEP} &"
        process = subprocess.Popen(
            [support.SERVE_BINARY, "serve", "--grace", "1", "--", *server("leave", command)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            user=65534, group=65534, extra_groups=[], cwd="/",
        )
        processes.append(process)
        words = [message(msg="Hello", max=1, min=1), message(msg="Run", nonce="run")]
        process.stdin.write(b"".join(words))
        process.stdin.flush()
        support.read_until(process, b'"Done"')
        wait_until(left, "it runs")
        ended = support.finish(process, stdin=message(msg="Goodbye"))
    assert ended.status == 0
    says(ended.stderr, "cannot be ended", SLEEP)
    for pid in left():
        support.stop(pid)
