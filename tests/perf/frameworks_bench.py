"""pytest suites on warm servers, against pytest with pytest-xdist, and one test against pytest itself."""

from random import Random
import tempfile

from project import PYTHON, Project
from report import AT_MOST, Figure, Goal

WORKERS = 2
SHORT_TESTS, SHORT_SECONDS = 1000, 0.001
SKEWED_TESTS, SKEWED_TOTAL, SIGMA = 60, 8, 1.5
XDIST = f"pytest -n {WORKERS}"
ARGUMENTS = ["-p", "no:cacheprovider", "--rootdir=.", "tests"]
TEST = "tests/test_sleep.py::Sleep::test_00000"

EXPLANATION = """\
Wall times of whole runs, medians over {rounds} rounds; a ratio is the median of the rounds' own ratios.
Short: {short} tests of a millisecond. Skewed: {skewed} tests that sleep, {total} s in all, lognormal with sigma
{sigma} and another seed each round; ours is the second run, which knows the durations from the first.
Start and end of the servers are part of both. One test: the command's whole life, with a server that
is there already.
"""


def pytest(*arguments):
    return [PYTHON, "-m", "pytest", "-q", *arguments]


def served(project, *options):
    server = [PYTHON, "-m", "subunit_rpc", "--pytest", *ARGUMENTS]
    channel = [project.binary, "serve", "--workers", str(WORKERS), "--", *server]
    return project.client(channel, *options)


def skewed(seed):
    random = Random(f"pytest, {seed}")
    durations = [random.lognormvariate(0, SIGMA) for _ in range(SKEWED_TESTS)]
    scale = SKEWED_TOTAL / sum(durations)
    return [round(duration * scale, 4) for duration in durations]


def short_suite(build, rounds):
    with tempfile.TemporaryDirectory() as directory:
        project = Project(directory, build, [SHORT_SECONDS] * SHORT_TESTS)
        pairs = [
            (project.seconds(*served(project)), project.seconds(*pytest("-n", WORKERS, *ARGUMENTS)))
            for _ in range(rounds)
        ]
    return Figure(f"{SHORT_TESTS} short tests, {WORKERS} servers", "s", [ours for ours, _ in pairs], XDIST,
                  [peer for _, peer in pairs], Goal(AT_MOST, 1))


def skewed_suites(build, rounds):
    pairs = []
    for seed in range(rounds):
        with tempfile.TemporaryDirectory() as directory:
            project = Project(directory, build, skewed(seed))
            command = served(project, "--history", f"{directory}/history")
            project.run(*command)
            pairs.append((project.seconds(*command), project.seconds(*pytest("-n", WORKERS, *ARGUMENTS))))
    return Figure(f"skewed suite, {WORKERS} servers, history", "s", [ours for ours, _ in pairs], XDIST,
                  [peer for _, peer in pairs], Goal(AT_MOST, 0.8))


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
    return Figure("one test on a warm server", "ms", [ours for ours, _ in pairs], "pytest ID",
                  [peer for _, peer in pairs], Goal(AT_MOST, 1 / 40))


def run(build, quick):
    """The figures, and what is to be said about them."""
    rounds = 1 if quick else 5
    figures = [measure(build, rounds) for measure in (short_suite, skewed_suites, one_test)]
    explanation = EXPLANATION.format(
        rounds=rounds, short=SHORT_TESTS, skewed=SKEWED_TESTS, total=SKEWED_TOTAL, sigma=SIGMA
    )
    return figures, explanation
