"""Clients, proxies and Python servers of this release and of 0.1.0, together."""

import itertools
import os
from pathlib import Path
import re
import subprocess

import pytest

from console import on_new_console
from noisy import friendly, harsh
from noisy.expected import expected
from small_suite import SmallSuite, all_busy, by_worker
import support
from support import says, server
from test_attribution import assert_as_expected
from test_crash import CRASH, NAP
from test_whole_lines import DIAL

FIRST = support.ROOT / "build-0.1.0"
PROGRAMS = {"0.1.0": str(FIRST / "proxy/subunit-proxy"), "this": None}
PACKAGES = {"0.1.0": FIRST / "source/scripts", "this": support.ROOT / "scripts"}
RELEASES = list(PACKAGES)

pytestmark = pytest.mark.skipif(
    not os.access(PROGRAMS["0.1.0"], os.X_OK), reason="0.1.0 is not there; build it: tests/build 0.1.0"
)


class Mixed:
    """A client, a proxy and a Python server, each of some release."""

    def __init__(self, client, proxy, package, console=False):
        self._programs = {"run": client, "serve": proxy}
        self._package = package
        self.console = console

    def is_first(self, subcommand):
        return self._programs[subcommand] == "0.1.0"

    def words(self, subcommand, *arguments):
        program = PROGRAMS[self._programs[subcommand]] or support.binary(subcommand)
        return [program, *support.patiently([subcommand, *map(str, arguments)])]

    def python(self, *arguments, path=()):
        """A command for Python with the package of that release."""
        folders = ":".join(map(str, [*path, PACKAGES[self._package], support.EXAMPLES]))
        return ["env", "-u", "PYTHONUNBUFFERED", f"PYTHONPATH={folders}", support.PYTHON, *map(str, arguments)]

    def channel(self, *command, options=()):
        words = self.words("serve", *options, "--", *command)
        return on_new_console(*words) if self.console else words

    def run(self, *arguments, channel, format="subunit"):
        words = self.words("run", "--format", format, *arguments, "--", *channel)
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
        return support.finish(process)


def mixtures(values):
    """All but those of one release alone."""
    return [each for each in values if len(set(each)) > 1]


@pytest.fixture(params=["pipe", "console"])
def console(request):
    return request.param == "console"


@pytest.fixture(params=mixtures(itertools.product(RELEASES, repeat=3)), ids="-".join)
def mixed(request, console):
    return Mixed(*request.param, console=console)


@pytest.fixture(params=mixtures(itertools.permutations(RELEASES)), ids="-".join)
def ends(request, console):
    """A client and a proxy."""
    return Mixed(*request.param, package="this", console=console)


def test_the_first_release_is_that():
    told = subprocess.run([PROGRAMS["0.1.0"], "--version"], capture_output=True, text=True)
    assert told.stdout == "subunit-proxy 0.1.0\n"


def test_a_noisy_suite_is_exact(mixed):
    command = mixed.python("-m", "subunit_rpc", "noisy.friendly", "noisy.harsh")
    ended = mixed.run(channel=mixed.channel(*command))
    assert (ended.status, ended.stderr) == (1, "")
    assert_as_expected(ended.stream, expected(*friendly.CASES, *harsh.CASES))
    # The line feeds behind packets are noise for the first release. It gets no more than a few.
    noise = ended.stream.file(None, "channel")
    if mixed.console:
        # On a busy machine: the rest of a frame came half a second later, and then all of it again.
        noise = re.sub(rb"#%[A-Z][^;#]*;", b"", noise)
    assert noise.strip(b"\n\x11\x13") == b"" and len(noise) < 10


def test_several_workers_share_the_tests_that_were_asked_for(mixed, tmp_path):
    suite = SmallSuite(tmp_path).write(*[all_busy(tmp_path, 3)] * 20)
    command = mixed.python("-m", "subunit_rpc", "small", path=[tmp_path])
    channel = mixed.channel(*command, options=["--workers", "3"])
    listed = mixed.run("--list", channel=channel, format="ids")
    assert listed.stdout.decode().splitlines() == suite.ids(*range(20))
    (tmp_path / "names").write_text("\n".join(suite.ids(*range(3, 18))))
    ended = mixed.run("--load-list", tmp_path / "names", channel=channel)
    assert (ended.status, ended.stderr) == (0, "")
    ended.stream.assert_clean()
    assert ended.stream.statuses == dict.fromkeys(suite.ids(*range(3, 18)), "success")
    assert sorted(by_worker(ended.stream)) == [0, 1, 2]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_crash_costs_the_test_in_progress(mixed, tmp_path, workers):
    suite = SmallSuite(tmp_path).write(NAP, CRASH, *[NAP] * 8)
    command = mixed.python("-m", "subunit_rpc", "small", path=[tmp_path])
    ended = mixed.run(channel=mixed.channel(*command, options=["--workers", workers]))
    # To a client of 0.1.0, a server that starts anew while the run ends is trouble.
    assert ended.status == 1 or (ended.status == 3 and mixed.is_first("run")), ended.stderr
    ended.stream.assert_clean()
    assert sorted(ended.stream.statuses) == suite.ids(*range(10))
    assert ended.stream.failed() == [suite.id(1)]
    says(ended.stream.details(suite.id(1)), "SIGSEGV", "while this test was in progress")
    assert ended.stream.output(suite.id(1), "stdout") == b"about to "


def test_a_test_that_hangs_costs_its_server(ends, tmp_path):
    """The client watches the server, and has the proxy replace it."""
    suite = SmallSuite(tmp_path).write(NAP, "time.sleep(1000)", NAP)
    command = ends.python("-m", "subunit_rpc", "small", path=[tmp_path])
    ended = ends.run("--test-timeout", "3", channel=ends.channel(*command, options=["--grace", "1"]))
    assert ended.status == 1
    assert ended.stream.statuses == {
        suite.id(0): "success", suite.id(1): "fail", suite.id(2): "success",
    }
    says(ended.stderr + ended.stream.details(suite.id(1)), "--test-timeout")


@pytest.mark.parametrize("outer, inner", mixtures(itertools.permutations(RELEASES)), ids=str)
def test_proxies_behind_a_proxy_are_reached(outer, inner):
    behind = Mixed("this", inner, "this").words("serve", "--workers", "2", "--", *server("good"))
    ends = Mixed("this", outer, "this")
    command = ends.python("-c", DIAL, *behind)
    ended = ends.run(channel=ends.channel(*command, options=["--workers", "2"]))
    assert (ended.status, ended.stderr) == (0, "")
    assert len(ended.stream.statuses) == 5
    assert set(ended.stream.statuses.values()) == {"success"}
