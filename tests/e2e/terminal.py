"""A terminal to show things on, and the outputs of a run to show."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from typing import Callable, List
import unicodedata

import support

DRIVER = str(Path(support.BINARY).resolve().parents[1] / "tests/output_driver")


class Screen:
    """What a terminal shows of bytes that came. It knows no more than a status line needs, and
    takes everything else for a mistake. `wrapped` counts lines that went on in the next row, and
    `widest` is the last column that was ever written to."""

    SEQUENCE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: List[List[str]] = [[]]
        self.row = self.column = 0
        self.wrapped = self.widest = 0
        self.colors = set()

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            found = self.SEQUENCE.match(text, at)
            if found:
                self._obey(*found.groups())
                at = found.end()
            else:
                self._put(text[at])
                at += 1

    def _obey(self, arguments: str, command: str) -> None:
        if command == "m":
            self.colors.add(arguments)
            return
        assert command in "JK" and not arguments, f"a sequence of its own: {arguments}{command}"
        del self.rows[self.row][self.column :]
        if command == "J":
            del self.rows[self.row + 1 :]

    def _put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._next_row()
        elif unicodedata.combining(character):
            self.rows[self.row][self.column - 1] += character
        else:
            assert unicodedata.category(character)[0] != "C", f"{character!r} on the screen"
            wide = unicodedata.east_asian_width(character) in "WF"
            if self.column + 1 + wide > self.columns:
                self.wrapped += 1
                self.column = 0
                self._next_row()
            cells = self.rows[self.row]
            cells.extend(" " * (self.column - len(cells)))
            cells[self.column : self.column + 1 + wide] = [character, ""] if wide else [character]
            self.column += 1 + wide
            self.widest = max(self.widest, self.column)

    def _next_row(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])

    def resize(self, columns: int) -> None:
        """Lines that have no room any more are wrapped, and the cursor stays on its character."""
        rows, row, column = [], 0, 0
        for number, cells in enumerate(self.rows):
            if number == self.row:
                row, column = len(rows) + self.column // columns, self.column % columns
            pieces = [cells[i : i + columns] for i in range(0, max(len(cells), 1), columns)]
            rows += pieces
        self.rows, self.row, self.column, self.columns = rows, row, column, columns

    @property
    def lines(self) -> List[str]:
        """The rows that are not empty."""
        return [line for line in ("".join(cells).rstrip() for cells in self.rows) if line]


class Terminal:
    """A pseudo-terminal, and what is on its screen."""

    def __init__(self, columns: int) -> None:
        self.fd, self.child_side = pty.openpty()
        self._set_size(columns)
        self.screen = Screen(columns)
        self.shown = ""  # everything, as it came
        self._rest = b""

    def start(self, command, on_terminal=("stderr",), **options) -> subprocess.Popen:
        """Starts a process that has the terminal as these of its files, and pipes else. It is the
        only one: what is shown ends with it."""
        files = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        files.update(dict.fromkeys(on_terminal, self.child_side))
        process = subprocess.Popen(list(map(str, command)), **files, **options)
        os.close(self.child_side)
        return process

    def _set_size(self, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def resize(self, columns: int, process: subprocess.Popen) -> None:
        self.read()
        self._set_size(columns)
        self.screen.resize(columns)
        os.kill(process.pid, signal.SIGWINCH)  # a terminal does so for its own session

    def read(self) -> bool:
        """Shows what has come; False at its end."""
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # EIO: nobody has the other side any more
                return False
            text = (self._rest + data).decode("utf-8", "surrogateescape")
            end = len(text)
            while end > 0 and "\udc80" <= text[end - 1] <= "\udcff":
                end -= 1  # a character that is cut
            begun = text.rfind("\x1b", 0, end)
            if begun >= 0 and not Screen.SEQUENCE.match(text, begun):
                end = begun
            self._rest = text[end:].encode("utf-8", "surrogateescape")
            self.shown += text[:end]
            self.screen.feed(text[:end])
        return True

    def wait(self, condition: Callable[[Screen], object], what: str) -> object:
        """Until something on the screen is so; what stands on no line is no line."""

        def reached():
            self.read()
            return self.screen.lines and condition(self.screen)

        try:
            return support.wait_until(reached, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen: {self.screen.lines}") from None

    def read_all(self) -> None:
        support.wait_until(lambda: not self.read(), "the end of what is shown")
        os.close(self.fd)

    @property
    def redraws(self) -> int:
        return self.shown.count("\x1b[J")


class Driver(Terminal):
    """The outputs of a run, on a terminal. `tell()` says what happens in the run."""

    def __init__(self, *arguments: str, columns=80, on_terminal=("stderr",), **settings) -> None:
        super().__init__(columns)
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        environment.update({"TERM": "xterm", "LC_ALL": "C.UTF-8", **settings})
        self.process = self.start([DRIVER, *arguments], on_terminal, env=environment)

    def tell(self, **order: object) -> None:
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def begin(self, test_id: str, worker: int = 0, **fields) -> None:
        self.tell(id=test_id, status=2, worker=worker, **fields)

    def end(self, test_id: str, worker: int = 0, status: int = 3, **fields) -> None:
        self.tell(id=test_id, status=status, worker=worker, **fields)

    def finish(self, completed: bool = True) -> support.Finished:
        """Ends the run, and takes in all that comes until its end."""
        self.tell(finish=completed)
        self.read_all()
        return support.finish(self.process)
