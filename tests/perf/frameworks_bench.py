"""pytest suites on warm servers, against pytest with pytest-xdist, and one test against pytest itself;
one test on a warm GoogleTest server."""

import io
import json
import os
from random import Random
import socket
from statistics import median
import subprocess
import tempfile
import time

from subunit.v2 import ByteStreamToStreamResult, StreamResultToBytes

from loopback_ssh import shared_connection
from project import PYTHON, Project
from relay import PATIENCE
from report import AT_MOST, Figure, Goal

WORKERS = 2
SHORT_TESTS, SHORT_SECONDS = 1000, 0.001
SKEWED_TESTS, SKEWED_TOTALS, SIGMA = 60, [4, 8], 1.5
XDIST = f"pytest -n {WORKERS}"
XDIST_OVER_SSH = f"-d --tx {WORKERS}*ssh=…"
ARGUMENTS = ["-p", "no:cacheprovider", "--rootdir=.", "tests"]
TEST = "tests/test_sleep.py::Sleep::test_00000"
NATIVE_TEST = "Stack.IsEmptyInTheEnd"
NATIVE_RUNS = 200

EXPLANATION = """\
Wall times of whole runs, medians over {rounds} rounds; a ratio is the median of the rounds' own ratios.
Short: {short} tests of a millisecond. Skewed: {skewed} tests that sleep, {totals} s in all, lognormal with sigma
{sigma} and another seed each round; ours is the second run, which knows the durations from the first.
Start and end of the servers are part of both. The shortest possible: half of what the tests sleep, or the
longest of them, as if nothing had to be started; what is above it is nearly all pytest's own start. Over ssh: sshd on loopback, and a master
connection that is up; pytest-xdist also looks whether the other side has the same pytest and tests, and both
have run once before. One test: the command's whole life, with a server that is there already. One forked test
of GoogleTest: from Run to Done on the server's own connection, less the time between the test's two
timestamps; the median of {runs} runs, and the one that a tenth exceeds.
Adapter: 200 tests of 20 ms, in processes of ten, against as many processes of GoogleTest's own sharding.
"""


def pytest(*arguments):
    return [PYTHON, "-m", "pytest", "-q", *arguments]


def channel_to(project):
    server = [PYTHON, "-m", "subunit_rpc", "--pytest", *ARGUMENTS]
    return [project.binary, "serve", "--workers", str(WORKERS), "--", *server]


def served(project, *options):
    return project.client(channel_to(project), *options)


def skewed(seed, total):
    random = Random(f"pytest, {seed}")
    durations = [random.lognormvariate(0, SIGMA) for _ in range(SKEWED_TESTS)]
    scale = total / sum(durations)
    return [round(duration * scale, 4) for duration in durations]


def short_suite(build, rounds):
    with tempfile.TemporaryDirectory() as directory:
        project = Project(directory, build, [SHORT_SECONDS] * SHORT_TESTS)
        pairs = [
            (project.seconds(*served(project)), project.seconds(*pytest("-n", WORKERS, *ARGUMENTS)))
            for _ in range(rounds)
        ]
    return [Figure(f"{SHORT_TESTS} short tests, {WORKERS} servers", "s", [ours for ours, _ in pairs], XDIST,
                   [peer for _, peer in pairs], Goal(AT_MOST, 1))]


def short_suite_over_ssh(build, rounds):
    with tempfile.TemporaryDirectory() as directory, shared_connection(directory) as over_ssh:
        project = Project(directory, build, [SHORT_SECONDS] * SHORT_TESTS)
        here = ["env", "--chdir", directory, f"PYTHONPATH={project.python_path}"]
        ours = project.client(over_ssh([*here, *channel_to(project)]))
        place = f"ssh=machine//ssh_config={directory}/client.conf//python={PYTHON}//chdir={directory}/copy"
        xdist = pytest("-d", "--tx", f"{WORKERS}*{place}", "--rsyncdir=tests", *ARGUMENTS[:-1], f"{directory}/tests")
        for command in ours, xdist:
            project.run(*command)
        pairs = [(project.seconds(*ours), project.seconds(*xdist)) for _ in range(rounds)]
    return [Figure("the same over ssh", "s", [ours for ours, _ in pairs], XDIST_OVER_SSH,
                   [peer for _, peer in pairs], Goal(AT_MOST, 1))]


def skewed_suites(build, rounds):
    return [figure for total in SKEWED_TOTALS for figure in skewed_suite(build, rounds, total)]


def skewed_suite(build, rounds, total):
    ours, shortest, xdist = [], [], []
    for seed in range(rounds):
        durations = skewed(seed, total)
        with tempfile.TemporaryDirectory() as directory:
            project = Project(directory, build, durations)
            command = served(project, "--history", f"{directory}/history")
            project.run(*command)
            ours.append(project.seconds(*command))
            xdist.append(project.seconds(*pytest("-n", WORKERS, *ARGUMENTS)))
        shortest.append(max(sum(durations) / WORKERS, *durations))
    return [
        Figure(f"skewed suite of {total} s, {WORKERS} servers, history", "s", ours, XDIST, xdist, Goal(AT_MOST, 0.8)),
        Figure("the shortest possible", "s", shortest, XDIST, xdist),
    ]


