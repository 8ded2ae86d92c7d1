"""A line: two pipes between the front, which speaks to the client, and a process with tests.

The tests do to their process what they like: they replace functions of os, socket and time,
forbid sockets, take networks away, close every descriptor that they did not open. So the way
of a result out of there needs little: pipes, of which the front has both ends, and functions
of the kernel that were taken from their modules before the first test was imported. If a test
has closed our descriptors, or something else stands in their place, they are opened again as
files of the front's, in /proc/PID/fd; a socket could not be.

Who has a line, and what is said on it: see records.py.
"""

from __future__ import annotations

from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask
from _thread import allocate_lock
from os import O_CLOEXEC, O_RDONLY, O_WRONLY, _exit, close, dup2, fstat, getpid, pipe2, read, write
from os import open as open_file, sched_yield, set_blocking
from select import POLLIN, poll
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

from .compatibility import valid_signals
from .connection import high_duplicate
from .records import CANCEL, PASSED_ON, Record, RecordReader, encode_record
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

READ_BYTES = 64 << 10  # what a pipe holds
LOOKS = 100  # for an answer before the process sleeps; each takes a microsecond or two
BUFFER_BYTES = 64 << 10  # of output that waits for a flush()

# Kept: these are classes of the kernel's interface, whose names others may replace.
_poll = poll


class FrontIsGone(Exception):
    """There is nobody to report to."""


class TestsEnd:
    """The end in the process with tests. Waits. Of several threads, one at a time gets on."""

    __test__ = False  # to pytest this is no test class

    def __init__(self, receiving: int, sending: int, front: Tuple[int, int, int]) -> None:
        """`front`: its process, and its descriptors for the same two pipes."""
        process, theirs_sending, theirs_receiving = front
        self._receiving = _End(receiving, O_RDONLY, f"/proc/{process}/fd/{theirs_sending}")
        self._sending = _End(sending, O_WRONLY, f"/proc/{process}/fd/{theirs_receiving}")
        self._reader = RecordReader()
        self._buffer = bytearray()
        self._lock = allocate_lock()
        self._signals = valid_signals()
        self._owner = getpid()
        self._cancelled = False
        self._owed = 0  # PASSED_ON that are to come

    def fileno(self) -> int:
        """Readable when there is more to read, unless tests have closed it."""
        return self._receiving.descriptor

    def forked(self) -> None:
        """This process, a child of the owner, goes on in its place."""
        self._owner = getpid()

    def close(self) -> None:
        """This process has no part in it."""
        close(self._receiving.descriptor)
        close(self._sending.descriptor)

    def send(self, kind: bytes, *fields: bytes) -> None:
        """Buffers a record; above BUFFER_BYTES, they go out now. Raises FrontIsGone."""
        with self._lock:
            self._buffer += encode_record(kind, fields)
            if len(self._buffer) >= BUFFER_BYTES:
                self._undisturbed(self._write)

    def flush(self) -> None:
        """Sends what is buffered. Raises FrontIsGone."""
        with self._lock:
            self._undisturbed(self._write)

    def tell(self, kind: bytes, *fields: bytes, at_once: bool = True) -> None:
        """Sends a record that the front is to pass on: see wait(). It goes out with the next one
        that is sent, if not `at_once`. Raises FrontIsGone."""
        with self._lock:
            self._buffer += encode_record(kind, fields)
            self._owed += 1
            if at_once:
                self._undisturbed(self._write)

    def wait(self) -> None:
        """Returns when the front has passed on all that it was told. Raises FrontIsGone."""
        if self._owed > 0:
            with self._lock:
                self._undisturbed(self._wait)

    def receive(self) -> Record:
        """Waits for the next record. Raises FrontIsGone."""
        with self._lock:
            return self._receive()

    def received(self) -> Optional[Record]:
        """The next record if it has been read already. To be asked for before fileno() is."""
        return self._reader.next_record()

    def receive_request(self) -> Record:
        """The same, past what was for the request before."""
        record = self.receive()
        while record.kind in (CANCEL, PASSED_ON):
            record = self.receive()
        self._cancelled, self._owed = False, 0
        return record

    def cancelled(self) -> bool:
        """Whether the front has taken the request back. Does not wait."""
        with self._lock:
            self._check_owner()
            self._receiving.ensure()
            while not self._cancelled and self._receiving.readable():
                self._take(self._receive())
            return self._cancelled

    def _undisturbed(self, work) -> None:
        """Signals wait: a handler of a test's may raise, and would tear a record."""
        self._check_owner()
        before = pthread_sigmask(SIG_BLOCK, self._signals)
        try:
            work()
        finally:
            pthread_sigmask(SIG_SETMASK, before)

    def _wait(self) -> None:
        self._write()
        # The front answers soon; to be woken on a processor that sleeps takes longer than that.
        # Who else has work to do gets the processor meanwhile.
        looks = LOOKS
        while looks > 0 and not self._receiving.readable():
            sched_yield()
            looks -= 1
        while self._owed > 0:
            self._take(self._receive())

    def _take(self, record: Record) -> None:
        if record.kind == CANCEL:
            self._cancelled = True
        elif record.kind == PASSED_ON:
            self._owed -= 1

    def _write(self) -> None:
        buffer = self._buffer
        if buffer:
            self._sending.ensure()
        try:
            while buffer:
                del buffer[: write(self._sending.descriptor, buffer)]
        except OSError as error:
            raise FrontIsGone(str(error)) from None

    def _receive(self) -> Record:
        self._check_owner()
        while True:
            record = self._reader.next_record()
            if record is not None:
                return record
            self._receiving.ensure()
            try:
                data = read(self._receiving.descriptor, READ_BYTES)
            except OSError as error:
                raise FrontIsGone(str(error)) from None
            if not data:
                raise FrontIsGone("end of the pipe")
            self._reader.receive(data)

    def _check_owner(self) -> None:
        if getpid() != self._owner:
            # A child came back from its test into our loop. Another server on the same
            # line is the last thing that anybody wants.
            _exit(1)


