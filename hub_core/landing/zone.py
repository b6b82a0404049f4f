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

_TAKERS = 4  # parts taken over at once


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
                raise StoreError(
                    "a link stands where the child's own folders should", province=landing.province
                )
            with ThreadPoolExecutor(_TAKERS, "take") as pool:  # most of it is waiting for the disk
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
        """Take a part over while its child is still at work, who may change its own file at any moment: a checked copy.

        Raises StoreError where it does not hold, and OSError.
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
        place /= submission_path(
            manifest.calendar, manifest.period, manifest.gather, manifest.replay
        )
        try:
            if place.exists() and not place.samefile(folder):
                shutil.rmtree(place)  # left by a night that was cut off before it could admit
            place.mkdir(parents=True, exist_ok=True)
            for name in (*sorted(manifest.files), MANIFEST):
                write(place / name, (folder / name).read_bytes())
        except OSError as error:
            raise StoreError.of(
                error, f"landing zone {place}: ", province=manifest.province
            ) from error
        return place.relative_to(self.root)

    def landing(self, province: str, provision: str, gather: str) -> Landing:
        """What a gather landed. Raises StateError where there is no such gather."""
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
        """The gather ids of a provision's landings, oldest first."""
        folder = self.provision(province, provision) / "gathers"
        return sorted(path.parent.name for path in folder.glob("*/landing.json"))


def _take_part(left: Path, kept: Path, part: Part) -> None:
    """Move a part into the landing zone, checked where it is new there, or what is kept is damaged."""
    name = f"{part.digest}.zst"
    source, target = left / name, kept / name
    over = is_plain(source) and not (target.exists() and filecmp.cmp(source, target, shallow=False))
    if over:
        check_part(source, part)
    _take(source, target, over=over)


def _take(source: Path, target: Path, *, needed: bool = True, over: bool = False) -> None:
    """Move a plain file into the landing zone, on disk before anything speaks of it.

    ``over`` what is there too.
    """
    if target.exists() and not over:
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
