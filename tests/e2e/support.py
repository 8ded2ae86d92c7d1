"""Processes, conditions and packets for the tests with real processes.

What a stream means is judged by python-subunit's own parser; only cutting a live stream into
packets is done here, so that a test can wait for one.
"""

from __future__ import annotations

import collections
import contextlib
import io
import itertools
import json
import os
from pathlib import Path
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple
import zlib

from subunit.v2 import ByteStreamToStreamResult, StreamResultToBytes

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SUBUNIT_PROXY", str(ROOT / "build/proxy/subunit-proxy"))
# The same, or the part of it for test machines.
SERVE_BINARY = os.environ.get("SUBUNIT_PROXY_SERVE", BINARY)
PYTHON = "/usr/bin/python3"  # the one that has Debian's python3-subunit
EXAMPLES = ROOT / "tests/examples"
SERVER = str(EXAMPLES / "servers/server.py")
SERVER_PROCESS = f"{PYTHON} {SERVER}"  # how its command line begins
SERVE_PROCESS = f"{SERVE_BINARY} serve"
BAD_LINE = [PYTHON, str(ROOT / "tests/e2e/bad_line.py")]
PYTHONPATH = f"{ROOT / 'scripts'}:{EXAMPLES}"

# Seconds until a condition counts as never met: far above what a busy machine takes, and below the
# two minutes after which a proxy takes a client that is silent for gone.
LIMIT = 100.0
# What is left to chance differs with the round. The rounds are few and the same ones, but for
# scripts/soak, which says how many there are and with which one they begin.
ROUNDS = int(os.environ.get("SUBUNIT_SOAK_ROUNDS", 2))
SEED = int(os.environ.get("SUBUNIT_SOAK_SEED", 1))
SEEDS = range(SEED, SEED + ROUNDS)
MARK = "SUBUNIT_E2E"  # in the environment of every process that a test starts

MAX_FILE = 4 << 20  # testr writes each file that it has read as one packet

RPC = "testrepository-rpc"
PROXY = "testrepository-proxy"
RUN = "subunit-proxy.run"  # a test that a run which could not be completed makes up
TEXT = "text/plain;charset=utf8"
RAW = "text/plain;charset=iso8859-1"

ANY_ROUTE = "any"

FINAL = ("success", "uxsuccess", "skip", "fail", "xfail")


def wait_until(condition: Callable[[], object], what: str, limit: float = LIMIT) -> object:
    """The first true value of `condition()`; an AssertionError with `what` after `limit`."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {limit:g} s: {what}"
        time.sleep(0.01)


# Processes


def marked(mark: str) -> Dict[int, str]:
    """The processes that have `mark` in their environment, with their command lines."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            environment = Path("/proc", name, "environ").read_bytes()
            if wanted in environment.split(b"\0"):
                line = Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(name)] = line.decode("latin-1")
        except OSError:
            pass  # it has ended
    return found


def running(pattern: str) -> List[int]:
    """The processes of this test whose command line begins with `pattern`."""
    return [pid for pid, line in marked(os.environ[MARK]).items() if line.startswith(pattern)]


def find_process(pattern: str, *, forked: bool = False) -> int:
    """The one process of this test whose command line begins with `pattern`, once it runs; or
    the one that it has forked, as the Python server does to run tests."""

    def matching():
        found = running(pattern)
        return [pid for pid in found if (int(status_of(pid).get("PPid", 0)) in found) == forked]

    found = wait_until(matching, f"a process {pattern!r}")
    assert len(found) == 1, f"{pattern!r} matches {found}"
    return found[0]


def peak_memory(pid: int) -> int:
    """VmHWM in bytes."""
    size = status_of(pid).get("VmHWM")
    assert size, f"process {pid} has ended"
    return int(size.split()[0]) * 1024


def is_blocked(pid):
    """True if the process sleeps in one and the same write to a pipe or socket for half a second.

    It has not slept again meanwhile: one that writes to a reader who is slow, as on a busy machine
    everybody is, does so for each piece.
    """
    end = time.monotonic() + 0.5
    slept = _sleeps(pid)
    while slept is not None and slept == _sleeps(pid):
        if time.monotonic() > end:
            return True
        time.sleep(0.05)
    return False


