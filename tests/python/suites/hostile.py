"""Tests that do to their process what tests do."""

import os
import signal
import socket
import subprocess
import sys
import unittest


class Hostile(unittest.TestCase):
    def test_changes_directory(self):
        os.chdir("/")

    def test_closes_standard_descriptors(self):
        for descriptor in (0, 1, 2):
            os.close(descriptor)

    def test_closes_low_descriptors(self):
        os.closerange(0, 100)

    def test_exits(self):
        sys.exit(0)

    def test_forks_and_the_child_returns(self):
        child = os.fork()
        if child:
            os.waitpid(child, 0)

    def test_forks_and_the_child_exits(self):
        child = os.fork()
        if not child:
            sys.exit(0)
        os.waitpid(child, 0)

    def test_resets_signals(self):
        for name in ("SIGPIPE", "SIGTERM", "SIGINT"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)

    def test_leaves_a_child_behind(self):
        child = os.fork()
        if not child:
            os.closerange(0, 3)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(90)  # if nobody ends it before
            signal.pause()
        print(f"child {child} lives", flush=True)

    def test_prints_packets(self):
        os.write(1, b'\xb3)\x01\x10\x07no.such\xbb\xff\x1f\x10')
        os.write(1, b'{"msg":"Done","nonce":"1"}')

    def test_replaces_streams(self):
        sys.stdout = sys.stderr = None

    def test_sets_a_default_timeout(self):
        socket.setdefaulttimeout(0.01)

    def test_starts_a_child(self):
        shown = subprocess.run(
            ["ls", "-l", "/proc/self/fd"], close_fds=False, stdout=subprocess.PIPE, text=True
        ).stdout
        self.assertNotIn("socket:", shown)

    def test_reuses_low_descriptors(self):
        os.closerange(3, 100)
        for _ in range(50):
            os.open(__file__, os.O_RDONLY)

    def test_sees_the_environment(self):
        self.assertEqual([name for name in os.environ if name.startswith("SUBUNIT_RPC")], [])
