"""Real suites over the plainest channel: a pipe."""

import pytest

import printing
import suites
from support import client, serving


def test_all_of_testtools_over_a_pipe_is_what_it_is_directly():
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    channel = serving(*suites.test_server(suites.TESTTOOLS))
    suites.assert_same_as_directly(suites.TESTTOOLS, channel)
    assert sum(suites.directly(suites.TESTTOOLS).values()) > 2000


def test_a_suite_that_prints_every_byte_there_is_is_exact():
    ended = client("--format", "subunit", channel=serving(printing.SERVER, 3000))
    assert ended.status == 0
    printing.assert_exact(ended.stream, 3000)


@pytest.mark.long
def test_json_and_logging_over_a_pipe_are_what_they_are_directly():
    suites.require("libpython3.11-testsuite", "test.test_json")
    channel = serving(*suites.test_server(suites.STANDARD_LIBRARY))
    suites.assert_same_as_directly(suites.STANDARD_LIBRARY, channel)
    assert sum(suites.directly(suites.STANDARD_LIBRARY).values()) > 300
