"""Tests that pass only if their fixtures are set up, and anew for each run."""

import unittest

state = {"module": False, "uses": 0}


def setUpModule():
    state["module"] = True


def tearDownModule():
    state["module"] = False


class Fixtured(unittest.TestCase):
    resource = None

    @classmethod
    def setUpClass(cls):
        cls.resource = []

    @classmethod
    def tearDownClass(cls):
        cls.resource = None

    def test_1(self):
        self.assertTrue(state["module"])
        self.resource.append(1)
        self.assertEqual(len(self.resource), 1)

    def test_2(self):
        self.assertTrue(state["module"])
        self.resource.append(2)
        self.assertLessEqual(len(self.resource), 2)
