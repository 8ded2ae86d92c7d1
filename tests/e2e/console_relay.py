"""Carries bytes between stdin/stdout and a terminal, as a program for serial lines does.

console_relay.py FD [FROM]     the terminal that this descriptor is the other side of; and another
                               one, to read from
console_relay.py new COMMAND   a new one, in its usual mode, with COMMAND on it

Ends when nobody has the terminal any more, with the status of COMMAND. The end of stdin ends
nothing: a console goes on.
"""

import os
import pty
import select
import sys


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]


def read(fd):
    try:
        return os.read(fd, 65536)
    except OSError:  # EIO: nobody has the other side any more
        return b""


def relay(terminal, other):
    sources = {0: terminal, other: 1}
    while other in sources:
        for source in select.select(list(sources), [], [])[0]:
            data = read(source)
            if data:
                write_all(sources[source], data)
            else:
                del sources[source]


def main():
    if sys.argv[1] != "new":
        return relay(int(sys.argv[1]), int(sys.argv[-1]))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    relay(terminal, terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF


sys.exit(main())
