"""`run --push`: a proxy for a machine that has a shell, and nothing of ours."""

import os
from pathlib import Path
import shlex
import shutil
import stat
import subprocess
import time

import pytest

from small_suite import SmallSuite
import support
from support import client, says

MACHINE = os.uname().machine
TOOLS = ["head", "dd", "base64", "uudecode", "printf"]
PACKERS = ["gzip", "gunzip", "busybox"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A folder of programs for test machines: this one, for machines like this one."""
    folder = tmp_path_factory.mktemp("programs")
    part = Path(support.BINARY).with_name("serve")
    if support.SERVE_BINARY != support.BINARY or not part.exists():
        part = support.SERVE_BINARY
    shutil.copy(part, folder / f"serve-{MACHINE}")
    return folder


@pytest.fixture
def suite(tmp_path):
    return SmallSuite(tmp_path).write("print('out')", "pass", "self.fail('as it should')")


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return home


def shell(home, *words, **environment):
    """A channel's command: a shell whose home this is."""
    settings = {"HOME": home, **environment}
    return ["env", "-u", "XDG_CACHE_HOME", *(f"{key}={value}" for key, value in settings.items()),
            *(words or ("sh",))]


def push(programs, channel, served, *options, **more):
    return client("--format", "subunit", "--push", "--push-from", programs, "--log-level", "info",
                  *options, channel=[*channel, "--", *served], **more)


def assert_ran(ended, suite):
    assert ended.status == 1, ended.stderr
    statuses = dict(zip(suite.ids(0, 1, 2), ["success", "success", "fail"]))
    assert ended.stream.statuses == statuses
    assert ended.stream.output(suite.id(0), "stdout") == b"out\n"


def cache(home):
    return home / ".cache" / "subunit-proxy"


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if not path.is_dir())


def programs_in(home):
    """And nothing else, such as one that is not whole."""
    found = files(cache(home))
    assert all(name.startswith("serve-") for name in found), found
    return found


def without(directory, *tools):
    """A PATH on which these tools are not what they should be."""
    folder = directory / "broken"
    folder.mkdir()
    for tool in tools:
        (folder / tool).write_text("#!/bin/sh\nexit 1\n")
        (folder / tool).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


# Once, and again


def test_what_is_brought_once_is_there_the_next_time(programs, suite, home):
    first = push(programs, shell(home), suite.command)
    assert_ran(first, suite)
    says(first.stderr, "sending", MACHINE, str(cache(home)))
    brought = list(cache(home).iterdir())
    [program] = programs.iterdir()
    assert len(brought) == 1 and brought[0].read_bytes().startswith(program.read_bytes())
    assert stat.S_IMODE(cache(home).stat().st_mode) == 0o700
    second = push(programs, shell(home), suite.command)
    assert_ran(second, suite)
    says(second.stderr, "is there already", str(brought[0]))
    assert "sending" not in second.stderr
    assert list(cache(home).iterdir()) == brought


def test_what_was_not_used_for_a_month_goes_when_a_new_one_comes(programs, suite, home):
    day = 24 * 3600
    of_a_tree = "trees/tree/serve-old"
    ages = {"serve-old": 40 * day, "serve-used": 20 * day, "new-left": 3 * day, "new-now": day / 2, of_a_tree: 40 * day}
    (cache(home) / of_a_tree).parent.mkdir(parents=True)
    for name, age in ages.items():
        (cache(home) / name).write_text("")
        os.utime(cache(home) / name, (0, time.time() - age))
    assert_ran(push(programs, shell(home), suite.command), suite)
    assert {name for name in ages if (cache(home) / name).exists()} == {"new-now", "serve-used", of_a_tree}
    [program] = set(files(cache(home))) - set(ages)
    os.utime(cache(home) / program, (0, 0))
    assert_ran(push(programs, shell(home), suite.command), suite)
    assert (cache(home) / program).stat().st_mtime > 0


