"""Tests that write to their stdout by every way there is, without a newline or a flush."""

import ctypes
import os
import subprocess
import unittest

libc = ctypes.CDLL(None)


class Output(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("before the class", end="")
        libc.printf(b", C before the class")

    def test_1(self):
        print("Python", end="")

    def test_2(self):
        libc.printf(b"C")

    def test_3(self):
        os.write(1, b"os.write")

    def test_4(self):
        subprocess.run(["printf", "child"])

    @classmethod
    def tearDownClass(cls):
        print("after the class", end="")
