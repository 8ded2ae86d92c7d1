#!/usr/bin/env python3
"""A test server in one file that behaves as told: well, or wrong in one way.

    server.py [--listen ADDR | --local | --stdio] [--wait-for FILE] [--count N] MODE [ARGUMENT]

It dials $SUBUNIT_RPC_ADDRESS (with --local, $SUBUNIT_RPC_LOCAL) with $SUBUNIT_RPC_TOKEN, unless
told to listen, or to speak on its own stdin and stdout. ADDR is HOST:PORT, PORT or unix:PATH; that,
or the port, is shown on stderr once it listens. With --wait-for it does so only once FILE exists. It
has --count tests (5), demo.test_0 and so on, each of which writes its id and a newline to stdout and
passes. Where a proxy started it, it waits before each status until what it printed was read, and
says so in its Hello, which makes the attribution exact.
"""

import argparse
import array
import fcntl
import io
import json
import os
import signal
import select
import socket
import stat
import subprocess
import sys
import termios
import time
import zlib

from subunit.v2 import ByteStreamToStreamResult, StreamResultToBytes

RPC = "testrepository-rpc"
PROXY = "testrepository-proxy"


class Closed(Exception):
    """The peer closed the connection, or said Goodbye."""


class Connection:
    """One conversation over a pair of raw files."""

    def __init__(self, reader, writer, close):
        self.reader, self.writer, self.close = reader, writer, close
        self.packets = StreamResultToBytes(writer)

    def write(self, data):
        self.writer.write(data)
        self.writer.flush()

    def say(self, test_id=RPC, text=None, **fields):
        self.packets.status(
            test_id=test_id,
            file_name="message",
            file_bytes=text or json.dumps(fields).encode(),
            mime_type="application/json",
            eof=True,
        )

    def status(self, test_id, status, **fields):
        if SETTLES:
            settle()
        self.packets.status(test_id=test_id, test_status=status, **fields)

    def read(self, size):
        data = self.reader.read(size)
        if data is None or len(data) < size:
            raise Closed
        return data

    def next_packet(self):
        """The bytes of one packet. Nothing but packets arrives here."""
        head = self.read(4)
        if head[0] != 0xB3:
            raise SystemExit(f"server.py: no packet starts with {head!r}")
        head += self.read(head[3] >> 6)
        length = int.from_bytes(head[3:], "big") & ~(3 << (8 * len(head[3:]) - 2))
        return head + self.read(length - len(head))

    def next_message(self):
        """The next message; other packets go to the mode's `other`."""
        text = b""
        while True:
            raw = self.next_packet()
            fields = fields_of(raw)
            if fields["test_id"] != RPC or fields["file_name"] is None:
                self.other(raw)
                continue
            text += bytes(fields["file_bytes"])
            if not fields["eof"]:
                continue
            message = json.loads(text)
            if message["msg"] == "Goodbye":
                raise Closed
            return message

    def other(self, raw):
        pass


# Only then does somebody read what is printed.
SETTLES = {"SUBUNIT_RPC_ADDRESS", "SUBUNIT_RPC_LOCAL"} & {*os.environ} and "--stdio" not in sys.argv


def settle():
    """Waits until what was printed so far was read, or nobody reads any more."""
    for fd in (1, 2):
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            reader = select.poll()
            reader.register(fd, 0)  # it tells only that the other end is closed
            while unread(fd) and not reader.poll(0):
                time.sleep(20e-6)


def unread(fd):
    """How many bytes are in the pipe."""
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]


def fields_of(raw):
    """The arguments of status() that make this packet."""

    class Catcher:
        def status(self, **fields):
            self.fields = fields

    catcher = Catcher()
    ByteStreamToStreamResult(io.BytesIO(raw)).run(catcher)
    return catcher.fields


def connect(arguments):
    if arguments.stdio:
        # The channel moves away from 1, where tests print.
        reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        return Connection(reader, writer, writer.close)
    if arguments.listen:
        peer = accept(arguments.listen)
    else:
        name = "SUBUNIT_RPC_LOCAL" if arguments.local else "SUBUNIT_RPC_ADDRESS"
        peer = dial(os.environ[name])

    if peer.family == socket.AF_INET:
        # Or a status would wait for the acknowledgement of the one before it.
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close():
        try:
            peer.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        peer.close()

    connection = Connection(peer.makefile("rb"), peer.makefile("wb"), close)
    # It proves to a proxy that this is the server that it has started.
    token = os.environ.get("SUBUNIT_RPC_TOKEN", "")
    if arguments.mode == "wrong-token":
        token = "0" * 32
    if token:
        connection.say(PROXY, msg="Attach", token=token)
    return connection


