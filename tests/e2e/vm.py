"""A virtual machine with a serial console on which its kernel talks all the time."""

from pathlib import Path
import re
import shutil
import subprocess

import printing
import support

KERNEL = support.ROOT / "build-vm/vmlinuz"  # scripts/setup test puts it there
SCRIPTS = support.ROOT / "tests/vm"
QEMU = "qemu-system-x86_64"

PROMPT = r"/tmp # "
KERNEL_LINE = re.compile(rb"\[ *\d+\.\d{6}\] vm: kernel line (\d+) of this console\r\n")


def why_not():
    for program in QEMU, "busybox", "socat", "setpriv":
        if not shutil.which(program):
            return f"{program} is not installed"
    return None if KERNEL.exists() else "there is no kernel: scripts/setup test gets it"


def make_initramfs(directory: Path) -> Path:
    file = directory / "initramfs"
    subprocess.run([SCRIPTS / "make_initramfs", file, support.BINARY, printing.SERVER], check=True)
    return file


class Machine:
    """It boots when somebody connects to its console, and so sees all of it."""

    def __init__(self, initramfs: Path, directory: Path) -> None:
        self.console = directory / "console"
        self._log = directory / "qemu"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    # Whatever becomes of us, it ends.
                    "setpriv", "--pdeathsig", "KILL", "--",
                    QEMU, "-accel", "tcg", "-m", "256", "-display", "none", "-no-reboot",
                    "-nodefaults", "-no-user-config",
                    "-serial", f"unix:{self.console},server=on,wait=on",
                    "-kernel", KERNEL, "-initrd", initramfs,
                    "-append", "console=ttyS0,115200 printk.devkmsg=on loglevel=8 panic=-1",
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
