"""Suites of every kind, taken apart, filtered and sorted as by testtools."""

import unittest

import pytest
from testtools import testsuite as testtools

from subunit_rpc.server.for_unittest import tree


class Case(unittest.TestCase):
    __test__ = False  # not one of these

    def test_a(self):
        pass

    test_b = test_c = test_d = test_a


class Whole(unittest.TestSuite):
    """More than an order: it stays whole."""


class Sorts(Whole):
    def sort_tests(self):
        self._tests.sort(key=lambda case: case.id())


class Filters(unittest.TestSuite):
    def filter_by_ids(self, wanted):
        return Whole(case for case in self if case.id() in wanted)


class FiltersItself(Case):
    def filter_by_ids(self, wanted):
        return Whole([self]) if "itself" in wanted else unittest.TestSuite()


def case(letter, kind=Case):
    return kind(f"test_{letter}")


def every_kind():
    return unittest.TestSuite([
        Sorts([case("d"), case("b")]),
        unittest.TestSuite([unittest.TestSuite([case("c")]), Whole()]),
        Filters([case("a", FiltersItself)]),
        case("a"),
    ])  # fmt: skip


def shown(test):
    """The shape of it."""
    if isinstance(test, unittest.BaseTestSuite):
        return [type(test).__name__, *map(shown, test)]
    return test.id()


def test_cases_are_found_in_their_order():
    found = [case.id() for case in tree.iterate_tests(every_kind())]
    assert found == [case.id() for case in testtools.iterate_tests(every_kind())]
    assert len(found) == 5


@pytest.mark.parametrize("letters", ["", "a", "bc", "abcd"])
def test_what_is_not_wanted_goes(letters):
    wanted = {case(letter).id() for letter in letters} | {"itself"}
    ours = shown(tree.filter_by_ids(every_kind(), wanted))
    assert ours == shown(testtools.filter_by_ids(every_kind(), wanted))
    assert tree.filter_by_ids("neither", wanted) == "neither"


def test_units_are_sorted_by_their_ids():
    ours = shown(tree.sorted_tests(unittest.TestSuite(list(every_kind())[::3])))
    assert ours == shown(testtools.sorted_tests(unittest.TestSuite(list(every_kind())[::3])))
    assert ours == ["TestSuite", case("a").id(), ["Sorts", case("b").id(), case("d").id()]]


def test_an_empty_suite_comes_first():
    ours = shown(tree.sorted_tests(every_kind()))
    assert ours[:2] == ["TestSuite", ["Whole"]]


def test_an_id_twice_is_an_error():
    with pytest.raises(ValueError, match="Duplicate test ids detected: {.*test_a': 2}"):
        tree.sorted_tests(unittest.TestSuite([case("a"), case("a")]))
