"""Which libraries are installed where, by their metadata; nothing is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.metadata import Distribution

PYTHON = ".".join(map(str, sys.version_info[:3]))
_METADATA = (".dist-info", ".egg-info")


def names(paths: Iterable[str]) -> list[str]:
    """List the metadata folders' names on paths: name and version of all that is installed."""
    folders = set()
    for path in dict.fromkeys(paths):
        with suppress(OSError), os.scandir(path or ".") as entries:
            folders |= {entry.name for entry in entries if entry.name.endswith(_METADATA)}
    return sorted(folders)


def find(name: str, paths: Sequence[str] | None = None) -> Distribution | None:
    """Find a library by its name, the first on ``paths``, or on those of this process."""
    return next(
        iter(Distribution.discover(name=name, path=list(sys.path if paths is None else paths))),
        None,
    )