def parse(address):
    if address.startswith("unix:"):
        path = address[len("unix:") :]
        return socket.AF_UNIX, "\0" + path[1:] if path.startswith("@") else path
    host, _, port = address.rpartition(":")
    return socket.AF_INET, (host or "127.0.0.1", int(port))


def dial(address):
    family, where = parse(address)
    peer = socket.socket(family)
    peer.connect(where)
    return peer


def accept(address):
    family, where = parse(address)
    with socket.socket(family) as listener:
        if family == socket.AF_INET:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen()
        place = listener.getsockname()[1] if family == socket.AF_INET else address
        print(f"listening on {place}", file=sys.stderr, flush=True)
        return listener.accept()[0]  # and listens no more, like nc -l


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)


class Server:
    """A server that keeps to the protocol. Each other mode is one difference from it."""

    versions = {"max": 1, "min": 1}
    output = {"output": "settled"} if SETTLES else {}

    def __init__(self, connection, arguments):
        self.connection = connection
        self.argument = arguments.argument
        self.ids = [f"demo.test_{number}" for number in range(arguments.count)]
        connection.other = self.other

    def serve(self):
        if self.connection.next_message()["msg"] != "Hello":
            raise SystemExit("server.py: the client's first message is no Hello")
        self.hello()
        while True:
            message = self.connection.next_message()
            asked = message.get("tests")
            ids = self.ids if asked is None else asked
            if message["msg"] == "List":
                for test_id in self.ids if asked is None else asked:
                    if test_id in self.ids:
                        self.connection.status(test_id, "exists")
            else:
                for test_id in ids:
                    self.run(test_id)
            self.done(message["nonce"])

    def hello(self):
        self.connection.say(msg="Hello", **self.versions, **self.output)

    def run(self, test_id):
        if test_id not in self.ids:
            self.connection.status(test_id, "fail")
            return
        self.connection.status(test_id, "inprogress")
        self.test(test_id)
        self.finish(test_id)

    def test(self, test_id):
        os.write(1, test_id.encode() + b"\n")

    def finish(self, test_id):
        self.connection.status(test_id, "success")

    def done(self, nonce):
        self.connection.say(msg="Done", nonce=nonce)

    def other(self, raw):
        pass

    def is_third(self, test_id):
        return test_id == self.ids[2]


class Silent(Server):
    """Reads, and never answers."""

    def serve(self):
        while True:
            self.connection.next_packet()


class PlainStream(Server):
    """Knows nothing of the protocol: runs its tests, writes their results and ends."""

    def serve(self):
        for test_id in self.ids:
            self.run(test_id)


class Versions(Server):
    versions = {"max": 9, "min": 5}


class HelloTwice(Server):
    def hello(self):
        super().hello()
        super().hello()


class DoneTwice(Server):
    def done(self, nonce):
        super().done(nonce)
        super().done(nonce)


class UnknownNonce(Server):
    def done(self, nonce):
        super().done("no-such-nonce")


class BadJson(Server):
    def done(self, nonce):
        self.connection.say(text=b'{"msg": "Done", "nonce": ')


class BadHello(Server):
    def hello(self):
        self.connection.say(text=b'["Hello", 1, 1]')


class CloseBeforeDone(Server):
    """All results, and then the end of the connection and of the process."""

    def done(self, nonce):
        raise Closed


class CloseInTest(Server):
    """Closes the connection in a test, and lives on until it is told to end."""

    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            self.connection.close()
            signal.pause()


class KillInTest(Server):
    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            os.write(2, b"last words\n")
            os.kill(os.getpid(), signal.SIGKILL)


class ExitInTest(Server):
    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            os.write(2, b"last words\n")
            os._exit(9)


class KillBetween(Server):
    def finish(self, test_id):
        super().finish(test_id)
        if self.is_third(test_id):
            os.kill(os.getpid(), signal.SIGKILL)


