"""Over the serial console of a virtual machine whose kernel talks all the time."""

import re
import subprocess

import pytest

import printing
import support
from support import client
import vm

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(vm.why_not() is not None, reason=vm.why_not() or ""),
]

TESTS = 3000

ANY_KERNEL_LINE = rb"\[ *\d+\.\d{6}\] [^\n]*\r\n"


@pytest.fixture(scope="module")
def initramfs(tmp_path_factory):
    return vm.make_initramfs(tmp_path_factory.mktemp("vm"), support.BINARY, printing.SERVER)


@pytest.fixture
def machine(initramfs, tmp_path):
    made = vm.Machine(initramfs, tmp_path)
    yield made
    made.close()


def assert_whole(numbers, at_least):
    assert len(numbers) >= at_least
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_console_is_as_noisy_as_it_should_be(machine, processes):
    """The kernel prints whole lines in the middle of what a shell prints."""
    console = subprocess.Popen(
        machine.channel, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    processes.append(console)
    support.read_until(console, vm.PROMPT.encode())
    console.stdin.write(b"echo; seq 20000; echo the e''nd\n")
    seen, printed = b"", b""
    while b"the end\r\n" not in printed:
        seen += support.read_more(console)
        printed = re.sub(ANY_KERNEL_LINE, b"", seen)
    assert_whole(vm.kernel_lines(seen), 50)
    assert re.search(rb"[0-9]" + ANY_KERNEL_LINE, seen)
    numbers = printed.partition(b"\r\n\r\n")[2].split()[:20000]
    assert numbers == [b"%d" % number for number in range(1, 20001)]


def test_thousands_of_tests_are_exact_while_the_kernel_talks(machine):
    ended = client(
        "--format", "subunit", "--console-wait", vm.PROMPT,
        "--console-command", f"subunit-proxy serve -- printing_server {TESTS}",
        channel=machine.channel, limit=5 * support.LIMIT,
    )
    assert ended.status == 0, ended.stderr
    printing.assert_exact(ended.stream, TESTS)
    assert_whole(vm.kernel_lines(ended.stream.all_output("channel")), 500)
