"""What tests tell their TestResult, made into one final status for each, with everything.

unittest tells of a test piecemeal: a failure of its body, then one of its tearDown, then of a
cleanup, each failing subtest as it fails. Each of these is attached to the test when it comes.
The status, the worst that was told, is sent when the test is over: what tearDown and the
cleanups print is the test's, too.

Tests share this process, and may have left it in any state: an attachment that cannot be made
is replaced by a line that tells why, and no exception of ours reaches unittest's machinery,
which would take it for the test's.
"""

from __future__ import annotations

import datetime
import unittest
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set, Tuple
from unittest.suite import _ErrorHolder
from unittest.util import strclass

from ..line import FrontIsGone
from ..reporter import Reporter
from ..texts import (
    NO_OUTCOME,
    TEXT,
    TEXT_OF_DETAILS,
    TRACEBACK,
    WORSE,
    Attachment,
    Room,
    content_of,
    encode,
    exception_attachment,
    mime_type_of,
    name_of,
    one,
    text_of,
    traceback_of,
)
from ...packet import wire_text
from ..own_builtins import BUILTINS

__builtins__ = BUILTINS

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MICROSECOND = datetime.timedelta(microseconds=1)
_BALLAST_BYTES = 4 << 20  # given back where memory is used up: enough to report that
_ballast: List[bytearray] = []  # one, for all Runs: it takes its time to be made



def id_of(test: Any) -> str:
    """A test's id as it travels, whatever its id() returns or raises."""
    try:
        test_id = test.id()
        if isinstance(test_id, str):
            return wire_text(test_id)
        if test_id is not None:
            return wire_text(str(test_id))
    except Exception:
        pass
    method = getattr(test, "_testMethodName", None)
    name = strclass(type(test))
    return wire_text(f"{name}.{method}" if isinstance(method, str) else name)


class _Test:
    """One that has started, and is not over."""

    def __init__(self) -> None:
        self.status: Optional[str] = None
        self.names: List[str] = []  # of its attachments


