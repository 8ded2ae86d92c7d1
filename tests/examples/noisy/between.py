"""Output that belongs to no test: from the fixtures of the module and of the class."""

import os
import unittest

from .expected import makes

SET_UP_MODULE = b"setUpModule\n"
SET_UP_CLASS = b"setUpClass: no test is running \xe2\x9c\x93\n"
TEAR_DOWN_CLASS = b"tearDownClass\n"
TEAR_DOWN_MODULE = b"tearDownModule \xff, no text\n"

# In the order in which they are written.
STDOUT = SET_UP_MODULE + SET_UP_CLASS + TEAR_DOWN_CLASS + TEAR_DOWN_MODULE
STDERR = b"setUpClass complains\n"


def setUpModule():
    os.write(1, SET_UP_MODULE)


def tearDownModule():
    os.write(1, TEAR_DOWN_MODULE)


class Between(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.write(1, SET_UP_CLASS)
        os.write(2, STDERR)

    @classmethod
    def tearDownClass(cls):
        os.write(1, TEAR_DOWN_CLASS)

    @makes(stdout=b"setUp, test, tearDown\n")
    def test_own_fixtures_belong_to_the_test(self):
        os.write(1, b"test, ")

    @makes(stdout=b"setUp, tearDown\n")
    def test_second(self):
        pass

    def setUp(self):
        os.write(1, b"setUp, ")

    def tearDown(self):
        os.write(1, b"tearDown\n")


CASES = (Between,)
