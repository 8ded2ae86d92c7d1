"""A thousand tests that end as fast as they can, each with a line on stdout and one on stderr."""

import os
import unittest

from .expected import makes


class Many(unittest.TestCase):
    pass


def make(number):
    @makes(stdout=b"out %d\n" % number, stderr=b"err %d\n" % number)
    def test(self):
        os.write(1, b"out %d\n" % number)
        os.write(2, b"err %d\n" % number)

    return test


for number in range(1000):
    setattr(Many, f"test_{number}", make(number))

CASES = (Many,)
