"""50 MB from one test, between two that are quiet."""

import os
import unittest

from .expected import makes

PIECE = bytes(range(32, 127)) * 10 + b"\n" + "žluťoučký kůň\n".encode() + b"." * 1000 + b"\n"
TIMES = 1 + 50_000_000 // len(PIECE)


class Huge(unittest.TestCase):
    @makes(stdout=b"before\n")
    def test_1_before(self):
        os.write(1, b"before\n")

    @makes(stdout=lambda: PIECE * TIMES, stderr=b"still here\n")
    def test_2_writes_50_megabytes(self):
        block = PIECE * 100
        blocks, pieces = divmod(TIMES, 100)
        for data in [block] * blocks + [PIECE * pieces]:
            while data:
                data = data[os.write(1, data) :]
        os.write(2, b"still here\n")

    @makes(stdout=b"after\n")
    def test_3_after(self):
        os.write(1, b"after\n")


CASES = (Huge,)
