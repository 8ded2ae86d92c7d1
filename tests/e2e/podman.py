"""Containers whose image is a busybox root, with this machine's /usr or bare."""

import os
from pathlib import Path
import shutil
import subprocess
import tarfile
import tempfile
from typing import Optional
import uuid

import support


# For a suite that leaves processes behind: the container's first process does not wait for them, so
# the proxy waits for what is left of them as long as this, and a client waits ten seconds for it.
GRACE = ("--grace", "5")


def why_not():
    for program in "podman", "runc", "busybox":
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"{program} is not installed"
    if os.getuid() != 0:
        return "podman with bind mounts takes root here"
    return None


class Podman:
    """Without a network, and with its storage in `directory`. `bare`: there is nothing in it but busybox
    and this file."""

    def __init__(self, directory: Path, bare: Optional[Path] = None) -> None:
        self.directory = directory
        # podman takes 50 characters and no more.
        self._run_directory = tempfile.TemporaryDirectory(prefix="podman-")
        self.podman = [
            "podman", "--root", str(directory / "root"), "--runroot", self._run_directory.name,
            "--runtime", "runc",
        ]
        self.name = "e2e-" + uuid.uuid4().hex[:12]
        image = f"localhost/{self.name}"
        self._check("import", str(self._root_archive(bare)), image)
        mounts = [f"{path}:{path}:ro" for path in ("/usr", str(support.ROOT))]
        if not Path(support.BINARY).resolve().is_relative_to(support.ROOT):
            mounts.append(f"{support.BINARY}:{support.BINARY}:ro")
        if bare:
            mounts = []
        self._run = [
            "--network=none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=512:512",
            *(word for mount in mounts for word in ("--volume", mount)),
            image,
        ]

    def start(self, *options: str) -> None:
        """The container that exec() goes into, in place of one that was started before."""
        self._check("rm", "--ignore", "--force", "--time", "0", self.name)
        self._check(
            "run", "--detach", "--name", self.name, *options, *self._run, "/bin/busybox", "sleep", "3600"
        )

    def _root_archive(self, bare: Optional[Path]) -> Path:
        """busybox and its sh; /usr is this machine's, for the loader, the libraries and Python."""
        archive = self.directory / "root.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(shutil.which("busybox"), "bin/busybox")
            if bare:
                tar.add(bare, f"bin/{bare.name}")
                applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
                links = {f"bin/{applet}": "busybox" for applet in applets if applet != "busybox"}
            else:
                links = {"bin/sh": "busybox", "bin/env": "busybox", "lib": "usr/lib", "lib64": "usr/lib64"}
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
            [*self.podman, *arguments], capture_output=True, text=True, env=environment,
            timeout=5 * support.LIMIT,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def exec(self, *inside: str) -> list:
        return [*self.podman, "exec", "-i", "--env", support.MARK, self.name, *map(str, inside)]

    def run(self, *inside: str) -> list:
        """In a container of its own, on a terminal. Needs one here."""
        return [*self.podman, "run", "-it", "--rm", "--env", support.MARK, *self._run,
                *map(str, inside)]

    def close(self) -> None:
        self._check("rm", "--all", "--force", "--time", "0")
        self._check("rmi", "--all", "--force")
        self._run_directory.cleanup()
