"""`run --setup`, `--teardown`, `--channel-setup` and `--channel-teardown`: commands around the tests."""

import json
import os
from pathlib import Path
import re
import shlex
import signal
import time

import pytest

import support
from support import proxy, says, server, serving
from terminal import Terminal

DEMO = [f"demo.test_{number}" for number in range(5)]
PASSED = dict.fromkeys(DEMO, "success")


class Diary:
    """A file to which each command adds a line."""

    def __init__(self, path):
        self.path = path

    def note(self, text):
        """A command that does so; the shell expands `text`."""
        return f'echo "{text}" >> {shlex.quote(str(self.path))}'

    @property
    def lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []

    def wait(self, line):
        support.wait_until(lambda: line in self.lines, f"{line!r} in the diary: {self.lines}")

    def channel(self, mode="good", note="server"):
        """A channel whose server makes a note when it starts."""
        return serving("sh", "-c", f'{self.note(note)}; exec "$@"', "sh", *server(mode))

    def all(self):
        """Each of the four options, with a note of its name."""
        return [word for name in ("setup", "teardown", "channel-setup", "channel-teardown")
                for word in (f"--{name}", self.note(name))]


@pytest.fixture
def diary(tmp_path):
    return Diary(tmp_path / "diary")


def run(*options, channel):
    return support.client("--format", "subunit", *options, channel=channel)


def run_on(channels, *options):
    words = [word for channel in channels for word in ("--channel", shlex.join(channel))]
    return proxy("run", "--format", "subunit", *options, *words)


def begin(processes, *options, channel):
    process = support.start(
        ["run", "--format", "subunit", *options, "--", *channel], process_group=0)
    processes.append(process)
    return process


# The order of things


def test_each_command_runs_in_its_turn(diary):
    ended = run(*diary.all(), channel=diary.channel())
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert ended.stream.statuses == PASSED
    assert diary.lines == ["setup", "channel-setup", "server", "channel-teardown", "teardown"]


def test_channels_are_set_up_side_by_side(diary, tmp_path):
    """Each waits until the other's setup has begun, too."""
    wait = (f"cd {shlex.quote(str(tmp_path))}; : > up-$SUBUNIT_PROXY_CHANNEL_NUMBER; "
            "until [ -e up-0 ] && [ -e up-1 ]; do sleep 0.01; done; ")
    ended = run_on([diary.channel(), diary.channel()], "--setup", diary.note("setup"),
                   "--channel-setup", wait + diary.note("channel-setup"), "--channel-teardown",
                   diary.note("channel-teardown"), "--teardown", diary.note("teardown"))
    assert ended.status == 0, ended.stderr
    lines = diary.lines
    assert lines[0] == "setup" and lines[-1] == "teardown"
    assert lines.count("channel-setup") == lines.count("channel-teardown") == 2


def test_they_know_their_channel_and_the_status(diary, monkeypatch):
    monkeypatch.setenv("SUBUNIT_PROXY_CHANNEL_NUMBER", "of a run around this one")
    known = "$SUBUNIT_PROXY_CHANNEL_NUMBER: $SUBUNIT_PROXY_CHANNEL"
    first = ["sh", "-c", "exit 1"]
    ended = run_on([first, diary.channel()], "--channel-setup", diary.note("up " + known),
                   "--channel-teardown", diary.note("down " + known), "--teardown",
                   diary.note("status $SUBUNIT_PROXY_STATUS"), "demo.test_0")
    assert ended.status == 0, ended.stderr
    lines = diary.lines
    assert lines[-1] == "status 0"
    for word in ("up", "down"):
        assert f"{word} 0: sh -c 'exit 1'" in lines
        assert f"{word} 1: {shlex.join(map(str, diary.channel()))}" in lines


