"""Running tests so that the server is still there afterwards."""

from __future__ import annotations

import sys
import unittest
from typing import Any, Callable, Iterable, Iterator, List

from testtools import ErrorHolder
from testtools.testsuite import iterate_tests

from .connection import Connection
from .results import PacketStream, StreamingResult, report_failure
from .stdio import Stdio

BROKEN_RUN_ID = "broken-runner"  # testtools' name for a test that stands for a broken suite
NOT_RUN = "This test did not run: -f (--failfast) ends a Run after its first failure."


def run_tests(
    tests: Iterable[Any],
    connection: Connection,
    stdio: Stdio,
    *,
    stopped: Callable[[], bool] = lambda: False,
    failfast: bool = False,
    tb_locals: bool = False,
) -> None:
    """Runs test cases and suites in order, with the fixtures of their classes and modules
    as in unittest, and sends their results. Ends early, between tests, when the connection
    is lost or `stopped` says so, or after the first failure with `failfast`: the tests
    that are left then fail, too. Raises KeyboardInterrupt only.

    What a test case lets through (SystemExit from its setUpClass, say) is a failure of it,
    what a suite lets through a failure of a test with the id BROKEN_RUN_ID; both go on
    with the next. The tests of a class or module whose setUpClass or setUpModule fails or
    skips do so, too.
    """
    stream = PacketStream(connection, stdio)
    queue = _Queue(tests, stream)

    def no_use() -> bool:
        return connection.lost is not None or stopped()

    while not queue.finished:
        # Each time a new result: unittest keeps on it which fixtures are set up.
        result = StreamingResult(stream, no_use)
        result.failfast = failfast
        result.tb_locals = tb_locals
        result.startTestRun()
        try:
            _run_queue(queue, stream, result)
            if result.failed_fast:
                queue.drain()
                for test_id in list(stream.owed):
                    report_failure(connection, test_id, NOT_RUN, started=False)
        finally:
            result.stopTestRun()
        if result.shouldStop:
            break
    stdio.flush()


def _run_queue(queue: _Queue, stream: PacketStream, result: StreamingResult) -> None:
    try:
        queue(result)
    except KeyboardInterrupt:
        raise
    except BaseException:
        _report_broken(queue.current, stream, result)


class _Queue(unittest.TestSuite):
    """A suite that holds no test but the current one, and that goes on behind it when it is
    run again. What a test is owed by the fixture that has kept it from running, it gets when
    its turn is over."""

    _cleanup = False  # there is nothing left to forget

    def __init__(self, tests: Iterable[Any], stream: PacketStream) -> None:
        super().__init__()
        self._coming = iter(tests)
        self._owed = stream.owed
        self.current: Any = None
        self.finished = False

    def run(self, result: Any, debug: bool = False) -> Any:
        self._result = result
        return super().run(result, debug)

    def __iter__(self) -> Iterator[Any]:
        for self.current in self._coming:
            test_ids = self._note(self.current)
            yield self.current
            self._answer(test_ids)
        self.current = None
        self.finished = True

    def drain(self) -> None:
        """Runs no more tests, but leaves those owed a status for which there is no fixture
        to blame."""
        for test in self._coming:
            self._note(test)
        self._answer(list(self._owed))

    def _note(self, test: Any) -> List[str]:
        cases = {case.id(): type(case) for case in iterate_tests(test)}
        self._owed.update(cases)
        return list(cases)

    def _answer(self, test_ids: Iterable[str]) -> None:
        for test_id in test_ids:
            if test_id in self._owed:
                self._result.answer_by_fixture(test_id, self._owed[test_id])


def _report_broken(test: Any, stream: PacketStream, result: StreamingResult) -> None:
    test_id = BROKEN_RUN_ID
    if isinstance(test, unittest.TestCase):
        test_id = test.id()
        if test_id not in stream.owed:
            return  # testtools' cases have reported what they let through
    ErrorHolder(test_id, error=sys.exc_info()).run(result)
