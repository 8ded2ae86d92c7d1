"""pytest's tests as a suite: pytest collects them, and its loop over the tests is ours.

What pytest is, it stays: its plugins and hooks, fixtures of every scope, its capturing, its way
to show a failure. A Run is a part of one long session. Of the last test of a Run nobody knows
which test comes next, so that of its fixtures only those of the test itself are torn down;
the others stay until the next test is known, and go then if that does not need them, or at the
end of the session.
"""

from __future__ import annotations

import io
import os
import re
from collections import deque
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import pytest
from _pytest.config import create_terminal_writer

from .connection import high_duplicate
from ..errors import RequestError
from .lifeline import say, write_all
from .line import FrontIsGone
from ..packet import wire_text
from .reporter import Reporter
from .sources import Sources
from .stdio import flush_buffers
from .suite import Ids, Listed, Suite
from .texts import NO_OUTCOME, TEXT, TRACEBACK, WORSE, Room, encode, name_of
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

_TEARDOWN = " (teardown)"  # behind the id of a test: what its fixtures do at their end
_SECTION = re.compile(r"Captured (\w+) (?:setup|call|teardown)")
_TEXT_NAMES = {"setup": "setup", "call": "traceback", "teardown": "teardown"}
_MAX_REASON = 500  # characters
_MAX_REPORTS = 20_000  # of each outcome, and of warnings


class PytestProgram:
    """See suite.Program. `arguments` are pytest's own."""

    def __init__(self, arguments: List[str]) -> None:
        self._arguments = arguments

    def __call__(self, serve: Callable[[Suite], None], sources: Optional[Sources]) -> int:
        plugin = _Plugin(serve, sources)
        if sources is not None:
            _note_imports(sources)
        try:
            status = int(pytest.main(list(self._arguments), plugins=[plugin]))
        finally:
            plugin.terminal.show()
        if plugin.interrupted:
            raise KeyboardInterrupt
        if plugin.suite is None:
            # Of bad usage pytest has told, and of what is wrong in itself, too.
            told = status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR)
            raise RequestError(
                ""
                if told
                else f"cannot load the tests: pytest has ended with status {status} and without "
                "running any"
            )
        return 1 if plugin.suite.broken_end else 0


def is_served(config: Any) -> bool:
    """Whether this is the pytest of a server's process with tests."""
    return any(isinstance(plugin, _Plugin) for plugin in config.pluginmanager.get_plugins())


