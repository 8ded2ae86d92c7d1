"""A worker as the front sees it: the process, the line to it, and channels through it."""

from __future__ import annotations

import os
import select
import signal
import socket
from typing import Any, List, Optional, Tuple

from .channel import ACKNOWLEDGEMENT
from .connection import Connection
from .control import control_pair
from ..errors import RequestError
from .lifeline import describe, live
from .loader import Loading
from ..protocol import ClientSession
from .stdio import flush_buffers
from .worker_process import work

END_SECONDS = 2.0  # for what a worker's tests have registered for its end


class Worker:
    """A process that loads the tests, and then serves one channel at a time.

    loaded      it has
    threads     names of those that loading has left running
    failfast    each Run ends after its first failure
    """

    def __init__(self, loading: Loading, *, watch: bool) -> None:
        """With `watch` it can be asked whether its sources have changed."""
        self.control, theirs = control_pair()
        self.loaded = self.failfast = False
        self.threads: List[str] = []
        self._status: Optional[int] = None  # of its end
        self._serving = False  # a channel, whose end it has not reported yet
        self._spare: Optional[FrontChannel] = None  # that is what it serves, or a child
        flush_buffers()  # or both would print it
        front = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            self.control.close()
            live(front, lambda: work(theirs, loading, watch=watch))
        theirs.close()

    @property
    def alive(self) -> bool:
        """As far as was noticed yet."""
        return self._status is None

    def await_loaded(self) -> None:
        """To be called once, first, and when `control` is readable if it is not to wait.
        Raises RequestError, and the worker has ended then."""
        report, _ = self.control.receive()
        if report is None:
            end = describe(self.end())
            raise RequestError(f"cannot load the tests: the process that was loading them {end}")
        if "error" in report:
            self.end()
            raise RequestError(report["error"])
        self.loaded, self.threads = True, report["threads"]
        self.failfast = report["failfast"]

    def check(self) -> None:
        """Notices if it, or the child in advance, has ended meanwhile. Not before
        await_loaded()."""
        spare_ended = self._spare is not None and self._spare.hung_up()
        if self.alive and (spare_ended or select.select([self.control], [], [], 0)[0]):
            self.ended()
            self._drop_spare()

    def prepare(self) -> None:
        """Has a child forked in advance, which saves the next channel half of the time."""
        if self._spare is None:
            self._spare = self._open(fork=True)

    def open(self, *, fork: bool) -> "FrontChannel":
        """A channel that the worker serves, or with `fork` a child of it: the one in advance
        if there is one. When `control` is readable it has come to an end: see ended()."""
        channel, self._spare = self._spare, None
        return self._open(fork=fork) if channel is None else channel

    def ended(self) -> int:
        """The wait status of what has served the channel. Waits for its end."""
        status = self._receive("ended")
        self._serving = False
        return self.end() if status is None else status

    def has_changed_sources(self) -> bool:
        self._send({"do": "compare"})
        changed = self._receive("changed")
        return changed is None or changed  # one that has ended is of no use any more either

    def end_child(self) -> None:
        """Kills the child that serves the channel."""
        self._send({"do": "kill"})

    def kill(self) -> None:
        if self.alive:
            os.kill(self._pid, signal.SIGKILL)

    def end(self) -> int:
        """Lets it end, for END_SECONDS, and then makes it; at once if it has not even loaded.
        Returns its wait status."""
        if self._status is None:
            if not self.loaded:
                self.kill()
            self._drop_spare()
            self.control.close()
            pid_descriptor = os.pidfd_open(self._pid)
            try:
                if not select.select([pid_descriptor], [], [], END_SECONDS)[0]:
                    self.kill()
            finally:
                os.close(pid_descriptor)
            self._status = os.waitpid(self._pid, 0)[1]
        return self._status

    def _open(self, *, fork: bool) -> "FrontChannel":
        if self._serving:
            self.ended()  # what is done leaves at once
        channel, passed = FrontChannel.open()
        self._send({"do": "serve", "fork": fork}, passed)
        self._serving = True
        for descriptor in passed:
            os.close(descriptor)
        channel.session.hello()
        channel.say()
        return channel

    def _send(self, order: dict, descriptors: Tuple[int, ...] = ()) -> None:
        if self.alive:
            try:
                self.control.send(order, descriptors)
            except BrokenPipeError:
                pass  # it has ended, which _receive() sees

    def _receive(self, what: str) -> Any:
        """That of its reports; None if it has ended."""
        while self.alive:
            report, _ = self.control.receive()
            if report is None:
                break
            if what in report:
                return report[what]
            self._serving = False
            self._drop_spare()
        return None

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None


class FrontChannel(Connection):
    """The front's end of a channel: the socket, the pipe for acknowledgements, and a session
    that has said Hello."""

    def __init__(self, sock: socket.socket, acknowledgements: int) -> None:
        super().__init__(sock)
        self.session = ClientSession()
        self._acknowledgements = acknowledgements

    @classmethod
    def open(cls) -> Tuple["FrontChannel", Tuple[int, int]]:
        """The front's end, and the descriptors of the other one."""
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        return cls(ours, write), (theirs.detach(), read)

    def hung_up(self) -> bool:
        """Whether the process at the other end has closed it, or ended."""
        poll = select.poll()
        poll.register(self, 0)
        return bool(poll.poll(0))  # POLLHUP

    def say(self) -> None:
        """Sends what the session has to."""
        self.send(self.session.take_output())
        self.flush()

    def acknowledge(self, size: int) -> None:
        """So many bytes that came here have been passed on."""
        try:
            os.write(self._acknowledgements, ACKNOWLEDGEMENT.pack(size))
        except BrokenPipeError:
            pass  # nobody waits for it

    def close(self, *, linger: bool = False) -> None:
        super().close(linger=linger)
        os.close(self._acknowledgements)
