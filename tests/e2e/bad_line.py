#!/usr/bin/python3
"""A bad line: COMMAND on a terminal of its own, and our stdin and stdout at the other end of it.

Bytes are harmed on the way, the same way for the same seed and bytes. Ends with COMMAND, and with
its status, or hangs up, as a modem does, when stdin ends or nobody reads stdout any more.
"""

import argparse
import collections
import fcntl
import json
import math
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from line_harm import SEVEN_BIT, XON_XOFF, Cut, Errors, KernelLines, Wrap

READ_SIZE = 65536
SLICE = 0.004  # seconds that a line with a rate needs for what it takes at once
CATCH_UP = 0.1  # seconds that a busy machine may make us late, and the rate is kept all the same
MOST_HELD = 1 << 18  # bytes on their way in one direction
BUFFER = 4096  # bytes that wait in the pipes before a line with a rate, as before a serial port
GRACE = 5  # seconds from the end of the line until COMMAND is killed


class Direction:
    """Bytes on their way from one file to another, through stages that harm them."""

    def __init__(self, source, sink, stages, rate, delay):
        self.source, self.sink = source, sink
        self.bytes = 0  # behind the stages
        self._stages, self._rate, self._delay = stages, rate, delay
        self._queue = collections.deque()  # (when it arrives, bytes)
        self._held = 0
        self._free_at = 0.0  # when the line takes more
        self._is_late = False  # the line could have taken more before, and there was more

    def reads(self, now):
        return self._held < MOST_HELD and self._free_at <= now

    def is_due(self, now):
        return bool(self._queue) and self._queue[0][0] <= now

    def next_time(self, now):
        """When one of these will be true, if something in the future makes it so."""
        times = [self._free_at, self._queue[0][0] if self._queue else now]
        return min((each for each in times if each > now), default=math.inf)

    def is_empty(self):
        return not self._queue

    def clear(self):
        self._queue.clear()

    def read(self):
        """Nothing for now, or at its end EOFError."""
        try:
            data = os.read(self.source, int(self._rate * SLICE) + 1 if self._rate else READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError:  # EIO: nobody has the terminal any more
            data = b""
        if not data:
            raise EOFError
        return data

    def was_idle(self):
        """There was nothing to read."""
        self._is_late = False

    def enter(self, data, now):
        for stage in self._stages:
            data = stage(data)
        self.bytes += len(data)
        self._held += len(data)
        if self._rate:
            start = max(self._free_at, now - CATCH_UP if self._is_late else now)
            self._free_at = start + len(data) / self._rate
            self._is_late = True
        if data:
            self._queue.append((max(self._free_at, now) + self._delay, data))

    def write(self):
        """What was written of that which is due."""
        when, data = self._queue.popleft()
        try:
            written = os.write(self.sink, data[: select.PIPE_BUF])
        except BlockingIOError:
            written = 0
        if written < len(data):
            self._queue.appendleft((when, data[written:]))
        self._held -= written
        return data[:written]


class Line:
    """Both directions between our stdin and stdout and `terminal`, where `process` is."""

    def __init__(self, options, terminal, process):
        self._end = os.pidfd_open(process.pid)  # readable when it has ended
        self._has_ended = False
        self._echo = options.echo
        self._errors = {
            name: Errors(options.errors, options.burst, f"{options.seed} {name}")
            for name in ("in", "out")
        }
        self._kernel = KernelLines(options.kernel_lines)
        stages_in, stages_out = self._stages(options)
        pace = options.rate, options.delay
        self._in = Direction(sys.stdin.fileno(), terminal, stages_in, *pace)
        self._out = Direction(terminal, sys.stdout.fileno(), stages_out, *pace)
        self._reading = [self._in, self._out]

    def _stages(self, options):
        both = [[errors] for errors in self._errors.values()]
        for stages in both:
            if options.seven_bit:
                stages.append(lambda data: data.translate(SEVEN_BIT))
            if options.swallow_flow:
                stages.append(lambda data: data.translate(None, XON_XOFF))
        both[1] += [Wrap(options.wrap), self._kernel]
        cut = Cut(options.cut_after)
        return [[*stages, cut] for stages in both]

    def run(self):
        """Until COMMAND has ended and all that it wrote has arrived. EOFError: stdin has ended;
        BrokenPipeError: nobody reads stdout."""
        while self._out in self._reading or not self._out.is_empty():
            now = time.monotonic()
            sources = {each.source: each for each in self._reading if each.reads(now)}
            sinks = {each.sink: each for each in (self._in, self._out) if each.is_due(now)}
            ends = [] if self._has_ended else [self._end]
            readable, writable, _ = select.select([*sources, *ends], [*sinks], [], self._wait(now))
            now = time.monotonic()
            for sink in writable:
                self._write(sinks[sink], now)
            for source, direction in sources.items():
                if source in readable or self._has_ended:
                    self._read(direction, now)
                else:
                    direction.was_idle()
            if self._end in readable:
                self._has_ended = True
                self._reading.remove(self._in)
                self._in.clear()

    def _wait(self, now):
        if self._has_ended and self._out in self._reading and self._out.reads(now):
            return 0
        wake = min(each.next_time(now) for each in (self._in, self._out))
        return None if wake == math.inf else wake - now

    def _write(self, direction, now):
        written = direction.write()
        if self._echo and direction is self._in and written:
            self._out.enter(written.replace(b"\n", b"\r\n"), now)

    def _read(self, direction, now):
        try:
            data = direction.read()
        except EOFError:
            if direction is self._in:
                raise
            self._reading.remove(direction)
            return
        if data:
            direction.enter(data, now)
        elif self._has_ended:  # somebody else still has the terminal
            self._reading.remove(direction)

    def statistics(self):
        directions = {"in": self._in, "out": self._out}
        return {
            "bytes": {name: each.bytes for name, each in directions.items()},
            "errors": {name: each.counts for name, each in self._errors.items()},
            "kernel_lines": self._kernel.count,
        }


def start(command):
    """COMMAND on a terminal of its own, as it is after login. The process, and the other end."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.set_blocking(master, False)
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    return process, master


def shrink(file):
    """What waits for the line waits with its sender."""
    try:
        fcntl.fcntl(file, fcntl.F_SETPIPE_SZ, BUFFER)
    except OSError:
        pass  # no pipe


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, usage="%(prog)s [options] -- COMMAND...", allow_abbrev=False
    )
    both = parser.add_argument_group("in both directions")
    both.add_argument("--seed", default="1", help="of what is left to chance")
    both.add_argument("--errors", metavar="P", type=float, default=0,
                      help="the share of bytes that are dropped, doubled, flipped, have another "
                      "before them, or have some of those before them once more")
    both.add_argument("--burst", metavar="N", type=int, default=1, help="up to N of them in a row")
    both.add_argument("--seven-bit", action="store_true", help="the top bit is lost")
    both.add_argument("--swallow-flow", action="store_true", help="XON and XOFF are lost")
    both.add_argument("--rate", metavar="BYTES", type=float, default=0, help="so many in a second")
    both.add_argument("--delay", metavar="SECONDS", type=float, default=0, help="for each byte")
    both.add_argument("--cut-after", metavar="BYTES", type=float, default=math.inf,
                      help="of both directions, nothing comes any more")
    out = parser.add_argument_group("in what comes out")
    out.add_argument("--echo", action="store_true", help="what COMMAND gets comes back, LF as CR LF")
    out.add_argument("--wrap", metavar="COLUMNS", type=int, default=math.inf,
                     help="CR LF where a line is longer; it is never harmed itself")
    out.add_argument("--kernel-lines", metavar="BYTES", type=int, default=math.inf,
                     help="a line of the kernel after each so many, whole")
    parser.add_argument("--stats", metavar="FILE", help="what was done, as JSON, at the end")
    parser.add_argument("command", metavar="COMMAND", nargs="+")
    return parser.parse_args()


def main():
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1))
    process, terminal = start(options.command)
    if options.rate:
        shrink(sys.stdin)
        shrink(sys.stdout)
    line = Line(options, terminal, process)
    try:
        line.run()
    except (EOFError, BrokenPipeError):
        pass
    finally:
        os.close(terminal)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if options.stats:
            with open(options.stats, "w") as file:
                json.dump(line.statistics(), file)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    sys.exit(main())
