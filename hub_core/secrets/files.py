"""Secrets in files: read only where nobody else may read them, and written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from hub_core.errors import ConfigurationError, StoreError


def content(path: Path, most: int, granted: str | None) -> bytes:
    """Read the first bytes of a secret's file, at most ``most``.

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
    """Write a secret to ``secrets/<owner>/<name>`` of a home, and return the file's path.

    Only the home's own user may read it. Raises StoreError where it cannot be written; what was
    there before is there still.
    """
    folder = home / "secrets" / owner
    path = folder / name
    try:
        home_stat = home.stat()
        for directory in (folder.parent, folder):
            directory.mkdir(mode=0o700, exist_ok=True)
            directory.chmod(0o700)
            _give_to_owner(directory, home_stat)
        handle, new = tempfile.mkstemp(prefix=f".{name[:64]}-", suffix=".new", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                _give_to_owner(handle, home_stat)
                file.write(value + b"\n")
                file.flush()
                os.fsync(handle)
            Path(new).replace(path)
        except BaseException:
            Path(new).unlink(missing_ok=True)
            raise
        for directory in (folder, folder.parent, home):
            _sync_folder(directory)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _give_to_owner(file: Path | int, home_stat: os.stat_result) -> None:
    """Make the home's user the owner of a file or folder, where it is root who writes it."""
    if os.geteuid() == 0:
        os.chown(file, home_stat.st_uid, home_stat.st_gid)


def _sync_folder(folder: Path) -> None:
    """Flush a folder to disk, so that the names in it survive a crash."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
