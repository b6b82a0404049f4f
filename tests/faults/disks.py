"""Small file systems of their own, and how to fill them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = 24 << 20
_SHARED = Path("/dev/shm")  # a file system in memory; in a container it is a small one
_MOST = 256 << 20  # of it that a test may fill


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A folder on a small file system.

    At this place where mounting is allowed, else where a container has one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if mounted:
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
        return
    if not _SHARED.is_dir() or not SIZE // 2 < room(_SHARED) <= _MOST:
        pytest.skip(f"nothing can be mounted here, and {_SHARED} is not small")
    with tempfile.TemporaryDirectory(dir=_SHARED) as place:
        yield Path(place)


def room(folder: Path) -> int:
    """Bytes that are free where a folder is."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@contextmanager
def filled(folder: Path, left: int) -> Iterator[None]:
    """Fill the file system of a folder but for so many bytes.

    Free again when it ends, or this process does.
    """
    with tempfile.TemporaryFile(dir=folder) as filler:
        os.posix_fallocate(filler.fileno(), 0, max(1, room(folder) - left))
        yield
