"""The landing zone: parts, landings and submissions that the hub keeps."""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from hub_core.errors import StateError, StoreError
from hub_core.landing.layout import MANIFEST, QUARANTINE, is_plain, submission_path, write
from hub_core.landing.parts import check_part
from hub_core.model.exchange import Landing, Manifest, Part
from hub_core.model.formats import LANDINGS

_THREADS = 4  # parts taken over at once


class LandingZone:
    """The landing zone of a hub: a folder that only the hub itself writes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def provision(self, province: str, provision: str) -> Path:
        """Return a provision's folder."""
        return self.root / province / provision

    def parts(self, province: str, provision: str) -> Path:
        """Return the folder of a provision's landed parts."""
        return self.provision(province, provision) / "parts"

    def adopt_landing(self, scratch: Path, landing: Landing) -> None:
        """Take a gather over from a scratch folder: parts first, then ``landing.json``.

        Raises StoreError where a part is missing or holds other bytes, where a link stands in place
        of a folder, and where the disk fails.
        """
        folder = self.provision(landing.province, landing.provision)
        try:
            (folder / "parts").mkdir(parents=True, exist_ok=True)
            if (scratch / "parts").is_symlink() or (scratch / "gathers").is_symlink():
                raise StoreError(
                    "a link stands where the child's own folders should", province=landing.province
                )
            with ThreadPoolExecutor(_THREADS, "take") as pool:  # most of it is waiting for the disk
                parts = {part.digest: part for part in landing.parts}.values()
                list(pool.map(partial(_take_part, scratch / "parts", folder / "parts"), parts))
            target = folder / "gathers" / landing.gather
            target.mkdir(parents=True, exist_ok=True)
            _take(
                scratch / "gathers" / landing.gather / QUARANTINE, target / QUARANTINE, needed=False
            )
            write(target / "landing.json", landing.model_dump_json(indent=1).encode())
        except OSError as error:
            raise StoreError.of(
                error, f"landing zone {folder}: ", province=landing.province
            ) from error

    def copy_part(self, scratch: Path, province: str, provision: str, part: Part) -> None:
        """Copy a part into the landing zone while its child is still at work, and check the copy.

        It is a copy because the child may change its own file at any moment. A part that is there
        already is not copied. Raises StoreError where the copy does not hold the part's bytes, and
        OSError.
        """
        target = self.parts(province, provision) / f"{part.digest}.zst"
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = target.with_name(target.name + ".new")
        source = os.open(
            scratch / "parts" / target.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        )
        try:
            with open(source, "rb") as file, copy.open("wb") as copied:  # noqa: PTH123 - by its descriptor
                if not stat.S_ISREG(os.fstat(source).st_mode):
                    raise StoreError(f"{target.name} is no plain file")
                shutil.copyfileobj(file, copied)
                copied.flush()
                os.fsync(copied.fileno())
            check_part(copy, part)
            copy.replace(target)
        finally:
            copy.unlink(missing_ok=True)

    def adopt_submission(self, folder: Path, manifest: Manifest) -> Path:
        """Copy a sealed folder, its manifest last, and return its path within the landing zone.

        A sealed folder is small. It is copied so that the sender's folder stays as it was. Raises
        StoreError where the disk fails.
        """
        target = self.provision(manifest.province, manifest.provision)
        target /= submission_path(
            manifest.calendar, manifest.period, manifest.gather, manifest.replay
        )
        try:
            if target.exists() and not target.samefile(folder):
                shutil.rmtree(target)  # left by a night that was cut off before it could admit
            target.mkdir(parents=True, exist_ok=True)
            for name in (*sorted(manifest.files), MANIFEST):
                write(target / name, (folder / name).read_bytes())
        except OSError as error:
            raise StoreError.of(
                error, f"landing zone {target}: ", province=manifest.province
            ) from error
        return target.relative_to(self.root)

    def landing(self, province: str, provision: str, gather: str) -> Landing:
        """Read what a gather landed.

        Raises StateError where there is no such gather, and StoreError where its ``landing.json``
        cannot be read.
        """
        path = self.provision(province, provision) / "gathers" / gather / "landing.json"
        try:
            return LANDINGS.read(path.read_bytes())
        except FileNotFoundError as error:
            raise StateError(
                f"no landing {gather}", province=province, provision=provision
            ) from error
        except ValueError as error:
            raise StoreError(f"{path}: {error}", province=province, provision=provision) from error

    def landings(self, province: str, provision: str) -> list[str]:
        """List the gather ids of a provision's landings, oldest first."""
        folder = self.provision(province, provision) / "gathers"
        return sorted(path.parent.name for path in folder.glob("*/landing.json"))


def _take_part(scratch_parts: Path, zone_parts: Path, part: Part) -> None:
    """Move a part into the landing zone, unless the very same file is there already.

    It is checked first. It takes the place of a file that differs, for that one is damaged.
    """
    name = f"{part.digest}.zst"
    source, target = scratch_parts / name, zone_parts / name
    overwrite = is_plain(source) and not (
        target.exists() and filecmp.cmp(source, target, shallow=False)
    )
    if overwrite:
        check_part(source, part)
    _take(source, target, overwrite=overwrite)


def _take(source: Path, target: Path, *, needed: bool = True, overwrite: bool = False) -> None:
    """Move a plain file into the landing zone, flushed to disk before anything refers to it.

    A file that is there already stays, unless ``overwrite``. A file that is missing in the scratch
    folder raises StoreError where it is ``needed``.
    """
    if target.exists() and not overwrite:
        return
    if not is_plain(source):
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