@pytest.mark.parametrize("mode, status", [("good", 0), ("exit-in-test", 1), ("exit-7", 3)])
def test_the_teardown_knows_how_the_run_ended(diary, mode, status):
    ended = run("--teardown", diary.note("$SUBUNIT_PROXY_STATUS"), channel=serving(*server(mode)))
    assert ended.status == status, ended.stderr
    assert diary.lines == [str(status)]


def test_a_list_is_set_up_for_too(diary):
    ended = support.client("--list", "--format", "ids", *diary.all(), channel=diary.channel())
    assert (ended.status, ended.text.split()) == (0, DEMO)
    assert diary.lines == ["setup", "channel-setup", "server", "channel-teardown", "teardown"]


def test_to_show_the_configuration_nothing_is_set_up(diary):
    ended = proxy("run", "--show-config", *diary.all(), "--", *diary.channel())
    assert ended.status == 0
    says(ended.text, "channel-teardown = ")
    assert diary.lines == []


def test_commands_in_a_configuration_file_start_in_its_folder(diary, tmp_path):
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)
    (tmp_path / "subunit-proxy.toml").write_text(
        "".join(f"{name} = {json.dumps(diary.note(name + ' in $PWD'))}\n"
                for name in ("setup", "teardown", "channel-setup", "channel-teardown"))
        + "setup-timeout = 50\n")
    ended = proxy("run", "--format", "subunit", "--teardown", diary.note("mine in $PWD"), "--",
                  *diary.channel(), cwd=below)
    assert ended.status == 0, ended.stderr
    assert diary.lines == [f"setup in {tmp_path}", f"channel-setup in {tmp_path}", "server",
                           f"channel-teardown in {tmp_path}", f"mine in {below}"]


# What they print and read


def test_nothing_that_they_print_is_in_the_stream(diary):
    speak = "echo out; echo err >&2; printf rest"
    ended = run("--setup", speak, "--teardown", speak, "--channel-setup", speak,
                "--channel-teardown", speak, channel=diary.channel())
    assert ended.status == 0
    ended.stream.assert_clean()
    assert ended.stream.statuses == PASSED
    assert ended.stderr.splitlines() == [
        f"subunit-proxy: {name}: {text}"
        for name in ("setup", "channel-setup", "channel-teardown", "teardown")
        for text in ("out", "err", "rest")]


@pytest.mark.parametrize("options, ran", [
    (["--load-list", "-"], {"demo.test_1": "success"}), ([], PASSED)])
def test_their_stdin_is_empty(diary, options, ran):
    ended = support.client("--format", "subunit", *options, "--setup",
                           f"cat >> {diary.path}; {diary.note('end of file')}",
                           channel=diary.channel(), stdin=b"demo.test_1\n")
    assert ended.stream.statuses == ran, ended.stderr
    assert diary.lines == ["end of file", "server"]


def test_of_several_channels_it_is_told_whose_words_they_are(diary):
    ended = run_on([diary.channel(), diary.channel()], "--channel-setup",
                   "echo I am $SUBUNIT_PROXY_CHANNEL_NUMBER")
    says(ended.stderr, "channel-setup 0: I am 0\n", "channel-setup 1: I am 1\n")


def test_how_long_they_took_is_told_to_who_wants_to_know(diary):
    ended = run("--log-level", "info", "--setup", "sleep 0.2", "--teardown", ":",
                channel=diary.channel())
    assert re.search(r"setup took 0\.[2-9] s: sleep 0\.2\n", ended.stderr), ended.stderr
    assert re.search(r"teardown took 0\.\d s: :\n", ended.stderr), ended.stderr


def test_whoever_waits_for_a_command_is_told_so(diary):
    ended = run("--log-level", "info", "--teardown", "sleep 2.3", channel=diary.channel())
    says(ended.stderr, "teardown is still running after 2 s: sleep 2.3\n")
    assert re.search(r"teardown took 2\.[3-9] s: sleep 2\.3\n", ended.stderr), ended.stderr


