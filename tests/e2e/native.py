"""C++ programs as test servers, for the tests of them."""

import os
from pathlib import Path
import subprocess

import pytest

import support
from support import serving

# With the sanitizers: a signal ends the process as a signal does.
NO_HANDLER = {"ASAN_OPTIONS": "handle_segv=0"}

BUILD = Path(support.BINARY).parents[1] / "tests"



def program(name):
    path = BUILD / name
    if not path.exists():
        pytest.skip(f"{name} was not built: its framework is not installed")
    return str(path)


def directly(name, *arguments, **variables):
    """The program's own run, to its end."""
    return subprocess.run(
        [program(name), *arguments], capture_output=True, timeout=support.LIMIT,
        env={**os.environ, **variables},
    )


def command(name, *arguments, mode="fork", **variables):
    """What starts the program as a test server."""
    if mode == "threads":
        variables["THREADS"] = "1"
    own = ["--no-fork"] if mode == "no-fork" else []
    words = [f"{key}={value}" for key, value in variables.items()]
    return ["env", *words, program(name), "--subunit-rpc", *own, *arguments]


def client(name, *arguments, tests=(), mode="fork", **variables):
    """A run of these tests, or of all, by a client."""
    return support.client(
        "--format", "subunit", *tests, channel=serving(*command(name, *arguments, mode=mode, **variables))
    )


MODES = pytest.mark.parametrize("mode", ["fork", "no-fork", "threads"])
