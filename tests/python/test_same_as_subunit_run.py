"""The server's results beside those of `python3 -m subunit.run` for the same tests."""

import collections
import io
import re
import subprocess
import sys

import pytest
import subunit
from testtools import StreamResult

from server_process import SUITES

RUNS = ("unfit.Runs.test_1", "unfit.FailsAtTheEnd.test_1")  # no fixture keeps them from that

Outcome = collections.namedtuple("Outcome", "exists statuses attachments")


class Collector(StreamResult):
    """What a stream says, without times, and without what differs from run to run."""

    def __init__(self):
        super().__init__()
        self.outcome = Outcome([], [], collections.defaultdict(bytes))

    def status(self, test_id=None, test_status=None, test_tags=None, runnable=True,
               file_name=None, file_bytes=None, eof=False, mime_type=None, route_code=None,
               timestamp=None):  # fmt: skip
        if test_status == "exists":
            self.outcome.exists.append(test_id)
        elif test_status is not None:
            assert timestamp is not None
            self.outcome.statuses.append((test_id, test_status, frozenset(test_tags or ())))
        if file_name is not None:
            text = re.sub(rb"0x[0-9a-f]{6,}|Thread-\d+|/tmp/\S+", b"*", file_bytes)
            self.outcome.attachments[test_id, file_name, mime_type] += text


def by_subunit_run(*names):
    stream = subprocess.run(
        [sys.executable, "-m", "subunit.run", *names],
        cwd=SUITES,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    collector = Collector()
    subunit.ByteStreamToStreamResult(io.BytesIO(stream), "stray").run(collector)
    return collector.outcome


def by_the_server(start, *names):
    collector = Collector()
    with start("--listen", "0", *names).client() as client:
        listed = client.list()
        results = client.run()
        client.goodbye()
    stream = io.BytesIO(b"".join(packet.raw for packet in results.packets))
    subunit.ByteStreamToStreamResult(stream).run(collector)
    assert collector.outcome.exists == []
    return collector.outcome._replace(exists=listed)


def test_ids_statuses_tags_and_attachments_are_the_same_to_the_byte(start):
    names = ["basic", "fixtured", "rerun", "no_such_module"]
    assert by_the_server(start, *names) == by_subunit_run(*names)


@pytest.mark.parametrize("fork", [(), ("--fork",)])
def test_what_a_fixture_keeps_from_running_is_all_that_is_added(start, fork):
    names = ["unfit", "unfit_module"]
    ours = by_the_server(start, *fork, *names)
    direct = by_subunit_run(*names)
    added = [test_id for test_id in direct.exists if test_id not in RUNS]
    assert ours.exists == direct.exists
    assert [each for each in ours.statuses if each[0] not in added] == direct.statuses
    ended = [test_id for test_id, status, _ in ours.statuses if status != "inprogress"]
    assert sorted(test_id for test_id in ended if test_id in added) == sorted(added)
    for (test_id, *rest), content in direct.attachments.items():
        assert ours.attachments[(test_id, *rest)] == content


def test_testtools_own_2625_tests_have_the_same_ids_and_statuses(start):
    pytest.importorskip("testscenarios")
    ours = by_the_server(start, "testtools.tests.test_suite")
    direct = by_subunit_run("testtools.tests.test_suite")
    assert len(ours.exists) > 2000
    assert ours.exists == direct.exists
    assert ours.statuses == direct.statuses
    assert set(ours.attachments) == set(direct.attachments)
