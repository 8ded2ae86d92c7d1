"""The gap between the end of one test and the start of the next one on the same server, with a
delay in the channel."""

import io
import tempfile

from subunit.v2 import ByteStreamToStreamResult

from project import Project
from report import AT_MOST, Figure, Goal

DELAYS = (0, 20, 200)  # milliseconds, one way
TESTS, TEST_SECONDS = 400, 0.02
WORKERS = 2
# Of the gap without delay, whose own noise is more than the goal is about.
MOST = 1.5

EXPLANATION = """\
{tests} tests of {test_ms:g} ms on {workers} servers of `python3 -m subunit_rpc`, behind one channel, in which
every byte is delayed by that much in each direction. The gaps are between the server's own
timestamps; the peer is the gap without delay of the same round. Medians over {rounds} rounds of a
round's median, and of the gap that only a hundredth exceeds; and the longest of all. How long tests
take is not known before the first ones have ended: then a server waits once for a round trip.
"""


class Gaps:
    """A StreamResult that takes the gaps out of a run's stream, in milliseconds."""

    def __init__(self):
        self.gaps = []
        self._ended = {}  # when, by worker

    def startTestRun(self):
        pass

    def stopTestRun(self):
        pass

    def status(self, test_id=None, test_status=None, test_tags=None, timestamp=None, **_):
        workers = [tag for tag in test_tags or () if tag.startswith("worker-")]
        if not test_id or not test_status or not workers:
            return
        if test_status == "inprogress":
            if ended := self._ended.get(workers[0]):
                self.gaps.append((timestamp - ended).total_seconds() * 1000)
        else:
            self._ended[workers[0]] = timestamp


def gaps(project, build, delay):
    channel = [str(build / "tests/perf/delaying_relay"), str(delay),
               *project.serve("--workers", str(WORKERS))]
    stream = project.run(*project.client(channel))
    result = Gaps()
    ByteStreamToStreamResult(io.BytesIO(stream)).run(result)
    if len(result.gaps) != project.tests - WORKERS:
        raise RuntimeError(f"{len(result.gaps)} gaps between {project.tests} tests")
    return sorted(result.gaps)


def run(build, quick):
    """The figures, and what is to be said about them."""
    rounds = 1 if quick else 3
    with tempfile.TemporaryDirectory() as directory:
        project = Project(directory, build, [TEST_SECONDS] * TESTS)
        measured = {delay: [] for delay in DELAYS}
        for _ in range(rounds):
            for delay, values in measured.items():
                values.append(gaps(project, build, delay))

    def at(delay, share):
        return [values[min(int(len(values) * share), len(values) - 1)] for values in measured[delay]]

    figures = []
    for delay in DELAYS:
        peer = {"peer_name": "no delay", "peer": at(0, 0.5), "goal": Goal(AT_MOST, MOST)}
        figures.append(Figure(f"gap, {delay} ms one way", "ms", at(delay, 0.5),
                              **(peer if delay else {})))
        figures.append(Figure(f"gap, {delay} ms one way, 99 of 100", "ms", at(delay, 0.99)))
        figures.append(Figure(f"gap, {delay} ms one way, longest", "ms", at(delay, 1), combine=max))
    explanation = EXPLANATION.format(
        tests=TESTS, test_ms=TEST_SECONDS * 1000, workers=WORKERS, rounds=rounds
    )
    return figures, explanation
