"""A test server without unittest: `subunit-proxy serve -- python3 tests/examples/own_server.py`."""

import os
import socket

from subunit import StreamResultToBytes
from subunit_rpc import Attach, Ended, Goodbye, List, Run, ServerSession, encode_message, settle

TESTS = {"adds": lambda: 1 + 1 == 2, "multiplies": lambda: 2 * 3 == 6, "divides": lambda: 1 / 3 == 0}

host, port = os.environ["SUBUNIT_RPC_ADDRESS"].rsplit(":", 1)
sock = socket.create_connection((host, int(port)))
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # each packet goes at once
sock.sendall(encode_message(Attach(os.environ["SUBUNIT_RPC_TOKEN"])))
results = StreamResultToBytes(sock.makefile("wb"))
session = ServerSession(output="settled")


def run(name):
    settle()  # what was printed until now is not this test's
    results.status(name, "inprogress")
    passed = name in TESTS and TESTS[name]()
    settle()
    results.status(name, "success" if passed else "fail")


def handle(event):
    """Answers one event; false once the client has gone."""
    if isinstance(event, List):
        for name in TESTS:
            if event.tests is None or name in event.tests:
                results.status(name, "exists")
        session.done(event.nonce)
    elif isinstance(event, Run):
        for name in TESTS if event.tests is None else event.tests:
            run(name)
        session.done(event.nonce)
    return not isinstance(event, (Goodbye, Ended))


serving = True
while serving:
    data = sock.recv(65536)
    session.receive(data) if data else session.receive_eof()
    while serving and (event := session.next_event()) is not None:
        serving = handle(event)
        sock.sendall(session.take_output())
