"""Tests that are loaded in this process and run in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

from .collection import TestCollection
from .conversation import Conversation
from ..packet import encode_packet
from .runner import run_tests
from .stdio import Stdio


@dataclass(frozen=True)
class LocalTests:
    """See server.Tests."""

    collection: TestCollection
    stdio: Stdio
    failfast: bool = False
    tb_locals: bool = False

    def prepare(self) -> None:
        """They are ready."""

    def list(self, asked: Optional[Sequence[str]], conversation: Conversation) -> None:
        for test_id in self.collection.ids(asked):
            conversation.connection.send(encode_packet(test_id=test_id, test_status="exists"))

    def run(self, asked: Optional[Sequence[str]], conversation: Conversation) -> None:
        run_tests(
            self.collection.take(asked),
            conversation.connection,
            self.stdio,
            stopped=conversation.stopped,
            failfast=self.failfast,
            tb_locals=self.tb_locals,
        )
