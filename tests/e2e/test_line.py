"""The bad line itself: it is as bad as it says, and otherwise good."""

import json
import random
import re
import subprocess
import time

import pytest

from line_harm import KINDS, Cut, Errors, KernelLines, Wrap
import support

ALL_BYTES = bytes(range(256))
RAW_CAT = ["sh", "-c", "stty raw -echo; echo ready; exec cat"]


def text_of(size):
    return random.Random(1).randbytes(size)


def pieces_of(data, seed):
    chance, at = random.Random(seed), 0
    while at < len(data):
        size = chance.choice((1, 2, 50, 5000))
        yield data[at : at + size]
        at += size


# What the stages do


@pytest.mark.parametrize(
    "stage",
    [lambda: Errors(0.01, 1, "x"), lambda: Errors(0.02, 9, "x"), lambda: Wrap(80),
     lambda: KernelLines(300), lambda: Cut(9000)],
    ids=["errors", "bursts", "wrap", "kernel", "cut"],
)
def test_what_a_stage_does_does_not_depend_on_how_bytes_are_cut(stage):
    data = text_of(20000)
    whole = stage()(data)
    in_pieces = stage()
    assert b"".join(map(in_pieces, pieces_of(data, 2))) == whole != data


@pytest.mark.parametrize("burst", [1, 10])
def test_as_many_bytes_are_harmed_as_was_asked_for(burst):
    errors = Errors(0.01, burst, "seed")
    errors(text_of(1_000_000))
    counts = dict(errors.counts)
    spans = counts["span"] * (burst + 1) / 2  # a span is one error, whatever a burst is
    assert sum(counts.values()) - counts["span"] + spans == pytest.approx(10_000, rel=0.1)
    assert set(counts) == set(KINDS) and min(counts.values()) > 200


def test_another_seed_is_other_errors_and_no_rate_is_none():
    data = text_of(20000)
    assert Errors(0.01, 1, "1")(data) != Errors(0.01, 1, "2")(data)
    assert Errors(0, 1, "1")(data) == data


def test_lines_are_wrapped_and_keep_their_ends():
    assert Wrap(5)(b"12345\r\n1234567\n\n123456789012\rx") == (
        b"12345\r\n12345\r\n67\n\n12345\r\n67890\r\n12\rx"
    )


def test_kernel_lines_are_whole_and_stand_everywhere():
    kernel = KernelLines(10)
    out = kernel(b"." * 95)
    lines = list(re.finditer(KernelLines.PATTERN, out))
    assert [int(line[1]) for line in lines] == list(range(1, 10)) and kernel.count == 9
    assert re.sub(KernelLines.PATTERN, b"", out) == b"." * 95
    assert re.split(KernelLines.PATTERN, out)[::2] == 9 * [b"." * 10] + [b"." * 5]


# The program


@pytest.fixture
def line(processes, tmp_path):
    """Starts it, with `cat` on a raw terminal at its other end, which has said so."""

    def start(*options, command=RAW_CAT, until=b"ready\n"):
        process = subprocess.Popen(
            [*support.BAD_LINE, "--stats", tmp_path / "stats", *map(str, options), "--", *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )
        processes.append(process)
        if until:
            assert support.read_until(process, until) == until
        return process

    return start


def send(process, data, size):
    """Sends it, and returns the next `size` bytes that come."""
    process.stdin.write(data)
    got = b""
    while len(got) < size:
        got += support.read_more(process)
    return got


def statistics(process, tmp_path):
    process.stdin.close()
    process.wait(support.LIMIT)
    return json.loads((tmp_path / "stats").read_text())


def test_a_good_line_changes_nothing(line, tmp_path):
    process = line()
    assert send(process, ALL_BYTES, 256) == ALL_BYTES
    stats = statistics(process, tmp_path)
    assert stats["bytes"] == {"in": 256, "out": 262}
    assert sum(map(sum, (errors.values() for errors in stats["errors"].values()))) == 0


def test_a_terminal_that_nobody_set_raw_is_none(line):
    process = line(command=["sh", "-c", "echo ready; exec cat"], until=b"ready\r\n")
    assert send(process, b"hello\n", 14) == b"hello\r\nhello\r\n"


def test_the_top_bit_and_flow_control_are_lost(line):
    process = line("--seven-bit", "--swallow-flow")
    passed = bytes(byte & 0x7F for byte in range(256)).replace(b"\x11", b"").replace(b"\x13", b"")
    assert send(process, ALL_BYTES, len(passed)) == passed


def test_what_goes_in_comes_back(line):
    process = line("--echo")
    assert send(process, b"hello\n", 13) in (b"hello\r\nhello\n", b"hello\nhello\r\n")


def test_errors_come_both_ways_and_are_counted(line, tmp_path):
    process = line("--errors", "0.01", "--kernel-lines", "1000", until=None)
    support.read_until(process, b"y")
    data = text_of(3000)
    assert send(process, data, 2500) != data
    stats = statistics(process, tmp_path)
    for direction in "in", "out":
        assert 10 < sum(stats["errors"][direction].values()) < 60
    assert stats["kernel_lines"] >= 2


def test_a_cut_line_is_silent_and_has_no_end(line):
    process = line("--cut-after", "106")
    assert send(process, text_of(50), 50) == text_of(50)
    for _ in range(3):
        process.stdin.write(text_of(1 << 16))  # it is taken as if there were somebody
    assert not support.select.select([process.stdout], [], [], 0.3)[0]
    assert process.poll() is None


def test_a_rate_is_kept_and_a_delay_comes_on_top(line):
    process = line("--rate", "20000", "--delay", "0.2")
    start = time.monotonic()
    assert send(process, text_of(10000), 10000) == text_of(10000)
    took = time.monotonic() - start
    # In and out at once: the last slice goes out when it has come in.
    assert 0.5 + 2 * 0.2 <= took


def test_it_ends_with_its_command_and_what_that_wrote_has_come(line):
    process = line("--rate", "50000", command=["sh", "-c", "seq 2000; exit 7"], until=None)
    written = process.stdout.read()
    assert written.split() == [b"%d" % number for number in range(1, 2001)]
    assert process.wait(support.LIMIT) == 7


def test_it_ends_although_somebody_else_has_the_terminal(line):
    command = ["sh", "-c", "trap '' HUP; sleep 300 & echo here; exit 7"]
    process = line(command=command, until=b"here\r\n")
    assert process.wait(support.LIMIT) == 7
    support.stop(support.find_process("sleep 300"))


@pytest.mark.parametrize("end", ["stdin", "stdout", "terminate", "kill"])
def test_the_command_is_hung_up_when_the_line_ends(line, end):
    process = line()
    if end in ("terminate", "kill"):
        getattr(process, end)()
    else:
        if end == "stdout":
            process.stdin.write(b"x")
        getattr(process, end).close()
        if end == "stdout":
            process.stdin.write(b"x")
    process.wait(support.LIMIT)
    support.wait_until(lambda: not support.running("cat"), "the end of its command")
