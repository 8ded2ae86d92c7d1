"""How long the static binary for test machines takes from its start to its end, when there is nothing to do."""

import subprocess
import tempfile

from measure import Bench
from released import MACHINE, release
from report import AT_MOST, Figure, Goal

BARE = '#include <stdio.h>\nint main(void) { return puts("subunit-proxy 0") < 0; }\n'

EXPLANATION = """\
Medians over {rounds} rounds, each the median of {starts} runs of `serve-{arch} --version`; a ratio is the
median of the rounds' own ratios. The bare program is in C, prints one line, and is static too. The
binary is built as scripts/release does it.
"""


def compile_bare(path):
    subprocess.run(["cc", "-O2", "-static", "-x", "c", "-", "-o", path], input=BARE, text=True, check=True)


def run(build, quick):
    """The figures, and what is to be said about them."""
    starts, rounds = (200, 3) if quick else (500, 9)
    with tempfile.TemporaryDirectory() as directory:
        part = [release(directory), "--version"]
        bare = f"{directory}/bare"
        compile_bare(bare)
        bench = Bench(build)
        times = [(bench.exit_time(part, starts), bench.exit_time([bare], starts)) for _ in range(rounds)]
    ours, peer = map(list, zip(*times))
    figure = Figure("the static binary, start to end", "ms", ours, "bare C", peer, Goal(AT_MOST, 1.5))
    return [figure], EXPLANATION.format(rounds=rounds, starts=starts, arch=MACHINE)