def test_a_terminal_shows_that_something_goes_on(processes, diary, tmp_path):
    gate = tmp_path / "gate"
    terminal = Terminal(columns=100)
    process = terminal.start([
        support.BINARY, "run", "--format", "human", "--setup",
        f"echo a line; until [ -e {gate} ]; do sleep 0.01; done", "--", *diary.channel()])
    processes.append(process)
    terminal.wait(lambda screen: screen.lines[-1].startswith("setup, 0:0"), "the status line")
    assert terminal.screen.lines[0] == "subunit-proxy: setup: a line"
    gate.touch()
    terminal.read_all()
    assert support.finish(process).status == 0


# What fails


def test_after_a_setup_that_fails_nothing_is_started(diary):
    ended = run("--setup", f"{diary.note('setup')}; echo no board is free; exit 5", "--teardown",
                diary.note("teardown $SUBUNIT_PROXY_STATUS"), "--channel-setup",
                diary.note("channel-setup"), "--channel-teardown", diary.note("channel-teardown"),
                *DEMO[:2], channel=diary.channel())
    assert ended.status == 3
    ended.stream.assert_clean()
    assert ended.stream.failed() == DEMO[:2]
    says(ended.stream.details(DEMO[0]), "not run", "the setup command", "exited with status 5")
    (error,) = [line for line in ended.stderr.splitlines() if "error: " in line]
    says(error, "the setup command", "exited with status 5 after 0.", '"no board is free"')
    assert diary.lines == ["setup", "teardown 3"]


@pytest.mark.parametrize("setup, words", [
    ("kill -9 $$", ["was killed by SIGKILL", "it printed nothing"]),
    ("no-such-command", ["exited with status 127", "not found"]),
])
def test_a_setup_can_fail_in_other_ways(diary, setup, words):
    ended = run("--setup", setup, channel=diary.channel())
    assert ended.status == 3
    says(ended.stderr, setup, *words)
    assert diary.lines == []


def test_a_setup_that_fails_is_in_the_reports(diary, tmp_path):
    ended = support.client("--format", "human", "--junit", tmp_path / "junit.xml", "--setup",
                           "exit 5", channel=diary.channel())
    assert ended.status == 3
    says(ended.text, "the run was not completed")
    says((tmp_path / "junit.xml").read_text(), "the setup command", "exited with status 5")


def test_a_channel_whose_setup_fails_is_not_opened_and_the_others_do_the_work(diary):
    ended = run_on([diary.channel(note="first"), diary.channel(note="second")], "--channel-setup",
                   "[ $SUBUNIT_PROXY_CHANNEL_NUMBER = 1 ] || exit 5", "--channel-teardown",
                   diary.note("down $SUBUNIT_PROXY_CHANNEL_NUMBER"))
    assert ended.status == 0, ended.stderr
    assert ended.stream.statuses == PASSED
    says(ended.stderr, "warning: the channel setup command", "for channel-0 (", "exited with status 5")
    assert sorted(diary.lines) == ["down 0", "down 1", "second"]


def test_without_any_channel_that_can_be_set_up_the_run_has_failed(diary):
    ended = run_on([diary.channel(), diary.channel()], "--channel-setup", "exit 5", "--teardown",
                   diary.note("status $SUBUNIT_PROXY_STATUS"))
    assert ended.status == 3
    says(ended.stream.broken_off, "the channel setup command", "exited with status 5")
    assert diary.lines == ["status 3"]


def test_what_was_set_up_for_a_channel_that_cannot_be_started_is_torn_down(diary):
    ended = run(*diary.all(), channel=["/no/such/command"])
    assert ended.status == 3
    says(ended.stderr, 'error: cannot start "/no/such/command"')
    assert diary.lines == ["setup", "channel-setup", "channel-teardown", "teardown"]


