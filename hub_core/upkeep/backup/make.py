"""Make a set: written under another name, and there whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING

import zstandard

from hub_core.errors import StateError, StoreError
from hub_core.landing.layout import file_digest
from hub_core.upkeep.backup import ABOUT, DIGESTS, About
from hub_core.upkeep.backup.database import database_copy, row_counts, version_of
from hub_core.upkeep.backup.members import Member, config_files, members

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub_core.config.operator import Config

_LEVEL = 1  # parts and figures are compressed already
_PIECE = 1 << 20


@dataclass(frozen=True)
class BackupSet:
    """A set and what it is."""

    path: Path
    about: About


def backup(
    config: Config, target: Path, now: datetime, report: Callable[[str, dict[str, int]], None]
) -> BackupSet:
    """Write a home as one set; a night may run meanwhile.

    It is written to the file ``target``, or into that folder under a name with the time. Raises
    StateError where the file is there already, ConfigurationError, and StoreError where anything
    that a row names cannot be read, or the set cannot be written.
    """
    path = target / f"lienthong-{now:%Y%m%d-%H%M%S}.tar.zst" if target.is_dir() else target
    if path.exists():
        raise StateError(f"{path} is there already")
    try:
        work = Path(
            tempfile.mkdtemp(prefix=f".{path.name}-", suffix=".new", dir=path.absolute().parent)
        )
        try:
            about = _write(config, work, now, report)
            (work / "set").chmod(0o600)
            (work / "set").replace(path)
            _sync_folder(path.absolute().parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"the set {path} cannot be made: {error}") from error
    return BackupSet(path, about)


def _write(
    config: Config, work: Path, now: datetime, report: Callable[[str, dict[str, int]], None]
) -> About:
    with database_copy(config.database, work) as copy, _Writing(work / "set", report) as writing:
        writing.add(Member(copy.name, copy.path))
        left_out = []
        for name, file_content, keys in config_files(config.home / "config"):
            writing.put(name, io.BytesIO(file_content), len(file_content))
            left_out += keys
        for member in members(config, copy.rows):
            writing.add(member)
        about = About(
            hub=version("lienthong"),
            schema_version=version_of(copy.rows),
            database=copy.name,
            made_at=now,
            files=writing.files,
            bytes=writing.bytes,
            rows=row_counts(copy.rows),
            left_out=left_out,
            digests=writing.digests(),
        )
        about_json = about.model_dump_json(indent=1).encode()
        writing.put(ABOUT, io.BytesIO(about_json), len(about_json))
    return about


class _Writing:
    """A set under way: members one after another, and beside them the lines of their digests."""

    def __init__(self, path: Path, report: Callable[[str, dict[str, int]], None]) -> None:
        self.files = self.bytes = 0
        self._report = report
        self._file = path.open("xb")
        self._pieces = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).stream_writer(
            self._file, closefd=False
        )
        self._lines = path.with_name(DIGESTS).open("w+b")

    def __enter__(self) -> _Writing:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close the set; it is on disk where all went well."""
        try:
            if kind is None:
                self._pieces.write(tarfile.NUL * 2 * tarfile.BLOCKSIZE)
                self._pieces.flush(zstandard.FLUSH_FRAME)
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            self._lines.close()
            self._file.close()

    def add(self, member: Member) -> None:
        """Add a file, held against the digest that it must have. Raises StoreError."""
        try:
            with member.path.open("rb") as file:
                digest = self.put(member.name, file, os.fstat(file.fileno()).st_size)
        except FileNotFoundError as error:
            what = f"{member.path} is gone: hub doctor says what is to be done; a set must be whole"
            raise StoreError(what) from error
        if member.digest not in (None, digest):
            what = (
                f"{member.path} is not the file that was sealed: hub doctor says what is to be done"
            )
            raise StoreError(what)

    def put(self, name: str, content: IO[bytes], size: int) -> str:
        """Add a member from a stream; return its digest."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._pieces.write(info.tobuf(tarfile.PAX_FORMAT))
        digest, bytes_left = hashlib.sha256(), size
        while bytes_left:
            piece = content.read(min(bytes_left, _PIECE))
            if not piece:
                raise StoreError(f"{name} became shorter while it was read")
            digest.update(piece)
            self._pieces.write(piece)
            bytes_left -= len(piece)
        self._pieces.write(tarfile.NUL * (-size % tarfile.BLOCKSIZE))
        self._lines.write(f"{digest.hexdigest()}  {name}\n".encode())
        self.files += 1
        self.bytes += size
        self._report("set", {"files": self.files, "MiB": self.bytes >> 20})
        return digest.hexdigest()

    def digests(self) -> str:
        """Close the list of digests with its own, and put it into the set."""
        self._lines.flush()
        path = Path(self._lines.name)
        digest = file_digest(path)
        self.add(Member(DIGESTS, path))
        return digest


def _sync_folder(folder: Path) -> None:
    """Write a folder's names to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
