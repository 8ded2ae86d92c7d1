"""Our encoder and decoder against python-subunit's, both ways, on generated packets.

Run with the interpreter that has python3-subunit; SUBUNIT_BUILD is the build directory (default:
build), where tests/subunit_lines is:

    SUBUNIT_BUILD=build /usr/bin/python3 -m pytest tests/differential

What python-subunit does that the format does not ask for, and what that means here:

- It writes no empty MIME type and no empty set of tags. They are not in what it is given to write;
  what we write has empty MIME types (python-subunit reads them), and our encoder has no way to
  write an empty set of tags either.
- It writes a file name without content never, nor content without a name: the format has one field.
- Its timestamps have microseconds. What it reads may differ from what we wrote by up to half of
  one; that our side keeps every nanosecond is read from the bytes, by a parser of this file.
- It hands out tags as a set: order and repetitions are lost. Ours are compared in order.
"""

import datetime
import io
import itertools
import json
import os
import pathlib
import random
import struct
import subprocess

import pytest
import subunit
from subunit.iso8601 import UTC

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SUBUNIT_BUILD", ROOT / "build")).resolve() / "tests" / "subunit_lines"

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
STATUSES = ["", "exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail"]
OPTIONAL = ["timestamp", "test_id", "tags", "mime_type", "file", "route_code"]
LARGEST = 4194303

# Packets are dicts here, as subunit_lines has them: see the top of subunit_lines.cc. Content is
# bytes, and becomes hexadecimal only on the way.


# --- our side -----------------------------------------------------------------------------------

def run(option, stdin):
    result = subprocess.run([PROGRAM, *option], input=stdin, capture_output=True, timeout=120)
    return result.returncode, result.stdout, result.stderr.decode()


def we_write(packets, option="--encode"):
    lines = []
    for packet in packets:
        line = dict(packet)
        if "file" in line:
            name, content = line["file"]
            line["file"] = [name, content.hex()]
        lines.append(json.dumps(line))
    code, stdout, stderr = run([option], "\n".join(lines).encode())
    assert code == 0, stderr
    return stdout


def we_read(stream):
    """The packets of the stream and its noise, each in order; adjacent noise is not joined."""
    code, stdout, stderr = run([], stream)
    assert code == 0, stderr
    found = []
    for text in stdout.splitlines():
        line = json.loads(text)
        if "noise" in line:
            found.append(bytes.fromhex(line["noise"]))
            continue
        if "file" in line:
            line["file"] = (line["file"][0], bytes.fromhex(line["file"][1]))
        if "timestamp" in line:
            line["timestamp"] = tuple(line["timestamp"])
        found.append(line)
    return found


def without_size(packets):
    return [{key: value for key, value in packet.items() if key != "size"} for packet in packets]


# --- python-subunit's side ----------------------------------------------------------------------

def python_writes(packets):
    """The bytes of each packet."""
    written = []
    for packet in packets:
        stream = io.BytesIO()
        name, content = packet.get("file", (None, None))
        timestamp = None
        if "timestamp" in packet:
            seconds, nanoseconds = packet["timestamp"]
            assert nanoseconds % 1000 == 0, "it would lose them"
            timestamp = EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
        subunit.StreamResultToBytes(stream).status(
            test_id=packet.get("test_id"), test_status=packet["status"] or None,
            test_tags=packet.get("tags"), runnable=packet["runnable"], file_name=name,
            file_bytes=content, eof=packet["eof"], mime_type=packet.get("mime_type"),
            route_code=packet.get("route_code"), timestamp=timestamp)
        written.append(stream.getvalue())
    return written


class Events(list):
    def status(self, **event):
        self.append(event)


def python_reads(stream):
    events = Events()
    subunit.ByteStreamToStreamResult(io.BytesIO(stream)).run(events)
    return events


