"""The loaded tests: what their ids are, and what to run when some are asked for."""

from __future__ import annotations

import copy
import os
import re
import types
import unittest
from unittest.loader import _FailedTest
from typing import Any, Container, Dict, Iterable, Iterator, List, Optional

import testtools
from testtools.content import text_content
from testtools.testsuite import filter_by_ids, iterate_tests

from ..packet import wire_text


class TestCollection:
    """Hands out its tests to be run, any number of times.

    Plain suites are nothing but an order, and taken apart. What is left are units: test
    cases, and suites of other types (with fixtures, resources, or threads of their own),
    which stay whole, as testtools' sorted_tests() has them. Tests asked for by id run in
    the order of the asking; those inside such a suite run together, where the first of
    them was asked for, as the suite filtered to what was asked.

    Suites forget a test when it has run, so that it can be freed, and tests keep what they
    set on themselves. So what was loaded is run and forgotten as in any unittest program,
    and before that a shallow copy takes its place in the collection.
    """

    __test__ = False  # to pytest this is no test class

    def __init__(self, loaded: unittest.TestSuite) -> None:
        self._units = [_Unit(test) for test in _take_apart(loaded)]
        self._ids: List[str] = []
        self._units_by_id: Dict[str, List[_Unit]] = {}
        self._not_imported: Dict[str, str] = {}  # modules, and why
        for unit in self._units:
            for case in iterate_tests(unit.test):
                _survive_exit(case)
                test_id = wire_text(case.id())
                self._ids.append(test_id)
                self._units_by_id.setdefault(test_id, []).append(unit)
                if isinstance(case, _FailedTest):
                    self._note_failure(case)

    def ids(self, asked: Optional[Iterable[str]] = None) -> Iterator[str]:
        """All ids in the order of the suite, or those of `asked` that exist, in that order;
        an id comes as often as there are tests with it."""
        if asked is None:
            yield from self._ids
            return
        for test_id in dict.fromkeys(asked):
            for _ in self._units_by_id.get(test_id, ()):
                yield test_id

    def take(self, asked: Optional[Iterable[str]] = None) -> Iterator[Any]:
        """All tests, or those with the ids `asked`, one by one, to be run once. An id asked
        for twice counts once; one that is unknown gives a test that fails and says so."""
        if asked is None:
            for unit in self._units:
                yield unit.take()
            return
        wanted = dict.fromkeys(asked)
        chosen: Dict[int, _Unit] = {}
        for test_id in wanted:
            units = self._units_by_id.get(test_id)
            if units is None:
                yield self._unknown(test_id)
            else:
                chosen.update((id(unit), unit) for unit in units)
        for unit in chosen.values():
            yield unit.take_only(wanted)

    def _unknown(self, test_id: str) -> testtools.PlaceHolder:
        count = "1 test" if len(self._ids) == 1 else f"{len(self._ids)} tests"
        text = f"{test_id} is not known to this server, which has {count}"
        for module, why in self._not_imported.items():
            # Of a module that was asked for by name, unittest may keep the last part alone.
            if f".{module}." in f".{test_id}.":
                text += f"; {module} could not be imported: {why}"
        text += "."
        details = {"reason": text_content(wire_text(text))}
        return testtools.PlaceHolder(test_id, outcome="addError", details=details)

    def _note_failure(self, case: _FailedTest) -> None:
        """Takes note of a module that the loader could not import; it has the traceback as
        text only."""
        text = str(case._exception).rstrip()
        if not text.startswith("Failed to import"):
            return
        why = text.splitlines()[-1]
        syntax = re.findall(r'^  File "(.+)", line (\d+)$', text, re.MULTILINE)
        if syntax:
            path, line = syntax[-1]
            why += f" ({os.path.basename(path)}, line {line})"
        self._not_imported[case._testMethodName] = why


class _Unit:
    """What runs as a whole: a test case, or a suite that is more than an order."""

    __slots__ = ("test",)

    def __init__(self, test: Any) -> None:
        self.test = test

    def take(self) -> Any:
        test, self.test = self.test, _copy(self.test)
        return test

    def take_only(self, wanted: Container[str]) -> Any:
        test = self.take()
        if not isinstance(test, unittest.BaseTestSuite):
            return test
        ids = (case.id() for case in iterate_tests(test))
        return filter_by_ids(test, {name for name in ids if wire_text(name) in wanted})


def _take_apart(test: Any) -> Iterator[Any]:
    if type(test) in (unittest.TestSuite, unittest.BaseTestSuite):
        for inner in test:
            yield from _take_apart(inner)
    else:
        yield test


def _copy(test: Any) -> Any:
    """A test or suite that can run although the original has run; the original itself,
    which unittest can run again too, where there is no copying it."""
    is_suite = isinstance(test, unittest.BaseTestSuite)
    if not is_suite and _holds_itself(test):
        return test
    try:
        fresh = copy.copy(test)
    except Exception:  # whatever a stranger's class makes of being copied
        if is_suite:
            test._cleanup = False  # then it has to keep its tests
        return test
    if is_suite and isinstance(getattr(fresh, "_tests", None), list):
        fresh._tests = [_copy(inner) for inner in fresh._tests]
    elif isinstance(getattr(fresh, "_cleanups", None), list):
        fresh._cleanups = list(fresh._cleanups)
    return fresh


def _holds_itself(case: Any) -> bool:
    """Whether the case has a method bound to itself as an attribute, plain or wrapped (as
    testtools' expectedFailure does): in a copy that would be a method of the original."""
    for value in getattr(case, "__dict__", {}).values():
        if isinstance(value, types.FunctionType):
            value = vars(value).get("__wrapped__")
        if isinstance(value, types.MethodType) and value.__self__ is case:
            return True
    return False


def _survive_exit(case: Any) -> None:
    """Makes SystemExit an error of the test in testtools' cases, as it is in unittest's:
    testtools would report it, and then let it end the program."""
    if isinstance(case, testtools.TestCase):
        case.exception_handlers.append((SystemExit, _report_error))


def _report_error(case: testtools.TestCase, result: Any, _: BaseException) -> None:
    result.addError(case, details=case.getDetails())
