"""Versions of the protocol: which this package speaks, and which two peers have in common."""

from __future__ import annotations

from typing import Tuple

from .errors import VersionError

VersionRange = Tuple[int, int]  # (max, min), as everywhere in the protocol
VERSIONS: VersionRange = (2, 1)  # what this package speaks


def negotiate(ours: VersionRange, theirs: VersionRange) -> int:
    """The highest version in both ranges, each (max, min). Raises VersionError."""
    version = min(ours[0], theirs[0])
    if version < max(ours[1], theirs[1]):
        raise VersionError(
            f"no version in common: this side speaks {_versions(ours)}, "
            f"the other {_versions(theirs)}"
        )
    return version


def _versions(versions: VersionRange) -> str:
    highest, lowest = versions
    return f"version {lowest}" if highest == lowest else f"versions {lowest} to {highest}"
