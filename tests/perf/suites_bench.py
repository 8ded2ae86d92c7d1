"""The same sleeping suite under stestr, with four processes, and under run, with four servers."""

from random import Random
import tempfile

from project import Project
from report import Figure

TESTS, TOTAL_SECONDS, SIGMA = 60, 12, 1.5
WORKERS = 4

EXPLANATION = """\
Wall times of whole runs, medians over {rounds} rounds; a ratio is the median of the rounds' own ratios.
{tests} tests that sleep, {total} s in all, lognormal with sigma {sigma} and another seed each round; the least
possible is {bound:.2f} s, in the median. "with history": the second run, which knows the durations from
the first. Start and end of the four processes or servers are part of it.
"""


class Suite:
    def __init__(self, seed):
        random = Random(f"sleeping, {seed}")
        durations = [random.lognormvariate(0, SIGMA) for _ in range(TESTS)]
        scale = TOTAL_SECONDS / sum(durations)
        self.durations = [round(duration * scale, 4) for duration in durations]

    def lower_bound(self):
        return max(sum(self.durations) / WORKERS, max(self.durations))


def measure(build, suite):
    """Seconds, by tool: without and with history."""
    with tempfile.TemporaryDirectory() as directory:
        project = Project(directory, build, suite.durations)
        project.run("stestr", "init")
        # Whoever comes first would write the bytecode.
        project.run("stestr", "list")
        ours = project.client(
            project.serve("--workers", str(WORKERS)), "--history", f"{directory}/history"
        )
        stestr = ["stestr", "run", "--concurrency", str(WORKERS)]
        times = {"ours": [], "stestr": []}
        for _ in ("without history", "with history"):
            times["ours"].append(project.seconds(*ours))
            times["stestr"].append(project.seconds(*stestr))
        return times


def run(build, quick):
    """The figures, and what is to be said about them."""
    suites = [Suite(seed) for seed in range(1 if quick else 5)]
    measured = [measure(build, suite) for suite in suites]
    bounds = sorted(suite.lower_bound() for suite in suites)
    figures = [
        Figure(f"sleeping suite, {name}", "s", [one["ours"][i] for one in measured],
               f"stestr --concurrency {WORKERS}", [one["stestr"][i] for one in measured])
        for i, name in enumerate(("no history", "history"))
    ]
    explanation = EXPLANATION.format(
        rounds=len(suites), tests=TESTS, total=TOTAL_SECONDS, sigma=SIGMA,
        bound=bounds[len(bounds) // 2],
    )
    return figures, explanation