def _sleeps(pid):
    """How often the process has slept, if it does so now in a write; None if not."""
    try:
        with open(f"/proc/{pid}/wchan") as wchan, open(f"/proc/{pid}/syscall") as syscall:
            where, call = wchan.read(), syscall.read().split()[0]
        # write is 1, sendto 44 on x86-64; 1 is read on no machine that has another table
        if call not in ("1", "44", "64", "206") and "write" not in where and "send" not in where:
            return None
        return int(status_of(pid)["voluntary_ctxt_switches"])
    except OSError:
        return None


def is_pending(pid, number):
    """True if the signal was sent to the process, which has not taken it yet."""
    return bool(int(status_of(pid)["ShdPnd"], 16) >> (number - 1) & 1)


def status_of(pid):
    """/proc/PID/status as a table."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def is_full(fd):
    """True if nothing can be written for half a second."""
    return not select.select([], [fd], [], 0.5)[1]


def write_some(fd, data):
    try:
        return os.write(fd, data[:65536])
    except BlockingIOError:
        return 0


def is_closed(connection):
    """Waits for the end of the connection; nothing may come before it."""
    try:
        return connection.recv(4096) == b""
    except ConnectionError:
        return True


def is_sanitized() -> bool:
    libraries = subprocess.run(["ldd", BINARY], capture_output=True, text=True).stdout
    return "libasan" in libraries or b"__asan_init" in Path(BINARY).read_bytes()


def says(text: str, *keywords: object) -> None:
    """Asserts that `text` has every keyword, whatever its case; of a tuple, one."""
    for keyword in keywords:
        choices = keyword if isinstance(keyword, tuple) else (keyword,)
        assert any(choice.lower() in text.lower() for choice in choices), (
            f"none of {choices} in:\n{text}"
        )


# Packets


class Packet(NamedTuple):
    """One packet, named as in StreamResult.status(). `raw` is the packet itself."""

    raw: bytes
    test_id: Optional[str]
    test_status: Optional[str]
    test_tags: Optional[set]
    runnable: bool
    mime_type: Optional[str]
    eof: bool
    file_name: Optional[str]
    file_bytes: Optional[bytes]
    route_code: Optional[str]
    timestamp: object

    @property
    def message(self) -> Optional[dict]:
        if self.mime_type and self.mime_type.startswith("application/json"):
            return json.loads(bytes(self.file_bytes))
        return None


class _Events:
    def __init__(self) -> None:
        self.events: List[dict] = []

    def status(self, **fields) -> None:
        self.events.append({"test_id": None, "test_status": None, "mime_type": None, **fields})


def decode(raw: bytes) -> Packet:
    events = _Events()
    ByteStreamToStreamResult(io.BytesIO(raw)).run(events)
    assert len(events.events) == 1, f"python-subunit does not take {raw[:200]!r}"
    return Packet(raw, **events.events[0])


def cut(buffer: bytearray, ends_lines: bool = False) -> Tuple[List[bytes], bytes]:
    """Takes the whole packets off `buffer`. Also returns what stood between them; of what a proxy
    has written, which `ends_lines`, without the LF right behind a packet."""
    packets, noise, at = [], bytearray(), 0
    behind = False
    while at < len(buffer):
        if ends_lines and behind and buffer[at] == 0x0A:
            behind = False
            at += 1
            continue
        behind = False
        if buffer[at] != 0xB3:
            noise.append(buffer[at])
            at += 1
            continue
        if len(buffer) - at < 6:
            break
        size = 1 + (buffer[at + 3] >> 6)
        length = int.from_bytes(buffer[at + 3 : at + 3 + size], "big") & ~(3 << (8 * size - 2))
        if len(buffer) - at < length:
            break
        raw = bytes(buffer[at : at + length])
        if length < 8 or zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "big"):
            noise.append(buffer[at])
            at += 1
            continue
        packets.append(raw)
        behind = True
        at += length
    del buffer[:at]
    return packets, bytes(noise)


def encode(**fields) -> bytes:
    stream = io.BytesIO()
    StreamResultToBytes(stream).status(**fields)
    return stream.getvalue()


def message(test_id: str = RPC, to: Optional[str] = None, **fields) -> bytes:
    """`to`: the route code."""
    return encode(
        route_code=to,
        test_id=test_id,
        file_name="message",
        file_bytes=json.dumps(fields).encode(),
        mime_type="application/json",
        eof=True,
    )


def is_output(file_name: Optional[str], name: str) -> bool:
    """Whether a file is (a part of) what was written to `name`, stdout or stderr."""
    return re.fullmatch(rf"{name}(\.raw)?(-\d+)?", file_name or "") is not None


class Stream:
    """What python-subunit's own parser makes of a stream of results."""

    NOISE = "not subunit"

    def __init__(self, data: bytes) -> None:
        events = _Events()
        ByteStreamToStreamResult(io.BytesIO(data), non_subunit_name=self.NOISE).run(events)
        self.events = events.events
        self.noise = b"".join(
            bytes(event["file_bytes"]) for event in self.events if event["file_name"] == self.NOISE
        )
        self.parser_errors = [e for e in self.events if e["test_id"] == "subunit.parser"]
        self.files: Dict[Tuple[Optional[str], str], bytes] = {}
        self.mime_types: Dict[Tuple[Optional[str], str], set] = collections.defaultdict(set)
        pieces = collections.defaultdict(list)
        for event in self.events:
            if event["file_name"] is not None:
                key = event["test_id"], event["file_name"]
                pieces[key].append(bytes(event["file_bytes"]))
                self.mime_types[key].add(event["mime_type"])
        for key, value in pieces.items():
            self.files[key] = b"".join(value)
        # Why the run could not be completed; None if it was.
        self.broken_off: Optional[str] = None
        if (RUN, "fail") in self.ended:
            self.broken_off = self.files[RUN, "subunit-proxy"].decode()
            self.events = [event for event in self.events if event["test_id"] != RUN]

    @property
    def ended(self) -> collections.Counter:
        """(test id, final status) as often as it was said."""
        return collections.Counter(
            (event["test_id"], event["test_status"])
            for event in self.events
            if event["test_status"] in FINAL
        )

    @property
    def statuses(self) -> Dict[str, str]:
        """Test id to final status; asserts that each test has one."""
        ended = self.ended
        assert all(times == 1 for times in ended.values()), ended.most_common(5)
        table = dict(ended.keys())
        assert len(table) == len(ended), ended
        return table

    @property
    def ids(self) -> List[str]:
        """The tests that ended, in order."""
        return [e["test_id"] for e in self.events if e["test_status"] in FINAL]

    @property
    def listed(self) -> List[str]:
        """The tests that exist, in order."""
        return [e["test_id"] for e in self.events if e["test_status"] == "exists"]

    @property
    def unfinished(self) -> List[str]:
        started = [e["test_id"] for e in self.events if e["test_status"] == "inprogress"]
        ended = {test_id for test_id, _ in self.ended}
        return [test_id for test_id in started if test_id not in ended]

    def file(self, test_id: Optional[str], name: str) -> bytes:
        """A file of the test, and those in which it goes on: name-2, name-3, ..."""
        whole = self.files.get((test_id, name), b"")
        for number in itertools.count(2):
            part = self.files.get((test_id, f"{name}-{number}"))
            if part is None:
                return whole
            assert len(part) < MAX_FILE
            whole += part

    def output(self, test_id: Optional[str], name: str) -> bytes:
        """The bytes of `name`, stdout or stderr, that stand under this test, in their order."""
        return b"".join(
            bytes(event["file_bytes"])
            for event in self.events
            if event["test_id"] == test_id and is_output(event["file_name"], name)
        )

    def all_output(self, name: str) -> bytes:
        """The bytes of `name`, of whichever test, in their order."""
        return b"".join(
            bytes(event["file_bytes"])
            for event in self.events
            if is_output(event["file_name"], name)
        )

    def details(self, test_id: str) -> str:
        """All attachments of a test, as text."""
        return "\n".join(
            f"{name}: {data.decode('utf-8', 'replace')}"
            for (each, name), data in self.files.items()
            if each == test_id
        )

    def failed(self) -> List[str]:
        return sorted({test_id for test_id, status in self.ended if status == "fail"})

    def assert_clean(self) -> None:
        """Nothing but packets, none of them ours, and every test that began ended."""
        assert self.noise == b""
        assert self.parser_errors == []
        assert not {RPC, PROXY} & {event["test_id"] for event in self.events}
        assert self.unfinished == []


