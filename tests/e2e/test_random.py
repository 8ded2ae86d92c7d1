"""Chance: any process of a run is stopped, ended or killed at any time; any packet of a conversation is
another one."""

import json
import os
import random
import shlex
import signal
import subprocess
import time

import pytest

from small_suite import SmallSuite
from sshd import IS_INSTALLED
import support
from support import serving, server

SEEDS = pytest.mark.parametrize("seed", support.SEEDS)
pytestmark = pytest.mark.xdist_group("random")


# Signals

TESTS = 40
KILLS = [signal.SIGKILL] * 4 + [
    signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV, signal.SIGABRT, signal.SIGINT, signal.SIGSTOP,
]


class Log:
    """What the tests themselves say that became of them."""

    def __init__(self, path):
        self._path = path

    def body(self, number, passes):
        """The code of a test."""
        word = "passed" if passes else "failed"
        return f"""
            print("out", {number})
            time.sleep({number % 5 / 100})
            with open({str(self._path)!r}, "a") as log: log.write("{word} {number}\\n")
            self.assertTrue({passes})
        """

    def read(self):
        text = self._path.read_text() if self._path.exists() else ""
        return {tuple(line.split()) for line in text.splitlines()}


def channel_of(choose, suite, sshd):
    command = suite.command
    if choose.random() < 0.3:
        at = command.index("subunit_rpc") + 1
        command = [*command[:at], "--fork", *command[at:]]
    options = ["--workers", str(choose.choice([1, 1, 2, 3]))]
    channel = serving(*command, options=options)
    if choose.random() < 0.3 and IS_INSTALLED:
        return sshd.command(*channel)
    return channel


def role(line):
    words = line.split(" ")
    name = words[0].rpartition("/")[2]
    return f"{name} {words[1]}" if name == "subunit-proxy" else name


def hit_one(choose):
    """A signal for one process of the run; first chooses what it is, since servers are many. Returns
    its role."""
    roles = {}
    for pid, line in support.marked(os.environ[support.MARK]).items():
        roles.setdefault(role(line), []).append(pid)
    if not roles:
        return None
    name = choose.choice(sorted(roles))
    pid = choose.choice(sorted(roles[name]))
    number = choose.choice(KILLS)
    support.stop(pid, number)
    if number == signal.SIGSTOP:
        time.sleep(choose.random() / 2)
        support.stop(pid, signal.SIGCONT)
    return name


@SEEDS
@pytest.mark.parametrize("part", range(4))
def test_whatever_is_killed_no_verdict_is_wrong_and_nothing_stays(tmp_path, sshd, processes, seed, part):
    choose = random.Random(4 * seed + part)
    log = Log(tmp_path / "log")
    passes = [choose.random() < 0.95 for _ in range(TESTS)]
    suite = SmallSuite(tmp_path).write(*[log.body(*each) for each in enumerate(passes)])
    options = ["--isolated"] if choose.random() < 0.1 else []
    process = support.start(
        ["run", "--format", "subunit", "--test-timeout", "20", *options, "--",
         *channel_of(choose, suite, sshd)]
    )
    processes.append(process)
    hit = []
    for _ in range(choose.choice([1, 1, 2])):
        time.sleep(choose.random())
        hit.append(hit_one(choose))
    ended = support.finish(process)
    client_was_hit = "subunit-proxy run" in hit

    told = log.read()
    statuses = {}
    for (test_id, status), times in ended.stream.ended.items():
        if test_id and test_id.startswith("small."):
            assert times == 1 and test_id not in statuses, f"{test_id} ended more than once; {hit}"
            statuses[int(test_id[-2:])] = status
    for number, status in statuses.items():
        if status == "success":
            assert ("passed", str(number)) in told, f"{number} is green and did not pass; {hit}"
    if client_was_hit:
        return  # it owes nothing more than that
    assert ended.status in (0, 1, 3), (hit, ended.stderr)
    if ended.status != 3:
        assert sorted(statuses) == list(range(TESTS)), (hit, ended.stderr)
        assert (ended.status == 0) == (set(statuses.values()) == {"success"}), (hit, statuses)


# Packets

TEXTS = [
    "", "\0", "x" * 3000, "0", "1", "0/1", "/", "99999999999", "-1", "a\nb", "\u202e", "\x1b[2J", "stdout",
    "message", "application/json", support.RPC, support.PROXY, "demo.test_0",
]
VALUES = [
    None, True, 0, -1, 1, 2, 10**30, -(10**30), 1e308, [], ["a"], [1], {}, {"a": {}}, *TEXTS, "Done", "Run",
    "Hello", "Goodbye", "Error", "Ping", "Pong", "Attached", "Detached", "Alive", "Refused", "Ready",
    "Respawn", "Watch", "Cancel", "List", "Attach",
]
KEYS = [
    "route", "reason", "nonce", "tests", "max", "min", "expected", "servers", "pid", "exit", "signal",
    "output", "respawn", "address", "interval", "lease",
]
MUTATIONS = 12
SHORT = ["--ready-timeout", "1", "--attach-timeout", "1", "--hello-timeout", "1", "--list-timeout", "1",
         "--test-timeout", "1"]


