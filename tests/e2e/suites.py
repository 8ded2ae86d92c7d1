"""Debian's own test suites, as real input: each through a channel and directly, to compare."""

from __future__ import annotations

import collections
import functools
import importlib.util
import os
import subprocess
from typing import Sequence

import pytest

import support
from support import client, python

TESTTOOLS = ("testtools.tests.test_suite",)
UNSTEADY = {
    # Fails where more than a millisecond passes between two of its statements.
    "testtools.tests.test_testresult.TestTextTestResult.test_stopTestRun_current_time",
    # These wait a tenth of a second for a thread of their own.
    *(f"test.test_logging.{kind}SysLogHandlerTest.test_udp_reconnection" for kind in ("", "Unix", "IPv6")),
}
STANDARD_LIBRARY = ("test.test_json", "test.test_logging")


def require(package: str, module: str) -> None:
    try:
        found = importlib.util.find_spec(module)
    except ImportError:
        found = None
    if found is None:
        pytest.skip(f"Debian's package {package} is not installed")


@functools.lru_cache(maxsize=None)
def directly(suite: Sequence[str]) -> collections.Counter:
    """(id, final status) of each test as python-subunit's own runner reports it."""
    environment = {key: value for key, value in os.environ.items() if key != support.MARK}
    ended = subprocess.run(
        python("-m", "subunit.run", *suite),
        capture_output=True, env=environment, timeout=5 * support.LIMIT,
    )
    # These suites write to stdout too; their results are told apart by subunit-proxy itself
    # elsewhere, and by python-subunit here.
    return support.Stream(ended.stdout).ended


def steady(ended: collections.Counter) -> collections.Counter:
    """Without the tests whose outcome is a matter of chance."""
    return collections.Counter({key: times for key, times in ended.items() if key[0] not in UNSTEADY})


def assert_same_as_directly(suite: Sequence[str], channel: Sequence[str], *options: str) -> None:
    """Ids and statuses, each as often as the other. `options` are the client's."""
    wanted = directly(suite)
    ended = client("--format", "subunit", *options, channel=channel, limit=5 * support.LIMIT)
    stream = ended.stream
    stream.assert_clean()
    differs = f"{stream.ended - wanted} instead of {wanted - stream.ended}"
    assert steady(stream.ended) == steady(wanted), f"{differs}\n{ended.stderr}"
    assert ended.status == (1 if stream.failed() else 0), ended.stderr


def test_server(suite: Sequence[str]) -> list:
    return python("-m", "subunit_rpc", *suite)


test_server.__test__ = False
