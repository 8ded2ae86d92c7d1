"""pytest's tests as a suite: pytest collects them, and its loop over the tests is ours.

What pytest is, it stays: its plugins and hooks, fixtures of every scope, its capturing, its way
to show a failure. A Run is a part of one long session. Of the last test of a Run nobody knows
which test comes next, so that of its fixtures only those of the test itself are torn down;
the others stay until the next test is known, and go then if that does not need them, or at the
end of the session.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from ..lifeline import say
from ..line import FrontIsGone
from ...packet import wire_text
from ..reporter import Reporter
from .result import Result
from ..sources import Sources
from ..stdio import flush_buffers
from ..suite import Ids, Listed
from ..texts import TEXT, begin_with, name_of
from ..own_builtins import BUILTINS

__builtins__ = BUILTINS

_TEARDOWN = " (teardown)"  # behind the id of a test: what its fixtures do at their end
_MAX_REASON = 500  # characters
_MAX_REPORTS = 20_000  # of each outcome, and of warnings


class _Item:
    """One that was collected, with what it had then: tests may add marks to themselves."""

    def __init__(self, item: Any) -> None:
        self.item = item
        self._marks = list(item.own_markers)
        self._properties = len(item.user_properties)

    @property
    def tags(self) -> Tuple[str, ...]:
        names = dict.fromkeys(mark.name for mark in self.item.iter_markers())
        return tuple(map(wire_text, names))

    def reset(self) -> None:
        """As if it had never run."""
        item = self.item
        item.own_markers[:] = self._marks
        del item.user_properties[self._properties :]
        item._report_sections.clear()
        if isinstance(item, pytest.Function) and item.cls is not None:
            item._obj = None  # bound to an instance that has what the last run has set


class PytestSuite:
    """See suite.Suite. `broken_end`: something went wrong at the end, and stderr tells what."""

    failfast = False

    def __init__(self, session: Any, collectors: Dict[str, Any]) -> None:
        """`collectors`: the reports of modules and others, by node id. Those that failed, or
        that skip all their tests, count as tests."""
        self.broken_end = False
        self._session = session
        self._collectors = collectors
        self._not_collected = [name for name, report in collectors.items() if not report.passed]
        self._items: Dict[str, _Item] = {}
        for item in session.items:
            # One that was collected twice runs once.
            self._items.setdefault(wire_text(item.nodeid), _Item(item))
        self.captured = _captured_files(session.config)
        self._last: Any = None  # the item that has run last
        self._result: Optional[Result] = None  # of the one that runs

    def note_sources(self, sources: Sources) -> None:
        config = self._session.config
        paths = {str(item.path) for item in self._session.items}
        for path in paths | {str(config.inipath)} if config.inipath else paths:
            sources.note(path)
        for folder in {os.path.dirname(path) for path in paths}:
            sources.note_directory(folder)

    def list(self, asked: Ids) -> Iterator[Listed]:
        known = [*self._not_collected, *self._items]
        for test_id in known if asked is None else dict.fromkeys(asked):
            if test_id in self._items:
                yield Listed(test_id, self._items[test_id].tags)
            elif test_id in self._collectors or self._item_torn_down(test_id) is not None:
                yield Listed(test_id)

    def run(
        self, asked: Ids, reporter: Reporter, *, stopped: Callable[[], bool], last: bool
    ) -> None:
        known = [*self._not_collected, *self._items]
        tests = list(known if asked is None else dict.fromkeys(asked))
        self._session.shouldstop = self._session.shouldfail = False
        self._drop_captured()
        self._forget_reports()
        coming = deque(filter(None, map(self._items.get, tests)))
        for test_id in tests:
            if stopped():
                break
            found = self._items.get(test_id)
            if found is None:
                self._answer_for_no_test(test_id, reporter)
                continue
            coming.popleft()
            if self._session.shouldstop:
                result = Result(test_id, reporter)
                result.end_as("fail", f"This test did not run: {self._session.shouldstop}")
            else:
                following = coming[0] if coming else None
                self._run(found, test_id, following, reporter, last=last)
        if last:
            self._tear_down(None, reporter)

    def take(self, report: Any) -> None:
        """What pytest reports of the test that runs."""
        if self._result is not None:
            self._result.take(report)

    def end(self) -> None:
        """The fixtures that are left."""
        try:
            self._session._setupstate.teardown_exact(None)
        except KeyboardInterrupt:
            raise
        except BaseException:
            self.broken_end = True
            say(f"what fixtures do at their end has failed:\n{self._shown_exception()}")
        flush_buffers()

    def _run(
        self,
        found: _Item,
        test_id: str,
        following: Optional[_Item],
        reporter: Reporter,
        *,
        last: bool,
    ) -> None:
        item = found.item
        self._tear_down(item, reporter)
        found.reset()
        if following is not None:
            following_item = following.item
        else:
            # A node whose fixtures are to stay; as if the next test were another one of them.
            following_item = None if last else item.parent
        result = self._result = Result(test_id, reporter)
        result.start()
        self._last = item
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following_item)
        except (KeyboardInterrupt, FrontIsGone):
            raise
        except BaseException as error:  # pytest.exit(), or something wrong in a plugin
            text = f"The run of this test has been broken off: {name_of(error)}"
            result.attach_reason("fail", text)
        finally:
            self._result = None
        result.end(found.tags)

    def _tear_down(self, following: Any, reporter: Reporter) -> None:
        """What the item that has run last has left, and the following one does not need."""
        state = self._session._setupstate
        chain = following.listchain() if following is not None else []
        if not state.stack or list(state.stack) == chain[: len(state.stack)]:
            return
        reporter.settle()  # they may print, which is nobody's
        try:
            state.teardown_exact(following)
        except KeyboardInterrupt:
            raise
        except BaseException:
            result = Result(wire_text(self._last.nodeid) + _TEARDOWN, reporter)
            result.start()
            result.attach("teardown", TEXT, self._shown_exception())
            result.end_as("fail")

    def _shown_exception(self) -> str:
        """As pytest shows it."""
        try:
            return str(self._last.repr_failure(pytest.ExceptionInfo.from_current()))
        except Exception as error:
            return name_of(error)

    def _item_torn_down(self, test_id: str) -> Optional[_Item]:
        """For the id of what fixtures do at their end."""
        return self._items.get(test_id[: -len(_TEARDOWN)]) if test_id.endswith(_TEARDOWN) else None

    def _answer_for_no_test(self, test_id: str, reporter: Reporter) -> None:
        """Such an id may have failed before, and is asked for again."""
        torn_down = self._item_torn_down(test_id)
        if torn_down is not None:
            self._tear_down(None, reporter)
        result = Result(test_id, reporter)
        result.start()
        if torn_down is not None:
            self._set_up_and_tear_down(torn_down, result)
            return
        report = self._collectors.get(test_id)
        if report is None:
            self._tell_of_unknown(test_id, result)
        elif report.passed:
            text = f"{test_id} can be collected; it is not a test itself"
            result.end_as("skip", text + self._that_begin_with(test_id))
        else:
            result.take(report)
            result.end()

    def _set_up_and_tear_down(self, found: _Item, result: Result) -> None:
        """Without the test itself."""
        state, item = self._session._setupstate, found.item
        self._last = item
        found.reset()
        if not getattr(item, "_request", True):
            item._initrequest()
        try:
            try:
                state.setup(item)
            finally:
                state.teardown_exact(None)
        except KeyboardInterrupt:
            raise
        except BaseException:
            result.attach("teardown", TEXT, self._shown_exception())
            result.end_as("fail")
        else:
            result.end_as("success")

    def _tell_of_unknown(self, test_id: str, result: Result) -> None:
        count = "1 test" if len(self._items) == 1 else f"{len(self._items)} tests"
        text = f"{test_id} is not known to this server, which has {count}"
        text += self._that_begin_with(test_id)
        for name in self._not_collected:
            if test_id.startswith(f"{name}::") and self._collectors[name].failed:
                why = self._collectors[name].longreprtext.rstrip().rpartition("\n")[2]
                text += f"; {name} could not be collected: {why[:_MAX_REASON]}"
        result.end_as("fail", f"{text}.")

    def _that_begin_with(self, test_id: str) -> str:
        return begin_with(test_id, (f"{test_id}::", f"{test_id}/", f"{test_id}["), self._items)

    def _forget_reports(self) -> None:
        """pytest keeps them for what it shows at the end, which may be far."""
        reporter = self._session.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            for reports in reporter.stats.values():
                del reports[:-_MAX_REPORTS]

    def _drop_captured(self) -> None:
        """A process that was forked from this one may have died, and left it."""
        capture = self._session.config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.read_global_capture()


def _captured_files(config: Any) -> Tuple[int, ...]:
    """Where pytest's capturing of descriptors puts what tests print; none with another way."""
    capture = config.pluginmanager.getplugin("capturemanager")
    try:
        ends = capture._global_capturing.out, capture._global_capturing.err
        return tuple(end.tmpfile.fileno() for end in ends)
    except (AttributeError, OSError, ValueError):
        return ()
