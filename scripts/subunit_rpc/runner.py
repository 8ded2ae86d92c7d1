"""Running tests so that the server is still there afterwards."""

from __future__ import annotations

import sys
import unittest
from typing import Any, Callable, Iterable, Iterator

from testtools import ErrorHolder

from .connection import Connection
from .results import PacketStream, StreamingResult
from .stdio import Stdio

BROKEN_RUN_ID = "broken-runner"  # testtools' name for a test that stands for a broken suite


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
    is lost or `stopped` says so, or after the first failure with `failfast`. Raises
    KeyboardInterrupt only.

    What a test case lets through (SystemExit from its setUpClass, say) is a failure of it,
    what a suite lets through a failure of a test with the id BROKEN_RUN_ID; both go on
    with the next.
    """
    queue = _Queue(tests)
    stream = PacketStream(connection, stdio)

    def no_use() -> bool:
        return connection.lost is not None or stopped()

    while not queue.finished:
        # Each time a new result: unittest keeps on it which fixtures are set up.
        result = StreamingResult(stream, no_use)
        result.failfast = failfast
        result.tb_locals = tb_locals
        result.startTestRun()
        try:
            queue(result)
        except KeyboardInterrupt:
            raise
        except BaseException:
            _report_broken(queue.current, stream, result)
        finally:
            result.stopTestRun()
        if result.shouldStop:
            break
    stdio.flush()


class _Queue(unittest.TestSuite):
    """A suite that holds no test but the current one, and that goes on behind it when it is
    run again."""

    _cleanup = False  # there is nothing left to forget

    def __init__(self, tests: Iterable[Any]) -> None:
        super().__init__()
        self._coming = iter(tests)
        self.current: Any = None
        self.finished = False

    def __iter__(self) -> Iterator[Any]:
        for self.current in self._coming:
            yield self.current
        self.current = None
        self.finished = True


def _report_broken(test: Any, stream: PacketStream, result: StreamingResult) -> None:
    test_id = BROKEN_RUN_ID
    if isinstance(test, unittest.TestCase):
        test_id = test.id()
        if stream.answered == test_id:
            return  # testtools' cases have reported what they let through
    ErrorHolder(test_id, error=sys.exc_info()).run(result)
