"""The faults this package tells apart, and how a peer's bytes are shown in them."""

from __future__ import annotations

from typing import Union

QUOTED_BYTES = 200  # of a peer's message in an error: enough to recognise it, fits a screen


class ProtocolError(Exception):
    """The peer broke the protocol. The text says how, and shows what it sent."""


class VersionError(ProtocolError):
    """Both sides keep to the protocol but share no version of it. Names both ranges."""


class MisuseError(Exception):
    """This side asked its own session for something the protocol does not allow: our bug."""


class SessionError(Exception):
    """A client could not be served to the end. The text is one line for a person."""


class RequestError(Exception):
    """A request cannot be carried out, such as when the tests cannot be loaded at all. The
    text is one line for a person; empty if it stands on stderr already."""


def quote(data: Union[bytes, bytearray]) -> str:
    """The first QUOTED_BYTES of a peer's bytes as one printable line, "..." where cut."""
    text = data[:QUOTED_BYTES].decode("utf-8", "backslashreplace")
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
    return shown + "..." if len(data) > QUOTED_BYTES else shown