def test_a_file_that_is_damaged_is_brought_again(programs, suite, home):
    assert_ran(push(programs, shell(home), suite.command), suite)
    (brought,) = cache(home).iterdir()
    whole = brought.read_bytes()
    with brought.open("r+b") as file:
        file.seek(brought.stat().st_size // 2)
        file.write(b"another program")
    assert_ran(push(programs, shell(home), suite.command), suite)
    assert brought.read_bytes() == whole


def test_an_empty_file_is_no_program(programs, suite, home):
    """The shell starts it as a script, which succeeds."""
    assert_ran(push(programs, shell(home), suite.command), suite)
    (brought,) = cache(home).iterdir()
    brought.write_bytes(b"")
    assert_ran(push(programs, shell(home), suite.command), suite)


def test_the_environment_is_the_shells_own(programs, home, tmp_path):
    suite = SmallSuite(tmp_path).write(
        "self.assertEqual([os.environ.get(name) for name in 'DMNOPRt'], ['mine'] * 7)",
        "self.assertEqual(os.environ['PATH'], '/usr/bin:/bin')",
        "self.assertEqual(os.umask(0o22), 0o27)",
    )
    words = [*(f"{name}=mine" for name in "DMNOPRt"), "PATH=/usr/bin:/bin"]
    channel = shell(home, "env", *words, "sh", "-c", "umask 027; exec sh")
    ended = push(programs, channel, suite.command)
    assert set(ended.stream.statuses.values()) == {"success"}, ended.stdout


def test_once_leaves_nothing_behind(programs, suite, home):
    for served in (suite.command, ["--connect", "127.0.0.1:1", "--attach-timeout", "0.1"],
                   ["--no-such-option"], ["--chdir", "/no/such/folder", "--", "true"]):
        ended = push(programs, shell(home), served, "--push=once")
        folder = next(word for word in ended.stderr.split() if word.startswith("/tmp/subunit-proxy-"))
        support.wait_until(lambda: not Path(folder).exists(), f"{folder} has gone")
    assert files(home) == []


def test_several_clients_at_once_do_each_other_no_harm(programs, suite, home):
    channels = [word for _ in range(4)
                for word in ("--channel", shlex.join([*shell(home), "--", *suite.command]))]
    process = support.start(["run", "--format", "subunit", "--push", "--push-from", programs, *channels])
    assert_ran(support.finish(process), suite)
    assert len(programs_in(home)) == 1


# By what there is


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize("tool", TOOLS)
def test_each_tool_of_a_shell_will_do(programs, suite, home, tmp_path, tool, packed):
    broken = [*TOOLS[: TOOLS.index(tool)], *([] if packed else PACKERS)]
    if tool == "uudecode" and not shutil.which("uudecode"):
        pytest.fail("uudecode is not installed: scripts/setup test installs it")
    if len(broken) == len(TOOLS) - 1 + len(PACKERS):
        programs = small_program(tmp_path)
    ended = push(programs, shell(home, PATH=without(tmp_path, *broken)), suite.command)
    if programs.parent == tmp_path:
        says(ended.stderr, "it was started")
    else:
        assert_ran(ended, suite)
    assert len(programs_in(home)) == 1


def small_program(directory):
    """One that need not be ours, for what takes long."""
    folder = directory / "small"
    folder.mkdir()
    (folder / f"serve-{MACHINE}").write_text(
        "#!/bin/sh\n# '\"$`\\\\ \x01\x7f\n"
        "if [ $1 = serve ]; then echo it was started >&2; else echo $3; fi\nexit\n"
    )
    return folder


@pytest.mark.parametrize("words", [["sh"], ["bash"], ["bash", "-i"], ["busybox", "sh"]], ids=" ".join)
def test_any_shell_will_do(programs, suite, home, words):
    assert_ran(push(programs, shell(home, *words), suite.command), suite)


def test_what_the_shell_prints_is_noise(programs, suite, home):
    greet = "printf 'Welcome!\\nuser@machine$ '; exec bash -i"
    ended = push(programs, shell(home, "sh", "-c", greet), suite.command)
    assert_ran(ended, suite)
    says(ended.stream.all_output("channel").decode(), "Welcome!", "user@machine$")
    assert "subunit-push" not in ended.stream.all_output("channel").decode()


@pytest.mark.parametrize("words", [["sh"], ["bash", "-i"], ["busybox", "sh", "-i"]], ids=" ".join)
def test_a_shell_on_a_terminal(programs, suite, home, words):
    assert_ran(push(programs, shell(home, *words), suite.command, "--pty"), suite)


def test_a_login_shell_over_ssh(sshd, programs, suite, home):
    command = sshd.command()
    for _ in range(2):
        ended = push(programs, command, suite.command)
        assert_ran(ended, suite)
        assert "pseudo-terminal" not in ended.stderr.lower()
    says(ended.stderr, "is there already")


# Where there is room


MOUNTS = """
mount -t tmpfs -o noexec tmpfs /tmp
mount -t tmpfs -o size=100k tmpfs /dev/shm
mount -t tmpfs tmpfs /run
"""


def in_namespace(mounts):
    if os.getuid() != 0:
        pytest.skip("mounts of our own take root")
    return ["unshare", "--mount", "sh", "-ec", f"{mounts}\nexec sh"]


def test_the_first_folder_that_takes_it_is_taken(programs, suite, home):
    """Neither one that cannot be made, nor one without programs, nor one that is full."""
    # What the server needs may be below /tmp.
    bound = {str(suite.directory): "/run/suite", str(support.ROOT): "/run/project"}
    noexec, full, run = MOUNTS.strip().splitlines()
    binds = [f"mkdir {there}; mount --bind {shlex.quote(here)} {there}"
             for here, there in bound.items()]
    command = suite.command
    for here, there in bound.items():
        command = [word.replace(here, there) for word in command]
    mounts = "\n".join([run, *binds, noexec, full])
    ended = push(programs, shell("/proc/nowhere", *in_namespace(mounts)), command)
    assert_ran(ended, suite)
    says(ended.stderr, "to /dev/shm/subunit-proxy-0", "to /run/subunit-proxy-0")
    assert "to /tmp" not in ended.stderr


def test_where_no_folder_takes_it_each_is_told_with_the_reason(programs, suite):
    mounts = MOUNTS + "mount -o remount,ro /run; cd /proc"
    ended = push(programs, shell("/proc/nowhere", *in_namespace(mounts)), suite.command)
    assert ended.status == 3
    says(ended.stderr, "no folder takes it", "/proc/nowhere/.cache: cannot make a folder",
         "/tmp/subunit-proxy-0: programs cannot be started there (noexec)",
         "/dev/shm/subunit-proxy-0: cannot write all of it there", "/run: cannot make a folder")


def test_a_folder_of_another_user_is_not_used(programs, suite, home, tmp_path):
    if os.getuid() != 0:
        pytest.skip("files of another user take root")
    cache(home).mkdir(parents=True)
    os.chown(cache(home), 1, 1)
    assert_ran(push(programs, shell(home), suite.command), suite)
    assert files(cache(home)) == []


# What goes wrong


def filtered(script):
    """A shell whose stdin goes through a script of Python."""
    return ["sh", "-c", f"{support.PYTHON} -c {shlex.quote(script)} | sh"]


def test_a_transfer_that_is_cut_runs_nothing(programs, suite, home):
    cut = "for _ in range(3): os.write(1, os.read(0, 65536))"
    ended = push(programs, shell(home, *filtered(f"import os\n{cut}")), suite.command)
    assert ended.status == 3
    says(ended.stderr, "sending", str(cache(home)))
    assert files(home) == [] and not cache(home).exists()


def test_what_is_damaged_on_its_way_does_not_run(programs, suite, home, tmp_path):
    flip = ("import os, sys\nseen = 0\n"
            "while data := os.read(0, 65536):\n"
            "    seen += len(data)\n"
            "    if seen > 400000: data = bytes([data[0] ^ 1]) + data[1:]; seen = -1 << 40\n"
            "    os.write(1, data)\n")
    channel = shell(home, *filtered(flip), PATH=without(tmp_path, *PACKERS))
    ended = push(programs, channel, suite.command)
    assert not files(home), ended.stderr  # another folder got a whole one
    assert ended.status in (1, 3)
    if ended.status == 3:
        says(ended.stderr, "damaged on its way")


def test_a_machine_of_another_kind_is_told(suite, home, tmp_path):
    (tmp_path / "serve-riscv64").write_text("")
    ended = push(tmp_path, shell(home), suite.command)
    assert ended.status == 3
    says(ended.stderr, "error: cannot bring subunit-proxy to the test machine: there is no program for "
         f'"Linux {MACHINE}"', "only for riscv64", "--push-from")
    assert "the channel" not in ended.stderr


def test_without_any_program_the_folders_are_told(suite, home, tmp_path):
    ended = push(tmp_path, shell(home), suite.command)
    assert ended.status == 3
    says(ended.stderr, "serve-x86_64", str(tmp_path), "scripts/release")


def test_what_is_no_shell_is_told(programs, suite):
    ended = push(programs, ["cat"], suite.command, "--ready-timeout", "2")
    assert ended.status == 3
    says(ended.stderr, "for a shell at the other end to answer", "stdin")
    ended = push(programs, ["sh", "-c", "echo no such host >&2; exit 255"], suite.command)
    assert ended.status == 3
    says(ended.stderr, "no such host", 'the channel ended before a shell answered: "sh -c echo', "status 255",
         "printed nothing")
    greets = ["sh", "-c", r"printf '\n'; echo this account is closed; exit 1"]
    says(push(programs, greets, suite.command).stderr, 'the channel printed: "this account is closed"')


# What the server finds


def test_the_server_finds_the_surroundings_that_were_asked_for(programs, home, tmp_path):
    venv = tmp_path / "it's a venv"
    subprocess.run([support.PYTHON, "-m", "venv", "--without-pip", "--symlinks", venv], check=True)
    suite = SmallSuite(tmp_path).write(
        "self.assertEqual(os.environ['GREETING'], \"it's  $HOME\")",
        f"self.assertEqual(os.getcwd(), {str(home)!r})",
        f"self.assertEqual(sys.prefix, {str(venv)!r})",
    )
    path = f"PYTHONPATH={tmp_path}:{support.PYTHONPATH}:{':'.join(system_packages())}"
    ended = push(
        programs, shell(home), ["python3", "-m", "subunit_rpc", "small"],
        "--env", "GREETING=it's  $HOME", "--env", path, "--chdir", home, "--venv", venv,
    )
    assert (ended.status, set(ended.stream.statuses.values())) == (0, {"success"}), ended.stderr


@pytest.mark.parametrize("served", [
    ["python3", "-m", "subunit_rpc", "small"],
    ["python3", "-m", "pytest", "--subunit-rpc", "small.py"],
], ids=["unittest", "pytest"])
def test_a_python_suite_needs_python_only(programs, home, tmp_path, served):
    """Not the package subunit_rpc, nor what that uses elsewhere."""
    SmallSuite(tmp_path).write(
        "self.assertEqual(os.environ['PYTHONPATH'], 'its/own')",
        "self.assertNotIn('testtools', sys.modules)",
    )
    for once in ([], ["--push=once"]):
        ended = push(programs, shell(home, "env", "PYTHONPATH=its/own", "sh"),
                     [support.PYTHON, *served[1:]], "--chdir", tmp_path, *once)
        assert (ended.status, len(ended.stream.statuses)) == (0, 2), ended.stderr
    assert len(programs_in(home)) == 1


def system_packages():
    script = "import sys; print('\\n'.join(path for path in sys.path if 'packages' in path))"
    return subprocess.run([support.PYTHON, "-c", script], capture_output=True, text=True,
                          check=True).stdout.split()


@pytest.mark.parametrize("option, value, seen", [
    ("--chdir", "/no/such/folder", ["/no/such/folder", "--chdir", "No such file"]),
    ("--venv", "/tmp", ["--venv /tmp", "bin/python3"]),
])
def test_surroundings_that_are_not_there_are_told(programs, suite, home, option, value, seen):
    ended = push(programs, shell(home), suite.command, option, value)
    assert ended.status == 3
    says(ended.stderr, *seen)


def test_options_of_serve_stand_before_its_command(programs, suite, home):
    ended = push(programs, shell(home), ["--workers", "2", "--", *suite.command])
    assert_ran(ended, suite)


def test_testr_brings_it_too(programs, suite, home, tmp_path):
    channel = shlex.join(map(str, [*shell(home), "--", *suite.command]))
    (tmp_path / ".testr.conf").write_text(f"[DEFAULT]\nserver_command={channel}\n")
    ended = support.proxy("testr", "--push", "--push-from", programs, cwd=tmp_path)
    assert ended.status == 0, ended.stderr
    assert len(ended.stream.statuses) == 3
