"""The static binaries that scripts/release has built, brought by `run --push` to virtual machines of other processors.

`scripts/release --check` runs this; the folder with the binaries is in SUBUNIT_STATIC.
"""

import os
from pathlib import Path

import pytest

import support
from support import says
from test_bare_machines import SUITE, push
import vm

PART = Path(os.environ["SUBUNIT_STATIC"]) / "lib/subunit-proxy/serve-aarch64"


@pytest.fixture
def machine(tmp_path):
    made = vm.Machine(
        vm.make_initramfs(tmp_path, SUITE, kind=vm.AARCH64), tmp_path, pause=0.05, kind=vm.AARCH64
    )
    yield made
    made.close()


@pytest.mark.skipif(not PART.exists(), reason=f"there is no {PART}")
@pytest.mark.skipif(vm.why_not(vm.AARCH64) is not None, reason=vm.why_not(vm.AARCH64) or "")
def test_a_machine_with_aarch64_on_whose_console_the_kernel_talks(machine):
    """Once, and again."""
    console = ["--console-command", "true", "--baud", "0"]  # that of the machine means nothing
    first = push(machine.channel, "--console-wait", vm.PROMPT, *console, limit=10 * support.LIMIT)
    says(first.stderr, "sending the program for aarch64")
    again = push(machine.channel, *console, limit=2 * support.LIMIT)  # the prompt stands there
    says(again.stderr, "is there already")
    for ended in first, again:
        assert len(vm.kernel_lines(ended.stream.all_output("channel"))) > 3
