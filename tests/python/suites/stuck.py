"""A test that does not end by itself, and one that nothing but a kill ends."""

import atexit
import os
import time
import unittest


class Stuck(unittest.TestCase):
    def test_1_hangs(self):
        print("hanging", end="", flush=True)
        while True:
            time.sleep(60)

    def test_2_passes(self):
        pass


class Registers(unittest.TestCase):
    def test_what_is_done_at_the_end(self):
        atexit.register(os.write, 1, b"at the end")


atexit.register(os.write, 1, b"at the end of the loader")