# subunit-proxy


class Finished(NamedTuple):
    """A process that has ended."""

    status: int  # as subprocess: negative for a signal
    stdout: bytes
    stderr: str
    seconds: float

    @property
    def stream(self) -> Stream:
        return Stream(self.stdout)

    @property
    def text(self) -> str:
        return self.stdout.decode()


def finish(
    process: subprocess.Popen, limit: float = LIMIT, stdin: Optional[bytes] = None
) -> Finished:
    """Waits for its end; nothing that this test started is left if that does not come."""
    start = time.monotonic()
    try:
        stdout, stderr = process.communicate(stdin, timeout=limit)
    except subprocess.TimeoutExpired:
        for pid in marked(os.environ[MARK]):  # its children, too, may hold stdout and stderr
            stop(pid)
        stdout, stderr = process.communicate()
        raise AssertionError(
            f"{process.args} did not end within {limit:g} s; stdout ends {stdout[-500:]!r}, "
            f"stderr ends {stderr[-2000:].decode(errors='replace')}"
        ) from None
    seconds = time.monotonic() - start
    stderr = (stderr or b"").decode(errors="replace")
    return Finished(process.returncode, stdout or b"", stderr, seconds)


def result(*command: str) -> Finished:
    """Of any command."""
    pipe = subprocess.PIPE
    return finish(subprocess.Popen(list(map(str, command)), stdin=pipe, stdout=pipe, stderr=pipe))


