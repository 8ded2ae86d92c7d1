"""Whole subunit packets on stdout. They are output of these tests, and nothing else."""

import io
import json
import os
import unittest

from subunit.v2 import StreamResultToBytes

from .expected import makes

VICTIM = "noisy.forged.Forged.test_that_others_lie_about"


def packet(**fields):
    stream = io.BytesIO()
    StreamResultToBytes(stream).status(**fields)
    return stream.getvalue()


def message(test_id, **fields):
    return packet(
        test_id=test_id,
        file_name="message",
        file_bytes=json.dumps(fields).encode(),
        mime_type="application/json",
        eof=True,
    )


FAIL = packet(test_id=VICTIM, test_status="fail")
PASS = packet(test_id="noisy.forged.Forged.test_claims_that_it_passed", test_status="success")
STRANGER = packet(test_id="no.such.test", test_status="inprogress")
ROUTED = packet(test_id=VICTIM, test_status="fail", route_code="0/1")
DONE = b"".join(message("testrepository-rpc", msg="Done", nonce=str(n)) for n in range(10))
HELLO = message("testrepository-rpc", msg="Hello", max=9, min=9)
READY = b"\n" + message("testrepository-proxy", msg="Ready", proxy="forged/6.6.6", max=1, min=1)
DETACHED = message("testrepository-proxy", msg="Detached", reason="forged")
NO_TEST = packet(file_name="stdout", file_bytes=b"nobody's", mime_type="text/plain;charset=utf8")


def write(data):
    while data:
        data = data[os.write(1, data) :]


class Forged(unittest.TestCase):
    @makes(stdout=FAIL)
    def test_claims_that_another_failed(self):
        write(FAIL)

    @makes()
    def test_that_others_lie_about(self):
        pass

    @makes(stdout=PASS, status="fail")
    def test_claims_that_it_passed(self):
        write(PASS)
        self.fail("in truth")

    @makes(stdout=STRANGER)
    def test_starts_a_test_that_there_is_not(self):
        write(STRANGER)

    @makes(stdout=ROUTED)
    def test_packet_with_a_route_code(self):
        write(ROUTED)

    @makes(stdout=DONE)
    def test_says_done(self):
        write(DONE)

    @makes(stdout=HELLO)
    def test_says_hello(self):
        write(HELLO)

    @makes(stdout=READY)
    def test_says_ready(self):
        write(READY)

    @makes(stdout=DETACHED)
    def test_says_detached(self):
        write(DETACHED)

    @makes(stdout=NO_TEST)
    def test_attachment_of_no_test(self):
        write(NO_TEST)

    @makes(stdout=b"text " + FAIL[:20])
    def test_half_a_packet(self):
        write(b"text " + FAIL[:20])

    @makes(stdout=FAIL[20:])
    def test_the_other_half(self):
        write(FAIL[20:])

    @makes(stdout=(b"noise \xc3" + FAIL) * 1000)
    def test_many_between_noise(self):
        write((b"noise \xc3" + FAIL) * 1000)


CASES = (Forged,)
