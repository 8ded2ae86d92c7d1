"""What a bad line does to the bytes that pass: stages, each a callable from bytes to bytes.

What a stage does depends on its seed and on the bytes before, and not on how they are cut.
"""

from __future__ import annotations

import collections
import math
import random
from typing import Dict

SPAN = 64  # the longest span of bytes that comes twice
KINDS = ("dropped", "doubled", "flipped", "inserted", "span")

XON_XOFF = b"\x11\x13"
SEVEN_BIT = bytes(byte & 0x7F for byte in range(256))


class Errors:
    """Drops, doubles, flips (one bit of) and inserts bytes, and doubles spans of them.

    `rate`: the share of bytes that are harmed. `burst`: the most that are harmed in a row; the rate
    stays what it is. `counts` has the harmed bytes by kind, but for spans the spans.
    """

    def __init__(self, rate: float, burst: int, seed: str) -> None:
        self.counts: Dict[str, int] = collections.Counter(dict.fromkeys(KINDS, 0))
        self._random = random.Random(seed)
        self._burst = burst
        self._scale = math.log1p(-rate * 2 / (burst + 1)) if rate else -math.inf
        self._passed = bytearray()  # the last bytes that came out
        self._kind = ""
        self._left = 0  # bytes that this error still harms
        self._gap = self._next_gap() if rate else math.inf  # bytes until the next error

    def _next_gap(self) -> int:
        return int(math.log(1 - self._random.random()) / self._scale)

    def __call__(self, data: bytes) -> bytes:
        out, at = bytearray(), 0
        while at < len(data):
            if self._left:
                out += self._harm(data[at], self._passed + out[-SPAN:])
                self._left -= 1
                at += 1
            elif self._gap >= len(data) - at:
                self._gap -= len(data) - at
                out += data[at:]
                at = len(data)
            else:
                out += data[at : at + self._gap]
                at += self._gap
                self._kind = self._random.choice(KINDS)
                self._left = 1 if self._kind == "span" else self._random.randint(1, self._burst)
                self._gap = self._next_gap()
        self._passed = (self._passed + out[-SPAN:])[-SPAN:]
        return bytes(out)

    def _harm(self, byte: int, before: bytes) -> bytes:
        self.counts[self._kind] += 1
        if self._kind == "dropped":
            return b""
        if self._kind == "doubled":
            return bytes((byte, byte))
        if self._kind == "flipped":
            return bytes((byte ^ 1 << self._random.randrange(8),))
        if self._kind == "inserted":
            return bytes((self._random.randrange(256), byte))
        return before[-self._random.randint(2, SPAN) :] + bytes((byte,))


class Wrap:
    """CR LF behind each `columns` characters of a line."""

    def __init__(self, columns: float) -> None:
        self._columns = columns
        self._column = 0

    def __call__(self, data: bytes) -> bytes:
        out, at = bytearray(), 0
        for line in data.replace(b"\r", b"\n").split(b"\n"):
            # `at` is where the line begins in `data`, which has CR where this has LF.
            if at:
                out += data[at - 1 : at]
                self._column = 0
            end = at + len(line)
            while end - at > self._columns - self._column:
                cut = at + self._columns - self._column
                out += data[at:cut] + b"\r\n"
                at, self._column = cut, 0
            out += data[at:end]
            self._column += end - at
            at = end + 1
        return bytes(out)


class KernelLines:
    """A line as a kernel prints it behind each `every` bytes, in one piece."""

    PATTERN = rb"\[ *\d+\.\d{6}\] bad_line: kernel line (\d+) of this console\r\n"

    def __init__(self, every: float) -> None:
        self.count = 0
        self._every = every
        self._left = every

    def __call__(self, data: bytes) -> bytes:
        out, at = bytearray(), 0
        while len(data) - at >= self._left:
            out += data[at : at + self._left] + self._line()
            at, self._left = at + self._left, self._every
        self._left -= len(data) - at
        return bytes(out + data[at:])

    def _line(self) -> bytes:
        self.count += 1
        return b"[%12.6f] bad_line: kernel line %d of this console\r\n" % (self.count / 7, self.count)


class Cut:
    """Nothing passes after so many bytes, of all directions that share this."""

    def __init__(self, after: float) -> None:
        self._left = after

    def __call__(self, data: bytes) -> bytes:
        if len(data) > self._left:
            data = data[: int(self._left)]
        self._left -= len(data)
        return data
