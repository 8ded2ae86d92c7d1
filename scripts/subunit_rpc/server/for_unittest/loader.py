"""Which tests: the command line of `python3 -m subunit.run`, without the run."""

from __future__ import annotations

import unittest
import unittest.loader
from typing import Any, Callable, Iterator, List, Optional

from testtools.run import TestProgram

from ..suite import PROGRAM


class Loader(unittest.TestLoader):
    """unittest's loader, except that a name whose module cannot be imported is a failed
    test for every exception (a skipped one for SkipTest), as it is in discovery; unittest
    does so for ImportError alone and lets the others end the program."""

    def __init__(self, discovers: Optional[Callable[[str], None]] = None) -> None:
        """`discovers` is told each directory in which tests are going to be discovered."""
        super().__init__()
        self._discovers = discovers

    def _find_tests(self, start_dir: str, *rest: Any, **named: Any) -> Iterator[Any]:
        if self._discovers is not None:
            self._discovers(start_dir)
        return super()._find_tests(start_dir, *rest, **named)

    def loadTestsFromName(self, name: str, module: Any = None) -> unittest.TestSuite:
        try:
            return super().loadTestsFromName(name, module)
        except unittest.SkipTest as skip:
            return unittest.loader._make_skipped_test(name, skip, self.suiteClass)
        except (Exception, SystemExit):
            suite, message = unittest.loader._make_failed_import_test(name, self.suiteClass)
            self.errors.append(message)
            return suite


class LoadedProgram(TestProgram):
    """The loaded tests as `test`, and the options `failfast` and `tb_locals`."""

    def __init__(
        self, arguments: List[str], usage: str, loader: Optional[Loader] = None
    ) -> None:
        """Loads the tests. Raises SystemExit (2) for bad usage, and what the loader raises
        for tests that cannot be looked for at all: ImportError, OSError, ValueError."""
        self._usage = usage
        super().__init__(module=None, argv=[PROGRAM, *arguments], testLoader=loader or Loader())

    def _initArgParsers(self) -> None:
        super()._initArgParsers()
        self._main_parser.usage = self._discovery_parser.usage = self._usage

    def parseArgs(self, argv: List[str]) -> None:
        super().parseArgs(argv)
        if self.listtests:
            self._main_parser.error("--list: a server lists its tests when a client asks")

    def runTests(self) -> None:
        """The server does that, when it is asked to."""
