"""Running tests without a server, for tests of how that is done."""

from __future__ import annotations

import unittest
from typing import Any, List, Optional, Sequence

from rpc_client import Results
from subunit_rpc.decoder import PacketDecoder
from subunit_rpc.server.for_unittest.collection import TestCollection
from subunit_rpc.server.delegation import Answer
from subunit_rpc.server.records import RecordReader, encode_record
from subunit_rpc.server.reporter import Reporter
from subunit_rpc.server.for_unittest.runner import run_tests
from subunit_rpc.server.stdio import Stdio


class Recorder:
    """In place of a line to the front, and of the front's connection: keeps what is sent."""

    def __init__(self) -> None:
        self.told = 0  # starts and ends of tests that were told
        self._records = RecordReader()
        self._decoder = PacketDecoder()
        self._answer = Answer(self._decoder.receive, Stdio())

    def send(self, kind: bytes, *fields: bytes) -> None:
        self._records.receive(encode_record(kind, fields))
        for record in iter(self._records.next_record, None):
            self._answer.take(record)

    def tell(self, kind: bytes, *fields: bytes, at_once: bool = True) -> None:
        self.send(kind, *fields)
        self.told += 1

    def wait(self) -> None:
        """Whatever was told has been passed on."""

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
    run_tests(collection.take(asked), Reporter(recorder), **options)
    return recorder.results()


def short(results: Results) -> List[str]:
    """The tests' statuses as "name status", in order, without module and class."""
    return [f"{test_id.rpartition('.')[2]} {status}" for test_id, status in results.statuses]
