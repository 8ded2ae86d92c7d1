"""Over `podman exec -i`: a container whose image is a busybox root, with this machine's /usr."""

import os
from pathlib import Path
import shutil
import subprocess
import tarfile
import uuid

import pytest

from noisy import friendly, harsh
from noisy.expected import expected
import suites
import support
from support import PYTHON, client, python, says, serving
from test_attribution import assert_as_expected


def why_not():
    for program in "podman", "runc", "busybox":
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"{program} is not installed"
    if os.getuid() != 0:
        return "podman with bind mounts takes root here"
    return None


pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


class Container:
    """A container without a network, whose storage is in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.podman = [
            "podman", "--root", str(directory / "root"), "--runroot", str(directory / "run"),
            "--runtime", "runc",
        ]
        self.name = "e2e-" + uuid.uuid4().hex[:12]
        image = f"localhost/{self.name}"
        self._check("import", str(self._root_archive()), image)
        mounts = [f"{path}:{path}:ro" for path in ("/usr", str(support.ROOT))]
        if not Path(support.BINARY).resolve().is_relative_to(support.ROOT):
            mounts.append(f"{support.BINARY}:{support.BINARY}:ro")
        self._check(
            "run", "--detach", "--name", self.name, "--network=none",
            "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=512:512",
            *(word for mount in mounts for word in ("--volume", mount)),
            image, "/bin/busybox", "sleep", "3600",
        )

    def _root_archive(self) -> Path:
        """busybox and its sh; /usr is this machine's, for the loader, the libraries and Python."""
        archive = self.directory / "root.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(shutil.which("busybox"), "bin/busybox")
            links = {"bin/sh": "busybox", "bin/env": "busybox"}
            links |= {"lib": "usr/lib", "lib64": "usr/lib64"}
            for name, target in links.items():
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
            for name in ("usr", "tmp", "etc", "proc", "dev", "sys"):
                directory = tarfile.TarInfo(name)
                directory.type, directory.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(directory)
        return archive

    def _check(self, *arguments: str) -> str:
        environment = {key: value for key, value in os.environ.items() if key != support.MARK}
        ended = subprocess.run(
            [*self.podman, *arguments], capture_output=True, text=True, env=environment, timeout=120
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def command(self, *inside: str) -> list:
        return [*self.podman, "exec", "-i", "--env", support.MARK, self.name, *map(str, inside)]

    def close(self) -> None:
        self._check("rm", "--force", "--time", "0", self.name)
        self._check("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    made = Container(tmp_path_factory.mktemp("podman"))
    yield made
    made.close()


def test_all_of_testtools_in_a_container_is_what_it_is_directly(container):
    suites.require("python3-testtools with python3-testscenarios", "testscenarios")
    channel = container.command(*serving(*suites.test_server(suites.TESTTOOLS)))
    suites.assert_same_as_directly(suites.TESTTOOLS, channel)


@pytest.mark.long
def test_json_and_logging_in_a_container_are_what_they_are_directly(container):
    suites.require("libpython3.11-testsuite", "test.test_json")
    channel = container.command(*serving(*suites.test_server(suites.STANDARD_LIBRARY)))
    suites.assert_same_as_directly(suites.STANDARD_LIBRARY, channel)


def test_a_noisy_suite_in_a_container_is_exact(container):
    table = expected(*friendly.CASES, *harsh.CASES)
    command = python("-m", "subunit_rpc", "noisy.friendly", "noisy.harsh")
    ended = client("--format", "subunit", channel=container.command(*serving(*command)))
    assert_as_expected(ended.stream, table)
    assert ended.status == 1


def test_a_program_missing_in_the_container_is_an_error_with_podmans_words(container):
    ended = client("--format", "subunit", channel=container.command("/no/such/program"))
    assert ended.status == 3
    says(ended.stderr, "ready", "no such file", ("127", "255", "126"))


def test_the_container_is_as_small_as_it_should_be(container):
    inside = container.command(PYTHON, "-c", "import os, resource as r\n"
                               "print(os.listdir('/sys/class/net'), r.getrlimit(r.RLIMIT_NOFILE))")
    ended = subprocess.run(inside, capture_output=True, text=True)
    assert ended.stdout == "['lo'] (1024, 1024)\n", ended
