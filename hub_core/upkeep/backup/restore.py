"""Restore a set.

It is written into a folder beside the new home, every digest is verified, and then the folder is
given the home's name.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import zstandard

from hub_core.errors import ConfigurationError, StateError, StoreError
from hub_core.landing.layout import file_digest
from hub_core.store import tables as t
from hub_core.store.connection import HEAD
from hub_core.store.runs import Runs
from hub_core.store.store import Store
from hub_core.upkeep.backup import ABOUT, ABOUTS, DIGESTS, FOLDERS, POSTGRESQL, SQLITE, About
from hub_core.upkeep.backup.database import check_counts, check_empty, load

if TYPE_CHECKING:
    from io import BufferedReader

Report = Callable[[str, dict[str, int]], None]
_PREFIX = "sqlite:///"
_PIECE = 1 << 20
_READ = 1 << 12  # compressed bytes at a time, so that what they open to is bounded


def restore(
    source: Path, home: Path, now: datetime, report: Report, url: str | None = None
) -> About:
    """Make a home from a set.

    ``url``: the empty database on a server to load into, where it is not config's own. Raises
    StateError where the home or that database is not empty, ConfigurationError, and StoreError
    where the set is not whole, is of a newer hub, or cannot be written; then nothing of it is
    there.
    """
    home = home.absolute()
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise StateError(f"{home} is not empty: a set is restored into a new folder")
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{home.name}-", suffix=".new", dir=home.parent))
        try:
            about = _extract(source, work, report)
            _place(work, about, url, now)
            os.sync()
            work.replace(home)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{source} cannot be restored into {home}: {error}") from error
    return about


def _extract(source: Path, work: Path, report: Report) -> About:
    """Write the members of a set as files into a folder, and return what the set is.

    Raises StoreError where it is not whole.
    """
    lines = hashlib.sha256()
    try:
        with source.open("rb") as file:
            stream = _Stream(file)
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                while (member := tar.next()) is not None:
                    tar.members = []  # type: ignore[attr-defined]  # else it keeps every member in memory
                    digest = _write_member(tar, member, work)
                    if member.name not in (DIGESTS, ABOUT):
                        lines.update(f"{digest}  {member.name}\n".encode())
                    report("set", {"MiB": file.tell() >> 20})
            stream.finish()
    except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError) as error:
        raise StoreError(f"{source} is no whole set: {error}") from error
    about = _about(source, work / ABOUT)
    if not (work / DIGESTS).is_file() or file_digest(work / DIGESTS) != about.digests:
        raise StoreError(f"{source} is no whole set: {DIGESTS} is not the one that {ABOUT} names")
    if lines.hexdigest() != about.digests:
        raise StoreError(f"{source} is no whole set: {_describe_change(work)}")
    for name in (DIGESTS, ABOUT):
        (work / name).unlink()
    return about


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, work: Path) -> str:
    """Write a member into a folder; return its digest.

    Raises StoreError for what is no file of a set.
    """
    place = PurePosixPath(member.name)
    at_top = member.name in (SQLITE, POSTGRESQL, DIGESTS, ABOUT)
    in_folder = len(place.parts) > 1 and place.parts[0] in FOLDERS and ".." not in place.parts
    if not member.isreg() or str(place) != member.name or not (at_top or in_folder):
        raise StoreError(f"the set holds {member.name!r}, which is no file of a set")
    path = work / place
    path.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    assert content is not None
    digest = hashlib.sha256()
    with path.open("xb") as file:
        while piece := content.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _about(source: Path, path: Path) -> About:
    try:
        about = ABOUTS.read(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError(f"{source} is no whole set: it ends before {ABOUT}") from error
    except ValueError as error:
        raise StoreError(f"{source}: {ABOUT} cannot be read by this hub: {error}") from error
    if about.schema_version > HEAD:
        what = f"its database is of version {about.schema_version}, newer than this hub ({HEAD})"
        raise StoreError(f"{source}: {what}: install the newer hub")
    return about


def _describe_change(work: Path) -> str:
    """Name the first file that does not hold its digest."""
    with (work / DIGESTS).open(encoding="utf-8") as lines:
        for line in lines:
            digest, _, name = line.rstrip("\n").partition("  ")
            if not (work / name).is_file() or file_digest(work / name) != digest:
                return f"{name} is gone or changed"
    return f"it holds a file that {DIGESTS} does not name"


class _Stream(io.RawIOBase):
    """The bytes of a ``zstd`` file, which must end as it was written."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._open = zstandard.ZstdDecompressor().decompressobj()
        self._left = bytearray()

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, fewer at the end. Raises EOFError where the file is cut off."""
        while len(self._left) < size and not self._open.eof:
            piece = self._file.read(_READ)
            if not piece:
                raise EOFError("it is cut off")
            self._left += self._open.decompress(piece)
        content = bytes(self._left[:size])
        del self._left[:size]
        return content

    def finish(self) -> None:
        """Read to the end, so that the last checksum is checked."""
        while self.read(_PIECE):
            continue


def _place(work: Path, about: About, url: str | None, now: datetime) -> None:
    """Put database and landing zone where hub.toml says.

    hub.toml names places inside the home then.
    """
    toml = work / "config" / "hub.toml"
    text = toml.read_text(encoding="utf-8-sig")
    settings: dict[str, Any] = tomllib.loads(text).get("store", {})
    zone = _path_inside(str(settings.get("landing", "landing")))
    text = _with_setting(text, "landing", zone or "landing")
    (work / "landing").mkdir(exist_ok=True)
    if zone and zone != "landing":
        (work / zone).parent.mkdir(parents=True, exist_ok=True)
        (work / "landing").rename(work / zone)
    if about.database == SQLITE:
        if url is not None:
            raise ConfigurationError(
                "--database is for a set of a database on a server; this one is of SQLite"
            )
        database_path = str(settings.get("database", f"{_PREFIX}hub.db")).removeprefix(_PREFIX)
        name = _path_inside(database_path) or "hub.db"
        text = _with_setting(text, "database", f"{_PREFIX}{name}")
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / SQLITE).rename(work / name)
        url = f"{_PREFIX}{work / name}"
    else:
        url = url or str(settings["database"])
        text = _with_setting(text, "database", url) if url != settings["database"] else text
        check_empty(url)
        load(url, work / POSTGRESQL)
        (work / POSTGRESQL).unlink()
    toml.write_text(text, encoding="utf-8")
    check_counts(url, about.rows)
    _bring_up_to_date(url, now)


def _path_inside(path: str) -> str | None:
    """Return a path that stays inside the home, or None."""
    place = PurePosixPath(path)
    return None if place.is_absolute() or ".." in place.parts else str(place)


def _with_setting(text: str, key: str, value: str) -> str:
    """Return hub.toml with another value in ``[store]``, where it has one.

    Raises ConfigurationError where the value cannot be changed.
    """
    store: dict[str, Any] = tomllib.loads(text).get("store", {})
    if store.get(key, value) == value:
        return text
    changed = re.sub(
        rf"(?m)^(\s*{key}\s*=\s*)[\"'][^\"']*[\"']",
        lambda match: f'{match[1]}"{value}"',
        text,
        count=1,
    )
    if tomllib.loads(changed).get("store", {}).get(key) != value:
        raise ConfigurationError(f"hub.toml of the set: [store] {key} cannot be changed to {value}")
    return changed


def _bring_up_to_date(url: str, now: datetime) -> None:
    """Bring a restored database to this hub's version; nobody is at work in it."""
    store = Store(url)
    try:
        Runs(store).interrupt(now)
        with store.write() as connection:
            connection.execute(t.lease.delete())
    finally:
        store.close()