def check_event(event, packet):
    """`event` is what python-subunit makes of `packet`."""
    assert event["test_status"] == (packet["status"] or None)
    assert event["runnable"] == packet["runnable"]
    assert event["eof"] == packet["eof"]
    assert event["test_id"] == packet.get("test_id")
    assert event["mime_type"] == packet.get("mime_type")
    assert event["route_code"] == packet.get("route_code")
    assert (event["file_name"], event["file_bytes"]) == packet.get("file", (None, None))
    assert event["test_tags"] == (set(packet["tags"]) if "tags" in packet else None)
    if "timestamp" not in packet:
        assert event["timestamp"] is None
        return
    seconds, nanoseconds = packet["timestamp"]
    since = event["timestamp"] - EPOCH
    read = (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000
    assert abs(read - (seconds * 10**9 + nanoseconds)) <= 500


# --- packets ------------------------------------------------------------------------------------

def random_text(rand, least=0):
    alphabet = rand.choice(["abcxyz._-/:[] ", "äöüßéñçÆ", "日本語テスト┳", "😀🎉🚀𝕊", "a\u00b3é\u0800語\U0010ffff\x01\n"])
    size = rand.choice([least, 1, 3, 10, 21, 40, 62, 63, 64, 65, 100])
    return "".join(rand.choices(alphabet, k=size))


def random_packet(rand, present, status, runnable, eof, for_python):
    """A packet with the fields in `present`; for_python: one that python-subunit writes whole."""
    packet = {"status": status, "runnable": runnable, "eof": eof}
    if "timestamp" in present:
        nanoseconds = rand.choice([0, 1, 63, 64, 999, 1000, 16383, 16384, 16000, 4194303, 4194304, 999999999,
                                   rand.randrange(10**9)])
        if for_python:
            nanoseconds -= nanoseconds % 1000
        packet["timestamp"] = (rand.choice([0, 1, 1700000000, 2**31, 2**32 - 1, rand.randrange(2**32)]),
                               nanoseconds)
    if "test_id" in present:
        packet["test_id"] = random_text(rand)
    if "tags" in present:
        packet["tags"] = [random_text(rand) for _ in range(rand.choice([1, 1, 2, 5, 63, 64]))]
    if "mime_type" in present:
        packet["mime_type"] = random_text(rand, least=1 if for_python else 0)
    if "file" in present:
        size = rand.choice([0, 1, 40, 62, 63, 64, 65, 300, 5000, 16383, 16384])
        packet["file"] = (random_text(rand), rand.randbytes(size))
    if "route_code" in present:
        packet["route_code"] = random_text(rand)
    return packet


def combinations(seed, for_python):
    """Every combination of fields, statuses and flags: 2048 packets, with random values."""
    rand = random.Random(seed)
    packets = []
    for flags in itertools.product([False, True], repeat=len(OPTIONAL)):
        present = {name for name, there in zip(OPTIONAL, flags) if there}
        for status, runnable, eof in itertools.product(STATUSES, [False, True], [False, True]):
            packets.append(random_packet(rand, present, status, runnable, eof, for_python))
    rand.shuffle(packets)
    return packets


def with_file(content_size, **fields):
    return {"status": "", "runnable": True, "eof": False, "file": ("f", b"\xb3" * content_size), **fields}


def file_packet_of_size(size):
    """The packet with a file whose shortest encoding takes `size` bytes; None if there is none."""
    def number(value):
        return 1 if value < 64 else 2 if value < 16384 else 3
    for length_size, content_number in itertools.product([1, 2, 3], [1, 2, 3]):
        content = size - (1 + 2 + length_size + 2 + content_number + 4)
        shortest = number(size) == length_size and (length_size == 1 or number(size - 1) == length_size)
        if shortest and content >= 0 and number(content) == content_number:
            return with_file(content)
    return None


# --- tests --------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", [1, 2])
def test_we_read_what_python_subunit_writes_with_every_combination_of_fields(seed):
    packets = combinations(seed, for_python=True)
    written = python_writes(packets)
    read = we_read(b"".join(written))
    assert [packet["size"] for packet in read] == [len(raw) for raw in written]
    assert without_size(read) == packets


@pytest.mark.parametrize("seed", [3, 4])
def test_python_subunit_reads_what_we_write_with_every_combination_of_fields(seed):
    packets = combinations(seed, for_python=False)
    events = python_reads(we_write(packets))
    assert len(events) == len(packets)
    for event, packet in zip(events, packets):
        check_event(event, packet)


def test_both_write_the_same_bytes():
    packets = combinations(5, for_python=True)
    assert we_write(packets) == b"".join(python_writes(packets))


def test_what_we_read_we_write_again_byte_for_byte():
    rand = random.Random(6)
    pieces = [piece for raw in python_writes(combinations(6, for_python=True)[:500])
              for piece in (raw, rand.randbytes(rand.randrange(50)))]
    stream = b"".join(pieces)
    code, lines, stderr = run([], stream)
    assert code == 0, stderr
    code, again, stderr = run(["--encode"], lines)
    assert code == 0, stderr
    assert again == stream


BOUNDARIES = [*range(60, 68), *range(16379, 16388), *range(4194298, LARGEST + 1)]


@pytest.mark.parametrize("size", BOUNDARIES)
def test_packets_around_the_boundaries_of_the_length_field(size):
    packet = file_packet_of_size(size)
    if packet is None:
        # One byte more needs a length that takes one byte more as well.
        assert size in (64, 16384)
        return
    ours = we_write([packet])
    assert len(ours) == size
    assert [ours] == python_writes([packet])
    (event,) = python_reads(ours)
    check_event(event, packet)
    assert we_read(ours) == [{**packet, "size": size}]


def test_one_byte_more_than_the_largest_packet_is_refused_by_both():
    content_size = len(file_packet_of_size(LARGEST)["file"][1]) + 1
    packet = with_file(content_size)
    with pytest.raises(ValueError):
        python_writes([packet])
    line = json.dumps({**packet, "file": ["f", packet["file"][1].hex()]}).encode()
    code, stdout, stderr = run(["--encode"], line)
    assert (code, stdout) == (1, b"")
    assert "4194304 bytes, at most 4194303" in stderr


@pytest.mark.parametrize("size", [0, 1, 62, 63, 64, 65, 16382, 16383, 16384, 16385, 100000])
def test_fields_around_the_boundaries_of_numbers(size):
    text = "x" * size
    packets = [{"status": "fail", "runnable": False, "eof": True, name: value}
               for name, value in [("test_id", text), ("mime_type", text or "m"), ("tags", [text, "é"]),
                                   ("file", (text, b"")), ("file", ("", text.encode())),
                                   ("route_code", text)]]
    packets.append({"status": "", "runnable": True, "eof": False, "tags": ["t"] * max(1, min(size, 256))})
    written = python_writes(packets)
    assert we_write(packets) == b"".join(written)
    assert without_size(we_read(b"".join(written))) == packets


def timestamp_in(raw):
    """Read from the bytes of a packet that has one."""
    def number(at):
        extra = raw[at] >> 6
        value = int.from_bytes(raw[at:at + 1 + extra], "big") & (1 << 6 + 8 * extra) - 1
        return value, at + 1 + extra
    (flags,) = struct.unpack_from(">H", raw, 1)
    assert flags & 0x0200
    _, at = number(3)
    (seconds,) = struct.unpack_from(">I", raw, at)
    nanoseconds, _ = number(at + 4)
    return seconds, nanoseconds


def test_timestamps_keep_every_nanosecond():
    rand = random.Random(7)
    fixed = [0, 1, 62, 63, 64, 65, 16382, 16383, 16384, 16385, 4194302, 4194303, 4194304, 999999999]
    for nanoseconds in fixed + [rand.randrange(10**9) for _ in range(20)]:
        timestamp = (rand.randrange(2**32), nanoseconds)
        packet = {"status": "success", "runnable": True, "eof": False, "test_id": "t", "timestamp": timestamp}
        raw = we_write([packet])
        assert timestamp_in(raw) == timestamp
        assert without_size(we_read(raw)) == [packet]
        (event,) = python_reads(raw)
        check_event(event, packet)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 1 << 22, (1 << 22) + 1, 10_000_000])
