"""Messages and their JSON."""

import pytest

from subunit_rpc import (
    Cancel,
    Done,
    Error,
    Goodbye,
    Hello,
    List,
    Ping,
    Pong,
    ProtocolError,
    Run,
)
from subunit_rpc.message import MAX_JSON_DEPTH, Attach, is_object, parse_message, to_json

PAIRS = [
    (Hello(max=3, min=1), b'{"msg":"Hello","max":3,"min":1}'),
    (Hello(1, 1, "settled"), b'{"msg":"Hello","max":1,"min":1,"output":"settled"}'),
    (List(None, "1"), b'{"msg":"List","nonce":"1"}'),
    (List((), "1"), b'{"msg":"List","tests":[],"nonce":"1"}'),
    (Run(("a", "b[1]"), ""), b'{"msg":"Run","tests":["a","b[1]"],"nonce":""}'),
    (Run(("\u00fc\udc80",), "\0"), b'{"msg":"Run","tests":["\\u00fc\\udc80"],"nonce":"\\u0000"}'),
    (Done("n"), b'{"msg":"Done","nonce":"n"}'),
    (Goodbye(), b'{"msg":"Goodbye"}'),
]
PAIRS_2 = [
    (Cancel("n"), b'{"msg":"Cancel","nonce":"n"}'),
    (Error("n", "\u00fc"), b'{"msg":"Error","nonce":"n","text":"\\u00fc"}'),
    (Error(None, "no"), b'{"msg":"Error","text":"no"}'),
    (Ping("n"), b'{"msg":"Ping","nonce":"n"}'),
    (Pong("n"), b'{"msg":"Pong","nonce":"n"}'),
]


@pytest.mark.parametrize("message, json", PAIRS + PAIRS_2)
def test_a_message_is_written_as_the_protocol_shows_it_and_read_back(message, json):
    assert to_json(message) == json
    assert parse_message(json, 2) == message


@pytest.mark.parametrize("message, json", PAIRS)
def test_the_messages_of_version_1_are_those_it_always_had(message, json):
    assert parse_message(json, 1) == message


@pytest.mark.parametrize("message, json", PAIRS_2)
def test_version_1_does_not_know_the_messages_of_version_2(message, json):
    with pytest.raises(ProtocolError, match='a message has no "msg", or an unknown one'):
        parse_message(json, 1)


def test_the_word_to_the_proxy_is_written_too():
    assert to_json(Attach("t0k3n")) == b'{"msg":"Attach","token":"t0k3n"}'


def test_no_tests_are_not_all_tests():
    assert parse_message(b'{"msg":"Run","tests":[],"nonce":"1"}', 1).tests == ()
    assert parse_message(b'{"msg":"Run","nonce":"1"}', 1).tests is None


def test_unknown_fields_are_ignored():
    json = b'{"future": {"a": [1]}, "msg": "Done", "nonce": "1", "tests": 3}'
    assert parse_message(json, 1) == Done("1")


@pytest.mark.parametrize(
    "json, reason",
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"msg":"Goodbye"} {}', "not JSON"),
        (b"\xff", "not UTF-8"),
        (b'["Goodbye"]', "not a JSON object"),
        (b'"Goodbye"', "not a JSON object"),
        (b"9" * 5000, "not JSON"),
        (b"{}", 'an unknown one'),
        (b'{"msg":"Attach","token":"t"}', 'an unknown one'),
        (b'{"msg":"goodbye"}', 'an unknown one'),
        (b'{"msg":["Goodbye"]}', 'an unknown one'),
        (b'{"msg":"Hello","max":1}', 'Hello needs an integer "min"'),
        (b'{"msg":"Hello","max":1,"min":true}', 'Hello needs an integer "min"'),
        (b'{"msg":"Hello","max":1.0,"min":1}', 'Hello needs an integer "max"'),
        (b'{"msg":"Hello","max":"1","min":1}', 'Hello needs an integer "max"'),
        (b'{"msg":"Hello","max":1,"min":2}', '"max" of Hello is below its "min"'),
        (b'{"msg":"Hello","max":1,"min":1,"output":1}', 'Hello needs a string "output"'),
        (b'{"msg":"List"}', 'List needs a string "nonce"'),
        (b'{"msg":"Run","nonce":1}', 'Run needs a string "nonce"'),
        (b'{"msg":"Run","nonce":null}', 'Run needs a string "nonce"'),
        (b'{"msg":"Run","nonce":"1","tests":null}', '"tests" of Run is not a list'),
        (b'{"msg":"Run","nonce":"1","tests":"a"}', '"tests" of Run is not a list'),
        (b'{"msg":"Run","nonce":"1","tests":["a",1]}', '"tests" of Run is not a list'),
        (b'{"msg":"Done"}', 'Done needs a string "nonce"'),
        (b'{"msg":"Cancel"}', 'Cancel needs a string "nonce"'),
        (b'{"msg":"Error"}', 'Error needs a string "text"'),
        (b'{"msg":"Error","nonce":null,"text":""}', 'Error needs a string "nonce"'),
        (b'{"msg":"Ping"}', 'Ping needs a string "nonce"'),
        (b'{"msg":"Pong","nonce":1}', 'Pong needs a string "nonce"'),
    ],
)
def test_what_is_no_message_is_an_error_that_shows_it(json, reason):
    with pytest.raises(ProtocolError) as raised:
        parse_message(json, 2)
    assert reason in str(raised.value)
    assert str(raised.value).endswith(
        json[:200].decode("utf-8", "backslashreplace") + ("..." if len(json) > 200 else "")
    )


def test_the_shown_message_is_one_printable_line_cut_at_200_bytes():
    with pytest.raises(ProtocolError) as raised:
        parse_message(b'{"msg":"\n\x1b\xc3' + b"x" * 300, 2)
    shown = str(raised.value).partition('{"msg"')[2]
    assert shown == ':"\\n\\x1b\\xc3' + "x" * 189 + "..."


@pytest.mark.parametrize("opening, closing", [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_bounded(opening, closing):
    def message(depth):
        inner = opening * depth + b"1" + closing * depth
        return b'{"future":' + inner + b',"msg":"Goodbye"}'

    assert parse_message(message(MAX_JSON_DEPTH - 1), 2) == Goodbye()
    for depth in (MAX_JSON_DEPTH, 1_000_000):
        with pytest.raises(ProtocolError, match="nested deeper"):
            parse_message(message(depth), 2)


def test_brackets_in_test_ids_are_no_nesting():
    odd = ('[[{{"' * 20, "[" * 50 + "\\", '\\"[', "[{" * 40)
    assert parse_message(to_json(Run(odd, "1")), 2).tests == odd


@pytest.mark.parametrize(
    "json, whole",
    [(b' {"a":1}\n', True), (b'{"a":', False), (b'{"a":1}{', False), (b"[]", False), (b"", False)],
)
def test_a_whole_object_is_told_from_a_part_of_one(json, whole):
    assert is_object(json) is whole
