"""Which tests: the command line of `python3 -m subunit.run`, without the run."""

from __future__ import annotations

import argparse
import unittest
import unittest.loader
from typing import Any, Callable, Iterator, List, Optional

from ..suite import PROGRAM
from .tree import filter_by_ids, sorted_tests


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


class LoadedProgram(unittest.TestProgram):
    """The loaded tests as `test`, and the options `failfast` and `tb_locals`."""

    def __init__(
        self, arguments: List[str], usage: str, loader: Optional[Loader] = None
    ) -> None:
        """Loads the tests. Raises SystemExit (2) for bad usage, and what the loader raises
        for tests that cannot be looked for at all: ImportError, OSError, ValueError."""
        self._usage = usage
        self._lists = False
        self._list_file: Optional[str] = None
        super().__init__(module=None, argv=[PROGRAM, *arguments], testLoader=loader or Loader())
        if self._list_file is not None:
            with open(self._list_file, "rb") as file:
                self.test = filter_by_ids(
                    self.test, {line.strip().decode("utf-8") for line in file}
                )

    def _getParentArgParser(self) -> argparse.ArgumentParser:
        parser = super()._getParentArgParser()  # type: ignore[misc]
        parser.add_argument("-l", "--list", dest="_lists", action="store_true")
        parser.add_argument("--load-list", dest="_list_file")
        return parser

    def _initArgParsers(self) -> None:
        super()._initArgParsers()
        self._main_parser.usage = self._discovery_parser.usage = self._usage

    def parseArgs(self, argv: List[str]) -> None:
        super().parseArgs(argv)
        if self._lists:
            self._main_parser.error("--list: a server lists its tests when a client asks")

    def _do_discovery(self, argv: List[str], Loader: Any = None) -> None:
        """In the order of their ids, whatever that of the files in their directories is."""
        super()._do_discovery(argv, Loader)  # type: ignore[misc]
        self.test = sorted_tests(self.test)

    def runTests(self) -> None:
        """The server does that, when it is asked to."""
