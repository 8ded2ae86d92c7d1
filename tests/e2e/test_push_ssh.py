"""`run --push` over a real sshd on loopback, whose login shell is noisy, and has nothing or loses everything."""

import os
from pathlib import Path
import shlex
import signal

import pytest

from small_suite import SmallSuite
from sshd import IS_INSTALLED, PROMPT
import support
from support import says
from test_push import assert_ran, cache, files, home, programs, programs_in, push, suite  # noqa: F401, fixtures

pytestmark = pytest.mark.skipif(not IS_INSTALLED, reason="openssh is not installed")

# In TAP, with nothing but what a shell has within. PATH is what it was given.
SHELL_SUITE = """#!/bin/sh
[ "$1" != --list ] || { echo home_is_empty; exit; }
exec 3>"$SUBUNIT_TAP"
echo 1..1 >&3
for file in "$HOME"/*; do [ ! -e "$file" ] && echo "looked for $file" && echo "ok 1 - home_is_empty" >&3; done
"""


# A login with an empty home, and no PATH


@pytest.fixture(params=["unset PATH", "PATH=; export PATH"], ids=["unset", "empty"])
def bare_login(request, sshd, home):
    with sshd.login(f"{request.param}; unset XDG_CACHE_HOME; HOME={home}; export HOME; cd; exec /bin/sh"):
        yield sshd.command()


@pytest.fixture(params=["shell", "unittest", "pytest"])
def served(request, tmp_path):
    SmallSuite(tmp_path).write("self.assertFalse(os.environ.get('PATH'))", "print(os.environ['HOME'])")
    script = tmp_path / "suite"
    script.write_text(SHELL_SUITE)
    script.chmod(0o755)
    return {
        "shell": ["--adapter", "tap", "--", script],
        "unittest": [support.PYTHON, "-m", "subunit_rpc", "small"],
        "pytest": [support.PYTHON, "-m", "pytest", "--subunit-rpc", "small.py"],
    }[request.param]


def test_a_login_with_an_empty_home_and_no_path(bare_login, served, programs, home, tmp_path):
    def run(*options):
        ended = push(programs, bare_login, served, "--chdir", tmp_path, *options)
        assert ended.status == 0, ended.stderr
        assert set(ended.stream.statuses.values()) == {"success"}
        assert str(home) in "".join(ended.stream.output(id, "stdout").decode() for id in ended.stream.statuses)
        return ended

    once = run("--push=once")
    [folder] = {word for word in once.stderr.split() if word.startswith("/tmp/subunit-proxy-")}
    assert not Path(folder).exists() and list(home.iterdir()) == []
    says(run().stderr, "sending the program", str(cache(home)))
    says(run().stderr, "is there already")
    assert len(programs_in(home)) == 1


# A login on a terminal


def test_a_terminal_that_echoes_with_a_profile_that_prints_and_a_prompt_in_colors(sshd, programs, suite, home):
    # As Debian has it for users: what begins with a blank is not for the history.
    settings = f"unset XDG_CACHE_HOME; HOME={home} HISTCONTROL=ignoreboth; export HOME HISTCONTROL"
    with sshd.login(f"{settings}; exec bash --rcfile {sshd.directory}/bashrc -i"):
        first, again = (push(programs, sshd.shell(), suite.command) for _ in range(2))
    assert [path.name for path in home.iterdir()] == [".cache"]
    for ended in first, again:
        assert_ran(ended, suite)
        noise = ended.stream.all_output("channel").decode(errors="replace")
        says(noise, "Welcome to the test machine", PROMPT, "exec /bin/sh -c")  # it echoes
        assert "\nsubunit-push-" not in noise  # an answer
    says(first.stderr, "sending the program")
    says(again.stderr, "is there already")


# A transfer that is killed


def far_shells():
    """And those that they have forked."""
    return [pid for pid, line in support.marked(os.environ[support.MARK]).items() if "subunit-push" in line]


VICTIMS = {"ssh": (lambda: support.running("ssh -T"), "was killed by SIGKILL"),
           "shell": (far_shells, "exited with status 255")}  # of ssh, for a signal


@pytest.mark.parametrize("victims, how", VICTIMS.values(), ids=VICTIMS)
def test_a_transfer_that_is_killed_runs_nothing_and_the_next_one_arrives(
    victims, how, sshd, programs, suite, home, tmp_path, processes
):
    # What comes to the shell stops in the middle of the program, until there is a gate.
    half, gate, pipe = tmp_path / "half", tmp_path / "gate", tmp_path / "pipe"
    os.mkfifo(gate)
    os.mkfifo(pipe)
    stop = f"""if 1:
        import os
        passed = 0
        while data := os.read(0, 65536):
            if 0 <= passed > 200_000:
                open({str(half)!r}, "w").close()
                open({str(gate)!r}).close()
                passed = -1 << 40
            passed += len(data)
            os.write(1, data)
    """
    at_home = f"unset XDG_CACHE_HOME; HOME={home}; export HOME"
    slowly = f"{support.PYTHON} -c {shlex.quote(stop)} <&3 3<&- >{pipe} 2>/dev/null"
    with sshd.login(f"{at_home}; exec 3<&0; {slowly} & exec sh <{pipe} 3<&-"):
        client = support.start(["run", "--push", "--push-from", programs, "--", *sshd.command(), "--", *suite.command])
        processes.append(client)
        support.wait_until(half.exists, "half of the program")
        for pid in victims():
            os.kill(pid, signal.SIGKILL)
        gate.open("w").close()
        ended = support.finish(client)
    assert (ended.status, ended.stream.statuses) == (3, {}), ended.stderr
    says(ended.stderr, f"the channel ended while subunit-proxy was being sent to {cache(home)}: ", 'machine" ' + how)
    left = files(home)
    assert left == [] or (len(left) == 1 and left[0].startswith("new-"))
    with sshd.login(f"{at_home}; exec sh"):
        again = push(programs, sshd.command(), suite.command)
    assert_ran(again, suite)
    says(again.stderr, "sending the program")
