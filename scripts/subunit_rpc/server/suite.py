"""What a process with tests serves, of whatever framework they are."""

from __future__ import annotations

from typing import Callable, Iterator, NamedTuple, Optional, Sequence, Tuple

from .compatibility import Protocol
from .reporter import Reporter
from .sources import Sources

PROGRAM = "subunit_rpc"
BROKEN_RUN_ID = "broken-runner"  # testtools' name for a test that stands for a broken suite
NOT_RUN = "This test did not run: -f (--failfast) ends a Run after its first failure."

Ids = Optional[Sequence[str]]  # as in the messages: None for all there are


class Listed(NamedTuple):
    """A test that exists."""

    test_id: str
    tags: Tuple[str, ...] = ()


class Suite(Protocol):
    """The loaded tests.

    failfast   each Run ends after its first failure
    captured   descriptors of the files that take what tests print, where it stays until a test
               is over: stdout, stderr; empty if it goes where it always goes
    """

    failfast: bool
    captured: Tuple[int, ...]

    def list(self, asked: Ids) -> Iterator[Listed]:
        """All in the order of the suite, or those of `asked` that exist."""

    def run(
        self, asked: Ids, reporter: Reporter, *, stopped: Callable[[], bool], last: bool
    ) -> None:
        """Runs all, or those of `asked`, in that order, and reports a final status for each;
        one that does not exist fails, and says so. Ends early, between tests, when `stopped`
        says so. `last`: no other Run comes to this process. Raises KeyboardInterrupt and
        FrontIsGone only."""


class Program(Protocol):
    """Where the tests come from."""

    def __call__(self, serve: Callable[[Suite], None], sources: Optional[Sources]) -> int:
        """Loads the tests, tells `sources` what they come from, and calls `serve`, which returns
        when there is nothing more to be asked. Returns the exit status of the process with the
        tests. Raises RequestError if they cannot be loaded, with an empty text if stderr says
        why."""
