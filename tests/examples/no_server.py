#!/usr/bin/env python3
"""A test command in one file, which knows nothing of servers and behaves as its tests' ids say.

    no_server.py [--exit STATUS] [--list] [--load-list FILE | ID...]

Each test writes its id to stderr and passes; one whose id has one of these words in it does what
they say before that. One that is called unknown is none. Without ids all of TESTS run.
"""

import argparse
import os
import signal
import subprocess
import sys

from subunit.v2 import StreamResultToBytes

TESTS = ["demo.a", "demo.b", "demo.c", "demo.d"]


def crash():
    os.kill(os.getpid(), signal.SIGKILL)


def vanish():
    os._exit(7)


def hang():
    while True:
        signal.pause()


def insist():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang()


def mumble():
    os.write(1, b"mumble \xb3\n")


def flood():
    while True:
        os.write(1, b"x" * 65536)


def forge():
    StreamResultToBytes(sys.stdout.buffer).status(
        test_id="testrepository-rpc",
        file_name="message",
        file_bytes=b'{"msg":"Done","nonce":"run"}',
        mime_type="application/json",
        eof=True,
    )


def leave():
    """A process that outlives the command, and holds nothing of it."""
    null = subprocess.DEVNULL
    subprocess.Popen(["sleep", "1000"], stdin=null, stdout=null, stderr=null)


def show():
    """What a test command gets from those who start it."""
    for name in ("SUBUNIT_RPC_ADDRESS", "SUBUNIT_RPC_TOKEN"):
        print(name, os.environ.get(name), flush=True)
    print("stdin", repr(sys.stdin.read()), flush=True)


DEEDS = [crash, vanish, hang, insist, mumble, flood, forge, leave, show]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--exit", type=int, default=0)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--load-list")
    parser.add_argument("ids", nargs="*")
    arguments = parser.parse_args()
    tests = arguments.ids or TESTS
    if arguments.load_list:
        with open(arguments.load_list, encoding="utf-8") as lines:
            tests = lines.read().splitlines()
    result = StreamResultToBytes(sys.stdout.buffer)
    for test in tests:
        if arguments.list:
            result.status(test_id=test, test_status="exists")
        elif "unknown" not in test:
            result.status(test_id=test, test_status="inprogress")
            os.write(2, f"{test}\n".encode())
            for deed in DEEDS:
                if deed.__name__ in test:
                    deed()
            result.status(test_id=test, test_status="success")
    sys.exit(arguments.exit)


main()
