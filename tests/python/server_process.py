"""`python3 -m subunit_rpc` as a process, for tests."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

import pytest

from rpc_client import TIMEOUT, Client
from subunit_rpc import Agreed, Hello, Packet

SUITES = Path(__file__).resolve().parent / "suites"
LISTENING = "subunit_rpc: listening on "
COMMAND = (sys.executable, "-m", "subunit_rpc")


class ServerProcess:
    """A server; its stdout and stderr are read as they come."""

    def __init__(
        self, arguments: List[str], command: Sequence[str] = COMMAND, **popen: object
    ) -> None:
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **popen,
        )
        self.pid = self.process.pid
        self._read = {self.process.stdout: b"", self.process.stderr: b""}
        self._seen = 0  # how far wait_for_stderr() has come

    @property
    def stdout(self) -> str:
        return self._read[self.process.stdout].decode()

    @property
    def stderr(self) -> str:
        return self._read[self.process.stderr].decode()

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Reads what the process prints until the condition holds."""
        deadline = time.monotonic() + TIMEOUT
        pipes = [self.process.stdout, self.process.stderr]
        while not condition():
            assert time.monotonic() < deadline, f"no {what}; stderr: {self.stderr}"
            ready = select.select(pipes, [], [], 0.01)[0]
            for pipe in ready:
                data = os.read(pipe.fileno(), 1 << 16)
                self._read[pipe] += data
                if not data:
                    pipes.remove(pipe)
            if not pipes and self.process.poll() is not None:
                assert condition(), f"no {what}; stderr: {self.stderr}"

    def wait_for_stderr(self, text: str) -> None:
        """Waits for the text, behind what was waited for before."""
        self.wait_for(lambda: text in self.stderr[self._seen :], f"{text!r} on stderr")
        self._seen = self.stderr.index(text, self._seen) + len(text)

    def wait_for_stdout(self, text: str) -> None:
        self.wait_for(lambda: text in self.stdout, f"{text!r} on stdout")

    def address(self) -> Tuple[str, int]:
        """Where it listens, as it says on stderr."""
        self.wait_for(lambda: LISTENING in self.stderr, "address on stderr")
        line = self.stderr.partition(LISTENING)[2].splitlines()[0]
        host, _, port = line.rpartition(":")
        return host, int(port)

    def client(self) -> Client:
        """A client that has said Hello."""
        client = Client(self.address())
        client.hello()
        return client

    def exit_status(self) -> int:
        """Waits for the end; then stdout and stderr are complete."""
        self.wait_for(lambda: self.process.poll() is not None, "end of the process")
        for pipe in self._read:
            self._read[pipe] += pipe.read()
        return self.process.returncode

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def children(pid: int) -> List[int]:
    """Of a process with one thread."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_end(pid: int) -> None:
    """Of any process, be there somebody to reap it or not."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in "ZX":
            return
        time.sleep(0.002)
    raise AssertionError(f"process {pid} has not ended")


Start = Callable[..., ServerProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers: start("--listen", "0", "basic", cwd=..., env={...}). `env` is added
    to the environment. They are gone at the end of the test."""
    started: List[ServerProcess] = []

    def start_one(*arguments: str, env: Optional[dict] = None, **popen: object):
        popen.setdefault("cwd", SUITES)
        environment = {**os.environ, **(env or {})}
        started.append(ServerProcess(list(arguments), env=environment, **popen))
        return started[-1]

    yield start_one
    for process in started:
        process.stop()


@pytest.fixture
def proxied(start):
    """Starts a server as the proxy does, and gives it and a Client that was told so."""
    clients = []

    def proxy(*arguments, **popen):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            sock.settimeout(TIMEOUT)
            address = "127.0.0.1:%d" % sock.getsockname()[1]
            env = {"SUBUNIT_RPC_ADDRESS": address, "SUBUNIT_RPC_TOKEN": "token"}
            process = start(*arguments, env=env, **popen)
            client = Client(sock.accept()[0])
        clients.append(client)
        assert isinstance(client.next_event(), Packet)  # the token
        client.session.hello()
        client.send()
        assert client.next_event() == Agreed(2, Hello(2, 1, "settled"))
        return process, client

    yield proxy
    for client in clients:
        client.sock.close()


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[ServerProcess]:
    """A server of the sample suites, for more than one test."""
    process = ServerProcess(list(arguments), cwd=SUITES)
    try:
        process.address()
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    """One warm server, for tests that leave it as it is."""
    with running("--listen", "0", "basic", "fixtured", "no_such_module") as process:
        yield process
