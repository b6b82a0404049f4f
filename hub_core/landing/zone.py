"""Parts, landings and submissions on disk: write, seal, adopt, open, verify.

::

    landing/<province>/<provision>/
      parts/<sha256>.zst                       bytes as received, once
      gathers/<gather>/landing.json            parts in order; the gather's commit point
      gathers/<gather>/quarantine.parquet      rows whose period could not be read
      submissions/<calendar>.<label>/<gather>-<replay>/
        observations.parquet  quarantine.parquet  manifest.json (written last)
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import zstandard
from pydantic import ValidationError

from hub_core.contracts import PayloadPart, explain
from hub_core.errors import StateError, StoreError, SubmissionError
from hub_core.landing.parts import check_part, holds, open_part
from hub_core.model.exchange import Landing, Manifest, Part
from hub_core.model.validators import etag, http_date

_LEVEL = -1  # nearly as small as 1, in half the time
_TAKERS = 4  # parts taken over at once
JOURNAL = "parts.jsonl"
OBSERVATIONS, QUARANTINE, MANIFEST = "observations.parquet", "quarantine.parquet", "manifest.json"


class Scratch:
    """The folder in which a child leaves what it made; the same layout as a provision's folder."""

    def __init__(self, root: Path, hide: Iterable[str] = (), kept: Path | None = None) -> None:
        """``hide``: secrets, which stand in no name or origin of a part; ``kept``: where parts are landed already."""
        self.root, self._kept = root, kept
        self._hide = sorted(hide, key=len, reverse=True)
        self._lent: dict[str, Path] = {}
        (root / "parts").mkdir(parents=True, exist_ok=True)
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)

    def lend(self, folder: Path, part: Part) -> PayloadPart:
        """A part that lies in another folder already, and is not written again. Raises StoreError."""
        found = open_part(folder, part)
        self._lent[part.digest] = folder
        return found

    def open(self, part: Part) -> PayloadPart:
        """A part that was landed here, or lent. Raises StoreError."""
        return open_part(self._lent.get(part.digest, self.root / "parts"), part)

    def land(self, payload: PayloadPart, key: Callable[[str], str] | None = None) -> Part:
        """A part's bytes on disk, and a line about it in the journal; ``key`` gives a question's digest."""
        digest = payload.digest
        path = self.root / "parts" / f"{digest}.zst"
        if digest not in self._lent and self._kept is not None and holds(self._kept / path.name, payload.content):
            self._lent[digest] = self._kept
        if digest not in self._lent and not path.exists():
            with (self.root / "parts" / f"{digest}.new").open("wb") as file:
                file.write(self._compressor.compress(payload.content))
            Path(file.name).replace(path)
        tag, changed = etag(payload.etag), http_date(payload.last_modified)
        part = Part(
            digest=digest,
            size=len(payload.content),
            media_type=payload.media_type,
            origin=self._shown(payload.origin),
            name=self._shown(payload.name),
            question=key(payload.question) if key and payload.question and (tag or changed) else None,
            etag=tag,
            last_modified=changed,
        )
        with (self.root / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(part.model_dump_json() + "\n")
        return part

    def _shown(self, text: str) -> str:
        for secret in self._hide:
            text = text.replace(secret, "[secret]")
        return text

    def landed(self, kept: Path | None = None) -> list[Part]:
        """The parts of the journal that hold, for a gather whose child ended before it could say so itself.

        ``kept``: where those that were lent lie.
        """
        path = self.root / JOURNAL
        if not path.exists():
            return []
        parts = []
        for line in path.read_bytes().splitlines(keepends=True):
            try:
                part = Part.model_validate_json(line)
            except ValidationError:
                break  # the process ended in the middle of this line
            name = f"{part.digest}.zst"
            with suppress(StoreError):  # the machine went down before it was on disk
                if _plain(self.root / "parts" / name):
                    check_part(self.root / "parts" / name, part)
                elif kept is None or not _plain(kept / name):
                    continue
                parts.append(part)
        return parts

    def gather_folder(self, gather: str) -> Path:
        """Where a gather's own files go."""
        folder = self.root / "gathers" / gather
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def commit(self, landing: Landing) -> None:
        """Write ``landing.json``, the commit point of a gather."""
        write(self.gather_folder(landing.gather) / "landing.json", landing.model_dump_json(indent=1).encode())

    def submission_folder(self, calendar: str, period: str, gather: str, replay: int) -> Path:
        """An empty folder for a submission."""
        folder = self.root / _submission(calendar, period, gather, replay)
        folder.mkdir(parents=True)
        return folder


def _submission(calendar: str, period: str, gather: str, replay: int) -> str:
    return f"submissions/{calendar}.{period}/{gather}-{replay}"


def write(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all."""
    scratch = path.with_name(path.name + ".new")
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def file_digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a sealed folder, its files checked against their digests. Raises SubmissionError."""
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise SubmissionError(f"{folder} was never sealed: it has no {MANIFEST}") from error
    except ValidationError as error:
        raise SubmissionError(f"{path}: {explain(error)}") from error
    if set(manifest.files) != {OBSERVATIONS, QUARANTINE}:
        raise SubmissionError(f"{path} lists other files than {OBSERVATIONS} and {QUARANTINE}")
    for name, digest in manifest.files.items():
        file = folder / name
        if file.is_symlink() or not file.is_file():
            raise SubmissionError(f"{file} is not there")
        if file_digest(file) != digest:
            raise SubmissionError(f"{file} is not the file that was sealed")
    return manifest


class LandingZone:
    """The landing zone of a hub: a folder that only the hub itself writes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def provision(self, province: str, provision: str) -> Path:
        """A provision's folder."""
        return self.root / province / provision

    def parts(self, province: str, provision: str) -> Path:
        """The folder of a provision's landed parts."""
        return self.provision(province, provision) / "parts"

    def adopt_landing(self, scratch: Path, landing: Landing) -> None:
        """Take a gather over from a scratch folder: parts first, then ``landing.json``."""
        folder = self.provision(landing.province, landing.provision)
        try:
            (folder / "parts").mkdir(parents=True, exist_ok=True)
            if (scratch / "parts").is_symlink() or (scratch / "gathers").is_symlink():
                raise StoreError("a link stands where the child's own folders should", province=landing.province)
            with ThreadPoolExecutor(_TAKERS, "take") as pool:  # most of it is waiting for the disk
                parts = {part.digest: part for part in landing.parts}.values()
                list(pool.map(partial(_take_part, scratch / "parts", folder / "parts"), parts))
            target = folder / "gathers" / landing.gather
            target.mkdir(parents=True, exist_ok=True)
            _take(scratch / "gathers" / landing.gather / QUARANTINE, target / QUARANTINE, needed=False)
            write(target / "landing.json", landing.model_dump_json(indent=1).encode())
        except OSError as error:
            raise StoreError.of(error, f"landing zone {folder}: ", province=landing.province) from error

    def copy_part(self, scratch: Path, province: str, provision: str, part: Part) -> None:
        """Take a part over while its child is still at work, who may change its own file at any moment: a checked copy.

        Raises StoreError where it does not hold, and OSError.
        """
        target = self.parts(province, provision) / f"{part.digest}.zst"
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = target.with_name(target.name + ".new")
        source = os.open(scratch / "parts" / target.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            with open(source, "rb") as file, copy.open("wb") as taken:  # noqa: PTH123 - by its descriptor
                if not stat.S_ISREG(os.fstat(source).st_mode):
                    raise StoreError(f"{target.name} is no plain file")
                shutil.copyfileobj(file, taken)
                taken.flush()
                os.fsync(taken.fileno())
            check_part(copy, part)
            copy.replace(target)
        finally:
            copy.unlink(missing_ok=True)

    def adopt_submission(self, folder: Path, manifest: Manifest) -> Path:
        """Copy a sealed folder; the manifest goes last. Gives its path within the landing zone.

        What was sealed is small; it is copied, so that a sender's folder stays as it was.
        """
        place = self.provision(manifest.province, manifest.provision)
        place /= _submission(manifest.calendar, manifest.period, manifest.gather, manifest.replay)
        try:
            if place.exists() and not place.samefile(folder):
                shutil.rmtree(place)  # left by a night that was cut off before it could admit
            place.mkdir(parents=True, exist_ok=True)
            for name in (*sorted(manifest.files), MANIFEST):
                write(place / name, (folder / name).read_bytes())
        except OSError as error:
            raise StoreError.of(error, f"landing zone {place}: ", province=manifest.province) from error
        return place.relative_to(self.root)

    def landing(self, province: str, provision: str, gather: str) -> Landing:
        """What a gather landed. Raises StateError where there is no such gather."""
        path = self.provision(province, provision) / "gathers" / gather / "landing.json"
        try:
            return Landing.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise StateError(f"no landing {gather}", province=province, provision=provision) from error
        except ValidationError as error:
            raise StoreError(f"{path}: {explain(error)}", province=province, provision=provision) from error

    def landings(self, province: str, provision: str) -> list[str]:
        """The gather ids of a provision's landings, oldest first."""
        folder = self.provision(province, provision) / "gathers"
        return sorted(path.parent.name for path in folder.glob("*/landing.json"))


def _take_part(left: Path, kept: Path, part: Part) -> None:
    """Move a part into the landing zone, checked where it is new there, or what is kept is damaged."""
    name = f"{part.digest}.zst"
    source, target = left / name, kept / name
    over = _plain(source) and not (target.exists() and filecmp.cmp(source, target, shallow=False))
    if over:
        check_part(source, part)
    _take(source, target, over=over)


def _take(source: Path, target: Path, *, needed: bool = True, over: bool = False) -> None:
    """Move a plain file into the landing zone, on disk before anything speaks of it; ``over`` what is there too."""
    if target.exists() and not over:
        return
    if not _plain(source):
        if needed:
            raise StoreError(f"{source.name} is missing in what the child left")
        return
    with source.open("rb") as file:
        os.fsync(file.fileno())
    try:
        source.replace(target)
    except OSError:  # another file system
        scratch = target.with_name(target.name + ".new")
        shutil.copyfile(source, scratch)
        scratch.replace(target)


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
