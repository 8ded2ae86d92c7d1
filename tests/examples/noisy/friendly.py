"""What every suite does sooner or later. Small enough to read its results on one screen."""

import io
import os
import subprocess
import sys
import unittest

from subunit.v2 import StreamResultToBytes

from .expected import makes

FORGED = io.BytesIO()
StreamResultToBytes(FORGED).status(test_id="innocent.test_of_another", test_status="fail")


class Prints(unittest.TestCase):
    @makes()
    def test_is_quiet(self):
        self.assertEqual(4, 2 + 2)

    @makes(stdout=b"hello from print\n")
    def test_prints(self):
        print("hello from print", flush=True)

    @makes(stderr=b"DeprecationWarning: do not panic\n")
    def test_warns_on_stderr(self):
        print("DeprecationWarning: do not panic", file=sys.stderr, flush=True)

    @makes(stdout=b"child\ngrandchild\n", stderr=b"grandchild complains\n")
    def test_starts_programs_that_print(self):
        subprocess.run(
            ["sh", "-c", "echo child; sh -c 'echo grandchild; echo grandchild complains >&2'"],
            check=True,
        )

    @makes(stdout=b"caf\xe9\n")
    def test_prints_latin_1(self):
        os.write(1, b"caf\xe9\n")

    @makes(stdout="größer: ✓\n".encode())
    def test_größe(self):
        sys.stdout.buffer.write("größer: ✓\n".encode())
        sys.stdout.flush()


class Forges(unittest.TestCase):
    @makes(stdout=FORGED.getvalue())
    def test_prints_the_failure_of_another_test(self):
        """Its output is a whole, valid result packet. It must stay output."""
        os.write(1, FORGED.getvalue())


class Ends(unittest.TestCase):
    @makes(stdout=b"about to fail\n", status="fail")
    def test_fails(self):
        print("about to fail", flush=True)
        self.assertEqual("what is wanted", "what is there")

    @makes(status="skip")
    def test_is_skipped(self):
        self.skipTest("not on this machine")

    @makes(stdout=b"known to be broken\n", status="xfail")
    @unittest.expectedFailure
    def test_is_expected_to_fail(self):
        print("known to be broken", flush=True)
        self.fail("as expected")


CASES = (Prints, Forges, Ends)