def read_until(process: subprocess.Popen, wanted: bytes) -> bytes:
    """What it wrote to stdout up to `wanted` and a little more, as it came."""
    data = b""
    while wanted not in data:
        data += read_more(process)
    return data


def read_more(process: subprocess.Popen) -> bytes:
    """What it wrote to stdout since then, at least one byte of it."""
    piece = os.read(process.stdout.fileno(), 65536)
    assert piece, f"its end came too early: {process.stderr.read()!r}"
    return piece


def start(arguments: Sequence[str], **options) -> subprocess.Popen:
    """Starts subunit-proxy, all three files pipes unless said otherwise.

    No time-out is at its default: a test that is about one gives its own. Otherwise a machine that
    is busy takes its time, and what should end before LIMIT does not by a time-out.
    """
    for name in ("stdin", "stdout", "stderr"):
        options.setdefault(name, subprocess.PIPE)
    arguments = list(map(str, arguments))
    return subprocess.Popen([binary(*arguments[:1]), *patiently(arguments)], **options)


def binary(subcommand: str = "") -> str:
    """The one that has this subcommand."""
    of_test_machines = ("serve", "wrap", "command-server", "guard")
    return SERVE_BINARY if subcommand in of_test_machines else BINARY


TIMEOUTS = {
    "run": {"--ready-timeout": "600", "--attach-timeout": "600", "--hello-timeout": "600"},
    "serve": {"--attach-timeout": "600", "--grace": "30"},
}


def patiently(arguments: List[str]) -> List[str]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    timeouts = TIMEOUTS.get(arguments[0], {}) if arguments else {}
    missing = [each for each in timeouts.items() if each[0] not in arguments[:end]]
    return [*arguments[:1], *(word for each in missing for word in each), *arguments[1:]]


def proxy(*arguments: str, limit: float = LIMIT, stdin: bytes = b"", **options) -> Finished:
    """Runs subunit-proxy to its end."""
    return finish(start(arguments, **options), limit, stdin)


def python(*arguments: str) -> List[str]:
    """A command for Python with this repository's packages and examples to import."""
    # PYTHONUNBUFFERED would take C's buffer away, too.
    settings = ["-u", "PYTHONUNBUFFERED", f"PYTHONPATH={PYTHONPATH}"]
    return ["env", *settings, PYTHON, *map(str, arguments)]


def server(*arguments: str) -> List[str]:
    """The command of the example server in one file."""
    return [PYTHON, SERVER, *map(str, arguments)]


def by_worker(usual: str, special: Dict[int, str], *arguments: str) -> List[str]:
    """A command for several servers: of mode `usual`, but for some by their number."""
    cases = "".join(f"{number}) mode={mode!r};; " for number, mode in special.items())
    choose = f"mode={usual!r}; case $SUBUNIT_RPC_WORKER in {cases}esac; "
    start = " ".join(["exec", *server(*arguments)])
    return ["sh", "-c", f"{choose}{start} $mode"]


def serving(*command: str, options: Sequence[str] = ()) -> List[str]:
    """A channel on this machine, to a test server."""
    return [SERVE_BINARY, *patiently(["serve", *map(str, options), "--", *map(str, command)])]