@pytest.mark.parametrize("option", ["--teardown", "--channel-teardown"])
@pytest.mark.parametrize("mode, status", [("good", 0), ("exit-in-test", 1)])
def test_a_teardown_that_fails_is_a_warning_and_the_verdict_stands(diary, option, mode, status):
    ended = run(option, "echo the board does not answer; exit 5", channel=diary.channel(mode))
    assert ended.status == status
    (warning,) = [line for line in ended.stderr.splitlines() if "exited with status 5" in line]
    says(warning, "subunit-proxy: warning: the", "teardown command", '"the board does not answer"',
         "the verdict on the tests stands")


# What takes too long, or is interrupted


@pytest.mark.parametrize("command", ["sleep 600", "sleep 600 & sleep 600"])
def test_a_setup_that_takes_too_long_is_ended_with_its_children(diary, command):
    ended = run("--setup", f"echo waiting; {command}", "--setup-timeout", "0.3", "--teardown",
                diary.note("teardown"), channel=diary.channel())
    assert ended.status == 3
    says(ended.stderr, "error: the setup command", "had not ended within 0.3 s (--setup-timeout)",
         '"waiting"')
    assert diary.lines == ["teardown"]


def test_what_ignores_that_is_killed(diary):
    ended = run("--setup-timeout", "0.1", "--setup", "trap '' TERM; sleep 600 & sleep 600; sleep 600",
                channel=diary.channel())
    assert ended.status == 3
    assert ended.seconds > 2
    says(ended.stderr, "had not ended within 0.1 s")


def test_every_command_has_that_time_out(diary):
    ended = run("--setup-timeout", "0.3", "--channel-teardown", "sleep 600", "--teardown",
                "sleep 600", channel=diary.channel())
    assert ended.status == 0
    assert ended.stderr.count("had not ended within 0.3 s (--setup-timeout)") == 2
    ended = run("--setup-timeout", "0.3", "--channel-setup", "sleep 600", channel=diary.channel())
    assert ended.status == 3
    says(ended.stderr, "the channel setup command", "had not ended within 0.3 s")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_of_tests_leads_to_the_teardown(processes, diary, number):
    process = begin(processes, *diary.all()[4:], "--teardown",
                    "sleep 0.1; " + diary.note("status $SUBUNIT_PROXY_STATUS"),
                    channel=diary.channel("hang"))
    support.read_until(process, b"demo.test_2")
    os.killpg(process.pid, number)  # as a terminal does it
    ended = support.finish(process)
    assert ended.status == 3
    says(ended.stderr, "interrupted")
    assert diary.lines == ["channel-setup", "server", "channel-teardown", "status 3"]


def test_a_teardown_after_an_interrupt_may_take_its_time(processes, diary):
    """Longer than somebody who reads the results, which he has here."""
    process = begin(processes, "--teardown", "sleep 2.2", channel=diary.channel("hang"))
    support.read_until(process, b"demo.test_2")
    process.send_signal(signal.SIGINT)
    ended = support.finish(process)
    assert ended.status == 3
    says(ended.stderr, "error: interrupted")
    assert "cannot write the results" not in ended.stderr


@pytest.mark.parametrize("option", ["--setup", "--channel-setup"])
def test_an_interrupted_setup_is_ended_and_torn_down(processes, diary, option):
    process = begin(processes, option, f"{diary.note('up')}; sleep 600 & wait", "--teardown",
                    diary.note("teardown $SUBUNIT_PROXY_STATUS"), "--channel-teardown",
                    diary.note("channel-teardown"), *DEMO[:1], channel=diary.channel())
    diary.wait("up")
    process.send_signal(signal.SIGINT)
    ended = support.finish(process)
    assert ended.status == 3
    says(ended.stderr, "error: interrupted")
    says(ended.stream.details(DEMO[0]), "interrupted")
    began = ["channel-teardown"] if option == "--channel-setup" else []
    assert diary.lines == ["up", *began, "teardown 3"]


