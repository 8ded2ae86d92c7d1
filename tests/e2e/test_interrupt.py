"""^C and other signals to `run`: what was in progress is reported, and nothing goes on."""

import os
from pathlib import Path
import shlex
import signal
import subprocess

import pytest

import support
from support import says, server, serving

ALL = [f"demo.test_{number}" for number in range(5)]


@pytest.fixture
def hanging(processes):
    """Starts run with a server that hangs in its third test, as a shell would: as the leader of
    its own group. Returns it and what it wrote until then."""

    def start(mode="hang", options=(), grace="5"):
        channel = serving(*server(mode), options=["--grace", grace])
        process = support.start(
            ["run", "--format", "subunit", *options, "--", *channel], process_group=0
        )
        processes.append(process)
        return process, support.read_until(process, b"demo.test_2")

    return start


@pytest.mark.parametrize("to", ["run", "group"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_interrupt_reports_the_test_in_progress_and_leaves_nothing(hanging, number, to):
    """A terminal sends ^C to the whole group, the channel's command included."""
    process, data = hanging()
    (os.kill if to == "run" else os.killpg)(process.pid, number)
    ended = support.finish(process)
    assert ended.status in (3, 128 + number, -number)
    stream = support.Stream(data + ended.stdout)
    stream.assert_clean()
    assert stream.statuses.pop("demo.test_1") == "success"
    assert stream.failed() == ALL[2:]  # one in progress, the others never run
    says(stream.details("demo.test_2"), ("interrupt", number.name))
    says(ended.stderr, ("interrupt", number.name))


def test_named_tests_that_did_not_run_are_reported_after_an_interrupt(hanging):
    process, data = hanging(options=ALL)
    process.send_signal(signal.SIGINT)
    stream = support.Stream(data + support.finish(process).stdout)
    stream.assert_clean()
    assert stream.failed() == ["demo.test_2", "demo.test_3", "demo.test_4"]


def test_more_interrupts_do_not_wait_for_the_grace_period(hanging):
    """The server ignores all that is polite, and serve would wait for it for ten minutes."""
    process, _ = hanging("hang-ignoring-term", grace="600")

    def ended():
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    support.wait_until(ended, "its end")
    assert process.returncode not in (0, 1)
    process.communicate()
    for pid in support.running(support.SERVER_PROCESS):
        support.stop(pid)  # what a killed channel leaves at its other end is not known here


def test_interrupt_while_waiting_for_ready_ends_the_channel(processes):
    process = support.start(["run", "--", "sleep", "600"], process_group=0)
    processes.append(process)
    support.find_process("sleep 600")
    process.send_signal(signal.SIGINT)
    assert support.finish(process).status not in (0, 1)


def test_interrupt_while_waiting_for_a_server_ends_both_sides(processes):
    process = support.start(["run", "--", *serving("sleep", "600")], process_group=0)
    processes.append(process)
    support.find_process("sleep 600")
    process.send_signal(signal.SIGINT)
    assert support.finish(process).status not in (0, 1)


def test_sigkill_of_run_ends_the_other_side(hanging):
    process, _ = hanging()
    process.kill()
    process.communicate()


def test_interrupts_are_heard_beside_a_channel_that_could_not_start(processes):
    good = shlex.join(serving(*server("hang-ignoring-term"), options=["--grace", "600"]))
    process = support.start(
        ["run", "--format", "subunit", "--channel", "no-such-command", "--channel", good],
        process_group=0,
    )
    processes.append(process)
    support.read_until(process, b"demo.test_2")

    def ended():
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    support.wait_until(ended, "its end")
    says(process.communicate()[1].decode(), "no-such-command", "interrupt")
    for pid in support.running(support.SERVER_PROCESS):
        support.stop(pid)


def as_nohup_and_a_script_start_it():
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})


@pytest.mark.parametrize("test", [
    "test_interrupt.py::test_one_interrupt_reports_the_test_in_progress_and_leaves_nothing",
    "test_console.py::test_a_signal_that_ends_serve_in_order_restores_the_terminal",
], ids=["run", "serve"])
def test_tests_with_signals_pass_whoever_starts_them(test):
    """What a program is started with, it would hand down: see set_dispositions()."""
    ended = subprocess.run(
        [support.PYTHON, "-m", "pytest", Path(__file__).with_name(test)],
        preexec_fn=as_nohup_and_a_script_start_it, stdout=subprocess.PIPE, text=True,
    )
    assert ended.returncode == 0, ended.stdout
