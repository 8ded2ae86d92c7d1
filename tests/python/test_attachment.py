"""Messages in packets."""

import io

import pytest
import subunit

from subunit_rpc import ProtocolError, Run
from subunit_rpc import attachment
from subunit_rpc.attachment import (
    MAX_OPEN_MESSAGES,
    PROXY_TEST_ID,
    RPC_TEST_ID,
    MessageAssembler,
    carries_message,
    encode_message,
)
from subunit_rpc.decoder import PacketDecoder
from subunit_rpc.message import Attach, parse_message
from subunit_rpc.packet import MAX_PACKET_BYTES, encode_packet


def packets_of(data):
    decoder = PacketDecoder()
    decoder.receive(data)
    packets = list(iter(decoder.next_packet, None))
    decoder.receive_eof()
    return packets


def piece(content, *, eof=False, name="message", **fields):
    fields = {"test_id": RPC_TEST_ID, "mime_type": "application/json", **fields}
    (packet,) = packets_of(encode_packet(file_name=name, file_bytes=content, eof=eof, **fields))
    return packet


def test_a_small_message_is_one_packet_that_python_subunit_could_have_written():
    stream = io.BytesIO()
    subunit.StreamResultToBytes(stream).status(
        test_id="testrepository-rpc",
        file_name="message",
        file_bytes=b'{"msg":"Run","tests":["a"],"nonce":"1"}',
        mime_type="application/json",
        eof=True,
    )
    assert encode_message(Run(("a",), "1")) == stream.getvalue()


def test_a_token_travels_under_the_proxys_test_id():
    (packet,) = packets_of(encode_message(Attach("t")))
    assert (packet.test_id, packet.eof) == (PROXY_TEST_ID, True)
    assert packet.file_bytes == b'{"msg":"Attach","token":"t"}'
    assert not carries_message(packet)


def test_a_message_of_100000_ids_spans_packets_and_comes_together():
    message = Run(tuple(f"package.module.TestClass.test_{k}" for k in range(100_000)), "1")
    packets = packets_of(encode_message(message))
    assert len(packets) > 1
    assert max(len(packet.raw) for packet in packets) < MAX_PACKET_BYTES // 4
    assert [packet.eof for packet in packets] == [False] * (len(packets) - 1) + [True]
    assembler = MessageAssembler()
    contents = [assembler.receive(packet) for packet in packets]
    assert contents[:-1] == [None] * (len(packets) - 1)
    assert parse_message(contents[-1], 1) == message


def test_pieces_of_messages_may_be_interleaved():
    assembler = MessageAssembler()
    assert assembler.receive(piece(b"{", name="1")) is None
    assert assembler.receive(piece(b'{"b":', name="1", route_code="0")) is None
    assert assembler.receive(piece(b'{"c":', name="2")) is None
    assert assembler.receive(piece(b"}", name="1", eof=True)) == b"{}"
    assert assembler.receive(piece(b"2}", name="1", route_code="0", eof=True)) == b'{"b":2}'
    assert assembler.receive(piece(b"3}", name="2", eof=True)) == b'{"c":3}'
    assembler.receive_eof()


def test_a_whole_object_is_a_message_without_the_eof_flag():
    assembler = MessageAssembler()
    assert assembler.receive(piece(b'{"a":1}')) == b'{"a":1}'
    assert assembler.receive(piece(b'{"a":2}')) == b'{"a":2}'
    assembler.receive_eof()


def test_an_empty_end_behind_a_whole_message_is_none():
    assembler = MessageAssembler()
    assert assembler.receive(piece(b'{"a":1}')) == b'{"a":1}'
    assert assembler.receive(piece(b"", eof=True)) is None
    assembler.receive_eof()


def test_an_empty_piece_ends_a_message_that_was_not_whole():
    assembler = MessageAssembler()
    assert assembler.receive(piece(b'{"a":')) is None
    assert assembler.receive(piece(b"1}")) is None
    assert assembler.receive(piece(b"", eof=True)) == b'{"a":1}'


@pytest.mark.parametrize(
    "fields, carries",
    [
        ({}, True),
        ({"mime_type": "application/json;charset=utf8"}, True),
        ({"mime_type": "Application/JSON ; charset=utf8"}, True),
        ({"mime_type": "text/plain"}, False),
        ({"mime_type": None}, False),
        ({"mime_type": "application/jsonx"}, False),
        ({"test_id": "testrepository-rpc2"}, False),
        ({"test_id": None}, False),
    ],
)
def test_test_id_and_mime_type_make_a_message(fields, carries):
    assert carries_message(piece(b"{}", eof=True, **fields)) is carries


def test_a_packet_without_a_file_is_no_message():
    (packet,) = packets_of(encode_packet(test_id=RPC_TEST_ID, mime_type="application/json"))
    assert not carries_message(packet)


def test_a_stream_that_ends_inside_a_message_is_the_peers_error():
    assembler = MessageAssembler()
    assembler.receive(piece(b'{"msg":"Run"'))
    with pytest.raises(ProtocolError, match='inside a message: {"msg":"Run"'):
        assembler.receive_eof()


def test_the_size_of_all_that_is_begun_is_bounded(monkeypatch):
    monkeypatch.setattr(attachment, "MAX_MESSAGE_BYTES", 100)
    assembler = MessageAssembler()
    assembler.receive(piece(b"{" * 50, name="1"))
    assert assembler.receive(piece(b"", name="1", eof=True)) == b"{" * 50
    assembler.receive(piece(b"{" * 50, name="2"))
    assembler.receive(piece(b"{" * 50, name="3"))
    with pytest.raises(ProtocolError, match="longer than 100 bytes: {{{"):
        assembler.receive(piece(b"{", name="2"))


def test_the_number_of_messages_begun_is_bounded():
    assembler = MessageAssembler()
    for number in range(MAX_OPEN_MESSAGES):
        assembler.receive(piece(b"{", name=str(number)))
    with pytest.raises(ProtocolError, match="begun and not ended"):
        assembler.receive(piece(b"{", name="one more"))
