"""Classes whose tests do not run, since setUpClass skips or fails, and others."""

import unittest


class Skips(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no database here")

    def test_1(self):
        pass

    def test_2(self):
        pass


class Fails(Skips):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("on purpose")


class Runs(unittest.TestCase):
    def test_1(self):
        pass


class FailsAtTheEnd(Runs):
    @classmethod
    def tearDownClass(cls):
        raise RuntimeError("too late")
