"""Tests that break parts of the interpreter that they run in, for their class or for good. Each
ends as its name does: so it does with python3 -m unittest, where that survives it."""

import array
import builtins
import datetime
import fcntl
import gc
import importlib
import io
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
import unittest
import zlib
from unittest import mock

import testtools
from testtools.content import Content, text_content
from testtools.content_type import UTF8_TEXT

NAME = os.fsdecode(b"caf\xe9.txt")  # a file name that is not UTF-8


class Patched(unittest.TestCase):
    targets = ()

    @classmethod
    def setUpClass(cls):
        cls.patches = [mock.patch(name, side_effect=RuntimeError(name)) for name in cls.targets]
        for patch in cls.patches:
            patch.start()

    @classmethod
    def tearDownClass(cls):
        for patch in cls.patches:
            patch.stop()

    def test_prints_success(self):
        print("printed")

    def test_fail(self):
        self.fail("on purpose")

    def test_skip(self):
        self.skipTest("on purpose")


class Devices(Patched):
    targets = ("fcntl.ioctl", "fcntl.fcntl", "array.array", "select.poll", "select.select")


class Encoders(Patched):
    targets = ("zlib.crc32", "json.dumps", "json.loads", "struct.pack")


class Builtins(Patched):
    targets = ("builtins.map", "builtins.sum", "builtins.filter")


class Tracebacks(Patched):
    targets = ("traceback.TracebackException", "linecache.checkcache", "codecs.encode")


class Clocks(Patched):
    targets = ("datetime.datetime", "time.time", "time.monotonic", "time.sleep")


class Sockets(Patched):
    targets = ("socket.socket", "socket.create_connection", "socket.getaddrinfo")


class Files(Patched):
    targets = ("builtins.open", "builtins.print", "io.open")

    def test_prints_success(self):
        pass


class System(Patched):
    targets = ("os.write", "os.read", "os.close", "os.open", "os.fstat", "os.dup2", "os.getpid",
               "os.fork", "os.waitpid", "os.kill", "signal.signal", "signal.pthread_sigmask",
               "threading.Lock", "threading.enumerate")  # fmt: skip


class Unittest(Patched):
    targets = ("unittest.BaseTestSuite", "unittest.TestSuite", "unittest.TestCase",
               "unittest.TestResult", "unittest.FunctionTestCase")  # fmt: skip


class Descriptors(unittest.TestCase):
    def test_closes_all_success(self):
        os.closerange(3, 4096)

    def test_puts_others_in_their_place_success(self):
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in range(max(null + 1, 3), 300):
            os.dup2(null, descriptor)

    def test_z_success(self):
        os.closerange(3, 4096)


class Limits(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        sys.setrecursionlimit(1000)

    def tearDown(self):
        gc.unfreeze()
        sys.settrace(None)

    def test_y_little_stack_success(self):
        depth, frame = 0, sys._getframe()
        while frame is not None:
            depth, frame = depth + 1, frame.f_back
        sys.setrecursionlimit(depth + 12)

    def test_freezes_success(self):
        gc.freeze()

    def test_traces_success(self):
        sys.settrace(lambda frame, event, argument: None)

    def test_clears_modules_success(self):
        modules = dict(sys.modules)
        self.addCleanup(sys.modules.update, modules)
        for name in modules:
            if name.startswith(("subunit", "testtools", "json", "socket")):
                del sys.modules[name]

    def test_reloads_success(self):
        for module in (os, socket, time, datetime, json, io, threading, select, zlib, fcntl):
            importlib.reload(module)


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class Texts(unittest.TestCase):
    def test_surrogate_fail(self):
        self.assertEqual("cafe.txt", NAME)

    def test_surrogate_skip(self):
        self.skipTest(NAME)

    @unittest.expectedFailure
    def test_surrogate_xfail(self):
        self.fail(NAME)

    def test_unprintable_fail(self):
        raise Unprintable

    def test_nul_fail(self):
        self.fail("a\0b")

    def test_subtest_with_surrogate_fail(self):
        with self.subTest(name=NAME):
            self.fail("on purpose")

    def test_subtest_with_unprintable_fail(self):
        class Odd:
            def __repr__(self):
                raise RuntimeError("no text")

        with self.subTest(odd=Odd()):
            self.fail("on purpose")


class Details(testtools.TestCase):
    def test_surrogate_fail(self):
        self.assertEqual("cafe.txt", NAME)

    def test_surrogate_skip(self):
        self.skipTest(NAME)

    def test_note_success(self):
        self.addDetail("note", text_content(NAME))

    def test_unreadable_success(self):
        def read():
            raise OSError("gone")

        self.addDetail("log", Content(UTF8_TEXT, read))

    def test_no_memory_success(self):
        def read():
            raise MemoryError

        self.addDetail("log", Content(UTF8_TEXT, read))


class Memory(unittest.TestCase):
    def test_used_up_fail(self):
        limits = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + (1 << 20), limits[1]))
        kept = []
        while True:
            kept.append(b" " * (1 << 16))


class OddId(unittest.TestCase):
    def id(self):
        return None

    def test_none_success(self):
        pass


class RaisingId(unittest.TestCase):
    def id(self):
        raise RuntimeError("no id")

    def test_raising_success(self):
        pass


class Last(unittest.TestCase):
    def test_success(self):
        pass
