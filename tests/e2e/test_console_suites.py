"""Real suites through the consoles that people have."""

import shlex
import subprocess

import pytest

from noisy import friendly, harsh
from noisy.expected import expected
import podman
import sshd as ssh
import suites
from support import BAD_LINE, client, python, read_until, serving
from test_attribution import assert_as_expected

needs_ssh = pytest.mark.skipif(not ssh.IS_INSTALLED, reason="openssh is not installed")


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    if podman.why_not():
        pytest.skip(podman.why_not())
    made = podman.Podman(tmp_path_factory.mktemp("podman"))
    yield made
    made.close()


@pytest.fixture
def in_container(container):
    """The proxy is what the container runs."""
    return lambda serve: ([*container.run(*serve)], ["--pty"])


@pytest.fixture
def at_prompt(sshd):
    """The proxy is typed at a prompt."""
    return lambda serve: (
        sshd.shell(),
        ["--console-wait", "machine:/# $", "--console-command", shlex.join(serve)],
    )


in_podman = pytest.mark.xdist_group("podman-console")  # one image for all of them
CONSOLES = [
    pytest.param("in_container", marks=in_podman), pytest.param("at_prompt", marks=needs_ssh)
]


@pytest.fixture(params=CONSOLES)
def console(request):
    """The channel in which a serve is reached, and the client's options for it."""
    return request.getfixturevalue(request.param)


def test_all_of_testtools_through_a_console_is_what_it_is_directly(console):
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    channel, options = console(serving(*suites.test_server(suites.TESTTOOLS)))
    suites.assert_same_as_directly(suites.TESTTOOLS, channel, *options)


def test_a_noisy_suite_through_a_console_is_exact(console):
    """Among its tests is one that prints every byte there is."""
    table = expected(*friendly.CASES, *harsh.CASES)
    serve = serving(*python("-m", "subunit_rpc", "noisy.friendly", "noisy.harsh"),
                    options=podman.GRACE)
    channel, options = console(serve)
    ended = client("--format", "subunit", *options, channel=channel)
    assert ended.status == 1, ended.stderr
    assert_as_expected(ended.stream, table)


# The consoles themselves


@pytest.fixture
def start(processes):
    def start(command):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        processes.append(process)
        return process

    return start


@in_podman
def test_a_container_has_a_terminal(container, start):
    process = start([*BAD_LINE, "--", *container.run("/bin/busybox", "tty")])
    assert process.stdout.read() == b"/dev/pts/0\r\n"


@needs_ssh
def test_a_login_shell_has_a_banner_a_prompt_and_an_editor(sshd, start):
    process = start(sshd.shell())
    seen = read_until(process, ssh.PROMPT.encode())
    assert b"Welcome to the test machine\r" in seen and b"\x1b]0;machine: /\x07" in seen
    process.stdin.write(b"echo $((6 * 7)) ha\x02o\n")  # one to the left, and in there an o
    assert b"\r\n" in read_until(process, b"42 hoa")
