"""One measurement each, of one relay or codec. Whoever calls repeats and compares."""

import contextlib
import os
import subprocess
from typing import NamedTuple

from relay import PATIENCE, commands, read_line, running


class Transfer(NamedTuple):
    seconds: float
    cpu_seconds: float  # of the relay, start and end included
    peak_memory: float  # of the relay, MiB


class Bench:
    """`build`: a build directory that has the binary and the programs of tests/perf."""

    def __init__(self, build):
        self.binary = str(build / "proxy/subunit-proxy")
        self.programs = build / "tests/perf"

    def transfer(self, relay_name, mode, size, count):
        """`count` packets of `size` bytes, each one's CRC checked where it arrives."""
        return self.transfer_through(commands(self.binary, mode)[relay_name], mode, size, count)

    def transfer_through(self, command, mode, size, count):
        with running(command) as relay:
            source_end, sink_end = (
                (relay.connection, relay.stdout)
                if mode == "to client"
                else (relay.stdin, relay.connection)
            )
            sink = relay.helper(self.programs / "packet_sink", size, count, stdin=sink_end)
            relay.helper(self.programs / "packet_source", size, count, stdout=source_end)
            seconds = float(read_line(sink.stdout, f"{command}, {mode}"))
            peak_memory = relay.peak_memory()
            return Transfer(seconds, relay.finish(), peak_memory)

    def round_trips(self, relay_name, count, packets):
        """Median and longest time, in microseconds, of requests of `packets` writes each that are
        answered in as many writes."""
        return self.round_trips_through(commands(self.binary, "both")[relay_name], count, packets)

    def round_trips_through(self, command, count, packets):
        with running(command) as relay:
            relay.helper(
                self.programs / "echo_server",
                packets,
                stdin=relay.connection,
                stdout=relay.connection,
            )
            prober = relay.helper(
                self.programs / "round_trip",
                count,
                packets,
                stdin=relay.stdout,
                stdout=relay.stdin,
                stderr=subprocess.PIPE,
            )
            line = read_line(prober.stderr, f"round trips through {command}")
        return tuple(map(float, line.split()))

    def start_time(self, relay_name, text, count):
        """Median milliseconds from the start of the relay until `text` comes out of it."""
        command = commands(self.binary, "both")[relay_name]
        return float(self._output("start_time", count, text, *command))

    def exit_time(self, command, count):
        """Median milliseconds from the start of a command to its end."""
        return float(self._output("exit_time", count, *command))

    def make_packets(self, path, count):
        self._output("codec_rate", "make", path, count)

    def codec_rate(self, task, path):
        """Packets in a second."""
        return float(self._output("codec_rate", task, path))

    def python_codec_rate(self, task, path):
        script = os.path.join(os.path.dirname(__file__), "codec_rate.py")
        return float(self._run(["/usr/bin/python3", script, task, path]))

    def _output(self, program, *words):
        return self._run([str(self.programs / program), *map(str, words)])

    def _run(self, command):
        return subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE
        ).stdout


@contextlib.contextmanager
def one_core():
    """Everything started within shares one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
