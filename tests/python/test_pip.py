"""The package as pip installs it."""

import json
import shutil
import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
WANTED = ("subunit_rpc", "pyproject.toml", "VERSION")
VERSION = (SCRIPTS / "VERSION").read_text().strip()

pytestmark = pytest.mark.xdist_group("pip")  # one environment for all


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A virtual environment with the package in it, and what Debian has installed."""
    directory = tmp_path_factory.mktemp("pip")
    # A copy, as building leaves files behind.
    shutil.copytree(SCRIPTS, directory / "scripts", ignore=lambda folder, names: set(names) - set(WANTED)
                    if Path(folder) == SCRIPTS else {"__pycache__"})  # fmt: skip
    environment = directory / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", environment], check=True)
    python = str(environment / "bin/python3")
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "--python", python, "install", *offline, directory / "scripts"]
    subprocess.run(command, check=True)
    return python


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.delenv("PYTHONPATH")


def metadata_of(python):
    code = "import importlib.metadata as m, json; d = m.distribution('subunit-rpc')\n"
    code += "print(json.dumps([str(d.locate_file('')), d.read_text('METADATA'), d.read_text('entry_points.txt')]))"
    shown = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(shown)


def test_it_says_of_itself_what_meson_lets_it_say(installed):
    place, metadata, entry_points = metadata_of(installed)
    assert place.startswith(str(Path(installed).parents[1]))
    template = (SCRIPTS / "subunit_rpc/METADATA.in").read_text().replace("@version@", VERSION)
    parse = HeaderParser().parsestr
    assert sorted(parse(metadata).items()) == sorted(parse(template).items())
    assert entry_points == (SCRIPTS / "subunit_rpc/entry_points.txt").read_text()


def test_the_version_stands_in_one_place():
    assert "version: files('scripts/VERSION')" in (SCRIPTS.parent / "meson.build").read_text()
    assert VERSION not in (SCRIPTS / "pyproject.toml").read_text()


def test_all_of_the_package_is_there(installed):
    place = Path(metadata_of(installed)[0])
    files = {str(path.relative_to(SCRIPTS)) for path in SCRIPTS.rglob("subunit_rpc/**/*.py")}
    assert {str(path.relative_to(place)) for path in place.rglob("subunit_rpc/**/*.py")} == files


@pytest.mark.parametrize("way", ["-m subunit_rpc --pytest", "-m pytest --subunit-rpc"])
def test_it_serves_pytest(start, installed, tmp_path, way):
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    words = ["--listen", "0", "-p", "no:cacheprovider"]
    with start(*words, command=[installed, *way.split()], cwd=tmp_path).client() as client:
        assert client.run().statuses == [("test_it.py::test_it", "success")]
        client.goodbye()


def test_it_serves_unittest(start, installed):
    command = [installed, "-m", "subunit_rpc"]
    with start("--listen", "0", "plain.Outcomes.test_pass", command=command).client() as client:
        assert client.run().statuses == [("plain.Outcomes.test_pass", "success")]
        client.goodbye()
