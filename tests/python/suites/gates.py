"""A test that waits until it is let go, so that something can happen meanwhile."""

import os
import time
import unittest


class Gates(unittest.TestCase):
    def test_1_waits(self):
        open("waiting", "w").close()
        deadline = time.monotonic() + 30
        while not os.path.exists("go"):
            self.assertLess(time.monotonic(), deadline, "nobody let me go")
            time.sleep(0.005)

    def test_2_passes(self):
        open("second", "a").close()

    def test_3_passes(self):
        open("third", "a").close()
