"""How long a run takes over the least possible, in virtual time, beside stestr's partitions and
plain dispatch on demand; and what the scheduler itself costs."""

import functools
import heapq
from random import Random
import subprocess

from stestr.scheduler import partition_tests

from report import AT_MOST, Figure, Goal

SIZES = (200, 500, 2000)
WORKERS = (4, 16)
SPEEDS = (1, 0.5)  # of the first worker
SIGMA = 1.5
HISTORY_ERROR = 0.3
PATIENCE = 600  # seconds

ON_DEMAND = "on demand"
STESTR = "stestr"

EXPLANATION = """\
Makespans over the lower bound max(total / sum of speeds, longest test), in virtual time and without
a channel, medians over {seeds} suites, or what a tenth of them reaches or exceeds. Durations are
lognormal with sigma 1.5; a history is the duration times a lognormal factor with sigma 0.3. A slow
worker runs at half the speed, and is the first to ask. "on demand" is plain dispatch of one test at
a time in the order given; "stestr" its own partition_tests(), fed with the same suite and history.
Where tests need things of which there are few, eight workers are on two machines, durations are known,
and the bound is also what the resource's tests take on its slots; exclusive tests count for their whole
machine. "order given" is our own scheduler without its order.
The scheduler's cost is CPU time of all of its calls, {cost_tests:,} tests on {cost_workers} workers.
"""

COST_TESTS, COST_WORKERS = 100_000, 16


def worst_tenth(values):
    return sorted(values)[len(values) * 9 // 10]


class Suite:
    def __init__(self, tests, seed):
        random = Random(f"{tests} tests, {seed}")
        self.durations = [random.lognormvariate(0, SIGMA) for _ in range(tests)]
        self.history = [d * random.lognormvariate(0, HISTORY_ERROR) for d in self.durations]

    def lower_bound(self, speeds):
        return max(sum(self.durations) / sum(speeds), max(self.durations))

    def on_demand(self, speeds):
        free = [(0, number) for number in range(len(speeds))]
        for duration in self.durations:
            time, number = free[0]
            heapq.heapreplace(free, (time + duration / speeds[number], number))
        return max(free)[0]

    def stestr(self, speeds, history):
        known = dict(zip(map(str, range(len(self.durations))), self.history))
        partitions = partition_tests(list(known), len(speeds), Times(known if history else {}), None)
        return max(
            sum(self.durations[int(test)] for test in partition) / speed
            for partition, speed in zip(partitions, speeds)
        )

    def as_text(self):
        lines = (f"{d:.9f} {h:.9f}" for d, h in zip(self.durations, self.history))
        return f"{len(self.durations)}\n" + "\n".join(lines) + "\n"


class Times:
    """What partition_tests() wants of a repository."""

    def __init__(self, known):
        self.known = known

    def get_test_times(self, ids):
        return {"known": self.known, "unknown": {id for id in ids if id not in self.known}}


def simulate(program, suites, cases):
    """For each suite and case the makespans of our scheduler, without and with history."""
    words = [f"{workers},{speed}" for workers, speed in cases]
    output = subprocess.run(
        [program, "simulate", *words],
        input="".join(suite.as_text() for suite in suites),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE,
    ).stdout
    for line in output.splitlines():
        values = list(map(float, line.split()))
        yield {case: values[2 * i : 2 * i + 2] for i, case in enumerate(cases)}


def case_figures(suites, ours, workers, first_speed):
    """`ours`: makespans without and with history, for each suite."""
    speeds = [first_speed] + [1] * (workers - 1)
    bounds = [suite.lower_bound(speeds) for suite in suites]
    over_bound = lambda makespans: [time / bound for time, bound in zip(makespans, bounds)]
    without, informed = map(over_bound, zip(*ours))
    on_demand = over_bound([suite.on_demand(speeds) for suite in suites])
    stestr = lambda history: over_bound([suite.stestr(speeds, history) for suite in suites])

    slow = first_speed < 1
    name = f"{len(suites[0].durations)} tests, {workers} workers" + (", one slow" if slow else "")
    figure = functools.partial(Figure, unit="x bound")
    yield figure(f"no history, {name}", ours=without, peer_name=ON_DEMAND, peer=on_demand,
                 goal=Goal(AT_MOST, 1.01))
    yield figure(f"no history, {name}", ours=without, peer_name=STESTR, peer=stestr(False))
    with_history = functools.partial(figure, ours=informed, peer_name=STESTR, peer=stestr(True))
    if slow:
        yield with_history(f"history, {name}", goal=Goal(AT_MOST, 1.05, False))
        yield with_history(f"history, {name}, worst tenth", goal=Goal(AT_MOST, 1.15, False),
                           combine=worst_tenth)
    else:
        yield with_history(f"history, {name}", goal=Goal(AT_MOST, 1.02, False))


def lines_of(program, *arguments):
    return subprocess.run(
        [program, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE
    ).stdout.splitlines()


def limit_figures(program, tests, suites):
    for line in lines_of(program, "limits", tests, suites):
        name, *pairs = line.split("\t")
        ours, in_order = zip(*(map(float, pair.split()) for pair in pairs))
        yield Figure(f"{name}, {tests} tests", "x bound", ours, "order given", in_order,
                     goal=Goal(AT_MOST, 1.05, False))
        yield Figure(f"{name}, {tests} tests, worst tenth", "x bound", ours, "order given", in_order,
                     goal=Goal(AT_MOST, 1.05, False), combine=worst_tenth)


def cost_figures(program, rounds):
    costs = {}
    for _ in range(rounds):
        for line in lines_of(program, "cost", COST_TESTS, COST_WORKERS):
            name, cost = line.split("\t")
            costs.setdefault(name, []).append(float(cost))
    for name, values in costs.items():
        yield Figure(f"cost of a test of {name}", "us", values)


def run(build, quick):
    """The figures, and what is to be said about them."""
    program = str(build / "tests/perf/makespan")
    seeds = 21 if quick else 101
    cases = [(workers, speed) for speed in SPEEDS for workers in WORKERS]
    figures = []
    for size in SIZES:
        suites = [Suite(size, seed) for seed in range(seeds)]
        makespans = list(simulate(program, suites, cases))
        for case in cases:
            figures += case_figures(suites, [line[case] for line in makespans], *case)
    figures += limit_figures(program, 500, seeds)
    figures += cost_figures(program, 3 if quick else 7)
    explanation = EXPLANATION.format(
        seeds=seeds, cost_tests=COST_TESTS, cost_workers=COST_WORKERS
    )
    return figures, explanation
