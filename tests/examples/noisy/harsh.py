"""Bytes that break readers."""

import ctypes
import os
import subprocess
import sys
import unittest

from .expected import makes

ALL_BYTES = bytes(range(256))
LONG_LINE = b"0123456789abcdef" * 65536  # 1 MiB without a newline
SIGNATURES = b"\xb3" * 200_000
# Headers that pass for the start of a packet: of 4 MiB, of 64 KiB, of the shortest length, of none.
CANDIDATES = 10_000 * (
    b"\xb3\x29\x00\xbf\xff\xff" b"\xb3\x20\x40\x81\x00\x00" b"\xb3\x21\x00\x08" b"\xb3\0\0\0\0\0"
)
FRAME = "│ ┌─┐ │\n".encode("cp437")  # box drawing of old: │ is B3

libc = ctypes.CDLL(None)


def write(fd, data):
    while data:
        data = data[os.write(fd, data) :]


class Bytes(unittest.TestCase):
    @makes(stdout=ALL_BYTES * 4, stderr=ALL_BYTES[::-1])
    def test_every_byte_there_is(self):
        write(1, ALL_BYTES * 4)
        write(2, ALL_BYTES[::-1])

    @makes(stdout=b"text first, then \xe9 and text \xc3\xa9 again\n")
    def test_text_that_stops_being_utf_8(self):
        write(1, b"text first, then \xe9 and text \xc3\xa9 again\n")

    @makes(stdout=b"\xc3")
    def test_a_dangling_lead_byte_at_the_end(self):
        write(1, b"\xc3")

    @makes(stdout=b"\xa9 is no continuation here\n")
    def test_after_a_dangling_lead_byte(self):
        write(1, b"\xa9 is no continuation here\n")

    @makes(stdout=b"half a character: \xe2\x82", stderr=b"\xf0\x9f\x98")
    def test_a_character_cut_short(self):
        write(1, b"half a character: \xe2\x82")
        write(2, b"\xf0\x9f\x98")

    @makes(stdout="€uro, ".encode() * 1000)
    def test_characters_torn_over_writes(self):
        for byte in "€uro, ".encode() * 1000:
            os.write(1, bytes([byte]))

    @makes(stdout=b"nul \0 and escape \x1b[2J\x1b]0;title\x07\n")
    def test_controls(self):
        write(1, b"nul \0 and escape \x1b[2J\x1b]0;title\x07\n")

    @makes(stdout=FRAME * 10)
    def test_box_drawing(self):
        write(1, FRAME * 10)

    @makes(stdout=SIGNATURES, stderr=SIGNATURES)
    def test_signatures(self):
        write(1, SIGNATURES)
        write(2, SIGNATURES)

    @makes(stdout=CANDIDATES)
    def test_headers_without_packets(self):
        write(1, CANDIDATES)

    @makes(stdout=LONG_LINE)
    def test_a_line_without_end(self):
        print(LONG_LINE.decode(), end="", flush=True)

    @makes(stdout=LONG_LINE, stderr=LONG_LINE, status="fail")
    def test_both_streams_and_then_a_failure(self):
        write(1, LONG_LINE)
        write(2, LONG_LINE)
        self.fail("after a mebibyte on each")


class Writers(unittest.TestCase):
    @makes(stdout=b"from C\n")
    def test_c_stdio(self):
        libc.printf(b"from C\n")
        libc.fflush(None)

    @makes(late=b"from C, nobody flushed\n")
    def test_c_stdio_without_flush(self):
        """These bytes wait in C's buffer and leave it when the process ends: no test has them."""
        libc.printf(b"from C, nobody flushed\n")

    @makes(stdout=b"one two three four five\n")
    def test_all_ways_in_turn(self):
        print("one ", end="", flush=True)
        os.write(1, b"two ")
        subprocess.run(["printf", "three "], check=True)
        with open("/proc/self/fd/1", "wb", buffering=0) as stdout:
            stdout.write(b"four ")
        sys.stdout.buffer.write(b"five\n")
        sys.stdout.flush()

    @makes(stdout=b"\xff" * 1000 + b"\n")
    def test_a_grandchild_whose_parent_is_gone(self):
        """The child ends first; the grandchild writes, and only then closes the pipe waited for."""
        done, alive = os.pipe()
        child = os.fork()
        if child == 0:
            if os.fork() == 0:
                os.close(done)
                write(1, b"\xff" * 1000 + b"\n")
            os._exit(0)
        os.close(alive)
        os.waitpid(child, 0)
        self.assertEqual(b"", os.read(done, 1))  # at its end: the grandchild has ended
        os.close(done)

    @makes(stdout=b"x" * 4096 * 8)
    def test_children_at_the_same_time(self):
        children = [
            subprocess.Popen(["sh", "-c", "head -c 4096 /dev/zero | tr '\\0' x"]) for _ in range(8)
        ]
        self.assertEqual([0] * 8, [child.wait() for child in children])


class Names(unittest.TestCase):
    @makes(stdout="試験\n".encode())
    def test_試験(self):
        write(1, "試験\n".encode())

    @makes(stdout=b"1\n")
    def test_named(self):
        write(1, b"1\n")

    def id(self):
        return super().id() + "[two words, µ=½]"


class Ends(unittest.TestCase):
    @makes(stderr=b"before the error\n", status="fail")
    def test_raises(self):
        write(2, b"before the error\n")
        raise RuntimeError("größer \0 \x1b[31m \x85")

    @makes(stdout=b"should have failed\n", status="uxsuccess")
    @unittest.expectedFailure
    def test_passes_unexpectedly(self):
        write(1, b"should have failed\n")

    @makes(stdout=b"\xb3 skipped\n", status="skip")
    def test_is_skipped(self):
        write(1, b"\xb3 skipped\n")
        self.skipTest("after some output")


CASES = (Bytes, Writers, Names, Ends)
