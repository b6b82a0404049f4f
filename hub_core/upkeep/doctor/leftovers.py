"""What a killed hub left, and files without rows.

They are read from the folders, beside the rows that should name them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.errors import StoreError, from_dict
from hub_core.landing.layout import MANIFEST, OBSERVATIONS, QUARANTINE
from hub_core.model.exchange import Landing, Manifest
from hub_core.model.formats import LANDINGS, MANIFESTS
from hub_core.packages import installed
from hub_core.store.releases import OPEN
from hub_core.upkeep.doctor.packages import installs
from hub_core.upkeep.doctor.rows import Rows
from hub_core.upkeep.doctor.symptom import Symptom, harmful, harmless

if TYPE_CHECKING:
    from hub_core.home import Hub

_PART = re.compile(r"[0-9a-f]{64}\.zst")
_SNAPSHOT = re.compile(r"[0-9a-f]{64}\.json")
_SEALED = {MANIFEST, OBSERVATIONS, QUARANTINE}


def leftovers(hub: Hub) -> Iterator[Symptom]:
    """Yield what is left over in a home in which nobody is at work."""
    rows = Rows(hub.store)
    for path in _entries(hub.config.home / "scratch"):
        what = "a child's working folder, left by a hub that was killed"
        yield harmless(
            "scratch", _shown_path(hub, path), what, "keep what was landed, remove the rest"
        )
    for folder in _entries(hub.config.home / "secrets"):
        yield from (
            _unfinished_file(hub, path) for path in _entries(folder) if path.name.endswith(".new")
        )
    for run in rows.unended():
        subject = (
            "/".join(name for name in (run["province"], run["provision"]) if name)
            or run["dataflow"]
        )
        yield harmless(
            "run",
            f"run {run['id']}",
            f"{run['kind']} of {subject} never ended",
            "note it as interrupted",
        )
    for lease in _dead_leases(hub, rows):
        yield harmless(
            "lease", lease["name"], f"{lease['holder']} was killed while it held it", "give it back"
        )
    yield from deliveries(hub, waiting=True)
    for province in _entries(hub.zone.root):
        for provision in _entries(province) if province.is_dir() else [province]:
            if provision.is_dir():
                yield from _Provision(hub, rows, provision).leftovers()
            else:
                yield _stray(hub, provision)
    yield from _snapshots(hub, rows)
    yield from installs(hub)


def deliveries(hub: Hub, *, waiting: bool) -> Iterator[Symptom]:
    """Yield deliveries without a receipt.

    ``waiting``: also those that only wait for the next night.
    """
    for row in hub.releases.deliveries():
        if row["state"] not in OPEN:
            continue
        release = hub.releases.all(id=row["release_id"])[0].name
        place, error = f"{release} to {row['recipient']}", row["error"]
        if error is not None and not from_dict(error).retryable:
            yield harmful("delivery", place, f"{row['state']}: {error.get('message')}")
        elif waiting and row["state"] == "sent":
            yield harmless("delivery", place, "sent, and no answer came: the next night asks first")
        elif waiting:
            yield harmless("delivery", place, "not sent yet: the next night sends it")


def _dead_leases(hub: Hub, rows: Rows) -> list[dict[str, Any]]:
    """List leases that have ended, or that this home held; nobody is at work in it."""
    held_elsewhere = {
        name for name, holder in hub.leases.live().items() if holder != hub.leases.holder
    }
    return [lease for lease in rows.leases() if lease["name"] not in held_elsewhere]


class _Provision:
    """A provision's folder beside its rows."""

    def __init__(self, hub: Hub, rows: Rows, folder: Path) -> None:
        self.hub, self.rows, self.folder = hub, rows, folder
        self.place = (folder.parent.name, folder.name)
        self.parts: set[str] = set()  # that landings and manifests name
        self.all_read = True  # whether all of these could be read

    def leftovers(self) -> Iterator[Symptom]:
        for path in _entries(self.folder):
            if path.name not in ("parts", "gathers", "submissions") or not path.is_dir():
                yield _stray(self.hub, path)
        for path in _entries(self.folder / "gathers"):
            yield from self._gather(path)
        for period in _entries(self.folder / "submissions"):
            for path in _entries(period) if period.is_dir() else [period]:
                yield from self._submission(path)
        for path in _entries(self.folder / "parts"):
            yield from self._part(path)

    def _gather(self, path: Path) -> Iterator[Symptom]:
        if not path.is_dir():
            yield _stray(self.hub, path)
            return
        name = _shown_path(self.hub, path)
        if not (path / "landing.json").exists():
            yield harmless(
                "gather",
                name,
                "landing.json was never written; the provision is asked again",
                "remove it",
            )
            return
        yield from self._unexpected_files(path, {"landing.json", QUARANTINE})
        landing = read_landing(path)
        if landing is None:
            self.all_read = False  # damage, which is told elsewhere
            return
        self.parts |= {part.digest for part in landing.parts}
        if (path.name, *self.place) in self.rows.runs:
            return
        if self.rows.gathers.get(path.name, self.place) == self.place:
            what = "the database knows no run that landed it, and would give its number again"
            yield harmless(
                "landing", name, what, "enter its gather and run; hub replay then reads it"
            )
        else:
            other = "/".join(self.rows.gathers[path.name])
            what = f"the database knows no run that landed it, and gave its number to {other}"
            yield harmful(
                "landing", name, f"{what}: restore the database that belongs to this landing zone"
            )

    def _submission(self, path: Path) -> Iterator[Symptom]:
        if not path.is_dir():
            yield _stray(self.hub, path)
            return
        manifest = _manifest(path)
        if manifest is not None:
            self.parts |= {part.digest for part in manifest.parts}
        if path.relative_to(self.hub.zone.root).as_posix() in self.rows.paths:
            self.all_read = self.all_read and manifest is not None
            yield from self._unexpected_files(path, _SEALED)
            return
        name, gather = _shown_path(self.hub, path), path.name.rpartition("-")[0]
        if manifest is None or (gather, *self.place) in self.rows.own_gathers:
            yield harmless(
                "submission",
                name,
                "it was never admitted; the provision is asked again",
                "remove it",
            )
        else:
            what = "a sealed submission of which the database knows nothing"
            again = f"hub admit {path} enters it, if it says anything new; else restore the database that knew it"
            yield harmful("forgotten", name, f"{what}: {again}")

    def _part(self, path: Path) -> Iterator[Symptom]:
        if path.name.endswith(".new"):
            yield _unfinished_file(self.hub, path)
        elif not _PART.fullmatch(path.name) or not path.is_file():
            yield _stray(self.hub, path)
        elif self.all_read and path.stem not in self.parts:
            what = "bytes that no landing names; the provision is asked again"
            yield harmless("part", _shown_path(self.hub, path), what, "remove it")

    def _unexpected_files(self, folder: Path, expected: set[str]) -> Iterator[Symptom]:
        for path in _entries(folder):
            if path.name not in expected:
                yield (
                    _unfinished_file(self.hub, path)
                    if path.name.endswith(".new")
                    else _stray(self.hub, path)
                )


