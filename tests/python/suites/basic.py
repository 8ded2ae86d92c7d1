"""A test of every status, for servers as processes."""

import unittest

import testtools
from testtools.content import text_content


class Basic(unittest.TestCase):
    def test_error(self):
        raise ValueError("wrong")

    def test_fail(self):
        self.assertEqual(1, 2)

    def test_pass(self):
        pass

    def test_skip(self):
        self.skipTest("not today")

    @unittest.expectedFailure
    def test_uxsuccess(self):
        pass

    @unittest.expectedFailure
    def test_xfail(self):
        self.fail("as expected")


class Testtools(testtools.TestCase):
    def test_details(self):
        self.addDetail("note", text_content("ü"))
        self.fail("with a note")

    def test_pass_with_details(self):
        self.addDetail("note", text_content("fine"))
