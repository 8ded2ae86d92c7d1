"""A suite as the tree of suites and cases that it is: testtools.testsuite, for those who may not
have testtools. Suites and cases that know how to do it themselves are asked to."""

from __future__ import annotations

from collections import Counter
from pprint import pformat
from typing import Any, Container, Iterator, List, Tuple
from unittest import TestSuite

from ..own_builtins import BUILTINS

__builtins__ = BUILTINS


def iterate_tests(test: Any) -> Iterator[Any]:
    """The cases of a suite, in order; a case is its own only one."""
    try:
        inner = iter(test)
    except TypeError:
        yield test
    else:
        for each in inner:
            yield from iterate_tests(each)


def filter_by_ids(test: Any, wanted: Container[str]) -> Any:
    """A suite or case without the cases whose ids are not wanted. Suites are changed in place."""
    if hasattr(test, "filter_by_ids"):
        return test.filter_by_ids(wanted)
    if hasattr(test, "id"):
        return test if test.id() in wanted else TestSuite()
    if isinstance(test, TestSuite):
        test._tests[:] = [filter_by_ids(inner, wanted) for inner in test]
    return test


def sorted_tests(suite: Any) -> TestSuite:
    """Sorted by ids; suites that are more than an order stay whole, and stand where the first of
    their tests does. Raises ValueError for ids that are there more than once."""
    times = Counter(case.id() for case in iterate_tests(suite))
    duplicates = {test_id: count for test_id, count in times.items() if count > 1}
    if duplicates:
        raise ValueError(f"Duplicate test ids detected: {pformat(duplicates)}")
    units = sorted(_units(suite), key=lambda unit: unit[0])
    return TestSuite([test for _, test in units])


def _units(test: Any) -> List[Tuple[str, Any]]:
    """The cases, and the suites that stay whole, each with the id to sort it by."""
    try:
        inner = iter(test)
    except TypeError:
        return [(test.id(), test)]
    if type(test) is TestSuite:
        return [unit for each in inner for unit in _units(each)]
    first = next((case.id() for case in iterate_tests(test)), "")
    if hasattr(test, "sort_tests"):
        test.sort_tests()
    return [(first, test)]
