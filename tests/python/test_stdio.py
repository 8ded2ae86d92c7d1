"""Waiting for what was printed to be read."""

import pytest

from subunit_rpc import stdio


@pytest.mark.parametrize(
    "unread",
    [
        [0],
        [10, 0],
        [10, 10, 6, 6, 0],  # in several goes
        [10, 6, 16, 12, 10],  # others write meanwhile: 10 bytes were read all the same
        [10, 30, 20],
    ],
)
def test_the_wait_ends_when_as_much_was_read_as_had_been_printed(monkeypatch, unread):
    counts = iter(unread)
    monkeypatch.setattr(stdio, "_unread", lambda pipe: next(counts))
    monkeypatch.setattr(stdio, "_has_reader", lambda pipe: True)
    stdio._wait_until_read(0)
    assert list(counts) == []  # no look too few, and one too many would have raised


def test_nobody_waits_for_a_reader_that_is_gone(monkeypatch):
    monkeypatch.setattr(stdio, "_unread", lambda pipe: 10)
    monkeypatch.setattr(stdio, "_has_reader", lambda pipe: False)
    stdio._wait_until_read(0)
