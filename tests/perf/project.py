"""A directory with a generated unittest suite, set up for testr, stestr and the servers here."""

import contextlib
import os
from pathlib import Path
import subprocess
import threading
import time

from relay import PATIENCE, read_line

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"  # the one that has Debian's python3-subunit
MODULE = "tests.test_sleep"

SOURCE = """\
import time
import unittest


class Sleep(unittest.TestCase):
    pass


def sleeping(seconds):
    return lambda self: time.sleep(seconds) if seconds else None


for number, seconds in enumerate({durations}):
    setattr(Sleep, f"test_{{number:05}}", sleeping(seconds))
"""

TESTR = f"""\
[DEFAULT]
test_command={PYTHON} -m subunit.run $LISTOPT $IDOPTION {MODULE}
test_id_option=--load-list $IDFILE
test_list_option=--list
"""

STESTR = """\
[DEFAULT]
test_path=./tests
"""


class Project:
    """`durations`: of the tests, in seconds. `build`: a build directory that has the binary."""

    def __init__(self, directory, build, durations):
        self.directory = Path(directory)
        self.binary = str(build / "proxy/subunit-proxy")
        tests = self.directory / "tests"
        tests.mkdir()
        (tests / "__init__.py").touch()
        (tests / "test_sleep.py").write_text(SOURCE.format(durations=list(durations)))
        (self.directory / ".testr.conf").write_text(TESTR)
        (self.directory / ".stestr.conf").write_text(STESTR)
        self.python_path = f"{self.directory}:{ROOT / 'scripts'}"
        self.tests = len(durations)
        self._environment = {**os.environ, "PYTHON": PYTHON, "PYTHONPATH": self.python_path}

    def start(self, *command, stdin=subprocess.DEVNULL, **more):
        return subprocess.Popen(
            [*map(str, command)], cwd=self.directory, env=self._environment, stdin=stdin, **more
        )

    def run(self, *command):
        """What it writes to stdout. It has to succeed."""
        return self._wait(self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    def seconds(self, *command, patience=PATIENCE):
        """From its start to its end, with nobody to read what it says."""
        start = time.perf_counter()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._wait(self.start(*command, **quiet), patience)
        return time.perf_counter() - start

    @staticmethod
    def _wait(process, patience=PATIENCE):
        # Popen's own time-outs look for the end of a process only now and then.
        end = threading.Timer(patience, process.kill)
        end.start()
        try:
            output, errors = process.communicate()
        except BaseException:
            process.kill()
            raise
        finally:
            end.cancel()
        if process.returncode != 0:
            says = (errors or b"").decode(errors="replace")
            raise RuntimeError(f"{process.args}: status {process.returncode}\n{says}")
        return output

    def serve(self, *options):
        """A channel to servers of these tests, which it starts."""
        return [self.binary, "serve", *options, "--", PYTHON, "-m", "subunit_rpc", MODULE]

    @contextlib.contextmanager
    def warm_server(self, *arguments):
        """A channel to `python3 -m subunit_rpc ARGUMENTS`, which is there already."""
        address = f"unix:{self.directory}/server"
        process = self.start(
            PYTHON, "-m", "subunit_rpc", "--listen", address, *arguments,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0,
        )
        try:
            read_line(process.stderr, "the warm server")
            yield [self.binary, "serve", "--connect", address]
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def client(self, channel, *options):
        return [self.binary, "run", "--format", "subunit", *options, "--", *channel]
