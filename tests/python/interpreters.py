"""The Pythons of this machine that the package is for, beside the one that runs the tests."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from typing import Dict, Iterator, List, Optional

OLDEST = (3, 7)
# Python's own library, and nothing that was installed.
BARE = (sys.executable, "-S")


def others() -> Dict[str, str]:
    """Paths by versions: those on PATH, and those of pyenv."""
    found: Dict[str, str] = {}
    for path in _candidates():
        version = _version(path)
        if version is not None:
            found.setdefault(version, path)
    found.pop("%d.%d" % sys.version_info[:2], None)
    return found


def _candidates() -> Iterator[str]:
    for minor in range(OLDEST[1], 30):
        path = shutil.which(f"python3.{minor}")
        if path is not None:
            yield path
    yield from sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")))


def _version(path: str) -> Optional[str]:
    """None if it does not start, as pyenv's shims of versions that are not chosen, or is too old."""
    code = f"import sys; print('%d.%d' % sys.version_info[:2]) if sys.version_info >= {OLDEST} else 0"
    ended = subprocess.run([path, "-S", "-c", code], capture_output=True, text=True)
    return ended.stdout.strip() or None


def bare(path: str) -> List[str]:
    return [path, "-S"]
