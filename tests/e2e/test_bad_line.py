"""Between the two real ends of the console link: a line that harms what passes."""

import json
import re

import pytest

from line_harm import KernelLines
import printing
import support
from support import BAD_LINE, client, says, serving

TESTS = 2000


def run(*line, client_options=(), limit=5 * support.LIMIT):
    """Through a line with these options."""
    channel = [*BAD_LINE, *map(str, line), "--", *serving(printing.SERVER, TESTS)]
    return client("--format", "subunit", *client_options, channel=channel, limit=limit)


LINES = {
    "nothing but errors": [],
    "echo, and lines are wrapped": ["--echo", "--wrap", "80"],
    "seven bits and no flow control": ["--seven-bit", "--swallow-flow"],
    "a kernel that talks": ["--kernel-lines", "3000"],
    "all of it": ["--echo", "--wrap", "80", "--seven-bit", "--swallow-flow", "--kernel-lines", "3000"],
}


SEEDS = pytest.mark.parametrize("seed", support.SEEDS)


@pytest.mark.parametrize("rate", ["1e-4", "1e-3"])
@pytest.mark.parametrize("harm", LINES.values(), ids=LINES)
@SEEDS
def test_results_are_exact_although_bytes_are_harmed(rate, harm, seed, tmp_path):
    stats = tmp_path / "stats"
    ended = run("--errors", rate, "--seed", seed, *harm, "--stats", stats)
    assert ended.status == 0, ended.stderr
    printing.assert_exact(ended.stream, TESTS)
    done = json.loads(stats.read_text())
    assert sum(done["errors"]["out"].values()) >= 3  # or it was no bad line
    lines = kernel_lines(ended.stream)
    assert lines == list(range(1, len(lines) + 1))
    # The last ones may have come when nobody listened any more.
    assert done["kernel_lines"] - 2 <= len(lines) <= done["kernel_lines"]


@pytest.mark.parametrize("burst", [4, 60])
@SEEDS
def test_results_are_exact_although_errors_come_in_bursts(burst, seed):
    ended = run("--errors", "1e-3", "--seed", seed, "--burst", burst)
    assert ended.status == 0, ended.stderr
    printing.assert_exact(ended.stream, TESTS)


def test_results_are_exact_on_a_slow_line_with_errors():
    ended = run(
        "--errors", "1e-3", "--rate", "11520", "--delay", "0.05", client_options=["--baud", "115200"]
    )
    assert ended.status == 0, ended.stderr
    printing.assert_exact(ended.stream, TESTS)


@pytest.mark.long
@pytest.mark.parametrize("after", [4000, 60000])
def test_a_line_that_is_cut_is_an_error_in_bounded_time(after):
    ended = run("--cut-after", after)
    assert ended.status == 3
    says(ended.stderr, "channel", ("30 s", "nothing has come", "silent"))
    assert ended.seconds < support.LIMIT


def kernel_lines(stream):
    noise = stream.all_output("channel")
    return [int(line[1]) for line in re.finditer(KernelLines.PATTERN, noise)]