def test_attachments_of_any_size_arrive_whole(size):
    content = random.Random(size).randbytes(size)
    packet = with_file(size, file=("core", content), test_id="t", tags=["a"], status="fail", eof=True)
    stream = we_write([packet], "--split")
    events = python_reads(stream)
    assert b"".join(event["file_bytes"] for event in events) == content
    assert {(event["test_id"], event["file_name"]) for event in events} == {("t", "core")}
    assert [event["eof"] for event in events] == [False] * (len(events) - 1) + [True]
    assert [event["test_status"] for event in events] == [None] * (len(events) - 1) + ["fail"]
    assert [event["test_tags"] for event in events] == [None] * (len(events) - 1) + [{"a"}]
    ours = we_read(stream)
    assert b"".join(packet["file"][1] for packet in ours) == content


@pytest.mark.parametrize("seed", range(10, 14))
def test_we_find_every_packet_of_python_subunit_among_noise(seed):
    rand = random.Random(seed)
    packets = rand.sample(combinations(seed, for_python=True), 300)
    forged = b"\xb3\x29\x00\xbf\xff\xff"
    expected = []
    for packet, raw in zip(packets, python_writes(packets)):
        noise = rand.choice([b"", b"text\n", b"Gr\xc3", b"\xe2\x82", b"\xb3", forged, raw[:len(raw) // 2],
                             raw[1:], rand.randbytes(rand.randrange(200))])
        expected.append((noise, {**packet, "size": len(raw)}, raw))
    stream = b"".join(noise + raw for noise, _, raw in expected)
    found = []
    noise = b""
    for piece in we_read(stream):
        if isinstance(piece, bytes):
            noise += piece
        else:
            found.append((noise, piece))
            noise = b""
    assert noise == b""
    assert found == [(noise, packet) for noise, packet, _ in expected]
