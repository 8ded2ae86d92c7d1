"""The command line: which tests to load, and where to serve them."""

from __future__ import annotations

import argparse
import io
import math
import os
import resource
import signal
import sys
from typing import Dict, List, Optional, Sequence

from .address import Address, TcpAddress, UnixAddress, parse_address
from . import archive
from ..attachment import encode_message
from .connection import Connection
from ..errors import RequestError, SessionError
from .lifeline import say
from ..message import Attach
from .server import Server
from .stdio import CapturedStdio, Stdio
from .suite import PROGRAM, Program
from .transport import Listener, dial
from .worker_tests import TestsDied, WorkerTests

LOCAL_VARIABLE = "SUBUNIT_RPC_LOCAL"
ADDRESS_VARIABLE = "SUBUNIT_RPC_ADDRESS"
TOKEN_VARIABLE = "SUBUNIT_RPC_TOKEN"
HELLO_SECONDS = 60.0  # by default; a client that works needs far fewer
HELLO_SECONDS_LIMIT = 1e6  # as milliseconds it still fits what poll() takes

EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 128 + signal.SIGINT

COMMAND = f"python3 -m {PROGRAM}"
USAGE = f"""{COMMAND} [--listen ADDR] [--any-owner] [--fork] [--reload]
       [--hello-timeout SECONDS] [discover ... | NAME... | --pytest ...]"""
DESCRIPTION = """\
Loads tests once, then lists and runs them for a client, as often as the client asks: in
this one warm process, or in children of one (--fork). The client is usually
`subunit-proxy run`; the protocol is subunit packets with requests among them.

The address comes from --listen, or from the environment if `subunit-proxy serve` starts
this program."""
EPILOG = f"""\
tests, as for python3 -m subunit.run:
  NAME...               modules, classes, methods, or paths of files
  discover [-s DIR] [-p PATTERN] [-t DIR]
                        the tests found below DIR; the default, with DIR "."
  --load-list FILE      of these, only the tests whose ids are in FILE, one per line
  -k PATTERN            of these, only the tests whose names match
  -f, --failfast        end each run after its first failure; its remaining tests fail too
  --locals              show local variables in tracebacks of testtools' tests

--pytest, or `python3 -m pytest --subunit-rpc` where this package is installed:
  The other arguments are pytest's (-k, -m, -p, -o, paths, ...). pytest collects the tests
  once. Fixtures of every scope stay from one run to the next, as long as the tests that
  follow need them. Names of marks are tags. A module that cannot be collected is a test
  that fails. -n, --pdb and --collect-only are refused; -x and --maxfail have no effect.

--fork:
  What one run breaks, the next run does not see. If a test kills its process, that test
  fails with the signal or exit status as the reason, and the rest of the run goes on in a
  new process. A client that cancels a run need not wait for a test that hangs. The cost is
  about 2 ms per run. If loading the tests starts threads, they are loaded again for each
  run. pytest-rerunfailures starts one where pytest-xdist is installed, too, so leave it
  out there if it is not needed: -p no:rerunfailures.

--reload:
  Compares the source files that the tests import or look for, and the directories in which
  they are discovered. It does not compare installed packages, this server, or testtools.

environment:
  {LOCAL_VARIABLE}     where to connect to, if there is no --listen
  {ADDRESS_VARIABLE}   where to connect to instead, if that cannot be reached or is not set
  {TOKEN_VARIABLE}     proves to the proxy there that it has started this server
  All are removed before the tests are loaded, so that no test connects there.

exit status:
  0  the client has sent Goodbye
  2  bad usage, or the tests cannot be loaded at all
  3  the session could not be completed; stderr tells why

examples:
  {COMMAND} --listen 127.0.0.1:9999 --reload discover -s tests
  subunit-proxy serve -- {COMMAND} discover -s tests
"""


