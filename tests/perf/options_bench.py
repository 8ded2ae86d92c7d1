"""What options cost a run of 100,000 tests, how soon the page of `--html` is there in Chromium, and whether a
test begins after the failure with which a run is to stop."""

from datetime import datetime, timezone
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

from subunit.v2 import ByteStreamToStreamResult

from report import AT_MOST, BELOW, Figure, Goal

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import browser as chromium

TESTS = 100_000
SERVERS = 4

EXPLANATION = """\
Medians over {rounds} rounds. A run of {tests:,} tests of servers that do nothing else, from its start to its end, with
each option and without any, in turn; a ratio is the median of the rounds' own ratios. The resource is needed by every
tenth test, and there are two of it for four servers. A page is open when its tests are drawn: from the start of its loading to the frame
after its script has ended, in headless Chromium, which draws without a graphics card. With -x, the four servers have
unittest tests of 2 ms, of which one fails: how long after its end the last test has begun, by the clock of the servers,
and how many tests have begun once the failure had come out of the client.
"""

FAILING_SUITE = """
import time, unittest


class Case(unittest.TestCase):
    pass


def test(number):
    def run(self):
        time.sleep(0.002)
        self.assertNotEqual(number, 300)
    return run


for number in range(600):
    setattr(Case, f"test_{number:03}", test(number))
"""

# After the frame in which all is drawn.
DRAWN = """
    const done = arguments[0];
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));"""
SCROLLED = """
    const done = arguments[0], frames = [];
    let last = performance.now();
    const step = now => {
      frames.push(now - last);
      last = now;
      scrollBy(0, 3000);
      if (frames.length < 100) requestAnimationFrame(step);
      else done(frames.sort((a, b) => a - b)[50]);
    };
    requestAnimationFrame(step);"""


def run_once(build, options):
    binary = str(build / "proxy/subunit-proxy")
    server = [str(build / "tests/perf/null_server"), str(TESTS)]
    start = time.perf_counter()
    subprocess.run(
        [binary, "run", "--format", "subunit", *options, "--", binary, "serve", "--workers", str(SERVERS), "--", *server],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


class Begun:
    """When tests have begun, and when one of them has failed."""

    def __init__(self):
        self.times = []
        self.failed = self.arrived = None

    def startTestRun(self):
        pass

    def stopTestRun(self):
        pass

    def status(self, test_status=None, timestamp=None, **_):
        if test_status == "inprogress":
            self.times.append(timestamp)
        elif test_status == "fail" and not self.failed:
            self.failed, self.arrived = timestamp, datetime.now(timezone.utc)

    def last(self):
        """Milliseconds after the failure."""
        return max(0, (max(self.times) - self.failed).total_seconds() * 1000)

    def late(self):
        """How many have begun after it had arrived."""
        return sum(began > self.arrived for began in self.times)


def stopped(build, directory):
    binary = str(build / "proxy/subunit-proxy")
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    client = subprocess.Popen(
        [binary, "run", "--format", "subunit", "-x", "--", binary, "serve", "--workers", str(SERVERS), "--",
         sys.executable, "-m", "subunit_rpc", "failing"],
        cwd=directory, env={**os.environ, "PYTHONPATH": str(scripts)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    begun = Begun()
    ByteStreamToStreamResult(client.stdout).run(begun)
    if client.wait() != 1 or not begun.failed:
        raise SystemExit("the run with a failure has not ended with one")
    return begun


def opened(driver, page):
    """Milliseconds until it is open, and of a frame while it scrolls."""
    driver.get("about:blank")
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    driver.get(f"file://{page}")
    return driver.execute_async_script(DRAWN), driver.execute_async_script(SCROLLED)


def run(build, quick):
    """The figures, and what is to be said about them."""
    rounds = 5 if quick else 11
    with tempfile.TemporaryDirectory() as directory:
        page = f"{directory}/results.html"
        ways = {
            "--html": ["--html", page],
            "--retries 1": ["--retries", "1"],
            "--resource": ["--resource", "db=2:0$"],
        }
        plain, measured = [], {name: [] for name in ways}
        for _ in range(rounds):
            plain.append(run_once(build, []))
            for name, options in ways.items():
                measured[name].append(run_once(build, options))
        Path(directory, "failing.py").write_text(FAILING_SUITE)
        stops = [stopped(build, directory) for _ in range(rounds)]
        size = Path(page).stat().st_size / TESTS
        driver = chromium.start(f"{directory}/profile")
        try:
            pages = [opened(driver, page) for _ in range(rounds)]
        finally:
            driver.quit()
    loads, frames = map(list, zip(*pages))
    figures = [
        Figure(f"100,000 tests, {name}", "s", seconds, "without", plain, Goal(AT_MOST, 1.1))
        for name, seconds in measured.items()
    ]
    figures += [
        Figure("the page opens", "ms", loads, goal=Goal(BELOW, 1000, False)),
        Figure("a frame while it scrolls", "ms", frames),
        Figure("-x: from the failure to the last test begun", "ms", [stop.last() for stop in stops]),
        Figure("-x: tests begun after it", "", [stop.late() for stop in stops], goal=Goal(BELOW, 1, False)),
        Figure("bytes of a passed test", "", [size], goal=Goal(BELOW, 1000, False)),
    ]
    return figures, EXPLANATION.format(rounds=rounds, tests=TESTS)
