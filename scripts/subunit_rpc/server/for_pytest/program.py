"""pytest as a program whose loop over the tests is ours, and what it writes for people."""

from __future__ import annotations

import io
from typing import Any, Callable, Dict, List, Optional

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook
from _pytest.config import create_terminal_writer

from ..connection import high_duplicate
from ...errors import RequestError
from ..lifeline import say, write_all
from ...packet import wire_text
from ..sources import Sources
from ..suite import Suite
from .suite import PytestSuite
from ..texts import encode
from ..own_builtins import BUILTINS

__builtins__ = BUILTINS


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


def _note_imports(sources: Sources) -> None:
    """pytest imports test modules by itself, past what Sources watches."""
    find_spec = AssertionRewritingHook.find_spec

    def noted_find_spec(hook: Any, *arguments: Any, **named: Any) -> Any:
        spec = find_spec(hook, *arguments, **named)
        if spec is not None and spec.origin:
            sources.note(spec.origin)
        return spec

    AssertionRewritingHook.find_spec = noted_find_spec  # type: ignore[method-assign]