def mutated_message(choose, content):
    """Of a JSON object, which may have been harmed before."""
    kind = choose.randrange(5)
    try:
        fields = json.loads(content)
    except ValueError:
        fields = None
    if kind == 0 or not isinstance(fields, dict) or not fields:
        at = choose.randrange(len(content) + 1)
        return content[:at] + choose.choice([b'"', b"{", b"]", b",", b"\\", b"e999"]) + content[at + 2:]
    if kind == 1:
        fields.pop(choose.choice(sorted(fields)))
    elif kind == 2:
        fields[choose.choice(KEYS)] = choose.choice(VALUES)
    else:
        fields[choose.choice(sorted(fields))] = choose.choice(VALUES)
    return json.dumps(fields).encode()


def decoded(raw):
    """None if it has been harmed before, and python-subunit does not take it any more."""
    try:
        return support.decode(raw)
    except Exception:
        return None


def mutated_packet(choose, packet):
    raw = packet.raw
    fields = packet._asdict()
    del fields["raw"]
    what = choose.choice(["message"] * 4 + ["id", "route", "status", "name", "bytes", "eof"])
    if what == "message" and packet.file_bytes is not None:
        fields["file_bytes"] = mutated_message(choose, bytes(packet.file_bytes))
    elif what == "id":
        fields["test_id"] = choose.choice([None, *filter(None, TEXTS)])
    elif what == "route":
        fields["route_code"] = choose.choice([None, *filter(None, TEXTS)])
    elif what == "status":
        fields["test_status"] = choose.choice([None, "exists", "inprogress", *support.FINAL])
    elif what == "name" and packet.file_name is not None:
        fields["file_name"] = choose.choice(TEXTS)
    elif what == "eof":
        fields["eof"] = not packet.eof
    else:
        harmed = bytearray(raw)
        for _ in range(choose.choice([1, 1, 4])):
            harmed[choose.randrange(len(harmed))] = choose.randrange(256)
        return bytes(harmed)
    return support.encode(**fields)


def mutated(choose, packets):
    packets = list(packets)
    for _ in range(choose.choice([1, 1, 2, 3, 8])):
        at = choose.randrange(len(packets))
        kind = choose.randrange(8)
        if kind == 0 and len(packets) > 1:
            del packets[at]
        elif kind == 1:
            packets.insert(choose.randrange(len(packets)), packets[at])
        elif kind == 2:
            packets.insert(at, choose.randbytes(choose.randrange(200)))
        elif kind == 3:
            packets[at] = packets[at][: choose.randrange(len(packets[at]))]
        elif packet := decoded(packets[at]):
            packets[at] = mutated_packet(choose, packet)
    return b"".join(packets)


@pytest.fixture(scope="module")
def conversation(tmp_path_factory):
    """What a client and a proxy with two servers say to each other, as packets."""
    to_proxy, to_client = (tmp_path_factory.mktemp("conversation") / name for name in ("in", "out"))
    serve = shlex.join(serving(*server("good"), options=["--workers", "2"]))
    subprocess.run(
        [support.BINARY, "run", "--format", "subunit", "--", "bash", "-c",
         f"tee {to_proxy} | {serve} | tee {to_client}"],
        check=True, stdout=subprocess.DEVNULL, timeout=support.LIMIT,
    )
    sides = []
    for path in (to_proxy, to_client):
        packets, noise = support.cut(bytearray(path.read_bytes()), ends_lines=True)
        assert not noise.strip(b"\n") and len(packets) > 5
        sides.append(packets)
    return sides


def assert_ends_well(ended, data):
    """With words rather than a crash."""
    assert ended.status in (0, 1, 2, 3), (ended.stderr, data)
    assert "Sanitizer" not in ended.stderr and "Traceback" not in ended.stderr, (ended.stderr, data)
    assert ended.status in (0, 1) or ended.stderr, data


@SEEDS
@pytest.mark.parametrize("format", ["subunit", "human"])
def test_a_client_takes_any_conversation(tmp_path, processes, conversation, seed, format):
    choose = random.Random(f"{seed} {format}")
    started = []
    for number in range(MUTATIONS):
        path = tmp_path / str(number)
        path.write_bytes(mutated(choose, conversation[1]))
        ending = choose.choice(["exec cat >/dev/null", "exit 7", "cat >/dev/null & sleep 0.2"])
        channel = ["sh", "-c", f"cat {path}; {ending}"]
        process = support.start(["run", "--format", format, *SHORT, "--", *channel])
        started.append((process, path))
        processes.append(process)
    for process, path in started:
        ended = support.finish(process)
        assert_ends_well(ended, path.read_bytes())
        if format == "subunit":
            stream = ended.stream
            assert stream.noise == b"" and stream.parser_errors == [], path.read_bytes()


@SEEDS
@pytest.mark.parametrize("workers", [1, 2])
def test_a_proxy_and_its_servers_take_any_conversation(processes, conversation, seed, workers):
    choose = random.Random(f"{seed} {workers}")
    suite = support.python("-m", "subunit_rpc", "noisy.friendly")
    started = []
    for _ in range(MUTATIONS):
        data = mutated(choose, conversation[0])
        process = support.start(
            ["serve", "--workers", str(workers), "--grace", "1", "--attach-timeout", "20", "--", *suite]
        )
        started.append((process, data))
        processes.append(process)
    for process, data in started:
        ended = support.finish(process, stdin=data)
        assert_ends_well(ended, data)
        support.cut(bytearray(ended.stdout))
