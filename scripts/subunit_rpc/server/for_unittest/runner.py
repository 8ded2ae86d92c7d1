"""Running tests so that the server is still there afterwards."""

from __future__ import annotations

from sys import modules
from typing import Any, Callable, Iterable, Iterator, List, Optional
from unittest import TestCase, TestSuite, case

from .collection import FixtureTest, Taken
from ..line import FrontIsGone
from ..reporter import Reporter
from .results import Result, id_of
from ..suite import BROKEN_RUN_ID, NOT_RUN
from ..texts import TEXT, exception_attachment
from .tree import iterate_tests
from ..own_builtins import BUILTINS

__builtins__ = BUILTINS

# Since Python 3.8.
_module_cleanups: List[Any] = getattr(case, "_module_cleanups", [])


def run_tests(
    tests: Iterable[Taken],
    reporter: Reporter,
    *,
    stopped: Callable[[], bool] = lambda: False,
    failfast: bool = False,
    tb_locals: bool = False,
) -> None:
    """Runs test cases and suites in order, with the fixtures of their classes and modules
    as in unittest, and reports their results. Ends early, between tests, when `stopped` says
    so, or after the first failure with `failfast`: the tests that are left then fail, too.
    Raises KeyboardInterrupt and FrontIsGone only.

    What a test case lets through (SystemExit from its setUpClass, say) is a failure of it,
    what a suite lets through a failure of a test with the id BROKEN_RUN_ID; both go on
    with the next. The tests of a class or module whose setUpClass or setUpModule fails or
    skips do so, too.
    """
    queue = _Queue(tests, reporter)
    while not queue.finished:
        # Each time a new result: unittest keeps on it which fixtures are set up.
        result = Result(reporter, stopped)
        result.failfast = failfast
        result.tb_locals = tb_locals
        try:
            queue.run_with(result)
        except (KeyboardInterrupt, FrontIsGone):
            raise
        except BaseException:
            _report_broken(queue.current, result)
        result.close_open_tests()
        if result.failed_fast:
            queue.drain()
            for test_id in list(result.owed):
                result.answer(test_id, "fail", [("reason", TEXT, NOT_RUN.encode())])
        if result.shouldStop:
            return


class _Queue(TestSuite):
    """A suite that holds no test but the current one, and that goes on behind it when it is
    run again. What a test is owed by the fixture that has kept it from running, it gets when
    its turn is over."""

    _cleanup = False  # there is nothing left to forget

    def __init__(self, tests: Iterable[Taken], reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter
        self._coming = iter(tests)
        self._result: Any = None
        self._fixtures: List[str] = []  # ids that were asked for
        self.current: Any = None
        self.finished = False

    def run_with(self, result: Result) -> None:
        if self._result is not None:
            result.answered |= self._result.answered
        self._result = result
        self(result)
        if self.finished:
            self._answer_fixtures()

    def __iter__(self) -> Iterator[Any]:
        for taken in self._coming:
            self.current = taken.test
            test_ids = self._note(taken)
            # Inside a suite of another type, anything may happen between two tests.
            self._reporter.goes_on = isinstance(taken.test, TestCase)
            if not self._reporter.goes_on:
                self._reporter.settle()
            yield taken.test
            self._result.close_open_tests()
            self._answer(test_ids)
        self.current = None
        self.finished = True

    # Fixtures may print, and that is not of the test that has just ended.

    def _tearDownPreviousClass(self, test: Any, result: Any) -> None:
        before, after = getattr(result, "_previousTestClass", None), test.__class__
        if after is not before and (_has_fixtures(before) or _has_fixtures(after)):
            self._reporter.settle()
        super()._tearDownPreviousClass(test, result)  # type: ignore[misc]

    def _handleModuleTearDown(self, result: Any) -> None:
        if _has_fixtures(getattr(result, "_previousTestClass", None)):
            self._reporter.settle()
        super()._handleModuleTearDown(result)  # type: ignore[misc]

    def drain(self) -> None:
        """Runs no more tests, but leaves those owed a status for which there is no fixture
        to blame."""
        for taken in self._coming:
            self._note(taken)
        self._answer(list(self._result.owed))

    def _note(self, taken: Taken) -> List[str]:
        names, owed = self._result.names, self._result.owed
        names.clear()
        if isinstance(taken.test, FixtureTest):
            self._fixtures.append(taken.test.id())
            return []
        if taken.test_id is not None:
            names[id(taken.test)] = taken.test_id
        test_ids = []
        for case in iterate_tests(taken.test):
            test_id = taken.test_id or id_of(case)
            owed[test_id] = type(case)
            test_ids.append(test_id)
        return list(dict.fromkeys(test_ids))

    def _answer(self, test_ids: Iterable[str]) -> None:
        for test_id in test_ids:
            if test_id in self._result.owed:
                self._result.answer_by_fixture(test_id, self._result.owed[test_id])

    def _answer_fixtures(self) -> None:
        """Those that were asked for by their own ids, and have worked: unittest tells only
        of the others."""
        for test_id in self._fixtures:
            if test_id not in self._result.answered:
                self._result.answer(test_id, "success")


def _has_fixtures(test_class: Any) -> bool:
    """Whether code of the suite may run before the first or after the last test of this class,
    its module's included. None has none."""
    if test_class in (None, type(None)):
        return False
    try:
        module = vars(modules[test_class.__module__])
        return (
            "setUpModule" in module
            or "tearDownModule" in module
            or bool(_module_cleanups)
            or bool(getattr(test_class, "_class_cleanups", ()))
            or any(
                getattr(test_class, name).__func__ is not getattr(TestCase, name).__func__
                for name in ("setUpClass", "tearDownClass")
            )
        )
    except Exception:
        return True


def _report_broken(test: Optional[Any], result: Result) -> None:
    if isinstance(test, TestCase):
        result.answer_broken(test)
    else:
        result.answer(BROKEN_RUN_ID, "fail", [exception_attachment()])