def client(*arguments: str, channel: Sequence[str], limit: float = LIMIT, **options) -> Finished:
    """`subunit-proxy run` to its end."""
    return proxy("run", *arguments, "--", *channel, limit=limit, **options)


def client_until(wanted: str, gate: Path, *arguments: str, channel: Sequence[str]) -> Finished:
    """`subunit-proxy run` of tests that wait for the file `gate`, which is made when the run has
    written `wanted` to stderr."""
    with tempfile.NamedTemporaryFile() as stderr:
        process = start(["run", *arguments, "--", *channel], stdin=subprocess.DEVNULL, stderr=stderr)
        written = lambda: Path(stderr.name).read_text(errors="replace")
        try:
            wait_until(
                lambda: wanted in written() or process.poll() is not None, f"{wanted!r} on stderr"
            )
        finally:
            gate.touch()
            ended = finish(process)
        return ended._replace(stderr=written())


class Serve:
    """A `subunit-proxy serve` whose channel is in the test's hands.

    A thread reads its stdout from start_reading() to stop_reading().
    """

    def __init__(self, *arguments: str, reading: bool = True, **options) -> None:
        self._stderr = tempfile.TemporaryFile()
        self.process = start(["serve", *arguments], stderr=self._stderr, **options)
        self.packets: List[Packet] = []
        self.raw = bytearray()  # all that has come
        self.ended = False  # its stdout is at its end
        self._changed = threading.Condition()
        self._buffer = bytearray()
        self._thread: Optional[threading.Thread] = None
        self._stop = threading.Event()
        if reading:
            self.start_reading()

    def start_reading(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def read_slowly(self, size: int) -> None:
        """Takes the first `size` bytes, a few at a time."""
        while len(self._buffer) < size:
            self._buffer += os.read(self.process.stdout.fileno(), 97)

    def stop_reading(self) -> None:
        self._stop.set()
        self._thread.join()
        self._thread = None

    def _read(self) -> None:
        buffer, stdout = self._buffer, self.process.stdout.fileno()
        while not self._stop.is_set():
            if not select.select([stdout], [], [], 0.05)[0]:
                continue
            data = os.read(stdout, 1 << 20)
            buffer += data
            packets, _ = cut(buffer)
            decoded = [decode(raw) for raw in packets]
            with self._changed:
                self.raw += data
                self.packets += decoded
                self.ended |= not data
                self._changed.notify_all()
            if not data:
                return

    @property
    def stray(self) -> bytes:
        """What is not in a packet, and not the LF that ends one; there is one LF before Ready."""
        with self._changed:
            rest = bytearray(self.raw)
        _, stray = cut(rest, ends_lines=True)
        return stray + (bytes(rest) if self.ended else b"")

    def wait(self, condition: Callable[[], object], what: str, limit: float = LIMIT):
        """The first true value of `condition()`, which looks at `packets`."""
        with self._changed:
            value = self._changed.wait_for(lambda: condition() or self.ended, limit)
            value = condition()
        assert value, (
            f"{'its end came before' if self.ended else 'never came'}: {what}; "
            f"last packets: {[p[1:] for p in self.packets[-5:]]}; stderr: {self.stderr[-2000:]}"
        )
        return value

    def messages(self, test_id: str, name: str, at: Optional[str] = ANY_ROUTE) -> List[dict]:
        """`at`: their route code, if only those that have it."""
        return [
            packet.message
            for packet in self.packets
            if packet.test_id == test_id and packet.message and packet.message["msg"] == name
            and at in (ANY_ROUTE, packet.route_code)
        ]

    def wait_message(
        self, test_id: str, name: str, limit: float = LIMIT, at: Optional[str] = ANY_ROUTE, **fields
    ) -> dict:
        def found():
            for each in self.messages(test_id, name, at):
                if all(each.get(key) == value for key, value in fields.items()):
                    return each
            return None

        return self.wait(found, f"{name} {fields or ''}", limit)

    def wait_status(self, test_id: str, status: str) -> Packet:
        return self.wait(
            lambda: next(
                (p for p in self.packets if (p.test_id, p.test_status) == (test_id, status)), None
            ),
            f"{test_id} {status}",
        )

    def ready(self) -> dict:
        return self.wait_message(PROXY, "Ready")

    def attached(self) -> dict:
        return self.wait_message(PROXY, "Attached")

    def attached_at(self, route: str, times: int = 1) -> dict:
        """What this proxy said when a server attached there, the `times`-th time."""

        def found():
            said = [m for m in self.messages(PROXY, "Attached", None) if m.get("route") == route]
            return said[times - 1] if len(said) >= times else None

        return self.wait(found, f"Attached at {route}, {times} times")

    def detached_at(self, route: str, **fields) -> dict:
        return self.wait_message(PROXY, "Detached", at=None, route=route, **fields)

    def watch(self, interval: float = 0.1, lease: float = LIMIT) -> None:
        self.send(message(PROXY, msg="Watch", interval=interval, lease=lease))

    def alive(self, condition: Callable[[dict], object], what: str) -> Dict[Optional[str], dict]:
        """The servers by route, in the first Alive from now on of which `condition` is true."""
        seen = len(self.messages(PROXY, "Alive"))

        def found():
            for each in self.messages(PROXY, "Alive")[seen:]:
                servers = {server.get("route"): server for server in each["servers"]}
                if condition(servers):
                    return [servers]
            return None

        return self.wait(found, what)[0]

    def respawn(self, route: Optional[str] = None, **fields) -> None:
        place = {} if route is None else {"route": route}
        self.send(message(PROXY, msg="Respawn", **place, **fields))

    def refused(self, *keywords: object) -> None:
        """Waits until something was refused, with these words."""
        self.wait(
            lambda: any(
                all(str(word) in each["text"] for word in keywords)
                for each in self.messages(PROXY, "Refused")
            ),
            f"Refused with {keywords}",
        )

    def address(self) -> Tuple[str, int]:
        host, _, port = self.ready()["listening"].rpartition(":")
        return host, int(port)

    def send(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def hello(self, *routes: str) -> None:
        """With `routes`: and the answers of the servers there."""
        self.send(message(msg="Hello", max=1, min=1))
        for route in routes or [ANY_ROUTE]:
            self.wait_message(RPC, "Hello", at=route)

    def run(self, nonce: str = "run", to: Optional[str] = None, **fields) -> None:
        self.send(message(to=to, msg="Run", nonce=nonce, **fields))

    def run_at(self, *routes: str, nonce: str = "run", **fields) -> None:
        """A run on each of these servers, and all their Dones."""
        for route in routes:
            self.run(nonce, to=route, **fields)
        for route in routes:
            self.wait_message(RPC, "Done", at=route, nonce=nonce)

    def run_all(self) -> None:
        """Hello, a run of everything, and its Done."""
        self.hello()
        self.run()
        self.wait_message(RPC, "Done", nonce="run")

    def goodbye(self) -> int:
        self.send(message(msg="Goodbye"))
        return self.exit_status()

    def close_stdin(self) -> None:
        self.process.stdin.close()

    def close_stdout(self) -> None:
        """The reader of the channel goes away."""
        if self._thread:
            self.stop_reading()
        self.process.stdout.close()

    def exit_status(self, limit: float = LIMIT) -> int:
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"serve did not end within {limit:g} s: {self.stderr}") from None
        if self._thread:
            self._thread.join(limit)
            assert self.ended, "serve has ended, but somebody holds its stdout"
        return status

    @property
    def stderr(self) -> str:
        size = os.fstat(self._stderr.fileno()).st_size
        return os.pread(self._stderr.fileno(), size, 0).decode(errors="replace")

    @property
    def stream(self) -> Stream:
        return Stream(b"".join(packet.raw for packet in self.packets))

    def stream_at(self, route: str) -> Stream:
        """What one server, and the proxy in its name, has sent."""
        return Stream(b"".join(p.raw for p in self.packets if p.route_code == route))

    def close(self) -> None:
        """Ends it if the test did not."""
        if self._thread:
            self.stop_reading()
        for file in (self.process.stdin, self.process.stdout):
            try:
                file.close()
            except OSError:
                pass
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._stderr.close()


def stop(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


_ports = itertools.count()


def free_port() -> int:
    """One that nobody else takes before it is used: the kernel hands out none below 32768, and each
    process of tests that run side by side has a hundred of its own."""
    first = 20000 + 100 * int(os.environ.get("SUBUNIT_TEST_PLACE", "0"))
    for _ in range(100):
        port = first + next(_ports) % 100
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port is free from {first} on")
