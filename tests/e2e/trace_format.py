"""The rules of the Trace Event Format that Perfetto's importer needs, for the phases that a run's
trace has: complete events (X), instant events (i) and metadata (M)."""

from __future__ import annotations

import collections
import json
from typing import Dict, List, NamedTuple, Tuple

Row = Tuple[int, int]  # pid, tid

FIELDS = {
    "X": {"ph", "name", "cat", "pid", "tid", "ts", "dur", "args"},
    "i": {"ph", "name", "cat", "pid", "tid", "ts", "s", "args"},
    "M": {"ph", "name", "pid", "tid", "args"},
}
# Of Perfetto: 32 bits; thread 0 is the idle thread of the system.
MAX_ID = 2**31 - 1


class Box(NamedTuple):
    name: str
    row: str  # the name of its thread
    begin: float  # in seconds
    end: float
    args: dict


class Mark(NamedTuple):
    name: str
    row: str
    at: float
    args: dict


class Trace(NamedTuple):
    process: str
    boxes: List[Box]
    marks: List[Mark]

    @property
    def rows(self) -> List[str]:
        return sorted({each.row for each in [*self.boxes, *self.marks]})


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_event(event: object) -> None:
    """The fields of one event, and their types."""
    assert isinstance(event, dict), f"no object: {event!r}"
    phase = event.get("ph")
    assert phase in FIELDS, f"phase {phase!r}: {event}"
    missing = FIELDS[phase] - event.keys()
    assert not missing, f"without {missing}: {event}"
    unknown = event.keys() - FIELDS[phase]
    assert not unknown, f"{unknown} means nothing in this phase: {event}"
    assert isinstance(event["name"], str) and event["name"], f"without a name: {event}"
    assert isinstance(event["args"], dict), f"args are no object: {event}"
    for key in ("pid", "tid"):
        value = event[key]
        assert isinstance(value, int) and not isinstance(value, bool), f"{key} no integer: {event}"
        assert 0 < value <= MAX_ID, f"{key} out of range: {event}"
    for key in ("ts", "dur"):
        if key in event:
            assert is_number(event[key]) and event[key] >= 0, f"{key} is no time: {event}"
    if phase == "i":
        assert event["s"] in ("t", "p", "g"), f"a scope of its own: {event}"
    if phase == "M":
        assert event["name"] in ("process_name", "thread_name"), f"unknown metadata: {event}"
        assert isinstance(event["args"].get("name"), str), f"names nothing: {event}"


def check_nesting(boxes: List[dict]) -> None:
    """The boxes of one row: each is behind the one before it, or within it."""
    enclosing: List[float] = []
    # As Perfetto sorts them: of those that begin together the longest is the outer one. In
    # nanoseconds, as it counts.
    times = [(round(box["ts"] * 1000), round(box["dur"] * 1000), box) for box in boxes]
    for begin, duration, box in sorted(times, key=lambda each: (each[0], -each[1])):
        while enclosing and enclosing[-1] <= begin:
            enclosing.pop()
        assert not enclosing or begin + duration <= enclosing[-1], f"overlaps another: {box}"
        enclosing.append(begin + duration)


def check(text: str, cut: bool = False) -> Trace:
    """What a trace in the JSON Array Format says; an AssertionError if it breaks a rule. `cut`: its
    end is missing, as it may in this format."""
    if cut:
        text = text[: text.rindex("}") + 1] + "]"
    events = json.loads(text)
    assert isinstance(events, list), "no array"
    for event in events:
        check_event(event)
    names: Dict[str, Dict[Row, str]] = collections.defaultdict(dict)
    rows: Dict[Row, List[dict]] = collections.defaultdict(list)
    for event in events:
        row = event["pid"], event["tid"]
        if event["ph"] == "M":
            assert row not in names[event["name"]], f"named twice: {event}"
            names[event["name"]][row] = event["args"]["name"]
        else:
            assert row in names["thread_name"], f"in a row that has no name yet: {event}"
            rows[row].append(event)
    processes = {pid for pid, _ in names["process_name"]}
    assert {pid for pid, _ in rows} <= processes, "a process without a name"
    threads = names["thread_name"]
    assert len(set(threads.values())) == len(threads), f"two rows of one name: {threads}"
    for events_of_row in rows.values():
        check_nesting([event for event in events_of_row if event["ph"] == "X"])

    def where(event):
        return event["name"], threads[event["pid"], event["tid"]], event["ts"] / 1e6

    return Trace(
        process=next(iter(names["process_name"].values())),
        boxes=[
            Box(*where(e), (e["ts"] + e["dur"]) / 1e6, e["args"])
            for e in events
            if e["ph"] == "X"
        ],
        marks=[Mark(*where(e), e["args"]) for e in events if e["ph"] == "i"],
    )
