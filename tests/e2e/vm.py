"""Virtual machines with a serial console on which their kernel talks all the time."""

from dataclasses import dataclass
from pathlib import Path
import re
import shutil
import subprocess

import support

SCRIPTS = support.ROOT / "tests/vm"
IMAGES = support.ROOT / "build-vm"  # scripts/setup puts them there


@dataclass(frozen=True)
class Kind:
    """Of a machine: how qemu makes it, and what runs there."""

    qemu: tuple
    kernel: Path
    busybox: str
    terminal: str  # its serial console
    purpose: str  # of scripts/setup, which gets the kernel


X86_64 = Kind(("qemu-system-x86_64",), IMAGES / "vmlinuz", "busybox", "ttyS0", "test")
AARCH64 = Kind(
    ("qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a53"), IMAGES / "aarch64/vmlinuz",
    str(IMAGES / "aarch64/busybox"), "ttyAMA0", "emulators",
)

PROMPT = r"/tmp # "
KERNEL_LINE = re.compile(rb"\[ *\d+\.\d{6}\] vm: kernel line (\d+) of this console\r\n")


def why_not(kind: Kind = X86_64):
    for program in kind.qemu[0], "busybox", "socat", "setpriv":
        if not shutil.which(program):
            return f"{program} is not installed"
    return None if kind.kernel.exists() else f"there is no kernel: scripts/setup {kind.purpose} gets it"


def make_initramfs(directory: Path, *programs, kind: Kind = X86_64) -> Path:
    file = directory / "initramfs"
    subprocess.run([SCRIPTS / "make_initramfs", file, shutil.which(kind.busybox), *programs], check=True)
    return file


class Machine:
    """It boots when somebody connects to its console, and so sees all of it."""

    def __init__(self, initramfs: Path, directory: Path, pause: float = 0.001, kind: Kind = X86_64) -> None:
        self.console = directory / "console"
        self._log = directory / "qemu"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    # Whatever becomes of us, it ends.
                    "setpriv", "--pdeathsig", "KILL", "--",
                    *kind.qemu, "-accel", "tcg", "-m", "256", "-display", "none", "-no-reboot",
                    "-nodefaults", "-no-user-config",
                    "-serial", f"unix:{self.console},server=on,wait=on",
                    "-kernel", kind.kernel, "-initrd", initramfs, "-append",
                    f"console={kind.terminal},115200 terminal={kind.terminal} printk.devkmsg=on loglevel=8 panic=-1 "
                    f"pause={pause}",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )

        def up():
            assert self.process.poll() is None, self._log.read_text()
            return self.console.exists()

        support.wait_until(up, "the machine's console")

    @property
    def channel(self) -> list:
        return ["socat", "-", f"UNIX-CONNECT:{self.console}"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def kernel_lines(noise: bytes) -> list:
    """The numbers of those that stand there whole."""
    return [int(line[1]) for line in KERNEL_LINE.finditer(noise)]
