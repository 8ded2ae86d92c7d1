"""`run --push` where the shell has a console: lines that harm what passes, and people who come after."""

import os
import re
import signal

import pytest

import support
from support import BAD_LINE, says
from test_push import assert_ran, cache, files, home, programs, push, suite  # noqa: F401, fixtures

CONSOLE = ["--console-command", "true"]

LINES = {
    "errors": ["--errors", "1e-4"],
    "many errors": ["--errors", "5e-4", "--burst", "4"],
    "a kernel that talks": ["--kernel-lines", "300"],
    "echo, and lines are wrapped": ["--echo", "--wrap", "80", "--kernel-lines", "3000"],
    "seven bits and no flow control": ["--errors", "1e-4", "--seven-bit", "--swallow-flow"],
}


@pytest.fixture
def shell(home, tmp_path):
    """A command without options: a shell that edits its lines, of a thousand characters at most."""
    path = tmp_path / "shell"
    path.write_text(f"#!/bin/sh\nexport HOME='{home}'; unset XDG_CACHE_HOME; exec busybox sh -i\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("harm", LINES.values(), ids=LINES)
def test_it_arrives_whatever_the_line_does(harm, programs, suite, shell, home):
    channel = [*BAD_LINE, *harm, shell]
    first = push(programs, channel, suite.command, *CONSOLE)
    assert_ran(first, suite)
    says(first.stderr, "sending the program")
    again = push(programs, channel, suite.command, *CONSOLE)
    assert_ran(again, suite)
    # What the shell says of that may be damaged; the proxy comes up all the same.
    assert "sending the program" not in again.stderr
    assert len(files(cache(home))) == 1


def test_a_line_of_which_nothing_comes_back_is_told(programs, suite):
    silent = ["sh", "-c", "cat >/dev/null"]
    ended = push(programs, silent, suite.command, *CONSOLE, "--ready-timeout", "3")
    assert ended.status == 3
    says(ended.stderr, "waited 3 s", "for a shell at the other end to answer")


# Who comes after


@pytest.fixture
def logged_in(console, processes, shell):
    """A shell on the console. It takes commands."""
    processes.append(console.start([shell]))
    assert_at_prompt(console)
    return console


def assert_at_prompt(console):
    """And what is typed is echoed."""
    os.write(console.fd, b"expr 40 + 2\n")
    assert b"expr 40 + 2" in console.read_until(b"42")


def mode_of_commands(console):
    """While the shell waits for a line to be typed, it may have a mode of its own."""
    os.write(console.fd, b"echo [$(stty -g)]\n")
    return re.search(rb"\[([0-9a-f:]+)\]", console.read_until(b":0]"))[1]


def run(console, programs, suite, *options):
    return push(programs, console.channel(), suite.command, *CONSOLE, *options, pass_fds=[console.fd])


@pytest.fixture
def killed_client(logged_in, programs, suite, processes):
    """It was sending the program. The channel's command is gone, too."""
    client = support.start(
        ["run", "--push", "--push-from", programs, *CONSOLE, "--log-level", "info", "--",
         *logged_in.channel(), "--", *suite.command],
        pass_fds=[logged_in.fd], start_new_session=True,
    )
    processes.append(client)
    while b"sending the program" not in client.stderr.readline():
        assert client.poll() is None
    os.killpg(client.pid, signal.SIGKILL)
    client.wait(support.LIMIT)


@pytest.mark.parametrize("options", [[], ["--push=once"]], ids=["kept", "once"])
def test_the_shell_stays_as_it_was(options, logged_in, programs, suite, home):
    before = mode_of_commands(logged_in)
    for _ in range(2):
        assert_ran(run(logged_in, programs, suite, *options), suite)
        assert_at_prompt(logged_in)
        assert mode_of_commands(logged_in) == before
    assert bool(files(home)) == (options == [])


@pytest.mark.parametrize("options", [[], ["--push=once"], ["--link", "armour"]], ids=["kept", "once", "armour"])
def test_a_proxy_that_fails_before_it_is_ready_is_told_at_once(options, logged_in, programs, suite, home):
    served = ["--chdir", "/nowhere", "--", *suite.command]
    ended = push(programs, logged_in.channel(), served, *CONSOLE, *options, pass_fds=[logged_in.fd])
    assert ended.status == 3
    says(ended.stderr, "ended with exit status 3 before it sent Ready; it printed", '"/nowhere" (--chdir)')
    assert_at_prompt(logged_in)
    assert bool(files(home)) == (options != ["--push=once"])


def test_after_a_client_that_was_killed_the_next_one_brings_it(
    killed_client, logged_in, programs, suite
):
    assert_ran(run(logged_in, programs, suite), suite)
    assert_at_prompt(logged_in)


def test_after_a_client_that_was_killed_a_person_has_the_shell_back(killed_client, logged_in, home):
    os.write(logged_in.fd, b"\n.\n\x03\n")
    assert_at_prompt(logged_in)
    assert files(home) == []
