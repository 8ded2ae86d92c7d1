"""Over `podman exec -i`."""

import subprocess

import pytest

from noisy import friendly, harsh
from noisy.expected import expected
from podman import GRACE, Podman, why_not
import suites
from support import PYTHON, client, python, says, serving
from test_attribution import assert_as_expected

pytestmark = [
    pytest.mark.xdist_group("podman"),  # one container for all of them
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
]


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    made = Podman(tmp_path_factory.mktemp("podman"))
    made.start()
    yield made
    made.close()


def test_all_of_testtools_in_a_container_is_what_it_is_directly(container):
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    channel = container.exec(*serving(*suites.test_server(suites.TESTTOOLS)))
    suites.assert_same_as_directly(suites.TESTTOOLS, channel)


@pytest.mark.long
def test_json_and_logging_in_a_container_are_what_they_are_directly(container):
    suites.require("libpython3.11-testsuite", "test.test_json")
    channel = container.exec(*serving(*suites.test_server(suites.STANDARD_LIBRARY)))
    suites.assert_same_as_directly(suites.STANDARD_LIBRARY, channel)


def test_a_noisy_suite_in_a_container_is_exact(container):
    table = expected(*friendly.CASES, *harsh.CASES)
    command = python("-m", "subunit_rpc", "noisy.friendly", "noisy.harsh")
    channel = container.exec(*serving(*command, options=GRACE))
    ended = client("--format", "subunit", channel=channel)
    assert_as_expected(ended.stream, table)
    assert ended.status == 1


def test_a_program_missing_in_the_container_is_an_error_with_podmans_words(container):
    ended = client("--format", "subunit", channel=container.exec("/no/such/program"))
    assert ended.status == 3
    says(ended.stderr, "ready", "no such file", ("127", "255", "126"))


def test_the_container_is_as_small_as_it_should_be(container):
    inside = container.exec(PYTHON, "-c", "import os, resource as r\n"
                               "print(os.listdir('/sys/class/net'), r.getrlimit(r.RLIMIT_NOFILE))")
    ended = subprocess.run(inside, capture_output=True, text=True)
    assert ended.stdout == "['lo'] (1024, 1024)\n", ended