class Result(unittest.TestResult):
    """The TestResult of a Run, as testtools extends them (details, tags, time).

    `owed` has the tests that are to get a final status, with their classes: whoever runs
    tests adds them, and their status takes them out. `names` has the ids of tests by the
    identity of the objects; others are asked for theirs.

    unittest reports a setUpClass or setUpModule that fails or skips under an id of its own,
    and runs none of the tests that it is for. Those get the same outcome by
    answer_by_fixture().
    """

    def __init__(self, reporter: Reporter, no_use: Callable[[], bool]) -> None:
        """The tests stop too when there is `no_use` in going on, which is asked before each."""
        self._stopped = False
        super().__init__()
        self.owed: Dict[str, type] = {}
        self.names: Dict[int, str] = {}
        self.answered: set = set()  # ids
        self._reporter = reporter
        self._no_use = no_use
        self._tests: Dict[str, _Test] = {}
        self._fixtures: Dict[str, Tuple[str, List[Attachment]]] = {}  # by id
        self._tags: List[Set[str]] = [set()]  # of the Run; behind them, of the test
        self._time: Optional[int] = None
        self._failed = False
        if not _ballast:
            _ballast.append(bytearray(_BALLAST_BYTES))

    # What unittest and testtools ask.

    @property
    def shouldStop(self) -> bool:
        return self._stopped or self._no_use()

    @shouldStop.setter
    def shouldStop(self, stop: bool) -> None:
        self._stopped = stop

    @property
    def failed_fast(self) -> bool:
        """Whether the tests are stopped since one has failed."""
        return self.failfast and self._stopped

    @property
    def current_tags(self) -> Set[str]:
        return set(self._tags[-1])

    def wasSuccessful(self) -> bool:
        return not self._failed

    # What they tell. Suites may use the interface of StreamResult, too.

    def startTest(self, test: Any) -> None:
        self.testsRun += 1
        test_id = self._name(test)
        self._tests[test_id] = _Test()
        self._tags.append(self.current_tags)
        with Room():
            self._reporter.started(test_id, self._time)

    def stopTest(self, test: Any) -> None:
        test_id = self._name(test)
        tags = self._tags.pop() if len(self._tags) > 1 else self.current_tags
        stopped = self._tests.get(test_id)
        if stopped is not None and stopped.status is not None:
            with Room():
                del self._tests[test_id]
                self._end(test_id, stopped.status, tags)

    def addSuccess(self, test: Any, details: Any = None) -> None:
        self._tell(test, "success", self._details(details))

    def addError(self, test: Any, err: Any = None, details: Any = None) -> None:
        self._tell(test, "fail", self._failure(err, details))

    def addFailure(self, test: Any, err: Any = None, details: Any = None) -> None:
        self._tell(test, "fail", self._failure(err, details))

    def addExpectedFailure(self, test: Any, err: Any = None, details: Any = None) -> None:
        self._tell(test, "xfail", self._failure(err, details))

    def addUnexpectedSuccess(self, test: Any, details: Any = None) -> None:
        self._tell(test, "uxsuccess", self._details(details))

    def addSkip(self, test: Any, reason: Any = None, details: Any = None) -> None:
        subtest = _description(test)
        attachments = self._details(details)
        if reason is not None:
            text = f"{subtest}: {text_of(reason)}" if subtest else text_of(reason)
            attachments = one("reason", TEXT, text, attachments)
        self._tell(getattr(test, "test_case", test), "skip", attachments)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            name = f"traceback {_description(subtest)}"
            self._tell(test, "fail", one(name, TRACEBACK, lambda: traceback_of(err)))

    def addDuration(self, test: Any, elapsed: float) -> None:
        """The packets have their times."""

    def tags(self, new_tags: Any, gone_tags: Any) -> None:
        self._tags[-1].update(new_tags)
        self._tags[-1].difference_update(gone_tags)

    def time(self, a_datetime: Any) -> None:
        """From now on it is that time; with None, it is what the clock says again."""
        try:
            self._time = (a_datetime - _EPOCH) // _MICROSECOND
        except Exception:
            self._time = None  # a mocked one, or one without a time zone

    def status(
        self,
        test_id: Optional[str] = None,
        test_status: Optional[str] = None,
        test_tags: Any = None,
        runnable: bool = True,
        file_name: Optional[str] = None,
        file_bytes: Optional[bytes] = None,
        eof: bool = False,
        mime_type: Optional[str] = None,
        route_code: Optional[str] = None,
        timestamp: Any = None,
    ) -> None:
        test_id = wire_text(test_id or "")
        with Room():
            self.time(timestamp)
            if file_name is not None and file_bytes is not None:
                mime_type = mime_type or "application/octet-stream"
                self._reporter.attach(test_id, file_name, mime_type, file_bytes, last=eof)
            if test_status == "inprogress":
                self._reporter.started(test_id, self._time)
            elif test_status in WORSE:
                self._end(test_id, test_status, test_tags or ())
            self._time = None

    # What whoever runs the tests asks for.

    def answer_by_fixture(self, test_id: str, test_class: type) -> None:
        """Gives a test that has not run the outcome of the fixture that is to blame for that,
        if there is one."""
        for name in (
            f"setUpModule ({test_class.__module__})",
            f"setUpClass ({strclass(test_class)})",
        ):
            if name in self._fixtures:
                self.answer(test_id, *self._fixtures[name])
                return

    def answer(self, test_id: str, status: str, attachments: Iterable[Attachment] = ()) -> None:
        """A whole result for a test that nobody tells of, or the rest of one."""
        with Room():
            if self._tests.pop(test_id, None) is None:
                self._reporter.started(test_id, self._time)
            for attachment in attachments:
                self._reporter.attach(test_id, *attachment)
            self._count(status)
            self._end(test_id, status, self.current_tags)

    def answer_broken(self, test: Any) -> None:
        """The test let the exception through that is being handled."""
        test_id = self._name(test)
        if test_id in self.owed:  # testtools' cases have told of what they let through
            self.answer(test_id, "fail", [exception_attachment()])

    def close_open_tests(self) -> None:
        """Whoever ran a test has left it, without telling how it ended."""
        for test_id, test in list(self._tests.items()):
            if test.status is None:
                self.answer(test_id, "fail", [("reason", TEXT, NO_OUTCOME)])
            else:
                self.answer(test_id, test.status)

    def _name(self, test: Any) -> str:
        return self.names.get(id(test)) or id_of(test)

    def _tell(self, test: Any, status: str, attachments: Iterator[Attachment]) -> None:
        """Attaches, and takes note of the status; sends it where the test never started."""
        with Room():
            test_id = self._name(test)
            known = self._tests.get(test_id)
            current = _Test() if known is None else known
            kept: List[Attachment] = []
            try:
                for name, mime_type, content in attachments:
                    self._attach(current, test_id, name, mime_type, content)
                    kept.append((name, mime_type, content))
            except FrontIsGone:
                raise
            except Exception as error:
                status = "fail"
                self._attach_fault(current, test_id, error)
            if isinstance(test, _ErrorHolder):
                self._note_fixture(test_id, status, kept)
            if current.status is None or WORSE.index(status) > WORSE.index(current.status):
                current.status = status
            self._count(status)
            if known is None:
                self._end(test_id, status, self.current_tags)

    def _count(self, status: str) -> None:
        if status in ("fail", "uxsuccess"):
            self._failed = True
            if self.failfast:
                self.stop()

    def _attach(
        self, test: _Test, test_id: str, name: str, mime_type: str, content: bytes
    ) -> None:
        unique, count = name, 0
        while unique in test.names:
            count += 1
            unique = f"{name}-{count}"
        test.names.append(unique)
        self._reporter.attach(test_id, unique, mime_type, content)

    def _attach_fault(self, test: _Test, test_id: str, error: Exception) -> None:
        if isinstance(error, MemoryError):
            _ballast.clear()
        text = "The result of this test could not be reported in full: " + name_of(error)
        self._attach(test, test_id, "reason", TEXT, text.encode("utf-8", "backslashreplace"))

    def _note_fixture(self, test_id: str, status: str, kept: List[Attachment]) -> None:
        if status == "fail":
            reason = f"{test_id} failed, so this test did not run."
            kept = [("reason", TEXT_OF_DETAILS, reason.encode()), *kept]
        elif status == "skip":
            kept = [(name, TEXT_OF_DETAILS, content) for name, _, content in kept]
        self._fixtures.setdefault(test_id, (status, kept))

    def _end(self, test_id: str, status: str, tags: Iterable[str]) -> None:
        self._reporter.ended(test_id, status, tuple(tags), self._time)
        self.owed.pop(test_id, None)
        self.answered.add(test_id)

    def _details(self, details: Any) -> Iterator[Attachment]:
        if details:
            for name, content in details.items():
                yield str(name), mime_type_of(content), content_of(content)

    def _failure(self, err: Any, details: Any) -> Iterator[Attachment]:
        yield from self._details(details)
        if err is not None:
            yield "traceback", TRACEBACK, encode(traceback_of(err))


def _description(test: Any) -> str:
    """What tells a subtest from the others of its test, as unittest shows it; "" for a test."""
    try:
        return test._subDescription() if hasattr(test, "test_case") else ""
    except Exception as error:
        return f"(its parameters cannot be shown: {name_of(error)})"
