"""Transfers over a console at 115,200 baud that harms bytes: the proxy's, and what people take
otherwise. Each returns the payload bytes in a second, or 0 if they came damaged, or not in time."""

import os
from pathlib import Path
import shlex
import subprocess
import tempfile
import time

from relay import PATIENCE, Relay

BAUD = 115200
RATE = BAUD / 10  # bytes in a second: eight bits, a start and a stop

PACKET = 4096
BAD_LINE = ["/usr/bin/python3", str(Path(__file__).parents[1] / "e2e/bad_line.py")]


def line(errors, seed):
    """The command of such a line, to put before another one."""
    return [*BAD_LINE, "--rate", str(RATE), "--errors", str(errors), "--seed", str(seed), "--"]


class Packets:
    """Takes what packet_source writes out of a stream that has other packets in it, too."""

    REPEAT = 16  # after so many, packet_source's packets come again

    def __init__(self):
        self.count = 0
        self._buffer = bytearray()
        self._seen = []

    def receive(self, data):
        self._buffer += data
        while (start := self._buffer.find(b"\xb3")) >= 0:
            del self._buffer[:start]
            if len(self._buffer) < 6:
                return
            size = 1 + (self._buffer[3] >> 6)
            length = int.from_bytes(self._buffer[3 : 3 + size], "big") & ~(3 << (8 * size - 2))
            if len(self._buffer) < length:
                return
            if length == PACKET:
                self._take(bytes(self._buffer[:length]))
            del self._buffer[: max(length, 1)]

    def _take(self, packet):
        if self.count < self.REPEAT:
            self._seen.append(packet)
        if packet != self._seen[self.count % self.REPEAT]:
            raise RuntimeError("a packet has come damaged, or at the wrong place")
        self.count += 1


def ours(build, mode, errors, seed, size):
    """From the first packet to the last, `mode` is --link's."""
    binary = str(build / "proxy/subunit-proxy")
    settings = ["--link", mode, "--baud", str(BAUD)]
    command = [
        binary, "tunnel", *settings, "--", *line(errors, seed),
        binary, "serve", *settings, "--connect", "127.0.0.1:@PORT",
    ]
    count, packets = size // PACKET, Packets()
    relay = Relay(command)
    try:
        start = time.monotonic()
        relay.helper(build / "tests/perf/packet_source", PACKET, count, stdout=relay.connection)
        while packets.count < count:
            if time.monotonic() > start + 2 * PATIENCE:
                return 0
            packets.receive(os.read(relay.stdout, 65536))
        seconds = time.monotonic() - start
        relay.finish()
    finally:
        relay.close()
    return size / seconds


def base64(errors, seed, size):
    """`base64` on a raw terminal, from the first byte to the last."""
    with tempfile.TemporaryDirectory() as directory:
        payload = Path(directory, "payload")
        payload.write_bytes(os.urandom(size))
        script = f"stty raw -echo; exec base64 {shlex.quote(str(payload))}"
        process = subprocess.Popen(
            [*line(errors, seed), "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )
        text = process.stdout.read(1)
        start = time.monotonic()
        while piece := process.stdout.read(65536):
            text += piece
        seconds = time.monotonic() - start
        process.stdin.close()
        process.wait()
        decoded = subprocess.run(["base64", "-d"], input=text, capture_output=True)
        return size / seconds if decoded.stdout == payload.read_bytes() else 0


def zmodem(errors, seed, size):
    """lrzsz's zmodem on a raw terminal, its start included. Given up after four times what the line
    needs."""
    with tempfile.TemporaryDirectory() as directory:
        payload, received = Path(directory, "payload"), Path(directory, "received")
        payload.write_bytes(os.urandom(size))
        received.mkdir()
        script = f"stty raw -echo; exec sz -q -b {shlex.quote(str(payload))}"
        start = time.monotonic()
        sender = subprocess.Popen(
            [*line(errors, seed), "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        receiver = subprocess.Popen(
            ["rz", "-q", "-b"], cwd=received, stderr=subprocess.DEVNULL,
            stdin=sender.stdout, stdout=sender.stdin,
        )
        sender.stdout.close()
        sender.stdin.close()
        try:
            receiver.wait(4 * size / RATE)
        except subprocess.TimeoutExpired:
            receiver.kill()
            receiver.wait()
        seconds = time.monotonic() - start
        sender.wait()
        copy = received / "payload"
        exact = copy.exists() and copy.read_bytes() == payload.read_bytes()
        return size / seconds if exact else 0
