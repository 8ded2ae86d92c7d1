"""The source files that the tests of this process come from, and whether they have changed.

A file counts from the moment at which Python looks at it to import it, also when the import
fails then. So do files that were looked for and are not there yet, and the directories in
which tests were discovered. What is installed, Python's own library included, does not.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
import time
from importlib.machinery import SourceFileLoader
from typing import Any, Dict, FrozenSet, NamedTuple, Optional, Sequence, Tuple

# File systems note times in steps of up to this: a file that is younger when it is imported
# may change without a new time. It counts as changed, which is safe.
TIME_STEP_NS = 20_000_000


class _File(NamedTuple):
    modified: int  # in ns since 1970
    size: int
    inode: int


class _Directory(NamedTuple):
    modified: int
    listing: FrozenSet[str]


class Sources:
    """Starts to watch the imports of this process when it is made."""

    def __init__(self) -> None:
        self._installed = _installed()
        self._files: Dict[str, Optional[_File]] = {}  # None: it was not there
        self._late: Dict[str, Optional[_File]] = {}  # imported since loaded()
        self._directories: Dict[str, _Directory] = {}
        self._now = self._files
        self._seeker = _Seeker(self)
        sys.meta_path.append(self._seeker)
        # Every import of a source file goes by here, and before the file is read.
        path_stats = SourceFileLoader.path_stats

        def noted_path_stats(loader: SourceFileLoader, path: str) -> Any:
            self.note(path)
            return path_stats(loader, path)

        SourceFileLoader.path_stats = noted_path_stats  # type: ignore[method-assign]
        # Python compares its cache with a source by whole seconds and size, which is not
        # enough for who edits and runs, and edits and runs.
        sys.dont_write_bytecode = True

    def loaded(self) -> None:
        """The tests are loaded: what they import from now on may be there for a test only,
        and gone after it, and what they do not find is not missing."""
        self._now = self._late
        if self._seeker in sys.meta_path:  # it is anybody's list
            sys.meta_path.remove(self._seeker)

    def note(self, path: str) -> None:
        """The file is going to be imported, or would be if it were there."""
        path = os.path.abspath(path)
        if path not in self._now and not path.startswith(self._installed):
            self._now[path] = _look_at(path)

    def note_directory(self, path: str) -> None:
        """Tests are going to be discovered there."""
        path = os.path.abspath(path)
        self._directories[path] = _Directory(_time_of(path), _listing(path))
        for name in self._directories[path].listing:
            if not name.endswith(".py"):
                self.note(os.path.join(path, name, "__init__.py"))  # this makes it one more

    def changed(self) -> bool:
        """Whether any of it is not any more what it was. Takes a microsecond or two a file."""
        for path, before in self._files.items():
            if _look_at(path) != before:
                return True
        for path, before in list(self._late.items()):
            now = _look_at(path)
            if now is None:
                del self._late[path]
            elif now != before:
                return True
        return any(map(self._has_other_files, self._directories))

    def _has_other_files(self, path: str) -> bool:
        before, modified = self._directories[path], _time_of(path)
        if modified == before.modified:
            return False
        self._directories[path] = _Directory(modified, _listing(path))
        return self._directories[path].listing != before.listing


class _Seeker:
    """Last in sys.meta_path: nobody else has found what it is asked for."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Any = None
    ) -> None:
        base = name.rpartition(".")[2]
        for directory in sys.path if path is None else path:
            self._sources.note(os.path.join(directory, f"{base}.py"))
            self._sources.note(os.path.join(directory, base, "__init__.py"))


def _look_at(path: str) -> Optional[_File]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    modified = found.st_mtime_ns
    if abs(time.time_ns() - modified) < TIME_STEP_NS:
        modified = -1 - time.monotonic_ns()  # equal to no other
    return _File(modified, found.st_size, found.st_ino)


def _time_of(directory: str) -> int:
    found = _look_at(directory)
    return 0 if found is None else found.modified


def _listing(directory: str) -> FrozenSet[str]:
    """What discovery looks at: Python files, and what may be a package."""
    try:
        with os.scandir(directory) as entries:
            return frozenset(
                entry.name
                for entry in entries
                if entry.name.endswith(".py") or _may_be_package(entry)
            )
    except OSError:
        return frozenset()


def _may_be_package(entry: "os.DirEntry[str]") -> bool:
    return entry.name.isidentifier() and entry.name != "__pycache__" and entry.is_dir()


def _installed() -> Tuple[str, ...]:
    paths = sysconfig.get_paths()
    directories = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    directories += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(os.path.join(directory, "") for directory in directories)
