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
from hub_core.upkeep.backup.database import copied, counted, version_of
from hub_core.upkeep.backup.members import Member, configuration, members

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub_core.config.operator import Config

_LEVEL = 1  # parts and figures are compressed already
_PIECE = 1 << 20


@dataclass(frozen=True)
class Made:
    """A set and what it is."""

    path: Path
    about: About


def backup(
    config: Config, target: Path, now: datetime, report: Callable[[str, dict[str, int]], None]
) -> Made:
    """Write a home as one set, into a file, or into a folder under a name with the time; a night may run meanwhile.

    Raises StateError where the file is there already, ConfigurationError, and StoreError where
    anything that a row names cannot be read, or the set cannot be written.
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
            _settle(path.absolute().parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"the set {path} cannot be made: {error}") from error
    return Made(path, about)


def _write(
    config: Config, work: Path, now: datetime, report: Callable[[str, dict[str, int]], None]
) -> About:
    with copied(config.database, work) as copy, _Writing(work / "set", report) as made:
        made.add(Member(copy.name, copy.path))
        left_out = []
        for name, content, keys in configuration(config.home / "config"):
            made.put(name, io.BytesIO(content), len(content))
            left_out += keys
        for member in members(config, copy.rows):
            made.add(member)
        about = About(
            hub=version("lienthong"),
            schema_version=version_of(copy.rows),
            database=copy.name,
            made_at=now,
            files=made.files,
            bytes=made.bytes,
            rows=counted(copy.rows),
            left_out=left_out,
            digests=made.digests(),
        )
        told = about.model_dump_json(indent=1).encode()
        made.put(ABOUT, io.BytesIO(told), len(told))
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
        """Close it, on disk where all went well."""
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
        """A file, held against the digest that it must have. Raises StoreError."""
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
        """A member from a stream; its digest."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._pieces.write(info.tobuf(tarfile.PAX_FORMAT))
        digest, left = hashlib.sha256(), size
        while left:
            piece = content.read(min(left, _PIECE))
            if not piece:
                raise StoreError(f"{name} became shorter while it was read")
            digest.update(piece)
            self._pieces.write(piece)
            left -= len(piece)
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


def _settle(folder: Path) -> None:
    """A folder's names on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
