"""Secrets in files.

Read where nobody else may read them, written so that they are whole or not there.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from hub_core.errors import ConfigurationError, StoreError


def content(path: Path, most: int, granted: str | None) -> bytes:
    """The first bytes of a secret's file, at most so many.

    ``granted``: the folder of a unit's credentials, where systemd keeps others out by the folder
    and by ACLs, which look like a group's right to read (github.com/systemd/systemd/issues/29435).
    Raises ConfigurationError where the file cannot be read, is no plain file, or can be read by
    others.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigurationError(f"{path} is no plain file")
            inside = granted is not None and Path(granted).resolve() in path.resolve().parents
            if mode & (0o037 if inside else 0o077):
                how = f"chmod 600 {path}; where it is mounted, mount it with mode 0400"
                raise ConfigurationError(
                    f"{path} is open to others (mode {stat.S_IMODE(mode):04o}): {how}"
                )
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(most)
        finally:
            os.close(handle)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def keep(home: Path, owner: str, name: str, value: bytes) -> Path:
    """Write a secret to ``secrets/<owner>/<name>`` of a home, for the home's own user alone; where it is now.

    Raises StoreError where it cannot be written; what was there before is there still.
    """
    folder = home / "secrets" / owner
    path = folder / name
    try:
        whose = home.stat()
        for each in (folder.parent, folder):
            each.mkdir(mode=0o700, exist_ok=True)
            each.chmod(0o700)
            _give(each, whose)
        handle, new = tempfile.mkstemp(prefix=f".{name[:64]}-", suffix=".new", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                _give(handle, whose)
                file.write(value + b"\n")
                file.flush()
                os.fsync(handle)
            Path(new).replace(path)
        except BaseException:
            Path(new).unlink(missing_ok=True)
            raise
        for each in (folder, folder.parent, home):
            _settle(each)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _give(place: Path | int, whose: os.stat_result) -> None:
    """Leave a file to the user of the home, where it is root who writes it."""
    if os.geteuid() == 0:
        os.chown(place, whose.st_uid, whose.st_gid)


def _settle(folder: Path) -> None:
    """See that the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
