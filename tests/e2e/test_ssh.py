"""Over a real sshd on loopback, whose login shell is noisy."""

import subprocess

import pytest

from noisy import friendly, harsh
from noisy.expected import expected
from sshd import IS_INSTALLED
import suites
import support
from support import client, python, says, server, serving
from test_attribution import assert_as_expected

pytestmark = pytest.mark.skipif(not IS_INSTALLED, reason="openssh is not installed")


def test_the_shell_is_as_noisy_as_it_should_be(sshd):
    ended = subprocess.run(sshd.command("printf", "after"), capture_output=True)
    assert ended.stdout == b"Welcome to the test machine\r\n\x1b[1mlast login: never \xc3after"


def test_all_of_testtools_over_ssh_is_what_it_is_directly(sshd):
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    channel = sshd.command(*serving(*suites.test_server(suites.TESTTOOLS)))
    suites.assert_same_as_directly(suites.TESTTOOLS, channel)


@pytest.mark.long
def test_json_and_logging_over_ssh_are_what_they_are_directly(sshd):
    suites.require("libpython3.11-testsuite", "test.test_json")
    channel = sshd.command(*serving(*suites.test_server(suites.STANDARD_LIBRARY)))
    suites.assert_same_as_directly(suites.STANDARD_LIBRARY, channel)


def test_a_noisy_suite_over_ssh_is_exact(sshd):
    table = expected(*friendly.CASES, *harsh.CASES)
    command = python("-m", "subunit_rpc", "noisy.friendly", "noisy.harsh")
    ended = client("--format", "subunit", channel=sshd.command(*serving(*command)))
    assert ended.status == 1
    assert_as_expected(ended.stream, table)
    says(ended.stderr, "profile: something about the terminal")  # the channel's own stderr


def test_a_program_missing_on_the_other_side_is_an_error_with_the_shells_words(sshd):
    ended = client(
        "--format", "subunit", "--ready-timeout", "30",
        channel=sshd.command("/opt/no-such/subunit-proxy", "serve", "--", "true"),
    )
    assert ended.status == 3
    says(ended.stderr, "ready", "Welcome to the test machine", "not found", "127")


def test_a_host_that_does_not_let_us_in_is_an_error(sshd):
    ended = client(
        "--format", "subunit",
        channel=["ssh", "-F", str(sshd.directory / "client"), "-o", "PubkeyAuthentication=no",
                 "machine", "true"],
    )
    assert ended.status == 3
    says(ended.stderr, "permission denied", "255", "ready")


def test_a_dropped_connection_in_a_test_ends_both_sides(sshd, processes):
    channel = sshd.command(*serving(*server("hang")))
    names = ["demo.test_2", "demo.test_3"]
    process = support.start(["run", "--format", "subunit", *names, "--", *channel])
    processes.append(process)
    data = support.read_until(process, b"demo.test_2")
    support.stop(support.find_process("ssh -F"))
    ended = support.finish(process)
    assert ended.status == 3
    stream = support.Stream(data + ended.stdout)
    stream.assert_clean()
    assert stream.failed() == ["demo.test_2", "demo.test_3"]
    says(ended.stderr, "channel")
    # That nothing of the other side is left is checked after every test.


def test_direct_through_ssh_forwarding(sshd, processes):
    """`ssh -W` to a server that listens over there; no serve in between."""
    listening = subprocess.Popen(
        server("--listen", "127.0.0.1:0", "good"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    processes.append(listening)
    port = listening.stderr.readline().split()[-1].decode()
    channel = ["ssh", "-F", str(sshd.directory / "client"), "-W", f"127.0.0.1:{port}", "machine"]
    ended = client("--format", "subunit", "--direct", channel=channel)
    assert ended.status == 0, ended.stderr
    assert len(ended.stream.statuses) == 5