def main(arguments: Optional[List[str]] = None) -> int:
    """Returns the exit status; raises SystemExit for bad usage and --help."""
    try:
        return _main(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _main(arguments: Optional[List[str]]) -> int:
    archive.set_aside()
    targets = {
        name: os.environ.pop(name) for name in (LOCAL_VARIABLE, ADDRESS_VARIABLE) if name in os.environ
    }
    token = os.environ.pop(TOKEN_VARIABLE, None)
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    addresses = [options.listen] if options.listen else _targets(parser, targets)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a test printed before it took the process down tells why.
            stream.reconfigure(line_buffering=True)
    stdio = Stdio() if token is None else CapturedStdio()
    tests = WorkerTests(
        _program(parser, options.pytest, rest), stdio, fork=options.fork, reload=options.reload
    )
    server = Server(tests, stdio.promise, options.hello_timeout)
    return _serve(server, tests, options.listen is not None, addresses, token, options.any_owner)


def _program(parser: argparse.ArgumentParser, for_pytest: bool, rest: List[str]) -> Program:
    """What is not needed need not be installed."""
    try:
        if for_pytest:
            from .for_pytest.program import PytestProgram

            return PytestProgram(rest)
        from .for_unittest.suite import UnittestProgram
    except ImportError as error:
        parser.error(f"{error}; the tests of this framework need it")
    return UnittestProgram(rest, USAGE)


def _serve(
    server: Server,
    tests: WorkerTests,
    listen: bool,
    addresses: Sequence[Address],
    token: Optional[str],
    any_owner: bool,
) -> int:
    status = 0
    try:
        if listen:
            status = _listen(server, tests, addresses[0], token, any_owner)
        else:
            status = _dial(server, tests, addresses, token)
    except RequestError as error:
        if str(error):
            say(str(error))
        status = EXIT_USAGE
    except TestsDied as death:
        return _end_like(death.status)
    finally:
        end = tests.close()
    return status or _end_like(end)


def _end_like(status: int) -> int:
    """The process with the tests has ended with this wait status, and so does this one: they
    are one program to whoever has started it. Returns an exit status."""
    if os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one is enough
        signum = os.WTERMSIG(status)
        if signum != signal.SIGKILL:
            signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
    return os.WEXITSTATUS(status)


def _dial(
    server: Server, tests: WorkerTests, addresses: Sequence[Address], token: Optional[str]
) -> int:
    try:
        connection = dial(addresses)
    except OSError as error:
        say(f"cannot connect to {addresses[-1]}: {error.strerror or error}")
        return EXIT_INCOMPLETE
    os.register_at_fork(after_in_child=connection.forked)
    _prove(connection, token)
    tests.await_ready()
    try:
        server.serve(connection)
    except TestsDied:
        raise
    except SessionError as error:
        say(str(error))
        return EXIT_INCOMPLETE
    return 0


def _prove(connection: Connection, token: Optional[str]) -> None:
    """Shows the proxy that this is the server that it has started."""
    if token is not None:
        connection.send(encode_message(Attach(token)))
        connection.flush()


def _listen(
    server: Server, tests: WorkerTests, address: Address, token: Optional[str], any_owner: bool
) -> int:
    """Serves one client after another, until something is wrong with the listening."""
    tests.await_ready(None)
    try:
        listener = Listener(address, any_owner=any_owner)
    except OSError as error:
        say(f"cannot listen on {address}: {error.strerror or error}")
        return EXIT_INCOMPLETE
    try:
        os.register_at_fork(after_in_child=listener.forked)
        if isinstance(address, UnixAddress):
            # Where there is no path to remove the default is better: it works even in a
            # test that never comes back from C.
            signal.signal(signal.SIGTERM, lambda signum, frame: _end_by(signum, listener))
        say(f"listening on {listener.address}")
        while True:
            try:
                connection = listener.accept()
                if not any_owner:  # the token is for the proxy of this user
                    _prove(connection, token)
                server.serve(connection)
            except TestsDied:
                raise
            except SessionError as error:
                say(str(error))
    except OSError as error:
        say(f"cannot go on listening on {listener.address}: {error.strerror or error}")
        return EXIT_INCOMPLETE
    finally:
        listener.close()


def _end_by(signum: int, listener: Listener) -> None:
    listener.close()
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=USAGE,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--listen",
        metavar="ADDR",
        type=_address,
        help="listen at HOST:PORT, PORT (on 127.0.0.1; 0: any free port, printed on stderr) or "
        "unix:PATH, and serve one client after another",
    )
    parser.add_argument(
        "--any-owner",
        action="store_true",
        help="with --listen: also serve clients of other users and on other machines",
    )
    parser.add_argument(
        "--fork",
        action="store_true",
        help="do each run in a new process, forked from one that has loaded the tests",
    )
    parser.add_argument(
        "--reload",
        action="store_true",
        help="load the tests again, before the next list or run, when their sources have changed",
    )
    parser.add_argument(
        "--pytest",
        action="store_true",
        help="the tests are pytest's, and so are the other arguments",
    )
    parser.add_argument(
        "--hello-timeout",
        metavar="SECONDS",
        type=_seconds,
        default=HELLO_SECONDS,
        help=f"how long to wait for a client's Hello (default {HELLO_SECONDS:g})",
    )
    return parser


def _targets(parser: argparse.ArgumentParser, targets: Dict[str, str]) -> List[Address]:
    """Where to connect to, in the order in which it is tried."""
    if not targets:
        parser.error(
            f"there is no client to serve: give --listen ADDR, or let `subunit-proxy serve` start "
            f"this program, which sets {ADDRESS_VARIABLE}. "
            "Without a client, tests are run by python3 -m subunit.run, or by pytest as ever"
        )
    addresses = []
    for variable, target in targets.items():
        try:
            address = parse_address(target)
            if isinstance(address, TcpAddress) and address.port == 0:
                raise ValueError(f"{target!r} has port 0, where nothing can listen")
        except ValueError as error:
            parser.error(f"{variable}: {error}")
        addresses.append(address)
    return addresses


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < HELLO_SECONDS_LIMIT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds between 0 and {HELLO_SECONDS_LIMIT:,.0f}"
        )
    return seconds
