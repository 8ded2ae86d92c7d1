"""An sshd on loopback with throw-away keys, and one master connection to it that others share."""

import contextlib
import os
from pathlib import Path
import shlex
import shutil
import socket
import subprocess
import time

from relay import PATIENCE

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"

# With that SHLVL, bash does not take itself for a login and reads none of its start-up files.
SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host
AuthorizedKeysFile {directory}/user.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
PrintMotd no
SetEnv SHLVL=1
"""

CLIENT = """\
Host machine
    HostName 127.0.0.1
    Port {port}
    IdentityFile {directory}/user
    IdentitiesOnly yes
    UserKnownHostsFile {directory}/known_hosts
    StrictHostKeyChecking accept-new
    BatchMode yes
    LogLevel ERROR
    ControlMaster auto
    ControlPath {directory}/master
"""


@contextlib.contextmanager
def shared_connection(directory):
    """A function that makes the words of an ssh command out of those of a remote one."""
    directory = Path(directory)
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True
        )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd separates its privileges
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (directory / "server.conf").write_text(SERVER.format(port=port, directory=directory))
    (directory / "client.conf").write_text(CLIENT.format(port=port, directory=directory))
    ssh = ["ssh", "-F", str(directory / "client.conf")]
    with contextlib.ExitStack() as undo:
        start = lambda *words: undo.enter_context(_running(words))
        daemon = start(SSHD, "-D", "-f", directory / "server.conf", "-E", directory / "log")
        _wait_for(lambda: _answers(port), daemon)
        master = start(*ssh, "-M", "-N", "machine")
        _wait_for((directory / "master").exists, master)
        yield lambda words: [*ssh, "machine", shlex.join(words)]


@contextlib.contextmanager
def _running(words):
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_for(condition, process):
    end = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{process.args[0]} is not ready, status {process.poll()}")
        time.sleep(0.01)


def _answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
