"""This package as one file: a zip archive that somebody has brought to this machine.

    python3 ARCHIVE discover
    PYTHONPATH=ARCHIVE python3 -m subunit_rpc discover
    PYTHONPATH=ARCHIVE python3 -m pytest --subunit-rpc
"""

from __future__ import annotations

import os
import sys
from typing import List, Optional

VARIABLE = "PYTHONPATH"


def set_aside() -> None:
    """Lets the tests find what they would find if the package were installed: the current directory
    where `python3 -m` has it, and nothing of the archive in the environment of what they start.
    Does nothing if this comes from no archive."""
    archive = _archive()
    if archive is None:
        return
    if _others(archive, sys.path[:1]) == []:  # it is what Python runs
        sys.path[:] = [*_first(), *_others(archive, sys.path), archive]
    rest = os.pathsep.join(_others(archive, os.environ.get(VARIABLE, "").split(os.pathsep)))
    if rest:
        os.environ[VARIABLE] = rest
    else:
        os.environ.pop(VARIABLE, None)


def _archive() -> Optional[str]:
    """Where it is, if there is one."""
    path = getattr(__spec__.loader, "archive", None)  # type: ignore[name-defined]
    return None if path is None else os.path.abspath(path)


def _others(archive: str, paths: List[str]) -> List[str]:
    return [path for path in paths if not path or os.path.abspath(path) != archive]


def _first() -> List[str]:
    """What `python3 -m` has at the head of sys.path."""
    if sys.flags.isolated or getattr(sys.flags, "safe_path", False):
        return []
    try:
        return [os.getcwd()]
    except OSError:
        return []  # it was removed
