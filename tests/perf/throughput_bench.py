"""100,000 tests of a server that does nothing else, through the whole chain: run, serve, server."""

import contextlib
import os
import subprocess
import tempfile
import time
from typing import NamedTuple

from relay import PATIENCE
from report import AT_LEAST, Figure, Goal

TESTS = 100_000
SERVERS = (1, 4)
LOOK_EVERY = 0.005  # seconds
MIB = 1 << 20

EXPLANATION = """\
Medians over {rounds} rounds of {tests:,} tests, from the start of the client to its end: it lists them,
runs them, and writes their results as subunit to a file. A verdict is a start, an end, and what goes
with them. The servers, in C++, answer as fast as they can. CPU and peak memory are of the client's
and the proxy's own process, as last seen before they end.
"""


class Usage(NamedTuple):
    peak_memory: float  # bytes
    cpu: float  # seconds

    @staticmethod
    def of(pid):
        """Raises OSError or LookupError if that process has ended."""
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.split(":", 1) for line in file)
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return Usage(int(status["VmHWM"].split()[0]) * 1024, ticks / os.sysconf("SC_CLK_TCK"))


class Measured(NamedTuple):
    seconds: float
    client: Usage
    proxy: Usage


def proxy_of(client):
    """The pid of the proxy, which is the client's only child."""
    with open(f"/proc/{client}/task/{client}/children") as file:
        return int(file.read().split()[0])


def measure(build, servers, directory):
    binary = str(build / "proxy/subunit-proxy")
    workers = ["--workers", str(servers)] if servers > 1 else []
    server = [str(build / "tests/perf/null_server"), str(TESTS)]
    command = [binary, "run", "--format", "subunit", "--", binary, "serve", *workers, "--", *server]
    client = proxy = Usage(0, 0)
    with open(os.path.join(directory, "results"), "wb") as results:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=results)
        try:
            while time.perf_counter() < start + PATIENCE:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_EVERY)
                    break
                with contextlib.suppress(OSError, LookupError):
                    client = Usage.of(process.pid)
                    proxy = Usage.of(proxy_of(process.pid))
            seconds = time.perf_counter() - start
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"{command}: status {process.returncode} after {seconds:.1f} s")
    return Measured(seconds, client, proxy)


def figures(servers, measured):
    name = "1 server" if servers == 1 else f"{servers} servers"
    of_all = lambda value: [value(one) for one in measured]
    yield Figure(f"verdicts, {name}", "1000/s", of_all(lambda one: TESTS / one.seconds / 1000),
                 goal=Goal(AT_LEAST, 50, False))
    yield Figure(f"{TESTS:,} tests, {name}", "s", of_all(lambda one: one.seconds))
    for process in ("client", "proxy"):
        used = of_all(lambda one: getattr(one, process))
        yield Figure(f"CPU of the {process}, {name}", "us/verdict",
                     [usage.cpu / TESTS * 1e6 for usage in used])
        yield Figure(f"peak memory of the {process}, {name}", "MiB",
                     [usage.peak_memory / MIB for usage in used])


def run(build, quick):
    """The figures, and what is to be said about them."""
    rounds = 3 if quick else 7
    measured = {servers: [] for servers in SERVERS}
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(rounds):
            for servers, values in measured.items():
                values.append(measure(build, servers, directory))
    explanation = EXPLANATION.format(rounds=rounds, tests=TESTS)
    return [figure for item in measured.items() for figure in figures(*item)], explanation