class _End:
    """A descriptor that can be opened again, under the same number."""

    def __init__(self, descriptor: int, mode: int, path: str) -> None:
        self.descriptor = descriptor
        self._mode = mode
        self._path = path
        self._identity = _identity(descriptor)
        self._poll = _poll()
        self._poll.register(descriptor, POLLIN)

    def ensure(self) -> None:
        """Sees to it that the descriptor is what it was. Raises FrontIsGone."""
        if _identity(self.descriptor) == self._identity:
            return
        try:
            again = open_file(self._path, self._mode | O_CLOEXEC)
            if again != self.descriptor:
                dup2(again, self.descriptor, False)
                close(again)
        except OSError as error:
            raise FrontIsGone(f"cannot open {self._path}: {error}") from None

    def readable(self) -> bool:
        return bool(self._poll.poll(0))


def _identity(descriptor: int) -> Optional[Tuple[int, int]]:
    try:
        found = fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class FrontEnd:
    """The front's end. Does not wait: what the pipe does not take is kept, see `pending`."""

    def __init__(self) -> None:
        """Makes the line, with both ends in this process. The other process is forked from it,
        and calls there(); it ends by what the kernel says of the process, not by the end of
        the pipes, which may be closed and opened again."""
        self._down_read, self._down_write = _pipe(their_end=0)
        self._up_read, self._up_write = _pipe(their_end=1)
        set_blocking(self._up_read, False)
        set_blocking(self._down_write, False)
        self._front = (getpid(), self._down_write, self._up_read)
        self._reader = RecordReader()
        self._buffer = bytearray()

    def there(self) -> TestsEnd:
        """In the process that was forked: its end, and this one is no more."""
        close(self._down_write)
        close(self._up_read)
        return TestsEnd(self._down_read, self._up_write, self._front)

    def fileno(self) -> int:
        """Readable when receive() has something."""
        return self._up_read

    @property
    def pending(self) -> Optional[int]:
        """The descriptor that has to become writable before send_pending() is called."""
        return self._down_write if self._buffer else None

    def send(self, kind: bytes, *fields: bytes) -> None:
        self._buffer += encode_record(kind, fields)
        self.send_pending()

    def send_all(self, records: Iterable[Tuple[bytes, Sequence[bytes]]]) -> None:
        for kind, fields in records:
            self._buffer += encode_record(kind, fields)
        self.send_pending()

    def send_pending(self) -> None:
        try:
            while self._buffer:
                del self._buffer[: write(self._down_write, self._buffer)]
        except BlockingIOError:
            pass

    def receive(self) -> List[Record]:
        """What has come, in order. Raises ProtocolError."""
        try:
            while True:
                data = read(self._up_read, READ_BYTES)
                self._reader.receive(data)
                if len(data) < READ_BYTES:
                    break
        except BlockingIOError:
            pass
        return list(self._records())

    def _records(self) -> Iterator[Record]:
        return iter(self._reader.next_record, None)

    def clear(self) -> None:
        """The process at the other end is no more, and another one is to take the line over:
        what was under way, in both directions, is gone."""
        self._reader, self._buffer = RecordReader(), bytearray()
        for descriptor in (self._up_read, self._down_read):
            unread = _poll()
            unread.register(descriptor, POLLIN)
            while unread.poll(0):
                read(descriptor, READ_BYTES)

    def close(self) -> None:
        for descriptor in (self._down_read, self._down_write, self._up_read, self._up_write):
            close(descriptor)


def _pipe(their_end: int) -> Tuple[int, int]:
    """(read, write); the end of the other process is a high descriptor."""
    ends = list(pipe2(O_CLOEXEC))
    high = high_duplicate(ends[their_end])
    close(ends[their_end])
    ends[their_end] = high
    return ends[0], ends[1]
