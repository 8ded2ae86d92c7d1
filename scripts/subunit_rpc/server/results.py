"""Results of tests as subunit packets on a connection, as `python3 -m subunit.run` has them.

The stream goes nowhere but to the connection. What tests print goes where it always goes,
and whoever reads it there attributes it to the test in progress. So it has to be out of
this process's buffers before the packet that starts a test, and before the one that ends it.
"""

from __future__ import annotations

import datetime
from typing import Any, Callable, Collection, Dict, Optional, Tuple
from unittest.suite import _ErrorHolder
from unittest.util import strclass

from subunit.test_results import AutoTimingTestResultDecorator
from testtools import ExtendedToStreamDecorator, PlaceHolder
from testtools.content import Content, TracebackContent, text_content

from .connection import Connection
from ..packet import encode_file, encode_packet
from .stdio import Stdio


def report_failure(
    connection: Connection, test_id: str, reason: str, *, started: bool
) -> None:
    """Sends status fail for a test that cannot say so itself. `started`: it was in progress."""
    now = datetime.datetime.now(datetime.timezone.utc)
    if not started:
        connection.send(
            encode_packet(test_id=test_id, test_status="inprogress", timestamp=now)
        )
    for packet in encode_file(
        test_id=test_id,
        test_status="fail",
        file_name="reason",
        mime_type="text/plain;charset=utf8",
        file_bytes=reason.encode("utf-8", "backslashreplace"),
        eof=True,
        timestamp=now,
    ):
        connection.send(packet)
    connection.flush()


class PacketStream:
    """A StreamResult that sends what it is told, and at once where a test starts or ends.

    `owed` has the tests that are to get a final status, and their classes: whoever runs
    tests adds them, and their status takes them out.
    """

    def __init__(self, connection: Connection, stdio: Stdio) -> None:
        self._connection = connection
        self._stdio = stdio
        self.owed: Dict[str, type] = {}

    def startTestRun(self) -> None:
        """Part of StreamResult; the protocol has Run and Done for it."""

    def stopTestRun(self) -> None:
        """As startTestRun()."""

    def status(
        self,
        test_id: Optional[str] = None,
        test_status: Optional[str] = None,
        test_tags: Optional[Collection[str]] = None,
        runnable: bool = True,
        file_name: Optional[str] = None,
        file_bytes: Optional[bytes] = None,
        eof: bool = False,
        mime_type: Optional[str] = None,
        route_code: Optional[str] = None,
        timestamp: Optional[datetime.datetime] = None,
    ) -> None:
        urgent = test_status not in (None, "exists")
        if urgent:
            self._stdio.flush()
        fields = dict(
            test_id=test_id,
            test_status=test_status,
            test_tags=test_tags,
            runnable=runnable,
            eof=eof,
            mime_type=mime_type,
            route_code=route_code,
            timestamp=timestamp,
        )
        if file_name is None or file_bytes is None:
            self._connection.send(encode_packet(**fields))
        else:
            for packet in encode_file(file_name=file_name, file_bytes=file_bytes, **fields):
                self._connection.send(packet)
        if urgent:
            self._connection.flush()
            if test_status != "inprogress" and test_id is not None:
                self.owed.pop(test_id, None)


class StreamingResult(AutoTimingTestResultDecorator):
    """The TestResult that subunit.run gives its tests; it stops them too when there is
    `no_use` in going on, which it asks before each test.

    unittest reports a setUpClass or setUpModule that fails or skips under an id of its own,
    and runs none of the tests that it is for. Those get the same outcome by
    answer_by_fixture().
    """

    def __init__(self, stream: PacketStream, no_use: Callable[[], bool]) -> None:
        self._no_use = no_use
        self._fixtures: Dict[str, Tuple[str, Dict[str, Content]]] = {}  # by id
        super().__init__(ExtendedToStreamDecorator(stream))

    @property
    def shouldStop(self) -> bool:
        return super().shouldStop or self._no_use()

    @property
    def failed_fast(self) -> bool:
        """Whether the tests are stopped since one has failed."""
        return self.failfast and super().shouldStop

    def addError(self, test: Any, err: Any = None, details: Any = None) -> None:
        if isinstance(test, _ErrorHolder) and err is not None:
            reason = f"{test.id()} failed, so this test did not run."
            traceback = TracebackContent(err, test)
            outcome = {"reason": text_content(reason), "traceback": traceback}
            self._fixtures.setdefault(test.id(), ("addError", outcome))
        super().addError(test, err, details)

    def addSkip(self, test: Any, reason: Any = None, details: Any = None) -> None:
        if isinstance(test, _ErrorHolder) and reason is not None:
            outcome = {"reason": text_content(reason)}
            self._fixtures.setdefault(test.id(), ("addSkip", outcome))
        super().addSkip(test, reason, details)

    def answer_by_fixture(self, test_id: str, test_class: type) -> None:
        """Gives a test that has not run the outcome of the fixture that is to blame for that,
        if there is one."""
        for name in (
            f"setUpModule ({test_class.__module__})",
            f"setUpClass ({strclass(test_class)})",
        ):
            if name in self._fixtures:
                outcome, details = self._fixtures[name]
                PlaceHolder(test_id, details=details, outcome=outcome).run(self)
                return
