"""Tests that take their process down, among others that do not."""

import os
import signal
import sys
import unittest


def last_words():
    print("last words", end="")
    sys.stdout.flush()
    os.write(2, b"and on stderr")


class Crashing(unittest.TestCase):
    broken = False

    def test_1_passes(self):
        pass

    def test_2_segfaults(self):
        last_words()
        os.kill(os.getpid(), signal.SIGSEGV)

    def test_3_passes(self):
        self.assertFalse(Crashing.broken)

    def test_4_is_killed(self):
        last_words()
        os.kill(os.getpid(), signal.SIGKILL)

    def test_5_leaves(self):
        last_words()
        os._exit(0)

    def test_6_breaks_the_class(self):
        self.assertFalse(Crashing.broken)
        Crashing.broken = True
        os.chdir("/")

    def test_7_interrupts(self):
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()


    def test_8_writes_to_every_pipe(self):
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                name = os.readlink(f"/proc/self/fd/{descriptor}")
                if int(descriptor) > 2 and name.startswith("pipe:"):
                    os.write(int(descriptor), b"no record")
            except OSError:
                pass  # the end for reading, or the one that listdir() has used


class CrashesInSetUpClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os._exit(7)

    def test_1(self):
        pass

    def test_2(self):
        pass


class CrashesInTearDownClass(unittest.TestCase):
    def test_1(self):
        pass

    def test_2(self):
        pass

    @classmethod
    def tearDownClass(cls):
        os._exit(8)


class Last(unittest.TestCase):
    def test_1(self):
        pass
