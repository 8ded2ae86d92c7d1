"""A warm server on a port, asked again and again by one client after another."""

import socket

from rpc_client import Client
from subunit_rpc import Done
from subunit_rpc.packet import encode_packet

BASIC = {
    "basic.Basic.test_error": "fail",
    "basic.Basic.test_fail": "fail",
    "basic.Basic.test_pass": "success",
    "basic.Basic.test_skip": "skip",
    "basic.Basic.test_uxsuccess": "uxsuccess",
    "basic.Basic.test_xfail": "xfail",
    "basic.Testtools.test_details": "fail",
    "basic.Testtools.test_pass_with_details": "success",
}
FIXTURES = {"fixtured.Fixtured.test_1": "success", "fixtured.Fixtured.test_2": "success"}
MISSING = {"unittest.loader._FailedTest.no_such_module": "fail"}
ALL = {**BASIC, **FIXTURES, **MISSING}


def test_all_tests_are_listed_and_run_again_and_again(server):
    with server.client() as client:
        for _ in range(3):
            assert client.list() == list(ALL)
            assert client.run().statuses == list(ALL.items())
        client.goodbye()


def test_each_test_is_in_progress_before_it_ends(server):
    with server.client() as client:
        statuses = [
            (packet.test_id, packet.test_status)
            for packet in client.run().packets
            if packet.test_status
        ]
        expected = []
        for test_id, status in ALL.items():
            expected += [(test_id, "inprogress"), (test_id, status)]
        assert statuses == expected
        client.goodbye()


def test_some_tests_are_listed_and_run_in_the_order_asked_for(server):
    asked = ["fixtured.Fixtured.test_2", "basic.Basic.test_pass", "fixtured.Fixtured.test_1"]
    with server.client() as client:
        assert client.list(asked) == asked
        for _ in range(2):
            assert client.run(asked).statuses == [(test_id, "success") for test_id in asked]
        client.goodbye()


def test_no_tests_are_listed_and_run_when_none_are_asked_for(server):
    with server.client() as client:
        assert client.list([]) == []
        assert client.run([]).packets == []
        client.goodbye()


def test_an_unknown_test_is_not_listed_and_fails_when_run(server):
    with server.client() as client:
        assert client.list(["no.such"]) == []
        results = client.run(["no.such"])
        assert results.statuses == [("no.such", "fail")]
        assert "not known to this server" in results.attachment("no.such", "reason")
        client.goodbye()


def test_a_module_that_cannot_be_imported_is_a_failed_test_with_its_traceback(server):
    (test_id,) = MISSING
    with server.client() as client:
        for _ in range(2):
            results = client.run([test_id])
            assert results.statuses == [(test_id, "fail")]
            text = results.attachment(test_id, "traceback")
            assert text.count("No module named 'no_such_module'") == 1
            assert "Traceback (most recent call last)" in text
        client.goodbye()


def test_a_question_of_100000_ids_is_understood(server):
    asked = [f"package.module.TestClass.test_number_{k}" for k in range(100_000)]
    asked[50_000] = "basic.Basic.test_pass"
    with server.client() as client:
        assert client.list(asked) == ["basic.Basic.test_pass"]
        client.goodbye()


def test_questions_that_come_while_tests_run_are_answered_after_it(server):
    with server.client() as client:
        nonces = [client.session.run(["basic.Basic.test_pass"]) for _ in range(50)]
        nonces.append(client.session.list(["fixtured.Fixtured.test_1"]))
        client.send()
        for nonce in nonces[:-1]:
            packets = client.until_done(nonce)
            assert [packet.test_status for packet in packets] == ["inprogress", "success"]
        assert len(client.until_done(nonces[-1])) == 1
        client.goodbye()


def test_goodbye_may_follow_at_once(server):
    with server.client() as client:
        nonce = client.session.run(["basic.Basic.test_pass"])
        client.session.goodbye()
        client.send()
        assert len(client.until_done(nonce)) == 2
        assert client.next_event().goodbye


def test_packets_that_are_no_messages_disturb_nobody(server):
    with server.client() as client:
        client.sock.sendall(
            encode_packet(test_id="testrepository-proxy", file_name="x", file_bytes=b"{}")
            + encode_packet(file_name="stdin", file_bytes=b"\xb3" * 1000)
        )
        assert client.list(list(FIXTURES)) == list(FIXTURES)
        client.goodbye()


def test_clients_wait_for_their_turn(server):
    with server.client() as first, Client(server.address()) as second:
        second.session.hello()
        second.send()
        assert first.run(["basic.Basic.test_pass"]).statuses
        first.goodbye()
        assert second.next_event().version == 2
        assert second.list(list(FIXTURES)) == list(FIXTURES)
        second.goodbye()


def test_a_client_that_stops_sending_still_gets_its_answers(server):
    with server.client() as client:
        nonce = client.session.run(["basic.Basic.test_pass"])
        client.send()
        client.sock.shutdown(socket.SHUT_WR)
        assert len(client.until_done(nonce)) == 2
        assert not client.next_event().goodbye


def test_any_nonce_is_echoed(server):
    with server.client() as client:
        for nonce in ("", "\0", "ü \U0001f600 \ud800", '"' * 1000):
            client.session.list([], nonce=nonce)
            client.send()
            assert client.next_event() == Done(nonce)
        client.goodbye()
