"""The reports of pytest, made into one final status for each test, with all they have to tell."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ..line import FrontIsGone
from ..reporter import Reporter
from ..texts import NO_OUTCOME, TEXT, TRACEBACK, WORSE, Room, encode, name_of
from ..own_builtins import BUILTINS

__builtins__ = BUILTINS

_SECTION = re.compile(r"Captured (\w+) (?:setup|call|teardown)")
_TEXT_NAMES = {"setup": "setup", "call": "traceback", "teardown": "teardown"}


class Result:
    """Of one test: one final status, with all that its phases have to tell."""

    def __init__(self, test_id: str, reporter: Reporter) -> None:
        self._test_id = test_id
        self._reporter = reporter
        self._status: Optional[str] = None
        self._names: List[str] = []  # of attachments
        self._sections: List[Tuple[str, str]] = []
        self._started = False

    def start(self) -> None:
        self._started = True
        self._reporter.started(self._test_id)

    def take(self, report: Any) -> None:
        """A TestReport of this test, or a CollectReport."""
        with Room():
            try:
                self._take(report)
            except FrontIsGone:
                raise
            except Exception as error:
                text = f"The result of this test could not be reported in full: {name_of(error)}"
                self.attach_reason("fail", text)

    def attach(self, name: str, mime_type: str, text: str) -> None:
        unique, count = name, 0
        while unique in self._names:
            count += 1
            unique = f"{name}-{count}"
        self._names.append(unique)
        self._reporter.attach(self._test_id, unique, mime_type, encode(text))

    def attach_reason(self, status: str, text: str) -> None:
        self._note(status)
        if text:
            self.attach("reason", TEXT, text)

    def end_as(self, status: str, reason: str = "") -> None:
        """All at once, for a test that has not run."""
        if not self._started:
            self.start()
        self.attach_reason(status, reason)
        self.end()

    def end(self, tags: Iterable[str] = ()) -> None:
        with Room():
            if self._status is None:
                self._status = "fail"
                self.attach("reason", TEXT, NO_OUTCOME.decode())
            captured: Dict[str, List[str]] = {}
            for title, text in self._sections:
                section = _SECTION.fullmatch(title)
                captured.setdefault(section[1] if section else title, []).append(text)
            for name, texts in captured.items():
                self.attach(name, TEXT, "".join(texts))
            self._reporter.ended(self._test_id, self._status, tuple(tags))

    def _take(self, report: Any) -> None:
        self._take_sections(report)
        when = getattr(report, "when", "call")
        subtest = _subtest_of(report)
        expected = getattr(report, "wasxfail", None)
        if report.outcome == "failed":
            name = _TEXT_NAMES.get(when, "traceback")
            self.attach(
                f"{name} {subtest}" if subtest else name,
                TRACEBACK if name == "traceback" else TEXT,
                report.longreprtext,
            )
            self._note("fail")
        elif report.outcome == "rerun":
            self.attach("rerun", TEXT, report.longreprtext)
        elif report.outcome == "skipped":
            status = "skip" if expected is None else "xfail"
            reason = _skip_reason(report) if expected is None else _xfail_reason(expected)
            if subtest:
                self.attach("reason", TEXT, f"{subtest}: {reason}")
                return
            self.attach_reason(status, reason)
            if expected is not None and report.longreprtext:
                self.attach("traceback", TRACEBACK, report.longreprtext)
        elif report.outcome == "passed" and expected is not None:
            self.attach_reason("uxsuccess", _xfail_reason(expected))
        elif when == "call" and not subtest:
            self._note("success")

    def _take_sections(self, report: Any) -> None:
        """Each report has those of the phases before it, too."""
        sections, known = list(report.sections), len(self._sections)
        self._sections += sections[known:] if sections[:known] == self._sections else sections

    def _note(self, status: str) -> None:
        if self._status is None or WORSE.index(status) > WORSE.index(self._status):
            self._status = status


def _subtest_of(report: Any) -> str:
    """How pytest-subtests shows which one it is; "" for a test."""
    describe = getattr(report, "sub_test_description", None)
    return str(describe()) if callable(describe) else ""


def _skip_reason(report: Any) -> str:
    """As pytest's summary has it."""
    shown = report.longrepr
    reason = str(shown[2]) if isinstance(shown, tuple) else report.longreprtext
    return "" if reason == "Skipped" else _without(reason, "Skipped: ")


def _xfail_reason(expected: Any) -> str:
    return _without(str(expected), "reason: ")


def _without(text: str, prefix: str) -> str:
    return text[len(prefix) :] if text.startswith(prefix) else text
