"""A suite with an isolation bug: what test_length_in_feet leaves behind breaks test_price."""

import unittest

unit = "m"


def show(length):
    return f"{length} {unit}"


class Lengths(unittest.TestCase):
    def test_area(self):
        self.assertEqual(show(2) + "2", "2 m2")

    def test_depth(self):
        self.assertEqual(show(-1), "-1 m")

    def test_length_in_feet(self):
        global unit
        unit = "ft"  # and nobody sets it back
        self.assertEqual(show(6), "6 ft")

    def test_none_is_no_length(self):
        self.assertNotEqual(show(None), "")

    def test_price(self):
        self.assertEqual("3 EUR / " + show(1), "3 EUR / 1 m")

    def test_sum(self):
        self.assertEqual(1 + 1, 2)
