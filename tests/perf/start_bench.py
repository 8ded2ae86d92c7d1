"""How long one tiny test takes, from the start of the command that runs it to its end."""

import contextlib
import resource
import tempfile
from typing import NamedTuple

from loopback_ssh import shared_connection
from project import MODULE, PYTHON, Project
from report import AT_MOST, Figure, Goal

PIPE, SSH = "over a pipe", "over ssh"
SUBUNIT_RUN, STESTR, TESTR = "subunit.run", "stestr run", "testr run"

EXPLANATION = """\
Medians over {rounds} rounds; a ratio is the median of the rounds' own ratios, ours to the peer's.
One test that does nothing, the command's whole life counted, with nobody reading its output. Ours
lists and runs all tests of `python3 -m subunit_rpc --listen`, which is there already; each round
takes the median of {starts} runs. Over ssh: sshd on loopback, and a master connection that is up. CPU
is that of the command and its children; the warm server is none.
"""


class Cost(NamedTuple):
    wall: float  # milliseconds
    cpu: float


def cpu_of_children():
    """Milliseconds, of all that have ended and their own."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (usage.ru_utime + usage.ru_stime)


def cost(project, command, count):
    """The median time, and the mean of the CPU time, which has no outliers."""
    before = cpu_of_children()
    walls = sorted(1000 * project.seconds(*command) for _ in range(count))
    return Cost(walls[count // 2], (cpu_of_children() - before) / count)


def measure(project, commands, starts, rounds):
    """A list over the rounds for each of the commands."""
    costs = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(cost(project, command, starts if name in (PIPE, SSH) else 1))
    return costs


def figures(costs):
    goals = {(PIPE, SUBUNIT_RUN): Goal(AT_MOST, 1 / 40), (PIPE, STESTR): Goal(AT_MOST, 1 / 150)}
    walls = {name: [one.wall for one in values] for name, values in costs.items()}
    cpus = {name: [one.cpu for one in values] for name, values in costs.items()}
    for ours in (PIPE, SSH):
        for peer in (SUBUNIT_RUN, STESTR, TESTR):
            yield Figure(f"one tiny test {ours}", "ms", walls[ours], peer, walls[peer],
                         goals.get((ours, peer)))
    for peer in (SUBUNIT_RUN, STESTR, TESTR):
        yield Figure(f"one tiny test {PIPE}", "ms of CPU", cpus[PIPE], peer, cpus[peer])


def run(build, quick):
    """The figures, and what is to be said about them."""
    starts, rounds = (5, 3) if quick else (15, 7)
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as undo:
        project = Project(directory, build, [0])
        for tool in ("stestr", "testr"):
            project.run(tool, "init")
        channel = undo.enter_context(project.warm_server(MODULE))
        over_ssh = undo.enter_context(shared_connection(directory))
        commands = {
            PIPE: project.client(channel),
            SSH: project.client(over_ssh(channel)),
            SUBUNIT_RUN: [PYTHON, "-m", "subunit.run", MODULE],
            STESTR: ["stestr", "run"],
            TESTR: ["testr", "run"],
        }
        for command in commands.values():  # the first runs write bytecode
            project.run(*command)
        costs = measure(project, commands, starts, rounds)
    return list(figures(costs)), EXPLANATION.format(rounds=rounds, starts=starts)
