"""`run --push` onto machines that have busybox, a suite in shell, and nothing of ours: with the static program
that scripts/test has built."""

import os
from pathlib import Path

import pytest

import podman
import support
from support import client, says
import vm

SUITE = support.EXAMPLES / "with_tap" / "disk_test"
STATUSES = dict.fromkeys(["root_is_there", "temp_takes_files", "no_such_folder"], "success")

pytestmark = pytest.mark.skipif(
    "SUBUNIT_STATIC" not in os.environ,
    reason="SUBUNIT_STATIC names no folder of static programs; scripts/release makes one, and scripts/test does so",
)


def programs():
    return Path(os.environ.get("SUBUNIT_STATIC", "")) / "lib/subunit-proxy"


def push(channel, *options, **more):
    ended = client(
        "--format", "subunit", "--log-level", "info", "--push", "--push-from", programs(), *options,
        # --batch 1: with two tests in a process, output may count as that of the test before.
        channel=[*channel, "--", "--adapter", "tap", "--batch", "1", "--", SUITE.name], **more,
    )
    assert ended.status == 0, ended.stderr
    ended.stream.assert_clean()
    assert ended.stream.statuses == STATUSES
    assert b"made /" in ended.stream.output("temp_takes_files", "stdout")
    return ended


# A serial console


@pytest.fixture
def machine(tmp_path):
    made = vm.Machine(vm.make_initramfs(tmp_path, SUITE), tmp_path, pause=0.05)
    yield made
    made.close()


@pytest.mark.long
@pytest.mark.skipif(vm.why_not() is not None, reason=vm.why_not() or "")
def test_a_virtual_machine_on_whose_console_the_kernel_talks(machine):
    console = ["--console-command", "true", "--baud", "115200"]
    first = push(machine.channel, "--console-wait", vm.PROMPT, *console, limit=5 * support.LIMIT)
    says(first.stderr, "sending the program for x86_64", "takes about", "at 115200 baud")
    again = push(machine.channel, *console)  # the prompt stands there
    says(again.stderr, "is there already")
    for ended in first, again:
        assert len(vm.kernel_lines(ended.stream.all_output("channel"))) > 3


# A container


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    if podman.why_not():
        pytest.skip(podman.why_not())
    made = podman.Podman(tmp_path_factory.mktemp("podman"), bare=SUITE)
    yield made
    made.close()


def files(container):
    folders = ["/", "/tmp", "/run", "/dev/shm"]
    return set(support.result(*container.exec("find", *folders, "-xdev", "-path", "*subunit-proxy*")).text.split())


@pytest.mark.parametrize("options", [[], ["--pty"]], ids=["pipe", "terminal"])
def test_a_container_of_busybox_alone(options, container):
    container.start()
    enter = [*container.podman, "exec", *(["-it"] if options else ["-i"]), container.name]
    once = push([*enter, "sh"], "--push=once", *options)
    says(once.stderr, "sending the program")
    assert files(container) == set()
    push([*enter, "sh"], *options)
    says(push(enter, *options).stderr, "is there already")


DISKS = {
    "a root that is read-only": ["--read-only"],
    "programs cannot be started in /tmp": ["--read-only", "--tmpfs", "/tmp:rw,noexec"],
    "/tmp is full": ["--read-only", "--tmpfs", "/tmp:rw,exec,size=100k"],
}


@pytest.mark.parametrize("disk", DISKS.values(), ids=DISKS)
def test_a_container_where_few_folders_take_a_program(disk, container):
    container.start(*disk)
    enter = [*container.podman, "exec", "-i", container.name, "sh"]
    once = push(enter, "--push=once")
    assert files(container) == set()
    first, again = push(enter), push(enter)
    says(again.stderr, "is there already")
    for ended in once, first:
        taken = [line.split()[-1] for line in ended.stderr.splitlines() if "sending the program" in line]
        assert taken[-1].startswith("/tmp/" if disk == ["--read-only"] else "/run/"), taken
    assert len([path for path in files(container) if "/serve-" in path]) == 1


def test_a_container_where_no_folder_takes_a_program(container):
    container.start("--read-only", "--read-only-tmpfs=false")
    enter = [*container.podman, "exec", "-i", container.name, "sh", "--"]
    ended = client("--push", "--push-from", programs(), channel=[*enter, "--adapter", "tap", "--", SUITE.name])
    assert ended.status == 3
    says(ended.stderr, "no folder takes it", "/tmp: cannot make a folder there", "/run: cannot make a folder there",
         "/dev/shm/subunit-proxy-0: programs cannot be started there (noexec)")
    assert files(container) == set()