class KillBeforeDone(Server):
    def done(self, nonce):
        os.kill(os.getpid(), signal.SIGKILL)


class Garbage(Server):
    """Bytes that are no packets between its packets, on its own connection."""

    def finish(self, test_id):
        self.connection.write(b"text \xc3")
        super().finish(test_id)
        self.connection.write(b"\xb3\x29\x00\xbf\xff\xff\xb3")


class DropOne(Server):
    """Says Done, but never ran the third test."""

    def run(self, test_id):
        if not self.is_third(test_id):
            super().run(test_id)


class Unfinished(Server):
    """Says Done while the third test is in progress."""

    def finish(self, test_id):
        if not self.is_third(test_id):
            super().finish(test_id)


class Hang(Server):
    """Hangs in the third test."""

    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            while True:
                signal.pause()


class Burn(Server):
    """Turns in circles in the third test."""

    def test(self, test_id):
        super().test(test_id)
        while self.is_third(test_id):
            pass


class HangIgnoringTerm(Hang):
    def serve(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().serve()


class Gate(Server):
    """Waits in the third test until the file ARGUMENT exists."""

    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            wait_for(self.argument)


class IgnoreTerm(Server):
    """Ignores SIGTERM, Goodbye and the end of its connection."""

    def serve(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            super().serve()
        except Closed:
            while True:
                signal.pause()


class IgnoreGoodbye(Server):
    def serve(self):
        try:
            super().serve()
        except Closed:
            while True:
                signal.pause()


class ExitLate(Server):
    def serve(self):
        try:
            super().serve()
        except Closed:
            sys.exit(9)


class HoldStdout(Server):
    """A daemon that its third test started holds stdout until the file ARGUMENT exists."""

    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            subprocess.Popen(
                ["sh", "-c", 'until [ -e "$0" ]; do sleep 0.05; done', self.argument],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )


class Orphan(Server):
    """A child that its third test started goes on for ever, in the server's process group."""

    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            subprocess.Popen(["sh", "-c", "while :; do sleep 1; done"])


class Leave(Server):
    """Its third test runs the shell command ARGUMENT."""

    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            subprocess.run(["sh", "-c", self.argument], stdin=subprocess.DEVNULL)


class Zombie(Server):
    """Its third test leaves a grandchild that has ended, for init to reap."""

    def test(self, test_id):
        super().test(test_id)
        if self.is_third(test_id):
            subprocess.run(["sh", "-c", "sleep 0 & exec true"])


class Flood(Server):
    """100,000 statuses of one test, all in order, as fast as they are taken."""

    def test(self, test_id):
        number = int(self.argument or 100_000)
        for start in range(0, number, 1000):
            stream = io.BytesIO()
            packets = StreamResultToBytes(stream)
            for at in range(start, min(start + 1000, number)):
                packets.status(test_id=test_id, file_name="log", file_bytes=b"%d\n" % at)
            self.connection.write(stream.getvalue())


class BigAttachment(Server):
    """ARGUMENT megabytes of attachment in its third test, in packets of 64 KiB."""

    def test(self, test_id):
        if self.is_third(test_id):
            for _ in range(16 * int(self.argument)):
                self.connection.packets.status(
                    test_id=test_id, file_name="core", file_bytes=bytes(65536)
                )


class BigStdout(Server):
    """ARGUMENT megabytes of text on stdout in its third test."""

    def test(self, test_id):
        if self.is_third(test_id):
            for _ in range(16 * int(self.argument)):
                data = b"0123456789abcde\n" * 4096
                while data:
                    data = data[os.write(1, data) :]


class Hasty(Server):
    """Does not wait until what it printed was read."""

    output = {}

    def serve(self):
        global SETTLES
        SETTLES = False
        super().serve()


class Parallel(Server):
    """Two tests at a time, that print."""

    def run(self, test_id):
        self.connection.status(test_id, "inprogress")
        os.write(1, b"starts " + test_id.encode() + b"\n")
        started = getattr(self, "started", [])
        self.started = started + [test_id]
        if len(self.started) == 2:
            os.write(1, b"both run\n")
            for each in self.started:
                super().finish(each)
            self.started = []


class Tags(Server):
    """Its final statuses are packets that python-subunit does not write: nanoseconds, tags in no
    order, and two bytes of length where one would do."""

    def finish(self, test_id):
        body = b"\x00\x00\x00\x01\xfb\x9a\xc9\xff"  # 1 s and 999,999,999 ns
        body += bytes([len(test_id)]) + test_id.encode()
        body += b"\x02" + b"\x05zebra" + b"\x05apple"
        head = b"\xb3\x2b\x83"  # version 2, timestamp, id, runnable, tags; success
        head += (0x4000 | (5 + len(body) + 4)).to_bytes(2, "big")
        self.connection.write(head + body + zlib.crc32(head + body).to_bytes(4, "big"))


class Echo(Server):
    """Sends every packet that is not a message back as it came."""

    def other(self, raw):
        self.connection.write(raw)


class Deaf(Server):
    """Attaches, and then reads nothing until the file ARGUMENT exists."""

    def serve(self):
        wait_for(self.argument)
        super().serve()


class Show(Server):
    """Its third test prints the open descriptors and what they are, one a line."""

    def test(self, test_id):
        if self.is_third(test_id):
            for name in sorted(os.listdir("/proc/self/fd"), key=int):
                try:
                    print(name, os.readlink("/proc/self/fd/" + name), flush=True)
                except FileNotFoundError:
                    pass  # the one that listed the directory


class SkipFirstRun(Server):
    """Answers the first Run as a class that skips itself, and forgets the tests of all others."""

    skipped = False

    def run(self, test_id):
        if not self.skipped:
            self.connection.status("setUpClass (demo)", "skip")
            self.skipped = True


class Complain(Server):
    """Sends ARGUMENT Errors about nothing that was asked, half a kilobyte each, before each Done."""

    versions = {"max": 2, "min": 1}

    def done(self, nonce):
        for _ in range(int(self.argument)):
            self.connection.say(text=json.dumps({"msg": "Error", "text": "no" * 250}).encode())
        super().done(nonce)


class NoInprogress(Server):
    """Reports only how each test ended."""

    def run(self, test_id):
        self.finish(test_id)


MODES = {
    "good": Server,
    "wrong-token": Server,
    "silent": Silent,
    "plain-stream": PlainStream,
    "versions": Versions,
    "hello-twice": HelloTwice,
    "bad-hello": BadHello,
    "done-twice": DoneTwice,
    "unknown-nonce": UnknownNonce,
    "bad-json": BadJson,
    "close-before-done": CloseBeforeDone,
    "close-in-test": CloseInTest,
    "kill-in-test": KillInTest,
    "exit-in-test": ExitInTest,
    "kill-between": KillBetween,
    "kill-before-done": KillBeforeDone,
    "garbage": Garbage,
    "drop-one": DropOne,
    "unfinished": Unfinished,
    "hang": Hang,
    "hang-ignoring-term": HangIgnoringTerm,
    "burn": Burn,
    "gate": Gate,
    "ignore-term": IgnoreTerm,
    "ignore-goodbye": IgnoreGoodbye,
    "exit-late": ExitLate,
    "hold-stdout": HoldStdout,
    "orphan": Orphan,
    "leave": Leave,
    "zombie": Zombie,
    "flood": Flood,
    "big-attachment": BigAttachment,
    "big-stdout": BigStdout,
    "hasty": Hasty,
    "parallel": Parallel,
    "tags": Tags,
    "echo": Echo,
    "deaf": Deaf,
    "show": Show,
    "complain": Complain,
    "no-inprogress": NoInprogress,
    "skip-first-run": SkipFirstRun,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", metavar="ADDR")
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--stdio", action="store_true")
    parser.add_argument("--wait-for", metavar="FILE")
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("mode", choices=[*MODES, "exit-7"])
    parser.add_argument("argument", nargs="?")
    arguments = parser.parse_args()
    if arguments.mode == "exit-7":
        print("server.py: no licence for this machine", file=sys.stderr)
        return 7
    if arguments.wait_for:
        wait_for(arguments.wait_for)
    connection = connect(arguments)
    try:
        MODES[arguments.mode](connection, arguments).serve()
    except (Closed, BrokenPipeError, ConnectionResetError):
        pass
    try:
        connection.close()
    except BrokenPipeError:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
