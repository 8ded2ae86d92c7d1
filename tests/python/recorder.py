"""Running tests without a server, for tests of how that is done."""

from __future__ import annotations

import unittest
from typing import Any, List, Optional, Sequence

from rpc_client import Results
from subunit_rpc.server.collection import TestCollection
from subunit_rpc.decoder import PacketDecoder
from subunit_rpc.server.runner import run_tests
from subunit_rpc.server.stdio import Stdio


class Recorder:
    """In place of a Connection: keeps what is sent. `lose_after` breaks it then."""

    def __init__(self, lose_after: Optional[int] = None) -> None:
        self.lost: Optional[OSError] = None
        self.flushed: List[bytes] = []
        self._lose_after = lose_after
        self._decoder = PacketDecoder()

    def send(self, data: bytes) -> None:
        self._decoder.receive(data)

    def flush(self) -> None:
        self.flushed.append(b"")
        if len(self.flushed) == self._lose_after:
            self.lost = BrokenPipeError(32, "Broken pipe")

    def results(self) -> Results:
        return Results(list(iter(self._decoder.next_packet, None)))


def suite_of(*cases: Any) -> unittest.TestSuite:
    """Test classes as the loader loads them, anything else as it is."""
    loader = unittest.TestLoader()
    return unittest.TestSuite(
        loader.loadTestsFromTestCase(case) if isinstance(case, type) else case
        for case in cases
    )


def run(
    collection: TestCollection, asked: Optional[Sequence[str]] = None, **options: bool
) -> Results:
    recorder = Recorder()
    run_tests(collection.take(asked), recorder, Stdio(), **options)
    return recorder.results()


def short(results: Results) -> List[str]:
    """The tests' statuses as "name status", in order, without module and class."""
    return [f"{test_id.rpartition('.')[2]} {status}" for test_id, status in results.statuses]