def one_test(build, rounds):
    with tempfile.TemporaryDirectory() as directory:
        project = Project(directory, build, [0])
        with project.warm_server("--pytest", *ARGUMENTS) as channel:
            command = project.client(channel, TEST)
            pairs = [
                (1000 * min(project.seconds(*command) for _ in range(3)),
                 1000 * min(project.seconds(*pytest("-p", "no:cacheprovider", TEST)) for _ in range(3)))
                for _ in range(rounds)
            ]
    return [Figure("one test on a warm server", "ms", [ours for ours, _ in pairs], "pytest ID",
                   [peer for _, peer in pairs], Goal(AT_MOST, 1 / 40))]


class OwnTime:
    """A StreamResult that knows how long a test has taken by its timestamps, in milliseconds."""

    def startTestRun(self):
        pass

    def stopTestRun(self):
        pass

    def status(self, test_status=None, timestamp=None, **_):
        if test_status == "inprogress":
            self._start = timestamp
        elif test_status == "success":
            self.milliseconds = (timestamp - self._start).total_seconds() * 1000


def message(**fields):
    stream = io.BytesIO()
    StreamResultToBytes(stream).status(
        test_id="testrepository-rpc", file_name="message", mime_type="application/json", eof=True,
        file_bytes=json.dumps(fields).encode(),
    )
    return stream.getvalue()


def ask(connection, wanted, **fields):
    """What comes up to a packet with `wanted` in it, and after how many milliseconds."""
    request = message(**fields)
    answer = b""
    start = time.perf_counter()
    connection.sendall(request)
    while wanted not in answer:
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError(f"the server has ended before {wanted}")
        answer += piece
    return answer, (time.perf_counter() - start) * 1000


def run_overhead(connection, nonce):
    answer, milliseconds = ask(connection, b'"Done"', msg="Run", nonce=nonce, tests=[NATIVE_TEST])
    own = OwnTime()
    ByteStreamToStreamResult(io.BytesIO(answer)).run(own)
    return milliseconds - own.milliseconds


def forked_test(build, rounds):
    program = build / "tests/gtest_example"
    if not program.exists():
        return []  # without GoogleTest
    medians, tenths = [], []
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
        address = f"{directory}/server"
        listener.bind(address)
        listener.listen()
        listener.settimeout(PATIENCE)
        server = subprocess.Popen([program, "--subunit-rpc"], stdout=subprocess.DEVNULL,
                                  env={**os.environ, "SUBUNIT_RPC_LOCAL": f"unix:{address}"})
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(PATIENCE)
            ask(connection, b'"Hello"', msg="Hello", max=2, min=1)
            for number in range(rounds):
                times = sorted(run_overhead(connection, f"{number}, {each}") for each in range(NATIVE_RUNS))
                medians.append(median(times))
                tenths.append(times[NATIVE_RUNS * 9 // 10])
            connection.sendall(message(msg="Goodbye"))
        server.wait(PATIENCE)
    return [
        Figure("one forked test of GoogleTest, above the test", "ms", medians, goal=Goal(AT_MOST, 1, on_ratio=False)),
        Figure("that a tenth exceeds", "ms", tenths),
    ]


def adapter(build, rounds):
    program = build / "tests/perf/gtest_sleep"
    if not program.exists():
        return []
    with tempfile.TemporaryDirectory() as directory:
        project = Project(directory, build, [])
        channel = [project.binary, "serve", "--workers", WORKERS, "--adapter", "gtest", "--", program]
        shards = " & ".join(
            f"GTEST_TOTAL_SHARDS={WORKERS} GTEST_SHARD_INDEX={shard} {program}" for shard in range(WORKERS)
        )
        pairs = [
            (project.seconds(*project.client(channel)), project.seconds("sh", "-c", f"{shards} & wait"))
            for _ in range(rounds)
        ]
    return [Figure(f"adapter for GoogleTest, {WORKERS} workers", "s", [ours for ours, _ in pairs],
                   f"{WORKERS} shards", [peer for _, peer in pairs], Goal(AT_MOST, 1.1))]


MEASUREMENTS = [short_suite, short_suite_over_ssh, skewed_suites, one_test, forked_test, adapter]


def run(build, quick):
    """The figures, and what is to be said about them."""
    rounds = 1 if quick else 5
    figures = [figure for measure in MEASUREMENTS for figure in measure(build, rounds)]
    explanation = EXPLANATION.format(
        rounds=rounds, short=SHORT_TESTS, skewed=SKEWED_TESTS, totals=" and ".join(map(str, SKEWED_TOTALS)),
        sigma=SIGMA, runs=NATIVE_RUNS,
    )
    return figures, explanation