class _Terminal(io.TextIOBase):
    """What pytest writes for people. Of what it writes while tests run nothing is shown: the
    client does that. The rest comes on stderr when pytest is through."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._descriptor = high_duplicate(2)  # tests, and pytest's capturing, have the other
        self._kept: List[str] = []
        self.running = False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not self.running:
            self._kept.append(text)
        return len(text)

    def clear(self) -> None:
        self._kept.clear()

    def show(self) -> None:
        text = "".join(self._kept).strip("\n")
        if text:
            write_all(self._descriptor, encode(f"{text}\n"))


class _Plugin:
    def __init__(
        self, serve: Callable[[Suite], None], sources: Optional[Sources]
    ) -> None:
        self.suite: Optional[PytestSuite] = None
        self.terminal = _Terminal()
        self.interrupted = False
        self._serve = serve
        self._sources = sources
        self._collectors: Dict[str, Any] = {}  # reports, by node id

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> None:
        """Raises UsageError."""
        option = config.option
        for name, why in (
            ("numprocesses", "-n: see `subunit-proxy serve --workers N`; -n 0 is allowed"),
            ("tx", "--tx: `subunit-proxy run --channel` has servers on other machines"),
            ("usepdb", "--pdb: a server has no terminal"),
            ("trace", "--trace: a server has no terminal"),
            ("collectonly", "--collect-only: `subunit-proxy run --list` lists the tests"),
            ("setuponly", "--setup-only: it runs no tests"),
            ("setupplan", "--setup-plan: it runs no tests"),
        ):
            if getattr(option, name, None):
                raise pytest.UsageError(f"--subunit-rpc cannot be used with {why}")
        if getattr(option, "maxfail", 0):
            option.maxfail = 0
            say("-x and --maxfail have no effect: when a run ends is up to the client")

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: Any) -> None:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter._tw = create_terminal_writer(config, self.terminal)

    def pytest_collectreport(self, report: Any) -> None:
        self._collectors[wire_text(report.nodeid)] = report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        self.terminal.clear()
        self.terminal.running = True
        self.suite = PytestSuite(session, self._collectors)
        if self._sources is not None:
            self.suite.note_sources(self._sources)
        try:
            self._serve(self.suite)
        except KeyboardInterrupt:
            self.interrupted = True
            raise
        self.suite.end()
        self._end_terminal(session.config)
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        if self.suite is not None:
            self.suite.take(report)

    def _end_terminal(self, config: Any) -> None:
        """What comes at the end is shown, but for the failures, which the client has shown."""
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter.summary_failures = reporter.summary_errors = reporter.summary_passes = _nothing
            reporter.short_test_summary = reporter.summary_stats = _nothing
        self.terminal.running = False


def _nothing() -> None:
    pass


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
        self._result: Optional[_Result] = None  # of the one that runs

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
                result = _Result(test_id, reporter)
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
        result = self._result = _Result(test_id, reporter)
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
            result = _Result(wire_text(self._last.nodeid) + _TEARDOWN, reporter)
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
        result = _Result(test_id, reporter)
        result.start()
        if torn_down is not None:
            self._set_up_and_tear_down(torn_down, result)
            return
        report = self._collectors.get(test_id)
        if report is None:
            self._tell_of_unknown(test_id, result)
        elif report.passed:
            result.end_as("skip", f"{test_id} can be collected; it is no test itself")
        else:
            result.take(report)
            result.end()

    def _set_up_and_tear_down(self, found: _Item, result: "_Result") -> None:
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

    def _tell_of_unknown(self, test_id: str, result: "_Result") -> None:
        count = "1 test" if len(self._items) == 1 else f"{len(self._items)} tests"
        text = f"{test_id} is not known to this server, which has {count}"
        for name in self._not_collected:
            if test_id.startswith(f"{name}::") and self._collectors[name].failed:
                why = self._collectors[name].longreprtext.rstrip().rpartition("\n")[2]
                text += f"; {name} could not be collected: {why[:_MAX_REASON]}"
        result.end_as("fail", f"{text}.")

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


class _Result:
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


def _captured_files(config: Any) -> Tuple[int, ...]:
    """Where pytest's capturing of descriptors puts what tests print; none with another way."""
    capture = config.pluginmanager.getplugin("capturemanager")
    try:
        ends = capture._global_capturing.out, capture._global_capturing.err
        return tuple(end.tmpfile.fileno() for end in ends)
    except (AttributeError, OSError, ValueError):
        return ()


def _subtest_of(report: Any) -> str:
    """How pytest-subtests shows which one it is; "" for a test."""
    describe = getattr(report, "sub_test_description", None)
    return str(describe()) if callable(describe) else ""


def _skip_reason(report: Any) -> str:
    """As pytest's summary has it."""
    shown = report.longrepr
    reason = str(shown[2]) if isinstance(shown, tuple) else report.longreprtext
    return "" if reason == "Skipped" else reason.removeprefix("Skipped: ")


def _xfail_reason(expected: Any) -> str:
    return str(expected).removeprefix("reason: ")


def _note_imports(sources: Sources) -> None:
    """pytest imports test modules by itself, past what Sources watches."""
    from _pytest.assertion.rewrite import AssertionRewritingHook

    find_spec = AssertionRewritingHook.find_spec

    def noted_find_spec(hook: Any, *arguments: Any, **named: Any) -> Any:
        spec = find_spec(hook, *arguments, **named)
        if spec is not None and spec.origin:
            sources.note(spec.origin)
        return spec

    AssertionRewritingHook.find_spec = noted_find_spec  # type: ignore[method-assign]