def test_a_second_interrupt_ends_the_teardown(processes, diary):
    process = begin(processes, "--teardown", f"{diary.note('teardown')}; sleep 600 & wait",
                    channel=diary.channel("hang"))
    support.read_until(process, b"demo.test_2")
    process.send_signal(signal.SIGINT)
    diary.wait("teardown")
    process.send_signal(signal.SIGINT)
    ended = support.finish(process)
    assert ended.status == 3
    says(ended.stderr, "error: interrupted", "warning: the teardown command", "by an interrupt")


def test_an_interrupt_after_the_run_ends_the_teardown_and_the_verdict_stands(processes, diary):
    process = begin(processes, "--teardown", f"{diary.note('teardown')}; sleep 600",
                    channel=diary.channel())
    diary.wait("teardown")
    process.send_signal(signal.SIGINT)
    ended = support.finish(process)
    assert ended.status == 0
    assert ended.stream.statuses == PASSED
    says(ended.stderr, "warning: the teardown command", "by an interrupt")
    assert "error" not in ended.stderr


def test_more_interrupts_kill_what_ignores_the_first(processes, diary):
    process = begin(processes, "--setup", f"trap '' TERM; {diary.note('up')}; sleep 600; sleep 600",
                    channel=diary.channel())
    diary.wait("up")

    # No more: one that comes while the process is ending would be its end.
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert support.finish(process).status == 3


def test_the_end_of_results_that_nobody_reads_is_not_the_end_of_the_teardown(processes, diary):
    process = begin(processes, "--teardown", f"sleep 0.1; {diary.note('teardown')}",
                    channel=diary.channel("hang"))
    support.read_until(process, b"demo.test_1")
    process.stdout.close()
    process.send_signal(signal.SIGTERM)
    process.stdout = None
    assert support.finish(process).status == 3
    assert diary.lines == ["server", "teardown"]


def test_after_a_lost_link_the_teardown_runs(processes, diary):
    process = begin(processes, *diary.all(), channel=diary.channel("hang"))
    support.read_until(process, b"demo.test_2")
    os.kill(support.find_process(support.SERVE_PROCESS), signal.SIGKILL)
    ended = support.finish(process)
    assert ended.status == 3
    says(ended.stderr, "SIGKILL")
    assert diary.lines == ["setup", "channel-setup", "server", "channel-teardown", "teardown"]


# What is left running


def test_what_a_setup_has_left_running_is_told(diary, tmp_path):
    daemon = tmp_path / "pid"
    ended = run("--setup", f"sleep 600 & echo $! > {daemon}", channel=diary.channel())
    os.kill(int(daemon.read_text()), signal.SIGKILL)
    assert ended.status == 0
    (notice,) = ended.stderr.splitlines()
    says(notice, "the setup command", 'has left running: "sleep 600" (process ')


def test_a_setup_can_start_what_the_teardown_ends(diary, tmp_path):
    daemon, ready = tmp_path / "pid", tmp_path / "ready"
    start = f"sh -c 'echo from the daemon; : > {ready}; exec sleep 600' & echo $! > {daemon}"
    stop = f"kill $(cat {daemon}); while kill -0 $(cat {daemon}); do sleep 0.01; done 2>/dev/null"
    ended = run("--setup", start, "--channel-setup", f"until [ -e {ready} ]; do sleep 0.01; done",
                "--teardown", stop, channel=diary.channel())
    assert ended.status == 0, ended.stderr
    assert ended.stderr.splitlines() == ["subunit-proxy: setup: from the daemon"]


# Bad usage


@pytest.mark.parametrize("options, keywords", [
    (["--setup", ""], ["--setup", "empty"]),
    (["--channel-teardown", ""], ["--channel-teardown", "empty"]),
    (["--setup-timeout", "soon"], ["--setup-timeout", '"soon"']),
    (["--teardown", "a", "--teardown", "b"], ["--teardown"]),
], ids=lambda value: " ".join(value) if value and value[0].startswith("-") else "")
def test_what_cannot_be_is_told(options, keywords):
    ended = proxy("run", *options, "--", "true")
    assert ended.status == 2
    says(ended.stderr, *keywords)
