"""What a relay through the proxy costs beside socat, and the codec beside python-subunit."""

import os
import sys
import tempfile

from measure import Bench, one_core
from relay import OURS, SOCAT, TUNED
from report import AT_LEAST, AT_MOST, BELOW, Figure, Goal

SMALL = 100  # as in tests/perf/packets.h
LARGE = 65536
GB = 1e9

EXPLANATION = """\
Medians over {rounds} rounds; a ratio is the median of the rounds' own ratios, ours to the peer's.
Relays: packets go source -> relay -> sink, one side a pipe of 1 MiB, the other loopback TCP; the
sink checks every CRC. The socats copy one way (-u). CPU is the relay's whole life, start included.
Round trip: client, relay, server on one core; 100 bytes there and back.
Start: to serve's Ready packet, against socat's first byte from a server that speaks at once; then
the same byte through both. Decoding means fields, UTF-8 and CRC, of 74-byte packets with
timestamps, in memory; both codecs are measured in seconds of CPU time.
Several writes: 3 packets, a write each, answered by 3; the longest of 500 (socat: of {socat_stalls}).
"""


class Sizes:
    def __init__(self, quick):
        self.rounds = 3 if quick else 7
        self.large_packets = 2048 if quick else 8192
        self.small_packets = 500_000 if quick else 2_000_000
        self.round_trips = 1000 if quick else 4000
        self.starts = 5 if quick else 15
        self.codec_packets = 40_000 if quick else 100_000
        self.stall_requests = 500
        self.socat_stalls = 10  # a request may take it 44 ms


class Rounds:
    """What was measured: a list over the rounds for each kind of measurement and each program."""

    def __init__(self):
        self.values = {}

    def take(self, round_number, kind, programs, measure):
        """In another order each round, so that none profits from its place."""
        turn = round_number % len(programs)
        for program in programs[turn:] + programs[:turn]:
            self.values.setdefault((kind, program), []).append(measure(program))

    def get(self, kind, program, convert=lambda value: value):
        return [convert(value) for value in self.values[kind, program]]


def run_round(bench, number, rounds, sizes, packets):
    for mode in ("to client", "to server"):
        rounds.take(
            number,
            f"bulk {mode}",
            [OURS, SOCAT, TUNED],
            lambda name: bench.transfer(name, mode, LARGE, sizes.large_packets),
        )
        rounds.take(
            number,
            f"small {mode}",
            [OURS, SOCAT],
            lambda name: bench.transfer(name, mode, SMALL, sizes.small_packets),
        )
    with one_core():
        rounds.take(
            number,
            "round trip",
            [OURS, SOCAT],
            lambda name: bench.round_trips(name, sizes.round_trips, 1)[0],
        )
    starts = {"ready": '"Ready"', "first byte": "first-byte"}
    for kind, text in starts.items():
        rounds.take(
            number,
            kind,
            [OURS, SOCAT],
            lambda name: bench.start_time(
                name, text if name == OURS else "first-byte", sizes.starts
            ),
        )
    for task in ("decode", "encode"):
        rounds.take(
            number,
            task,
            ["ours", "python-subunit"],
            lambda name: (bench.codec_rate if name == "ours" else bench.python_codec_rate)(
                task, packets
            ),
        )
    rounds.take(
        number,
        "stall",
        [OURS, SOCAT],
        lambda name: bench.round_trips(
            name, sizes.stall_requests if name == OURS else sizes.socat_stalls, 3
        )[1],
    )


def figures(rounds, sizes):
    large_gb = sizes.large_packets * LARGE / GB
    bulk_rate = lambda transfer: large_gb / transfer.seconds
    bulk_cpu = lambda transfer: transfer.cpu_seconds / large_gb
    small_rate = lambda transfer: sizes.small_packets / transfer.seconds / 1e6

    def against(name, unit, kind, peer, goal=None, convert=lambda value: value):
        ours = "ours" if peer == "python-subunit" else OURS
        return Figure(
            name, unit, rounds.get(kind, ours, convert), peer, rounds.get(kind, peer, convert), goal
        )

    for mode in ("to client", "to server"):
        bulk = f"bulk {mode}"
        yield against(bulk, "GB/s", bulk, SOCAT, Goal(AT_LEAST, 2), bulk_rate)
        yield against(bulk, "GB/s", bulk, TUNED, Goal(AT_LEAST, 0.85), bulk_rate)
        yield against(bulk, "CPU s/GB", bulk, SOCAT, Goal(AT_MOST, 0.5), bulk_cpu)
        yield against(bulk, "CPU s/GB", bulk, TUNED, None, bulk_cpu)
    for mode in ("to client", "to server"):
        small = f"small {mode}"
        yield against(f"100-byte packets {mode}", "million/s", small, SOCAT, None, small_rate)
    yield against("round trip on one core", "us", "round trip", SOCAT, Goal(AT_MOST, 0.9))
    yield against("start to Ready", "ms", "ready", SOCAT, Goal(AT_MOST, 1))
    yield against("start to the server's first byte", "ms", "first byte", SOCAT)
    transfers = [
        rounds.get(f"{size} {mode}", OURS, lambda transfer: transfer.peak_memory)
        for size in ("bulk", "small")
        for mode in ("to client", "to server")
    ]
    peaks = [max(peaks) for peaks in zip(*transfers)]
    yield Figure(
        "peak memory of serve, the most seen", "MiB", peaks, goal=Goal(BELOW, 8, False), combine=max
    )
    million = lambda rate: rate / 1e6
    yield against("decoding", "million/s", "decode", "python-subunit", Goal(AT_LEAST, 80), million)
    yield against("encoding", "million/s", "encode", "python-subunit", None, million)
    milliseconds = lambda microseconds: microseconds / 1000
    yield against(
        "longest round trip of several writes", "ms", "stall", SOCAT, Goal(BELOW, 40, False),
        milliseconds,
    )


def run(build, quick):
    """The figures, and what is to be said about them."""
    bench = Bench(build)
    sizes = Sizes(quick)
    rounds = Rounds()
    with tempfile.TemporaryDirectory() as directory:
        packets = os.path.join(directory, "packets")
        bench.make_packets(packets, sizes.codec_packets)
        for number in range(sizes.rounds):
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {sizes.rounds} ", end="", file=sys.stderr, flush=True)
            run_round(bench, number, rounds, sizes, packets)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    explanation = EXPLANATION.format(rounds=sizes.rounds, socat_stalls=sizes.socat_stalls)
    return list(figures(rounds, sizes)), explanation
