"""Fixtures of the tests with real processes. Run with Debian's Python: it has python3-subunit."""

import contextlib
import os
from pathlib import Path
import sys
import uuid

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from console import Console  # noqa: E402
from sshd import Sshd  # noqa: E402
import support  # noqa: E402

sys.path.insert(0, str(support.EXAMPLES))


# They change what `run` writes.
CI_VARIABLES = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITLAB_CI")


def pytest_configure():
    for name in CI_VARIABLES:
        os.environ.pop(name, None)
    if not os.access(support.BINARY, os.X_OK):
        raise pytest.UsageError(
            f"{support.BINARY} is not there: build it, or name another one in SUBUNIT_PROXY"
        )
    if os.getuid() != 0:
        # Or we could not see the environment of the proxies, and which ones are a test's.
        os.environ["SUBUNIT_PROXY_DUMPABLE"] = "1"


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch):
    """Every test ends every process that it started."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(support.MARK, mark)
    yield
    try:
        support.wait_until(lambda: not support.marked(mark), "")
    except AssertionError:
        left = support.marked(mark)
        for pid in left:
            support.stop(pid)
        assert not left, f"processes left behind: {left}"


@pytest.fixture
def serve():
    """Starts `subunit-proxy serve` with these arguments; ends it if the test does not."""
    started = []

    def start(*arguments, **options):
        started.append(support.Serve(*arguments, **options))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def processes():
    """Other processes of a test, killed and waited for at its end."""
    started = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        # Its children may hold the other ends, so there is no waiting for the end of these.
        for file in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                if file:
                    file.close()


@pytest.fixture
def console():
    made = Console()
    yield made
    made.close()


@pytest.fixture(scope="session")
def sshd(tmp_path_factory):
    daemon = Sshd(tmp_path_factory.mktemp("sshd"))
    yield daemon
    daemon.close()
