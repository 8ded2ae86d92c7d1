"""A relay between two pipes and a TCP connection, with helper programs at its ends."""

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

PIPE_SIZE = 1 << 20
PATIENCE = 60  # seconds for anything that is waited for, far above what a busy machine takes

OURS, SOCAT, TUNED = "subunit-proxy", "socat", "socat -b1048576"


def commands(binary, mode):
    """The relays that are compared. `mode`: "to client" or "to server" for one direction, which is
    all that the socats do then, or "both". `@PORT` is where the server listens."""
    server = "TCP:127.0.0.1:@PORT"
    ends = {
        "to client": ["-u", server, "STDOUT"],
        "to server": ["-u", "STDIN", server],
        "both": ["STDIO", server],
    }[mode]
    return {
        OURS: [binary, "serve", "--connect", "127.0.0.1:@PORT"],
        SOCAT: ["socat", *ends],
        TUNED: ["socat", "-b1048576", *ends],
    }


def read_line(file, what):
    """Unbuffered, with a time-out; `file` may carry other things behind the line."""
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([file], [], [], PATIENCE)[0]:
            raise RuntimeError(f"{what}: nothing came for {PATIENCE} s")
        piece = os.read(file.fileno(), 1)
        if not piece:
            raise RuntimeError(f"{what} has ended early")
        line += piece
    return line.decode()


class Relay:
    """One relay at work. The ends that it does not hold are `stdin`, `stdout` and `connection`."""

    def __init__(self, command, pipe_size=PIPE_SIZE):
        self.helpers = []
        self.errors = tempfile.TemporaryFile()  # serve complains at the end, since nobody says Goodbye
        # Kept open: the proxy asks the kernel who listens there.
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        port = str(self.listener.getsockname()[1])
        with contextlib.ExitStack() as undo:
            relay_stdin, self.stdin = os.pipe()
            self.stdout, relay_stdout = os.pipe()
            for pipe in (relay_stdin, relay_stdout):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, pipe_size)
                undo.callback(os.close, pipe)
            self.process = subprocess.Popen(
                [word.replace("@PORT", port) for word in command],
                stdin=relay_stdin,
                stdout=relay_stdout,
                stderr=self.errors,
            )
        self.connection, _ = self.listener.accept()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if "serve" in command:
            self._skip_announcements()

    def _skip_announcements(self):
        """Ready and Attached come before anything that is measured."""
        seen = b""
        while b'"Attached"' not in seen:
            if not select.select([self.stdout], [], [], PATIENCE)[0]:
                raise RuntimeError("the proxy does not attach")
            piece = os.read(self.stdout, 4096)
            if not piece:
                raise RuntimeError("the proxy has ended instead of attaching")
            seen += piece

    def helper(self, *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more):
        process = subprocess.Popen([*map(str, words)], stdin=stdin, stdout=stdout, bufsize=0, **more)
        self.helpers.append(process)
        return process

    def peak_memory(self):
        """In MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    def finish(self):
        """Lets it end, as the server and the client go away. The CPU seconds of its whole life."""
        os.close(self.stdin)
        self.stdin = None
        self.connection.close()
        for helper in self.helpers:
            helper.wait(PATIENCE)
        end = time.monotonic() + PATIENCE
        while True:
            pid, _, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                raise RuntimeError(f"{self.process.args[0]} does not end")
            time.sleep(0.001)
        self.process.returncode = 0
        return usage.ru_utime + usage.ru_stime

    def close(self):
        """Ends whatever has not ended by itself."""
        for process in (*self.helpers, self.process):
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        self.listener.close()
        self.connection.close()
        # Not twice: another thread may have the number by then.
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                os.close(pipe)
        self.stdin = self.stdout = None


@contextlib.contextmanager
def running(command):
    relay = Relay(command)
    try:
        yield relay
    except Exception:
        relay.errors.seek(0)
        sys.stderr.buffer.write(relay.errors.read())
        raise
    finally:
        relay.close()
