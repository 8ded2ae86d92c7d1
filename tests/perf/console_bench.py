"""The console link: what it makes of a slow line, and what it costs on a fast one."""

from concurrent.futures import ThreadPoolExecutor

from console_line import RATE, base64, ours, zmodem
from measure import Bench, one_core
from report import AT_LEAST, Figure, Goal

ERRORS = (0, 1e-4, 1e-3)  # of a byte
MODES = {"armour": "armoured", "auto": "upgraded"}  # by --link
GOALS = {(0, "armour"): 0.72, (0, "auto"): 0.85, (1e-4, "armour"): 0.6, (1e-4, "auto"): 0.6}
LARGE = 65536

SOCAT = "socat, pty"
LOCAL_PEER = ["socat", "STDIO", 'EXEC:"socat STDIO TCP:127.0.0.1:@PORT",pty,raw,echo=0']

EXPLANATION = """\
Medians over {rounds} rounds; a ratio is the median of the rounds' own ratios, ours to the peer's.
A line of 115,200 baud, 11,520 bytes in a second: the share of it that is payload. Errors are drops,
doubles, flips, insertions and doubled spans, at this rate per byte. On the pty, {size:,} bytes of
random payload go through two binaries and tests/e2e/bad_line.py between them, from the first byte
sent to the last received; base64 likewise from a raw terminal; sz and rz, their start included, are
given up after four times what the line needs. A peer without a value has not survived: what it
brought was damaged, or did not come in time.
Local pty: bulk through tunnel --pty and serve, without any line in between; the peer is socat on a
pty. Pipes: the same link, forced on pipes, against packets as they are; CPU of both ends. Round
trip: client, both ends and server on one core; 100 bytes there and back.
"""


def slow_line(build, rounds, size):
    """Shares of the line's rate, a list over the rounds for each (errors, what)."""
    measured = {}
    for number in range(rounds):
        # All at once: they wait for the line nearly all the time.
        with ThreadPoolExecutor() as pool:
            running = {}
            for errors in ERRORS:
                for mode in MODES:
                    running[errors, mode] = pool.submit(ours, build, mode, errors, number, size)
                for peer in (base64, zmodem):
                    running[errors, peer] = pool.submit(peer, errors, number, size)
        for key, task in running.items():
            measured.setdefault(key, []).append(task.result() / RATE)
    return measured


def line_figures(measured):
    for errors in ERRORS:
        for mode, name in MODES.items():
            for peer in (base64, zmodem):
                values = measured[errors, peer]
                survived = all(values)
                yield Figure(
                    f"goodput, {name}, error rate {errors:g}", "share of the line",
                    measured[errors, mode],
                    peer.__name__ + ("" if survived else " -"), values if survived else [],
                    Goal(AT_LEAST, GOALS[errors, mode], False)
                    if peer is base64 and (errors, mode) in GOALS else None,
                )


def commands(binary):
    """By name, as in Relay."""
    serve = ["serve", "--connect", "127.0.0.1:@PORT"]

    def through(*options):
        link = [option for option in options if option != "--pty"]
        return [binary, "tunnel", *options, "--", binary, *serve, *link]

    return {
        "pty": through("--pty"),
        "pty, armoured": through("--pty", "--link", "armour"),
        "pipes, armoured": through("--link", "armour"),
        "raw pipes": through("--link", "raw"),
        SOCAT: LOCAL_PEER,
    }


def local_round(bench, number, measured, packets, round_trips):
    names = list(commands(bench.binary))
    turn = number % len(names)
    for name in names[turn:] + names[:turn]:
        command = commands(bench.binary)[name]
        for mode in ("to client", "to server"):
            transfer = bench.transfer_through(command, mode, LARGE, packets)
            bulk = packets * LARGE
            measured.setdefault((name, mode, "MB/s"), []).append(bulk / transfer.seconds / 1e6)
            measured.setdefault((name, mode, "CPU s/GB"), []).append(
                transfer.cpu_seconds / (bulk / 1e9)
            )
        with one_core():
            median, _ = bench.round_trips_through(command, round_trips, 1)
        measured.setdefault((name, "round trip"), []).append(median)


def local_figures(measured):
    fast = Goal(AT_LEAST, 20, False)
    for mode in ("to client", "to server"):
        for name in ("pty", "pty, armoured"):
            yield Figure(f"bulk {mode}, local {name}", "MB/s", measured[name, mode, "MB/s"],
                         SOCAT, measured[SOCAT, mode, "MB/s"], fast if name == "pty" else None)
        for unit in ("MB/s", "CPU s/GB"):
            yield Figure(f"bulk {mode}, pipes, armoured", unit,
                         measured["pipes, armoured", mode, unit],
                         "raw pipes", measured["raw pipes", mode, unit])
    for name, peer in (("pty", SOCAT), ("pipes, armoured", "raw pipes")):
        yield Figure(f"round trip, {name}, on one core", "us", measured[name, "round trip"],
                     peer, measured[peer, "round trip"])


def run(build, quick):
    """The figures, and what is to be said about them."""
    rounds, size = (1, 64 << 10) if quick else (3, 256 << 10)
    bench, local = Bench(build), {}
    on_line = slow_line(build, rounds, size)
    for number in range(rounds if quick else 5):
        local_round(bench, number, local, 1024, 500 if quick else 2000)
    explanation = EXPLANATION.format(rounds=rounds, size=size)
    return [*line_figures(on_line), *local_figures(local)], explanation
