"""The section 'In CI' of the README: its lines run as they stand."""

import re
import subprocess

import pytest

import support

README = (support.ROOT / "README.md").read_text()
SECTION = README[README.index("\n## In CI\n"):README.index("\n## Exit status\n")]
BLOCKS = re.findall(r"^```\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
CONFIG = BLOCKS[0]
LINES = [line for block in BLOCKS[1:] for line in block.splitlines() if line.startswith("subunit-proxy ")]

SUITE = '''
import unittest
from pathlib import Path


class Case(unittest.TestCase):
    def test_broken(self):
        self.assertTrue(Path("mended").exists())


for number in range(20):
    setattr(Case, f"test_{number}", lambda self: None)
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with that file and a suite, and the programs on the PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "subunit-proxy").symlink_to(support.BINARY)
    (programs / "python3").symlink_to(support.PYTHON)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    folder = tmp_path / "project"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests/test_it.py").write_text(SUITE)
    (folder / "subunit-proxy.toml").write_text(CONFIG)
    return folder


def run(line, folder):
    return subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=support.LIMIT)


def test_the_section_has_lines():
    assert len(LINES) == 5 and "subunit-proxy run --profile ci" in LINES
    assert "    - subunit-proxy run --profile ci\n" in SECTION


@pytest.mark.parametrize("line", LINES)
def test_each_line_fails_with_the_suite_and_passes_without(line, project):
    run("subunit-proxy run --profile ci", project)  # some lines build on that
    failed = run(line, project)
    is_piped, is_part = "|" in line, "--partition" in line
    assert failed.returncode in ({0, 1} if is_part else {1}), failed.stderr
    (project / "mended").touch()
    passed = run(line, project)
    assert passed.returncode == 0, passed.stderr
    for name in "results.xml", "results.html", ".durations":
        assert (project / name).stat().st_size > 0
    if is_piped:
        assert re.search(r"Total tests:\s+21\b.*Passed tests:\s+21\b", passed.stdout, re.DOTALL)
    if not is_part and "--failed" not in line:
        assert "test_19" in (project / "results.html").read_text()


def test_the_parts_have_each_test_once(project):
    (project / "mended").touch()
    line = next(line for line in LINES if "--partition" in line)
    seen = []
    for part in 1, 2, 3:
        assert run(line.replace("hash:2/", f"hash:{part}/"), project).returncode == 0
        seen += re.findall(r'<testcase [^>]*name="(\w+)"', (project / "results.xml").read_text())
    assert len(seen) == len(set(seen)) == 21
