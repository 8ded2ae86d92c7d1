"""What all tests in Python rely on, whoever starts them, and in which order they start."""

import os
import signal

import pytest

MOST = 600  # seconds that one test may take before it counts as one that hangs


def set_dispositions():
    """Signals as a program finds them that a shell starts in the foreground.

    `nohup`, and `&` in a shell script, start this process with signals ignored, and a program that
    a test starts would ignore them too. A signal that has a handler here, if only an empty one, is
    at its default there, and this process goes on ignoring it.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # Python's own
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())


def pytest_configure(config):
    set_dispositions()
    # Tests that run side by side know their place. What they start is to know nothing of a server that
    # they are tests of themselves.
    place = os.environ.pop("SUBUNIT_RPC_WORKER", None) or os.environ.get("PYTEST_XDIST_WORKER", "")[2:]
    if place or "SUBUNIT_TEST_PLACE" not in os.environ:
        os.environ["SUBUNIT_TEST_PLACE"] = place or "0"


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A test that hangs fails, and the ones after it run."""

    def fail(*_):
        raise AssertionError(f"{item.nodeid} has not ended within {MOST} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(MOST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
