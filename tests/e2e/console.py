"""A terminal for `serve` to run on, as a container or a board has one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
import select
import subprocess
import termios
from typing import List, Sequence

import support

RELAY = [support.PYTHON, str(Path(__file__).with_name("console_relay.py"))]


def on_new_console(*command: str) -> List[str]:
    """A channel: the command on a terminal in its usual mode, which echoes, maps and edits."""
    return [*RELAY, "new", *map(str, command)]


class Console:
    """A terminal in its usual mode. The test has both sides of it."""

    def __init__(self) -> None:
        self.fd, self.side = os.openpty()
        self.before = self.mode()

    def mode(self) -> list:
        return termios.tcgetattr(self.side)

    def is_raw(self) -> bool:
        iflag, oflag, _, lflag = self.mode()[:4]
        cooked = termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN
        mapped = termios.ICRNL | termios.INLCR | termios.IXON | termios.IXOFF | termios.ISTRIP
        return not (lflag & cooked or oflag & termios.OPOST or iflag & mapped)

    def start(self, command: Sequence[str], **options) -> subprocess.Popen:
        """Starts a process that the terminal controls, with it as stdin and stdout, and stderr
        unless said otherwise."""
        files = dict.fromkeys(("stdin", "stdout", "stderr"), self.side)
        take = lambda: fcntl.ioctl(self.side, termios.TIOCSCTTY)  # noqa: E731
        options = {**files, "start_new_session": True, "preexec_fn": take, **options}
        return subprocess.Popen(list(map(str, command)), **options)

    def channel(self) -> List[str]:
        """A channel to the terminal; see run()."""
        return [*RELAY, str(self.fd)]

    def run(self, *arguments: str, **options) -> support.Finished:
        return support.client(*arguments, channel=self.channel(), pass_fds=[self.fd], **options)

    def read(self) -> bytes:
        """What it shows now."""
        data = b""
        while select.select([self.fd], [], [], 0)[0]:
            data += os.read(self.fd, 65536)
        return data

    def read_until(self, wanted: bytes) -> bytes:
        data = b""

        def seen():
            nonlocal data
            data += self.read()
            return wanted in data

        support.wait_until(seen, f"{wanted!r} on the console")
        return data

    def close(self) -> None:
        os.close(self.fd)
        os.close(self.side)
