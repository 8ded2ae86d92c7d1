"""The static binaries that scripts/release has built, for this machine and, under qemu, for others.

`scripts/release --check` runs this; the folder with the binaries is in SUBUNIT_STATIC.
"""

import os
from pathlib import Path
import re
import signal

import pytest

import support
from support import client, encode, result, says, wait_until

FOLDER = Path(os.environ["SUBUNIT_STATIC"])
TAP = str(support.EXAMPLES / "with_tap" / "disk_test")
TESTS = {"root_is_there": "success", "temp_takes_files": "success", "no_such_folder": "success"}
NO_SERVER = f"{support.PYTHON} {support.EXAMPLES / 'no_server.py'} $LISTOPT $IDLIST"


def emulated(path):
    return [str(support.ROOT / "tests/emulated"), str(path.resolve())]


def kinds(pattern):
    """A parameter for each binary."""
    found = sorted(FOLDER.glob(pattern))
    assert found, f"no {pattern} in {FOLDER}"
    return [pytest.param(emulated(path), id=path.name) for path in found]


parts = pytest.mark.parametrize("part", kinds("lib/subunit-proxy/serve-*"))
programs = pytest.mark.parametrize("program", kinds("subunit-proxy-*"))


@pytest.fixture
def places(monkeypatch, tmp_path):
    """Temporary files are looked at afterwards."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(folder))
    yield
    wait_until(lambda: list(folder.iterdir()) == [], "temporary files are gone")


@programs
def test_the_whole_program_runs_tests(program):
    channel = [*program, "serve", "--workers", "2", "--adapter", "tap", "--", TAP]
    ended = result(*program, "run", "--format", "subunit", "--match", "^(root|no).*s", "--", *channel)
    assert ended.status == 0, ended.stderr
    assert ended.stream.statuses == {
        test_id: status for test_id, status in TESTS.items() if not test_id.startswith("temp")
    }


@parts
def test_a_program_of_a_framework_runs(part, places):
    channel = [*part, "serve", "--adapter", "tap", "--batch", "1", "--", TAP]
    ended = client("--format", "subunit", channel=channel)
    ended.stream.assert_clean()
    assert ended.stream.statuses == TESTS
    assert b"made /" in ended.stream.output("temp_takes_files", "stdout")
    assert ended.status == 0, ended.stderr


@parts
def test_a_test_command_runs(part, places):
    channel = [*part, "serve", "--workers", "2", "--test-command", NO_SERVER]
    ended = client("demo.a", "demo.crash", "demo.b", "--format", "subunit", channel=channel)
    assert ended.stream.statuses == {"demo.a": "success", "demo.b": "success", "demo.crash": "fail"}
    says(ended.stream.details("demo.crash"), "while this test was in progress")


@parts
@pytest.mark.parametrize("options", [(), ("--listen", "localhost:0")], ids=["local", "tcp"])
def test_a_server_runs(part, options, places):
    command = support.server(*([] if options else ["--local"]), "good")
    ended = client("--format", "subunit", channel=[*part, "serve", *options, "--", *command])
    ended.stream.assert_clean()
    assert list(ended.stream.statuses.values()) == ["success"] * 5
    assert ended.stream.output("demo.test_1", "stdout") == b"demo.test_1\n"
    assert ended.status == 0, ended.stderr


@parts
def test_a_terminal_carries_packets(part):
    channel = [*part, "serve", "--", *support.server("good")]
    ended = client("--format", "subunit", "--pty", channel=channel)
    assert list(ended.stream.statuses.values()) == ["success"] * 5
    assert ended.status == 0, ended.stderr


@parts
def test_nothing_is_left_of_a_part_that_was_killed(part, processes):
    channel = [*part, "serve", "--", *support.server("hang")]
    processes.append(support.start(["run", "--", *channel]))
    server = support.find_process(support.SERVER_PROCESS)
    parent = int(support.status_of(server)["PPid"])
    guards = lambda: [pid for pid, line in support.marked(os.environ[support.MARK]).items()
                      if re.search(r"/(exe|serve-\w+) guard ", line)]
    wait_until(guards, "the guard")
    os.kill(parent, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{server}").exists(), "the end of the server")
    assert processes[0].wait(support.LIMIT) == 3


@parts
def test_wrap_cleans_a_stream(part, tmp_path):
    (tmp_path / "stream").write_bytes(
        encode(test_id="a", test_status="inprogress") + b"noise\n" + encode(test_id="a", test_status="success")
    )
    ended = result(*part, "wrap", "--", "cat", str(tmp_path / "stream"))
    assert ended.status == 0, ended.stderr
    assert ended.stream.statuses == {"a": "success"}
    assert ended.stream.output("a", "stdout") == b"noise\n"


@parts
def test_what_is_not_within_is_named(part):
    version = result(*part, "--version")
    assert (version.status, version.text) == (0, support.proxy("--version").text)
    ended = result(*part, "run", "--", "true")
    assert ended.status == 2
    says(ended.stderr, '"run" is in the whole program')
    ended = result(*part, "serve", "--connect", "host.invalid:80")
    assert ended.status == 2
    says(ended.stderr, "host.invalid:80", "static binary", "address")
