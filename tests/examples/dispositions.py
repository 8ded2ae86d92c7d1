"""Tests that find signals as a shell gives them to a program, and their children, too."""

import os
import re
import signal
import subprocess
import time
import unittest


def bits(*signals):
    return sum(1 << number - 1 for number in signals)


# What Python ignores in itself, and two that the C library keeps for itself.
NOT_COUNTED = bits(signal.SIGPIPE, signal.SIGXFSZ, 32, 33)


class Dispositions(unittest.TestCase):
    def test_a_child_ignores_nothing_and_blocks_nothing(self):
        status = subprocess.check_output(["cat", "/proc/self/status"], text=True)
        ignored, blocked = (
            int(re.search(rf"{name}:\s*(\w+)", status)[1], 16) for name in ("SigIgn", "SigBlk")
        )
        expected = bits(signal.SIGHUP) if os.environ.get("UNDER_NOHUP") else 0
        self.assertEqual((ignored & ~NOT_COUNTED, blocked), (expected, 0))

    def test_a_child_is_interrupted(self):
        child = subprocess.Popen(["sleep", "5"])
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(), -signal.SIGINT)

    def test_an_interrupt_is_an_exception(self):
        with self.assertRaises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
