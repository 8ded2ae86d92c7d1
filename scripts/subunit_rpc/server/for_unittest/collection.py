"""The loaded tests: what their ids are, and what to run when some are asked for."""

from __future__ import annotations

import contextvars
import copy
import os
import re
import sys
import types
from unittest import BaseTestSuite, TestCase, TestSuite
from unittest.loader import _FailedTest
from unittest.util import strclass
from typing import Any, Container, Dict, Iterable, Iterator, List, NamedTuple, Optional

from ...packet import wire_text
from .results import Result, id_of
from ..texts import TEXT_OF_DETAILS, begin_with, encode
from .tree import filter_by_ids, iterate_tests
from ..own_builtins import BUILTINS

__builtins__ = BUILTINS

# What unittest calls the steps before and behind tests, where they fail.
_FIXTURE_ID = re.compile(r"(setUp|tearDown)(Class|Module) \((.+)\)")
_LOADED_ID = re.compile(r"unittest\.loader\.(_FailedTest|ModuleSkipped)\.(.+)")


class Taken(NamedTuple):
    """A test or suite to be run once, and the id that the test was loaded with."""

    test: Any
    test_id: Optional[str] = None


class FixtureTest:
    """In place of all tests of a class or module: runs its fixtures, and nothing else."""

    def __init__(self, test_id: str, test_class: type) -> None:
        self._id = test_id
        self._class = test_class

    @property
    def __class__(self) -> Any:  # by which unittest knows what to set up
        return self._class

    def __call__(self, result: Any) -> None:
        """There is nothing to run."""

    def id(self) -> str:
        return self._id


class NoTest:
    """In place of one that there is not. It fails with a reason, or there is nothing wrong."""

    def __init__(self, test_id: str, reason: str = "") -> None:
        self._id = test_id
        self._reason = reason

    def __call__(self, result: Result) -> None:
        if self._reason:
            result.answer(self._id, "fail", [("reason", TEXT_OF_DETAILS, encode(self._reason))])
        else:
            result.answer(self._id, "success")

    def id(self) -> str:
        return self._id


class TestCollection:
    """Hands out its tests to be run, any number of times.

    Plain suites are nothing but an order, and taken apart. What is left are units: test
    cases, and suites of other types (with fixtures, resources, or threads of their own),
    which stay whole, as testtools' sorted_tests() has them. Tests asked for by id run in
    the order of the asking; those inside such a suite run together, where the first of
    them was asked for, as the suite filtered to what was asked.

    Suites forget a test when it has run, so that it can be freed, and tests keep what they
    set on themselves. So what was loaded is run and forgotten as in any unittest program,
    and before that another one takes its place in the collection: one made by the same class,
    as the loader does it, with what has been set on the loaded one since.

    Where a fixture or an import fails, unittest reports that under an id like
    `setUpClass (module.Class)`. Asked for one of these, the collection has a test that does
    that step, and no more.
    """

    __test__ = False  # to pytest this is no test class

    def __init__(self, loaded: TestSuite) -> None:
        self._units = [_Unit(test) for test in _take_apart(loaded)]
        self._ids: List[str] = []
        self._units_by_id: Dict[str, List[_Unit]] = {}
        self._classes: Dict[str, type] = {}  # by their names, and one by that of its module
        self._not_imported: Dict[str, str] = {}  # modules, and why
        for unit in self._units:
            for case in iterate_tests(unit.test):
                _survive_exit(case)
                test_id = id_of(case)
                if case is unit.test:
                    unit.test_id = test_id
                self._ids.append(test_id)
                self._units_by_id.setdefault(test_id, []).append(unit)
                if isinstance(case, _FailedTest):
                    self._note_failure(case)
                else:
                    self._classes.setdefault(strclass(type(case)), type(case))
                    self._classes.setdefault(type(case).__module__, type(case))

    def ids(self, asked: Optional[Iterable[str]] = None) -> Iterator[str]:
        """All ids in the order of the suite, or those of `asked` that exist, in that order;
        an id comes as often as there are tests with it."""
        if asked is None:
            yield from self._ids
            return
        for test_id in dict.fromkeys(asked):
            for _ in self._units_by_id.get(test_id, ()):
                yield test_id
            if test_id not in self._units_by_id and self._step(test_id) is not None:
                yield test_id

    def take(self, asked: Optional[Iterable[str]] = None) -> Iterator[Taken]:
        """All tests, or those with the ids `asked`, one by one, to be run once. An id asked
        for twice counts once; one that is unknown gives a test that fails and says so."""
        if asked is None:
            for unit in self._units:
                yield unit.take(None)
            return
        wanted = dict.fromkeys(asked)
        chosen: Dict[int, _Unit] = {}
        for test_id in wanted:
            units = self._units_by_id.get(test_id)
            if units is None:
                step = self._step(test_id)
                yield Taken(self._unknown(test_id) if step is None else step, test_id)
            else:
                chosen.update((id(unit), unit) for unit in units)
        for unit in chosen.values():
            try:
                yield unit.take(wanted)
            except Exception as error:
                why = f"Its suite cannot be filtered: {type(error).__name__}: {error}"
                for test_id in wanted:
                    if unit in self._units_by_id.get(test_id, ()):
                        yield Taken(NoTest(test_id, why), test_id)

    def _step(self, test_id: str) -> Any:
        """A test for the step that has this id, if there is one."""
        fixture = _FIXTURE_ID.fullmatch(test_id)
        if fixture is not None:
            _, level, name = fixture.groups()
            found = self._classes.get(name)
            if found is None or (level == "Module") != (found.__module__ == name):
                return None
            if level == "Module":
                found = type("Fixture", (TestCase,), {"__module__": name})
            return FixtureTest(test_id, found)
        loaded = _LOADED_ID.fullmatch(test_id)
        if loaded is not None:
            # Of a module that was asked for by name, unittest may keep the last part alone.
            name = f".{loaded[2]}"
            if any(f".{known}".endswith(name) for known in self._classes):
                return NoTest(test_id)
        return None

    def _unknown(self, test_id: str) -> NoTest:
        count = "1 test" if len(self._ids) == 1 else f"{len(self._ids)} tests"
        text = f"{test_id} is not known to this server, which has {count}"
        text += begin_with(test_id, (f"{test_id}.",), self._ids)
        for module, why in self._not_imported.items():
            # Of a module that was asked for by name, unittest may keep the last part alone.
            if f".{module}." in f".{test_id}.":
                text += f"; {module} could not be imported: {why}"
        return NoTest(test_id, wire_text(f"{text}."))

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

    __slots__ = ("test", "test_id")

    def __init__(self, test: Any) -> None:
        self.test = test
        self.test_id: Optional[str] = None  # of a case

    def take(self, wanted: Optional[Container[str]]) -> Taken:
        """With those of its tests that are `wanted`, or all. Raises what a suite's own filter
        raises. The test itself runs again where tests have left nothing to make another one of."""
        taken = self.test
        try:
            self.test = _another(taken)
        except Exception:
            pass
        if wanted is not None and isinstance(taken, BaseTestSuite):
            taken = filter_by_ids(taken, _Wanted(wanted))
        return Taken(taken, self.test_id)


