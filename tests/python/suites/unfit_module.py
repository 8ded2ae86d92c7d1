"""A module whose tests do not run, since setUpModule skips."""

import unittest


def setUpModule():
    raise unittest.SkipTest("no network here")


class First(unittest.TestCase):
    def test_1(self):
        pass


class Second(First):
    pass
