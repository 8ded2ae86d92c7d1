"""The time to the first result of a machine that has nothing of ours, and of one that was brought it before."""

import gzip
from pathlib import Path
import shutil
import sys
import tempfile

from loopback_ssh import shared_connection
from project import ROOT, Project
from relay import PATIENCE
from released import release
from report import AT_MOST, Figure, Goal

BAUD = 115200
RATE = BAUD / 10  # bytes in a second
BAD_LINE = [sys.executable, ROOT / "tests/e2e/bad_line.py", "--rate", RATE]
SCP = "scp, then serve"
SUITE = """\
#!/bin/sh
if [ "$1" = --list ]; then echo tiny; exit; fi
{ echo 1..1; echo ok 1 - tiny; } >"$SUBUNIT_TAP"
"""

EXPLANATION = """\
Medians over {rounds} rounds; a ratio is the median of the rounds' own ratios, ours to the peer's. One tiny
test of a shell script; the whole life of the command that runs it counts. The program that is brought has
{size:,} bytes, {packed:,} with gzip -9. Over ssh: sshd on loopback, and a master connection that is up;
the peer's program has been copied by scp in the same time, or is there. The line of {baud:,} baud has a
shell on a terminal at its other end; its peer is the time in which it carries the packed program, in
base 64, and nothing else. Mitogen, which brings Python code to machines that have Python, publishes sizes and no
times: a command line of 600 bytes and 8 kB of source, before what the program itself imports.
"""


class Machine:
    """Where a shell finds a home of its own, which is empty at first."""

    def __init__(self, project):
        self._project = project
        self.home = project.directory / "home"
        self.suite = project.directory / "suite"
        self.suite.write_text(SUITE)
        self.shell = project.directory / "shell"
        self.shell.write_text(f"#!/bin/sh\nexport HOME='{self.home}'; unset XDG_CACHE_HOME\nexec sh\n")
        for script in (self.suite, self.shell):
            script.chmod(0o755)

    def push(self, shell, *options, patience=PATIENCE):
        """Seconds, the first time and the second."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        served = ["--adapter", "tap", "--", self.suite]
        command = [self._project.binary, "run", "--push", "--push-from", self._project.directory / "lib/subunit-proxy",
                   *options, "--", *shell, "--", *served]
        return [self._project.seconds(*command, patience=patience) for _ in range(2)]

    def scp(self, program, over_ssh):
        """The same."""
        there = self.home / "serve"
        config = self._project.directory / "client.conf"
        copy = self._project.seconds("scp", "-q", "-O", "-F", config, program, f"machine:{there}")
        command = [self._project.binary, "run", "--",
                   *over_ssh([str(there), "serve", "--adapter", "tap", "--", str(self.suite)])]
        seconds = [self._project.seconds(*command) for _ in range(2)]
        return [copy + seconds[0], seconds[1]]


def over_a_line(machine, packed):
    """Base 64 makes four bytes of three, and a line feed after 76."""
    least = packed * 4 / 3 * 77 / 76 / RATE
    first, again = machine.push([*BAD_LINE, machine.shell], "--baud", BAUD, patience=3 * least)
    name = f"over {BAUD:,} baud"
    return [
        Figure(f"the first time, {name}", "s", [first], "the line", [least], Goal(AT_MOST, 1.15)),
        Figure(f"again, {name}", "s", [again]),
    ]


def run(build, quick):
    """The figures, and what is to be said about them."""
    rounds = 3 if quick else 7
    with tempfile.TemporaryDirectory() as directory, shared_connection(directory) as over_ssh:
        project = Project(directory, build, [])
        program = release(project.directory)
        machine = Machine(project)
        pushed, copied = [], []
        for _ in range(rounds):
            pushed.append(machine.push(over_ssh([str(machine.shell)])))
            copied.append(machine.scp(program, over_ssh))
        (first, again), (first_copied, again_copied) = zip(*pushed), zip(*copied)
        figures = [
            Figure("the first time, over ssh", "s", list(first), SCP, list(first_copied), Goal(AT_MOST, 1.25)),
            Figure("again, over ssh", "s", list(again), "serve", list(again_copied), Goal(AT_MOST, 1.5)),
        ]
        content = Path(program).read_bytes()
        packed = len(gzip.compress(content, 9))
        figures += over_a_line(machine, packed)
        explanation = EXPLANATION.format(rounds=rounds, size=len(content), packed=packed, baud=BAUD)
    return figures, explanation
