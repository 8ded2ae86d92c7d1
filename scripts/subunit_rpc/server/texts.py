"""What a result consists of: a status, and attachments made of what tests leave.

Tests may have left this process in any state, and their exceptions and values may be anything:
nothing here raises for that.
"""

from __future__ import annotations

import re
import sys
import traceback
from sys import getrecursionlimit, setrecursionlimit
from typing import Any, Iterable, Iterator, Tuple

from .line import FrontIsGone
from .own_builtins import BUILTINS

__builtins__ = BUILTINS

TEXT = "text/plain; charset=utf8"
TEXT_OF_DETAILS = 'text/plain; charset="utf8"'  # as testtools has it
TRACEBACK = 'text/x-traceback; charset="utf8"; language="python"'

WORSE = ("success", "skip", "xfail", "uxsuccess", "fail")  # later ones outweigh earlier ones
NO_OUTCOME = b"This test has ended without telling how."

_DEPTH = 500  # of the stack: for our own frames, where a test has left a low limit

_TracebackException = traceback.TracebackException

Attachment = Tuple[str, str, bytes]  # name, MIME type, content


def begin_with(name: str, beginnings: Tuple[str, ...], ids: Iterable[str]) -> str:
    """What to try instead of an id that is none, and is the beginning of others: "" if it is not."""
    found = sum(1 for each in ids if each.startswith(beginnings))
    if not found:
        return ""
    tests = "1 test begins" if found == 1 else f"{found} tests begin"
    return f"; {tests} with it: to run these, use --match '^{re.escape(name)}'"


class Room:
    """Room on the stack for what is done inside. (sys.setrecursionlimit() of a test's may
    have left less than unittest itself needs, but no less than it takes to come here.)"""

    def __enter__(self) -> None:
        self._limit = getrecursionlimit()
        if self._limit < 2 * _DEPTH:
            setrecursionlimit(2 * _DEPTH)

    def __exit__(self, *exception: Any) -> None:
        if self._limit < 2 * _DEPTH:
            try:
                setrecursionlimit(self._limit)
            except RecursionError:
                pass  # there is less now than there was: then it stays at ours


def one(
    name: str, mime_type: str, text: Any, others: Iterable[Attachment] = ()
) -> Iterator[Attachment]:
    """`text`: a string, or what makes one."""
    yield from others
    yield name, mime_type, encode(text() if callable(text) else text)


def encode(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def text_of(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:
        return f"(a {type(value).__name__} whose str() raises {type(error).__name__})"


def name_of(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error)[:500]}"


def traceback_of(err: Any) -> str:
    """As testtools' TracebackContent has it; less where Python cannot make even that."""
    kind, value, tb = err
    while tb and "__unittest" in tb.tb_frame.f_globals:
        tb = tb.tb_next
    try:
        return "".join(_TracebackException(kind, value, tb).format())
    except Exception as error:
        lines = ["Traceback (most recent call last), without source lines, since making it\n"]
        lines.append(f"raised {name_of(error)}\n")
        while tb is not None:
            code = tb.tb_frame.f_code
            lines.append(f'  File "{code.co_filename}", line {tb.tb_lineno}, in {code.co_name}\n')
            tb = tb.tb_next
        return "".join([*lines, f"{kind.__name__}: {text_of(value)}\n"])


def mime_type_of(content: Any) -> str:
    try:
        return repr(content.content_type)
    except Exception:
        return "application/octet-stream"


def content_of(content: Any) -> bytes:
    """Of a testtools Content. Those that hold text encode it when they are asked for it, and
    cannot where it has lone surrogates, as names of files have."""
    try:
        return b"".join(content.iter_bytes())
    except UnicodeEncodeError as error:
        pieces = [
            piece
            for cell in getattr(content._get_bytes, "__closure__", None) or ()
            for piece in (cell.cell_contents if isinstance(cell.cell_contents, list) else ())
            if isinstance(piece, str)
        ]
        return encode("".join(pieces) or error.object)
    except FrontIsGone:
        raise
    except Exception as error:
        return encode(f"(this attachment cannot be read: {name_of(error)})")


def exception_attachment() -> Attachment:
    """Of the exception that is being handled."""
    return ("traceback", TRACEBACK, encode(traceback_of(sys.exc_info())))