class _Wanted:
    """Ids as they travel, for code that has them as id() returns them."""

    def __init__(self, wanted: Container[str]) -> None:
        self._wanted = wanted

    def __contains__(self, test_id: Any) -> bool:
        return wire_text(str(test_id)) in self._wanted


def _take_apart(test: Any) -> Iterator[Any]:
    if type(test) in (TestSuite, BaseTestSuite):
        for inner in test:
            yield from _take_apart(inner)
    else:
        yield test


def _another(test: Any) -> Any:
    """A test or suite that can run although the given one, which has not run yet, will have;
    the given one itself, which unittest can run again too, where none can be made."""
    if isinstance(test, BaseTestSuite):
        return _another_suite(test)
    made = _made_anew(test)
    if made is not None:
        return made
    if _holds_itself(test):
        return test
    try:
        made = copy.copy(test)
    except Exception:  # whatever a stranger's class makes of being copied
        return test
    for name, value in getattr(made, "__dict__", {}).items():
        made.__dict__[name] = _own(value)
    return made


def _another_suite(suite: Any) -> Any:
    try:
        fresh = copy.copy(suite)
    except Exception:
        suite._cleanup = False  # then it has to keep its tests
        return suite
    if isinstance(getattr(fresh, "_tests", None), list):
        fresh._tests = [_another(inner) for inner in fresh._tests]
    return fresh


def _made_anew(case: Any) -> Any:
    """One that the class makes of the method's name, as the loader does, so that what
    __init__() makes is new; None if it makes something else than the loaded one has been. What
    was set on that later (parameters, the values of a scenario) is set on the new one."""
    method = getattr(case, "_testMethodName", None)
    if not isinstance(case, TestCase) or not isinstance(method, str):
        return None
    try:
        made = type(case)(method)
        if type(made) is not type(case):
            return None
        loaded, new = vars(case), vars(made)
        if any(name not in loaded for name in new):
            return None
    except Exception:
        return None
    for name, value in loaded.items():
        if name not in new or not _is_alike(value, new[name]):
            if isinstance(value, types.MethodType) and value.__self__ is case:
                value = types.MethodType(value.__func__, made)
            elif _is_bound_to(value, case):
                return None
            new[name] = _own(value)
    return made


def _is_alike(one: Any, other: Any) -> bool:
    """Whether both are what the same call makes."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        return type(one).__eq__ is object.__eq__ or bool(one == other)
    except Exception:
        return False


def _own(value: Any) -> Any:
    """The value, or one of its own where it is a plain container: tests add to those."""
    if type(value) in (list, dict, set, bytearray):
        return value.copy()
    if isinstance(value, contextvars.Context):
        return value.copy()
    return value


def _holds_itself(case: Any) -> bool:
    """Whether the case has a method bound to itself as an attribute, plain or wrapped (as
    testtools' expectedFailure does): in a copy that would be a method of the original."""
    return any(_is_bound_to(value, case) for value in getattr(case, "__dict__", {}).values())


def _is_bound_to(value: Any, case: Any) -> bool:
    if isinstance(value, types.FunctionType):
        value = vars(value).get("__wrapped__")
    return isinstance(value, types.MethodType) and value.__self__ is case


def _survive_exit(case: Any) -> None:
    """Makes SystemExit an error of the test in testtools' cases, as it is in unittest's:
    testtools would report it, and then let it end the program."""
    # Where there is such a case, somebody has imported it. Others may have a module of that name.
    cases = getattr(sys.modules.get("testtools"), "TestCase", ())
    if isinstance(case, cases) and hasattr(case, "exception_handlers"):
        case.exception_handlers.append((SystemExit, _report_error))


def _report_error(case: Any, result: Any, _: BaseException) -> None:
    result.addError(case, details=case.getDetails())
