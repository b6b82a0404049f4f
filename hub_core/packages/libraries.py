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
    """Name and version of all that is installed on paths, as their metadata folders are called."""
    found = set()
    for path in dict.fromkeys(paths):
        with suppress(OSError), os.scandir(path or ".") as here:
            found |= {each.name for each in here if each.name.endswith(_METADATA)}
    return sorted(found)


def find(name: str, paths: Sequence[str] | None = None) -> Distribution | None:
    """A library by its name, the first on the paths; without them on those of this process."""
    return next(
        iter(Distribution.discover(name=name, path=list(sys.path if paths is None else paths))),
        None,
    )
