"""unittest's tests, and testtools', as a suite."""

from __future__ import annotations

from typing import Callable, Iterator, List, Optional

from .collection import TestCollection
from ...errors import RequestError
from .loader import LoadedProgram, Loader
from ..reporter import Reporter
from .runner import run_tests
from ..sources import Sources
from ..suite import Ids, Listed, Suite
from ..own_builtins import BUILTINS

__builtins__ = BUILTINS


class UnittestProgram:
    """See suite.Program. `arguments` name the tests, as for `python3 -m subunit.run`."""

    def __init__(self, arguments: List[str], usage: str) -> None:
        self._arguments = arguments
        self._usage = usage

    def __call__(self, serve: Callable[[Suite], None], sources: Optional[Sources]) -> int:
        loader = Loader(None if sources is None else sources.note_directory)
        try:
            suite = UnittestSuite(LoadedProgram(self._arguments, self._usage, loader))
        except (ImportError, OSError, ValueError) as error:
            raise RequestError(f"cannot load the tests: {error}") from None
        except SystemExit:
            raise RequestError("") from None  # what is wrong stands on stderr
        serve(suite)
        return 0


class UnittestSuite:
    """See suite.Suite."""

    captured = ()

    def __init__(self, program: LoadedProgram) -> None:
        self.failfast = bool(program.failfast)
        self._tb_locals = bool(program.tb_locals)
        self._collection = TestCollection(program.test)

    def list(self, asked: Ids) -> Iterator[Listed]:
        return map(Listed, self._collection.ids(asked))

    def run(
        self, asked: Ids, reporter: Reporter, *, stopped: Callable[[], bool], last: bool
    ) -> None:
        run_tests(
            self._collection.take(asked),
            reporter,
            stopped=stopped,
            failfast=self.failfast,
            tb_locals=self._tb_locals,
        )
