"""The protocol's messages as values, and as JSON.

    {"msg":"Hello","max":1,"min":1}                       client, then server
    {"msg":"List","tests":["id",...],"nonce":"..."}       client; no tests: all of them
    {"msg":"Run","tests":["id",...],"nonce":"..."}        client; no tests: all of them
    {"msg":"Done","nonce":"..."}                          server
    {"msg":"Goodbye"}                                     client

and since version 2 of the protocol

    {"msg":"Cancel","nonce":"..."}                        client
    {"msg":"Error","nonce":"...","text":"..."}            server; no nonce: of no request
    {"msg":"Ping","nonce":"..."}                          client
    {"msg":"Pong","nonce":"..."}                          server
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Tuple, Union

from .errors import ProtocolError, quote

SETTLED = "settled"

MAX_JSON_DEPTH = 32  # ours are 2 deep; json's parser recurses on the C stack

_STRING = re.compile(r'"[^"]*"?')
_BRACKET = re.compile(r"[][{}]")


@dataclass(frozen=True)
class Hello:
    """The range of versions a side speaks, highest first; and of a server, SETTLED if what
    the tests print has been read before each packet that starts or ends a test."""

    max: int
    min: int
    output: Optional[str] = None


@dataclass(frozen=True)
class List:
    """Asks which of `tests` exist: None stands for all there are, () for none."""

    tests: Optional[Tuple[str, ...]]
    nonce: str


@dataclass(frozen=True)
class Run:
    """Asks to run `tests`: None stands for all there are, () for none."""

    tests: Optional[Tuple[str, ...]]
    nonce: str


@dataclass(frozen=True)
class Done:
    """The List or Run with this nonce has been answered in full."""

    nonce: str


@dataclass(frozen=True)
class Goodbye:
    """The client wants nothing more, and no answer."""


@dataclass(frozen=True)
class Cancel:
    """Work on the List or Run with this nonce is to stop as soon as possible. Its Done still
    comes."""

    nonce: str


@dataclass(frozen=True)
class Error:
    """Something could not be carried out: the List or Run with this nonce, whose Done it
    replaces, or None. `text` is for people."""

    nonce: Optional[str]
    text: str


@dataclass(frozen=True)
class Ping:
    """Asks whether the server is there. Its nonce has nothing to do with those of requests."""

    nonce: str


@dataclass(frozen=True)
class Pong:
    """The server is there."""

    nonce: str


@dataclass(frozen=True)
class Attach:
    """A server's first word to the proxy that started it: the token from its environment.
    Not a part of the RPC; it travels under the proxy's own test id."""

    token: str


Message = Union[Hello, List, Run, Done, Goodbye, Cancel, Error, Ping, Pong]

SINCE_VERSION_2 = (Cancel, Error, Ping, Pong)


def to_json(message: Union[Message, Attach]) -> bytes:
    """The message as JSON in ASCII, fields in the order of the protocol's document."""
    fields: Dict[str, Any] = {"msg": type(message).__name__}
    fields.update((name, value) for name, value in vars(message).items() if value is not None)
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def parse_message(data: bytes, version: int) -> Message:
    """The message that `data` holds in this version of the protocol; unknown fields are
    ignored.

    Raises ProtocolError, which shows the message, for what is no JSON object, an unknown
    msg, and a missing or mistyped field.
    """
    try:
        fields = _parse_object(data)
        name = fields.get("msg")
        parsers = _PARSERS if version < 2 else _PARSERS_2
        parse = parsers.get(name) if isinstance(name, str) else None
        if parse is None:
            raise ValueError('a message has no "msg", or an unknown one')
        return parse(fields)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{error}: {quote(data)}") from None


def is_object(data: bytes) -> bool:
    """Whether `data` is one whole JSON object."""
    try:
        _parse_object(data)
    except (ValueError, RecursionError):
        return False
    return True


def _parse_object(data: bytes) -> Dict[str, Any]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("a message is not UTF-8") from None
    if _is_deep(text):
        raise ValueError(f"a message is nested deeper than {MAX_JSON_DEPTH}")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"a message is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ValueError("a message is not a JSON object")
    return value


def _is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return False
    # Brackets in strings do not count, and test ids are full of them.
    bare = _STRING.sub("", text.replace("\\\\", "").replace('\\"', ""))
    depth = 0
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_JSON_DEPTH:
            return True
    return False


def _integer(fields: Dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int:  # a bool is an int to isinstance()
        raise ValueError(f'{fields["msg"]} needs an integer "{name}"')
    return value


def _string(fields: Dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ValueError(f'{fields["msg"]} needs a string "{name}"')
    return value


def _optional_string(fields: Dict[str, Any], name: str) -> Optional[str]:
    return _string(fields, name) if name in fields else None


def _tests(fields: Dict[str, Any]) -> Optional[Tuple[str, ...]]:
    if "tests" not in fields:
        return None
    value = fields["tests"]
    if not isinstance(value, list) or not all(isinstance(test, str) for test in value):
        raise ValueError(f'"tests" of {fields["msg"]} is not a list of strings')
    return tuple(value)


def _hello(fields: Dict[str, Any]) -> Hello:
    output = _optional_string(fields, "output")
    hello = Hello(_integer(fields, "max"), _integer(fields, "min"), output)
    if hello.max < hello.min:
        raise ValueError('"max" of Hello is below its "min"')
    return hello


_PARSERS: Dict[str, Callable[[Dict[str, Any]], Message]] = {
    "Hello": _hello,
    "List": lambda fields: List(_tests(fields), _string(fields, "nonce")),
    "Run": lambda fields: Run(_tests(fields), _string(fields, "nonce")),
    "Done": lambda fields: Done(_string(fields, "nonce")),
    "Goodbye": lambda fields: Goodbye(),
}
_PARSERS_2: Dict[str, Callable[[Dict[str, Any]], Message]] = {
    **_PARSERS,
    "Cancel": lambda fields: Cancel(_string(fields, "nonce")),
    "Error": lambda fields: Error(_optional_string(fields, "nonce"), _string(fields, "text")),
    "Ping": lambda fields: Ping(_string(fields, "nonce")),
    "Pong": lambda fields: Pong(_string(fields, "nonce")),
}
