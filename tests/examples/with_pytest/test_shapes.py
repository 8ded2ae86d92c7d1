"""Every outcome that pytest knows; some fail on purpose."""

import os
import unittest

import pytest


def test_with_fixtures(session, module, function):
    print("printed")
    os.system("echo by a child")


@pytest.mark.parametrize("value", ["plain", "a b", "[brackets]", "größe", "x/y::z", ""])
def test_parametrised(value):
    assert value != "x/y::z"


@pytest.mark.parametrize("number", range(20))
def test_many(number, session):
    print(f"number {number}")
    assert number % 7 != 3


@pytest.mark.skip(reason="not today")
def test_skipped():
    pass


def test_skips_itself():
    pytest.skip("from inside")


@pytest.mark.xfail(reason="known")
def test_fails_as_expected():
    assert 0


@pytest.mark.xfail(reason="was known")
def test_passes_unexpectedly():
    pass


@pytest.mark.xfail(reason="strictly", strict=True)
def test_passes_strictly_unexpectedly():
    pass


@pytest.fixture
def broken_setup():
    raise RuntimeError("setup")


@pytest.fixture
def broken_teardown():
    yield
    raise RuntimeError("teardown")


def test_is_not_set_up(broken_setup):
    pass


def test_is_not_torn_down(broken_teardown):
    pass


def test_fails_twice(broken_teardown):
    assert 0


class TestClass:
    state = []

    def test_one(self, module):
        self.state.append(1)

    def test_two(self, module):
        assert self.state is TestClass.state


class Unit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = 1

    def test_passes(self):
        self.assertEqual(self.shared, 1)

    def test_fails(self):
        self.assertEqual(self.shared, 2)

    def test_skips(self):
        self.skipTest("of unittest")

    @unittest.expectedFailure
    def test_fails_as_expected(self):
        self.fail()