def _snapshots(hub: Hub, rows: Rows) -> Iterator[Symptom]:
    known_digests = rows.catalogues() | {hub.config.catalogue.digest}
    for path in _entries(hub.config.home / "catalogues"):
        if path.suffix == ".new":
            yield _unfinished_file(hub, path)
        elif not _SNAPSHOT.fullmatch(path.name):
            yield _stray(hub, path)
        elif path.stem not in known_digests:
            yield harmless(
                "snapshot", _shown_path(hub, path), "a catalogue that no row names", "remove it"
            )


def mend(hub: Hub, symptom: Symptom) -> None:
    """Remove or complete what a symptom says. Raises StoreError where that fails."""
    path = hub.config.home / symptom.place
    try:
        match symptom.kind:
            case "landing":
                landing = read_landing(path)
                assert landing is not None
                _enter(hub, landing)
            case "lease":
                rows = Rows(hub.store)
                for lease in _dead_leases(hub, rows):
                    if lease["name"] == symptom.place:
                        rows.give_back(lease)
            case "catalogue":
                path.unlink(missing_ok=True)
                hub.config.snapshot()
            case "install":
                installed.discard(path)
            case "gather" | "submission":
                shutil.rmtree(path)
            case "new" | "part" | "snapshot":
                path.unlink()
    except OSError as error:
        raise StoreError(f"{path}: {error}") from error


def _enter(hub: Hub, landing: Landing) -> None:
    provisions = (
        hub.provinces[landing.province].provisions if landing.province in hub.provinces else {}
    )
    dataflow = provisions[landing.provision].dataflow if landing.provision in provisions else ""
    folders = hub.zone.provision(landing.province, landing.provision).glob(
        f"submissions/*/{landing.gather}-*"
    )
    numbers = [path.name.rpartition("-")[2] for path in folders]
    replays = max((int(number) for number in numbers if number.isdecimal()), default=0)
    Rows(hub.store).enter(landing, dataflow, replays)


def read_landing(folder: Path) -> Landing | None:
    """Return the landing of a gather's folder, or None where it cannot be read or is another's."""
    try:
        landing = LANDINGS.read((folder / "landing.json").read_bytes())
    except (OSError, ValueError):
        return None
    place = (landing.gather, landing.provision, landing.province)
    return (
        landing if place == (folder.name, folder.parents[1].name, folder.parents[2].name) else None
    )


def _manifest(folder: Path) -> Manifest | None:
    try:
        return MANIFESTS.read((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _shown_path(hub: Hub, path: Path) -> str:
    """Return a path as the operator types it: from the home, where it is inside."""
    home = hub.config.home
    return (path.relative_to(home) if path.is_relative_to(home) else path).as_posix()


def _unfinished_file(hub: Hub, path: Path) -> Symptom:
    return harmless(
        "new", _shown_path(hub, path), "it was being written when the hub was killed", "remove it"
    )


def _stray(hub: Hub, path: Path) -> Symptom:
    return harmful(
        "stray", _shown_path(hub, path), "no file of the hub's: look at it and take it away"
    )
