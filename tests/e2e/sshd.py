"""A real sshd on loopback, whose login shell is noisy, and the channels through it."""

import contextlib
import os
from pathlib import Path
import shlex
import shutil
import socket
import subprocess

import support

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"

IS_INSTALLED = bool(os.access(SSHD, os.X_OK) and shutil.which("ssh"))

# What a login shell sources. It ends with half a character and no newline.
PROFILE = r"""
printf 'Welcome to the test machine\r\n'
printf '\033[1mlast login: never \303'
echo 'profile: something about the terminal' >&2
"""

# What an interactive one reads: a prompt in colors that sets the window's title, too.
BASHRC = r"""
PS1='\[\e]0;machine: \w\a\]\[\e[1;32m\]user@machine\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]\$ '
cd /
"""
PROMPT = "\x1b[1;34m/\x1b[0m# "


class Sshd:
    """sshd with keys and a configuration of its own, in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True
            )
        shutil.copy(directory / "user.pub", directory / "authorized_keys")
        # Every shell that sshd starts comes by this first, whatever the user's own one is.
        (directory / "profile").write_text(PROFILE)
        (directory / "bashrc").write_text(BASHRC)
        (directory / "shell").write_text(
            f""". {directory}/profile
            [ "$SSH_ORIGINAL_COMMAND" ] || exec bash --rcfile {directory}/bashrc -i
            exec sh -c "$SSH_ORIGINAL_COMMAND"
            """
        )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd separates its privileges
        self.process, self.port = self._start()
        (directory / "client").write_text(
            f"""
            Host machine
                HostName 127.0.0.1
                Port {self.port}
                IdentityFile {directory}/user
                IdentitiesOnly yes
                UserKnownHostsFile {directory}/known_hosts
                StrictHostKeyChecking accept-new
                BatchMode yes
                LogLevel ERROR
                SendEnv {support.MARK}
            """
        )

    def _start(self):
        log = self.directory / "log"
        for _ in range(10):  # somebody may take a free port before sshd does
            port = support.free_port()
            (self.directory / "config").write_text(
                f"""
                ListenAddress 127.0.0.1
                Port {port}
                HostKey {self.directory}/host
                AuthorizedKeysFile {self.directory}/authorized_keys
                PidFile none
                StrictModes no
                UsePAM no
                PermitRootLogin yes
                PasswordAuthentication no
                PrintMotd no
                AcceptEnv {support.MARK}
                ForceCommand sh {self.directory}/shell
                """
            )
            process = subprocess.Popen(
                [SSHD, "-D", "-f", self.directory / "config", "-E", log],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )

            def up():
                return process.poll() is not None or answers(port)

            support.wait_until(up, "sshd listens")
            if process.poll() is None:
                return process, port
        raise AssertionError(f"sshd does not start: {log.read_text()}")

    def command(self, *remote: str) -> list:
        words = shlex.join(map(str, remote))
        return ["ssh", "-F", str(self.directory / "client"), "machine", *([words] if words else [])]

    def shell(self) -> list:
        """An interactive login, on a terminal over there."""
        return ["ssh", "-F", str(self.directory / "client"), "-tt", "machine"]

    @contextlib.contextmanager
    def login(self, script: str):
        """Meanwhile, a login without a command comes to this script of sh, after the profile."""
        shell = self.directory / "shell"
        usual = shell.read_text()
        shell.write_text(f". {self.directory}/profile\n{script}\n")
        try:
            yield
        finally:
            shell.write_text(usual)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
