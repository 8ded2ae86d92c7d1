"""How long a build takes, from an empty folder and after a change, and how large the binary is."""

import os
from pathlib import Path
import resource
import subprocess
import tempfile
import time
from typing import NamedTuple

from report import AT_MOST, Figure, Goal

ROOT = Path(__file__).resolve().parents[2]
BINARY = "proxy/subunit-proxy"
CHANGED = f"{BINARY}.p/client_run.cc.o"  # as if its file, one of the usual size, had been changed
SANITIZERS = ["--native-file", str(ROOT / "tests/sanitizers.ini")]
SHOWN = 8  # of the files that take longest

EXPLANATION = """\
Each build is one of its own, with configuration, without a cache of compiled files, on {cores} cores.
The goals are for two idle ones. CPU seconds are of the compilers and linkers. {files} files were compiled
for the whole; those that took longest, with the others beside them:
{longest}
"""


class Spent(NamedTuple):
    seconds: float
    cpu_seconds: float


def spend(*commands, **environment):
    """Runs commands one after the other."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    for command in commands:
        done = subprocess.run(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "CCACHE_DISABLE": "1", **environment},
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command} failed:\n{done.stdout[-4000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(time.monotonic() - start, cpu)


def build(folder, *targets, options=(), compiler="g++"):
    return spend(
        ["meson", "setup", folder, ROOT, *options], ["ninja", "-C", folder, *targets], CXX=compiler
    )


def compiled(folder):
    """Seconds and names of the files that were compiled, those that took longest first."""
    lines = (folder / ".ninja_log").read_text().splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return sorted(
        ((int(end) - int(start)) / 1000, output.replace(".p/", ": ").removesuffix(".o"))
        for start, end, _, output, _ in rows
        if output.endswith((".o", ".gch"))
    )[::-1]


def figures(name, spent, goal):
    return [
        Figure(name, "s", [spent.seconds], goal=Goal(AT_MOST, goal, on_ratio=False)),
        Figure(name, "CPU s", [spent.cpu_seconds]),
    ]


def run(_, quick):
    result = []
    with tempfile.TemporaryDirectory(prefix="subunit-proxy-build-") as name:
        temporary = Path(name)
        alone = temporary / "binary"
        result += figures("binary alone", build(alone, BINARY, options=["-Dtests=false"]), 60)
        (alone / CHANGED).unlink()
        changed = spend(["ninja", "-C", alone, BINARY])
        result += figures("binary after a change of one file", changed, 8)
        spend(["strip", "-o", temporary / "stripped", alone / BINARY])
        size = (temporary / "stripped").stat().st_size / 1e6
        goal = Goal(AT_MOST, 2.5, on_ratio=False)
        result.append(Figure("binary, stripped", "MB", [size], goal=goal))
        all_of_it = alone
        if not quick:
            all_of_it = temporary / "all"
            result += figures("everything with gcc", build(all_of_it), 150)
            sanitized = build(temporary / "sanitized", options=SANITIZERS, compiler="clang++")
            result += figures("everything with clang and sanitizers", sanitized, 180)
        files = compiled(all_of_it)
    longest = "\n".join(f"  {seconds:5.1f} s  {file}" for seconds, file in files[:SHOWN])
    return result, EXPLANATION.format(cores=os.cpu_count(), files=len(files), longest=longest)
