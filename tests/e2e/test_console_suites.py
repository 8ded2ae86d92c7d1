"""Real suites through the consoles that people have."""

import subprocess

import pytest

import podman
import sshd as ssh
from support import BAD_LINE, read_until


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    if podman.why_not():
        pytest.skip(podman.why_not())
    made = podman.Podman(tmp_path_factory.mktemp("podman"))
    yield made
    made.close()


@pytest.fixture
def start(processes):
    def start(command):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        processes.append(process)
        return process

    return start


# The consoles themselves


def test_a_container_has_a_terminal(container, start):
    process = start([*BAD_LINE, "--", *container.run("/bin/busybox", "tty")])
    assert process.stdout.read() == b"/dev/pts/0\r\n"


@pytest.mark.skipif(not ssh.IS_INSTALLED, reason="openssh is not installed")
def test_a_login_shell_has_a_banner_a_prompt_and_an_editor(sshd, start):
    process = start(sshd.shell())
    seen = read_until(process, ssh.PROMPT.encode())
    assert b"Welcome to the test machine\r" in seen and b"\x1b]0;machine: /\x07" in seen
    process.stdin.write(b"echo $((6 * 7)) ha\x02o\n")  # one to the left, and in there an o
    assert b"\r\n" in read_until(process, b"42 hoa")
