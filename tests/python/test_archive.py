"""The package as one file: it serves as the folder does, and tests do not notice it."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from interpreters import BARE, bare, others

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
MAKE = SCRIPTS / "archive"
FILES = [path.relative_to(SCRIPTS) for path in SCRIPTS.rglob("subunit_rpc/**/*") if path.is_file()]
FILES = sorted(str(path) for path in FILES if "__pycache__" not in path.parts)
PLAIN = ["plain", "unfit", "no_such_module"]
OTHERS = others()

LOOKS = """
import json, os, subprocess, sys, unittest
class T(unittest.TestCase):
    def test(self):
        code = "import os, sys; print(os.environ.get('PYTHONPATH'), sys.path)"
        child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        spawned = subprocess.run([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
        print(json.dumps([sys.path[0], child.stdout, spawned.stdout]))
def square(number):
    return number * number
if __name__ == "__main__":
    print(os.environ.get("PYTHONPATH"))
"""


def make(output, files=FILES, **options):
    subprocess.run([MAKE, "--version", "1.2.3", output, *files], cwd=SCRIPTS, check=True, **options)
    return output


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return make(tmp_path_factory.mktemp("archive") / "subunit_rpc.pyz")


@pytest.fixture
def alone(monkeypatch):
    """Nothing else offers the package."""
    monkeypatch.delenv("PYTHONPATH")


def outcome(server):
    with server.client() as client:
        listed, results = client.list(), client.run()
        client.goodbye()
    return listed, [packet._replace(raw=b"", timestamp=None) for packet in results.packets]


def test_what_the_build_packs_and_installs_is_all_there_is():
    listed = re.findall(r"'(subunit_rpc/[^']+)'", (SCRIPTS / "meson.build").read_text())
    assert sorted(set(listed)) == FILES


def test_the_same_files_give_the_same_bytes(archive, tmp_path):
    for number, path in enumerate(FILES):
        copy = tmp_path / "scripts" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((SCRIPTS / path).read_bytes())
        copy.chmod(0o700)
        os.utime(copy, (number, number))
    other = tmp_path / "scripts/archive"
    other.write_bytes(MAKE.read_bytes())
    again = tmp_path / "again.pyz"
    command = [sys.executable, other, "--version", "1.2.3", again, *reversed(FILES)]
    subprocess.run(command, cwd=other.parent, env={**os.environ, "TZ": "Asia/Tokyo"}, umask=0o77, check=True)
    assert again.read_bytes() == archive.read_bytes()


def test_it_holds_the_package_and_is_small(archive):
    names = zipfile.ZipFile(archive).namelist()
    wanted = [name for name in FILES if name.endswith(".py")]
    wanted += ["__main__.py", *(f"subunit_rpc-1.2.3.dist-info/{name}" for name in ("METADATA", "entry_points.txt"))]
    assert sorted(names) == names == sorted(wanted)
    assert archive.stat().st_size < 150_000


@pytest.mark.parametrize("options", [(), ("--fork",), ("--reload",)], ids=" ".join)
def test_the_results_are_those_of_the_folder_to_the_byte(start, archive, options):
    words = ["--listen", "0", *options, *PLAIN]
    ours = outcome(start(*words, command=[*BARE, archive], env={"PYTHONPATH": ""}))
    assert ours == outcome(start(*words, command=[*BARE, "-m", "subunit_rpc"]))


@pytest.mark.parametrize("version", OTHERS)
def test_it_serves_with_every_python(start, alone, archive, version):
    listed, packets = outcome(start("--listen", "0", *PLAIN, command=[*bare(OTHERS[version]), archive]))
    ended = [packet.test_id for packet in packets if packet.test_status not in (None, "inprogress")]
    assert "plain.Outcomes.test_pass" in listed and set(listed) <= set(ended)


def test_discovery_begins_in_the_current_directory(start, alone, archive, tmp_path):
    write(tmp_path, "test_it", "import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\n")
    with start("--listen", "0", command=[*BARE, archive], cwd=tmp_path).client() as client:
        assert client.run().statuses == [("test_it.T.test", "success")]


@pytest.mark.parametrize("python", [sys.executable, *OTHERS.values()])  # 3.9 makes it absolute by itself
def test_it_may_be_named_relative_to_a_directory_that_is_left(start, alone, archive, tmp_path, python):
    code = "import os, unittest\nos.chdir('/')\nclass T(unittest.TestCase):\n    def test(self):\n"
    code += "        import subunit_rpc.server.for_pytest  # which nobody has looked for before\n"
    write(tmp_path, "leaves", code)
    command = [*bare(python), os.path.relpath(archive, tmp_path)]
    with start("--listen", "0", "leaves", command=command, cwd=tmp_path).client() as client:
        for _ in range(2):
            assert client.run().statuses == [("leaves.T.test", "success")]


def write(directory, name, code):
    (directory / f"{name}.py").write_text(code)


@pytest.mark.parametrize("others", ["", "/one:/two"])
def test_what_tests_start_is_as_without_it(start, monkeypatch, archive, tmp_path, others):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(archive), others])))
    write(tmp_path, "looks", LOOKS)
    words = ["--listen", "0", "looks"]
    for command in ([sys.executable, "-m", "subunit_rpc"], [sys.executable, archive]):
        server = start(*words, command=command, cwd=tmp_path)
        with server.client() as client:
            assert client.run().statuses == [("looks.T.test", "success")]
            server.wait_for_stdout("]\n")
        first, child, spawned = json.loads(server.stdout)
        assert first == str(tmp_path)
        assert child.startswith(f"{others or None} ['', ") and "pyz" not in child
        assert spawned == f"{others or None}\n"


def test_processes_of_multiprocessing_find_the_modules_of_the_suite(start, alone, archive, tmp_path):
    code = LOOKS + (
        "import multiprocessing\nclass P(unittest.TestCase):\n    def test(self):\n"
        "        for way in multiprocessing.get_all_start_methods():\n"
        "            with multiprocessing.get_context(way).Pool(1) as pool:\n"
        "                self.assertEqual(pool.map(square, [3]), [9])\n"
    )
    write(tmp_path, "pools", code)
    command = [sys.executable, archive]
    with start("--listen", "0", "pools.P", command=command, cwd=tmp_path).client() as client:
        assert client.run().statuses == [("pools.P.test", "success")]


def test_isolated_from_the_directory_it_does_not_look_there(start, alone, archive, tmp_path):
    write(tmp_path, "looks", LOOKS)
    command = [sys.executable, "-I", archive]
    with start("--listen", "0", "looks", command=command, cwd=tmp_path).client() as client:
        assert client.list() == ["unittest.loader._FailedTest.looks"]


PYTEST = ["-p", "no:cacheprovider", "test_it.py"]


@pytest.mark.parametrize("fork", [(), ("--fork",)], ids=" ".join)
@pytest.mark.parametrize("way", ["python3 ARCHIVE --pytest", "-m subunit_rpc --pytest", "-m pytest --subunit-rpc"])
def test_it_serves_pytest(start, monkeypatch, archive, tmp_path, way, fork):
    write(tmp_path, "test_it", (
        "import os, subprocess, sys, subunit_rpc\ndef test_it():\n"
        f"    assert subunit_rpc.__file__.startswith({str(archive)!r})\n"
        "    assert 'PYTHONPATH' not in os.environ\n"
    ))  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(archive))
    command = [sys.executable, *way.split()]
    if way.startswith("python3"):
        monkeypatch.delenv("PYTHONPATH")
        command = [sys.executable, archive, "--pytest"]
    # Other plugins, as of pytest-rerunfailures, have threads.
    words = ["--listen", "0", *fork, *PYTEST, "-p", "no:rerunfailures"]
    with start(*words, command=command, cwd=tmp_path).client() as client:
        for _ in range(2):
            assert client.run().statuses == [("test_it.py::test_it", "success")]
        client.goodbye()
