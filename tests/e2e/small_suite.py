"""A suite of a few lines in a file of its own, served by the Python server, and what became of it."""

import json
import textwrap

import support
from support import client, python

HEAD = """
import os, sys, time, unittest

class T(unittest.TestCase):
"""


class SmallSuite:
    """Tests T.test_00, T.test_01 and so on, in `directory`."""

    def __init__(self, directory, name="small"):
        self.directory = directory
        self._name = name

    def write(self, *bodies, fixture=None):
        """Each body is the code of one test, `fixture` that of setUpClass. Returns the suite."""
        text = HEAD
        if fixture is not None:
            text += "    @classmethod\n    def setUpClass(cls):\n"
            text += textwrap.indent(textwrap.dedent(fixture).strip("\n"), 8 * " ") + "\n"
        for number, body in enumerate(bodies):
            text += f"    def test_{number:02}(self):\n"
            text += textwrap.indent((textwrap.dedent(body).strip("\n") or "pass"), 8 * " ") + "\n"
        (self.directory / f"{self._name}.py").write_text(text)
        return self

    def id(self, number):
        return f"{self._name}.T.test_{number:02}"

    def ids(self, *numbers):
        return [self.id(number) for number in numbers]

    @property
    def command(self):
        """Of its server."""
        path = f"PYTHONPATH={self.directory}:{support.PYTHONPATH}"
        return [path if word.startswith("PYTHONPATH=") else word for word in
                python("-m", "subunit_rpc", self._name)]

    def channel(self, workers=1):
        return support.serving(*self.command, options=["--workers", workers])

    def run(self, *options, workers=1):
        return client("--format", "subunit", *options, channel=self.channel(workers))


def all_busy(directory, workers):
    """The code of a test that does not end before this many servers have begun one."""
    return f"""
open(os.path.join({str(directory)!r}, 'busy-' + os.environ['SUBUNIT_RPC_WORKER']), 'w').close()
while sum(name.startswith('busy-') for name in os.listdir({str(directory)!r})) < {workers}:
    time.sleep(0.01)
"""


def durations(stream):
    """How long each test took, by its timestamps."""
    began, took = {}, {}
    for event in stream.events:
        if event["test_status"] == "inprogress":
            began[event["test_id"]] = event["timestamp"]
        elif event["test_status"] in support.FINAL:
            took[event["test_id"]] = event["timestamp"] - began[event["test_id"]]
    return took


def worker_of(event):
    """K of the tag worker-K, if it is there."""
    numbers = [int(tag[7:]) for tag in event["test_tags"] or () if tag.startswith("worker-")]
    assert len(numbers) <= 1
    return numbers[0] if numbers else None


def by_worker(stream):
    """The tests that each server ended, in order."""
    workers = {}
    for event in stream.events:
        if event["test_status"] in support.FINAL:
            workers.setdefault(worker_of(event), []).append(event["test_id"])
    return workers


def read_log(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def sent(path):
    """The tests that a schedule log says each server got, in order."""
    workers = {}
    for entry in read_log(path):
        workers.setdefault(entry["worker"], []).extend(entry["tests"])
    return workers
