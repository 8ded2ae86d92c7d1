"""subunit v2 packets, written and read, against python-subunit."""

import datetime
import io
import itertools
import random
import zlib

import pytest
import subunit
from testtools import StreamResult

from subunit_rpc import ProtocolError
from subunit_rpc.decoder import PacketDecoder
from subunit_rpc.packet import (
    CHUNK_BYTES,
    MAX_PACKET_BYTES,
    STATUSES,
    encode_file,
    encode_packet,
    wire_text,
)

WHEN = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456, datetime.timezone.utc)
OPTIONS = {
    "test_id": ["", "pkg.mod.Test.test_ü"],
    "test_tags": [{"worker-1"}],
    "file_name": ["traceback"],
    "eof": [True],
    "mime_type": ['text/plain;charset="utf8"'],
    "route_code": ["0/1"],
    "timestamp": [WHEN, datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)],
    "runnable": [False],
}


def by_python_subunit(**fields):
    stream = io.BytesIO()
    subunit.StreamResultToBytes(stream).status(**fields)
    return stream.getvalue()


def decode(*pieces):
    decoder, packets = PacketDecoder(), []
    for piece in pieces:
        decoder.receive(piece)
        packets += iter(decoder.next_packet, None)
    decoder.receive_eof()
    return packets


def sealed(packet):
    return packet + zlib.crc32(packet).to_bytes(4, "big")


def every_combination():
    choices = [[None, *values] for values in OPTIONS.values()]
    for values in itertools.product(*choices):
        fields = {name: value for name, value in zip(OPTIONS, values) if value is not None}
        if "file_name" in fields:
            fields["file_bytes"] = b"\xb3\x00\xff"
        yield fields


def test_every_combination_of_fields_is_written_as_python_subunit_writes_it():
    for fields in every_combination():
        assert encode_packet(**fields) == by_python_subunit(**fields), fields


def test_every_combination_of_fields_is_read_back():
    for fields in every_combination():
        raw = by_python_subunit(**fields)
        (packet,) = decode(raw)
        expected = {
            "raw": raw,
            "test_id": None,
            "test_status": None,
            "test_tags": frozenset(),
            "runnable": True,
            "file_name": None,
            "file_bytes": None,
            "eof": False,
            "mime_type": None,
            "route_code": None,
            "timestamp": None,
            **fields,
        }
        assert packet._asdict() == expected


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_written_and_read(status):
    raw = encode_packet(test_id="a", test_status=status)
    assert raw == by_python_subunit(test_id="a", test_status=status)
    assert decode(raw)[0].test_status == status


@pytest.mark.parametrize(
    "length", [62, 63, 64, 65, 66, 16381, 16382, 16383, 16384, 16385, 4194299, 4194303]
)
def test_lengths_at_the_boundaries_of_their_encoding_are_those_of_python_subunit(length):
    seen = set()
    for size in range(max(0, length - 20), length):
        fields = {"file_name": "f", "file_bytes": bytes(size)}
        try:
            raw = encode_packet(**fields)
        except ValueError:
            assert length > MAX_PACKET_BYTES - 20
            with pytest.raises(ValueError, match="Length too long"):
                by_python_subunit(**fields)
        else:
            assert raw == by_python_subunit(**fields)
            assert decode(raw)[0].file_bytes == bytes(size)
            seen.add(len(raw))
    assert length in seen or length - 1 in seen  # the length of the length jumps over some


def test_a_packet_above_the_limit_is_our_mistake():
    with pytest.raises(ValueError, match="above subunit's limit"):
        encode_packet(file_name="f", file_bytes=bytes(MAX_PACKET_BYTES))


def test_large_content_is_spread_over_packets_and_the_status_stands_on_the_last():
    content = random.Random(1).randbytes(3 * CHUNK_BYTES + 5)
    raw = b"".join(
        encode_file(
            test_id="a", test_status="fail", file_name="f", file_bytes=content, eof=True
        )
    )
    packets = decode(raw)
    assert b"".join(packet.file_bytes for packet in packets) == content
    assert {(packet.test_id, packet.file_name) for packet in packets} == {("a", "f")}
    assert [packet.eof for packet in packets] == [False, False, False, True]
    assert [packet.test_status for packet in packets] == [None, None, None, "fail"]


def test_text_that_cannot_travel_is_escaped_so_that_python_subunit_reads_it():
    odd = "nul\0 surrogate\udc80 ü"
    raw = encode_packet(test_id=odd)
    assert decode(raw)[0].test_id == wire_text(odd) == "nul\\x00 surrogate\\udc80 ü"
    seen = []

    class Result(StreamResult):
        def status(self, test_id=None, **_):
            seen.append(test_id)

    subunit.ByteStreamToStreamResult(io.BytesIO(raw)).run(Result())
    assert seen == [wire_text(odd)]


def test_a_stream_gives_the_same_packets_whole_byte_by_byte_and_at_any_cut():
    stream = b"".join(map(lambda fields: by_python_subunit(**fields), every_combination()))
    whole = decode(stream)
    assert b"".join(packet.raw for packet in whole) == stream
    assert decode(*(stream[at : at + 1] for at in range(len(stream)))) == whole
    rng = random.Random(2)
    for _ in range(10):
        cuts = sorted(rng.sample(range(len(stream)), 50))
        assert decode(*map(stream.__getitem__, map(slice, [0, *cuts], [*cuts, None]))) == whole


GOOD = encode_packet(test_id="a", test_status="exists")


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"hello", "no packet starts with these bytes: h"),
        (GOOD + b"\n" + GOOD, r"no packet starts with these bytes: \\n"),
        (b"\xb3\x19\x00\x08", "flags 0x1900 are not those of subunit version 2"),
        (b"\xb3\x20\x08\x08", "flags 0x2008 are not those of subunit version 2"),
        (b"\xb3\x29\x00\xc0", "length takes more than three bytes"),
        (b"\xb3\x20\x00\x07", "a packet cannot be 7 bytes long"),
        (b"\xb3\x20\x00\x40\x08", "a packet cannot be 8 bytes long"),
        (GOOD[:-1] + b"\0", "checksum is wrong"),
        (sealed(b"\xb3\x28\x00\x09\x01"), "one runs past the end"),
        (sealed(b"\xb3\x28\x00\x08"), "one runs past the end"),
        (sealed(b"\xb3\x20\x00\x09\x00"), "bytes are left after the last one"),
        (sealed(b"\xb3\x28\x00\x0a\x01\x00"), "a text contains NUL"),
        (sealed(b"\xb3\x28\x00\x0a\x01\xc3"), "can't decode"),
        (sealed(b"\xb3\x22\x00\x10" + bytes(4) + b"\xfb\x9a\xca\x00"), "nanoseconds"),
        (sealed(b"\xb3\x20\x80\x0c\xff\xff\xff\xff"), "one runs past the end"),
    ],
)
def test_bytes_that_are_no_packet_are_the_peers_error_and_shown(data, reason):
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        with pytest.raises(ProtocolError, match=reason):
            decode(*pieces)


def test_the_packets_before_a_broken_one_are_delivered():
    decoder = PacketDecoder()
    decoder.receive(GOOD + GOOD + b"!")
    assert decoder.next_packet().raw == GOOD
    assert decoder.next_packet().raw == GOOD
    with pytest.raises(ProtocolError):
        decoder.next_packet()


def test_a_stream_that_ends_inside_a_packet_is_the_peers_error():
    for end in range(1, len(GOOD)):
        with pytest.raises(ProtocolError, match="ended inside a packet"):
            decode(GOOD[:end])
