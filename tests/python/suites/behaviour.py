"""Test classes for test_runner.py: fixtures that are logged, and every way not to pass."""

import sys
import unittest

import testtools
from testtools.content import text_content

LOG = []


def setUpModule():
    LOG.append("module up")


def tearDownModule():
    LOG.append("module down")


class First(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        LOG.append("First up")

    @classmethod
    def tearDownClass(cls):
        LOG.append("First down")

    def test_1(self):
        LOG.append("1")

    def test_2(self):
        LOG.append("2")


class Second(First):
    @classmethod
    def setUpClass(cls):
        LOG.append("Second up")

    @classmethod
    def tearDownClass(cls):
        LOG.append("Second down")


class Prints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("class", end="")

    def test_1(self):
        print("1", end="")

    def test_2(self):
        print("2", end="")

    @classmethod
    def tearDownClass(cls):
        print("end", end="")


class Detailed(testtools.TestCase):
    def test_details(self):
        self.addDetail("note", text_content("ü" * 100_000))
        self.fail("on purpose")


class Exits(unittest.TestCase):
    def test_1(self):
        sys.exit(0)

    def test_2(self):
        pass


class TesttoolsExits(testtools.TestCase):
    def test_1(self):
        sys.exit(0)

    def test_2(self):
        pass

    def tearDown(self):
        LOG.append("teardown")
        super().tearDown()


class SetUpClassExits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        sys.exit("from setUpClass")

    def test_1(self):
        pass

    def test_2(self):
        pass


class Unusual(BaseException):
    """Neither an Exception nor one of the interpreter's own."""


class TesttoolsUnusual(testtools.TestCase):
    def test_1(self):
        raise Unusual

    def test_2(self):
        pass


class Interrupts(unittest.TestCase):
    def test_1(self):
        raise KeyboardInterrupt


class Fails(unittest.TestCase):
    def test_1(self):
        self.fail()

    test_2 = test_1


class Locals(testtools.TestCase):
    def test_1(self):
        answer = 42
        self.assertEqual(answer, 43)


class TearsDown(unittest.TestCase):
    def tearDown(self):
        LOG.append("tearing down")
        raise RuntimeError("in tearDown")

    def test_fails(self):
        self.addCleanup(self.fail, "in a cleanup")
        self.fail("in the test")

    def test_skips(self):
        self.skipTest("no hardware")


class Subtests(unittest.TestCase):
    def test_some_fail(self):
        for number in range(4):
            with self.subTest(number=number):
                self.assertEqual(number % 2, 0)

    def test_all_pass(self):
        with self.subTest("first"):
            pass

    def test_some_skip(self):
        for number in range(2):
            with self.subTest(number=number):
                if number == 1:
                    self.skipTest("odd")
