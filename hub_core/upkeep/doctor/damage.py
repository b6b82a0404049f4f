"""Rows without files, and digests that do not hold.

Sealed folders, landed parts, releases, catalogues.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub_core.errors import StoreError, SubmissionError
from hub_core.landing.layout import MANIFEST, OBSERVATIONS, QUARANTINE, file_digest, read_manifest
from hub_core.landing.parts import check_part
from hub_core.model.observation import content_digest, scan_figures
from hub_core.store.releases import wrong_in
from hub_core.upkeep.doctor.leftovers import read_landing
from hub_core.upkeep.doctor.rows import Rows
from hub_core.upkeep.doctor.symptom import Kind, Report, Symptom, harmful, harmless

if TYPE_CHECKING:
    from pathlib import Path

    from hub_core.home import Hub
    from hub_core.model.exchange import Landing
    from hub_core.store.releases import Release
    from hub_core.store.revisions import Submission

_SAME: tuple[str, ...] = (
    *(
        "gather",
        "replay",
        "sequence",
        "province",
        "provision",
        "provider",
        "dataflow",
        "calendar",
        "period",
    ),
    *("kind", "nil", "rows", "quarantined", "counts"),
)


def damage(hub: Hub, report: Report, *, deep: bool) -> Iterator[Symptom]:
    """What is lost or changed.

    ``deep`` also reads every landed part and takes every content digest again.
    """
    rows = Rows(hub.store)
    yield from catalogues(hub)
    for n, release in enumerate(hub.releases.all()):
        report("releases", {"read": n + 1})
        yield from _release(hub, release)
    for n, submission in enumerate(hub.store.submissions()):
        report("submissions", {"read": n + 1})
        yield from _submission(hub, rows, submission, deep=deep)
    for n, path in enumerate(hub.zone.root.glob("*/*/gathers/*/landing.json")):
        report("landings", {"read": n + 1})
        yield from _landing(hub, path.parent, deep=deep)


def _submission(hub: Hub, rows: Rows, each: Submission, *, deep: bool) -> Iterator[Symptom]:
    """A revision's folder beside its row."""
    place = f"{each.province}/{each.provision} {each.period} revision {each.revision}"
    ours = rows.gathers.get(each.gather) == (each.province, each.provision)
    landed = hub.zone.provision(each.province, each.provision) / "gathers" / each.gather
    replay = (
        f", or hub replay {each.province} {each.provision} {each.gather}"
        if ours and landed.is_dir()
        else ""
    )
    restores = f"bring it back from a backup (hub restore into another folder){replay}"

    def told(kind: Kind, what: str) -> Symptom:
        return harmful(kind, place, f"{what}: {restores}")

    folder = hub.zone.root / each.path
    gone = [name for name in (MANIFEST, OBSERVATIONS, QUARANTINE) if not (folder / name).is_file()]
    if gone:
        yield told("missing", f"{', '.join(gone)} of {each.path} is gone")
        return
    try:
        manifest = read_manifest(folder)
    except SubmissionError as error:
        yield told("digest", error.message)
        return
    same = {name: getattr(each, name) for name in _SAME}
    same |= {
        "content": each.content_digest,
        "quarantine": each.quarantine_digest,
        "catalogue": each.catalogue_digest,
    }
    sealed = manifest.model_dump(include=set(_SAME)) | manifest.digests.model_dump()
    if other := sorted(name for name, value in same.items() if sealed[name] != value):
        yield told("digest", f"the manifest says another {', '.join(other)} than the database")
    elif deep:
        figures = scan_figures(folder / OBSERVATIONS).collect()
        if content_digest(figures, nil=each.nil) != each.content_digest:
            yield told("digest", f"{OBSERVATIONS} does not hold the figures that were admitted")
    if ours and not (landed / "landing.json").is_file():
        what = f"landing.json of its gather {each.gather} is gone, and with it trace and replay"
        yield harmful("missing", place, f"{what}: bring it back from a backup")


def _landing(hub: Hub, folder: Path, *, deep: bool) -> Iterator[Symptom]:
    """A landing's parts.

    That they are there, and with ``deep`` that they hold the bytes received.
    """
    landing = read_landing(folder)
    place = f"{folder.parents[2].name}/{folder.parents[1].name} gather {folder.name}"
    if landing is None:
        yield harmful("digest", place, "landing.json cannot be read: bring it back from a backup")
        return
    for part in landing.parts:
        path = hub.zone.parts(landing.province, landing.provision) / f"{part.digest}.zst"
        if not path.is_file():
            what = f"part {part.digest[:12]} ({part.name}) is gone"
            yield harmful("missing", place, f"{what}: bring it back from a backup{_again(landing)}")
        elif deep:
            try:
                check_part(path, part)
            except StoreError as error:
                yield harmful(
                    "digest",
                    place,
                    f"{error.message}: bring it back from a backup{_again(landing)}",
                )


def _again(landing: Landing) -> str:
    periods = " ".join(f"--period {period}" for period in landing.periods)
    return f", or ask the department again (hub gather --province {landing.province} {periods})"


def _release(hub: Hub, release: Release) -> Iterator[Symptom]:
    """A release's figures against their digest, its manifest against its own, and what it names."""
    told = release.manifest
    restores = "the database was changed by hand or is damaged: bring it back from a backup"
    for what in wrong_in(release, hub.releases.figures(release.id)):
        yield harmful("release", release.name, f"{what}; {restores}")
    for used in told.submissions:
        place = {"province": used.province, "provision": used.provision, "calendar": used.calendar}
        known = hub.store.submissions([used.period], **place, revision=used.revision)
        if [each.content_digest for each in known] != [used.content_digest]:
            what = f"{used.province}/{used.provision} {used.period} revision {used.revision}"
            yield harmful(
                "release",
                release.name,
                f"{what}, which it is made of, is not in the database; {restores}",
            )
    before = hub.releases.all(
        dataflow=told.dataflow, calendar=told.calendar, period=told.period, version=told.version - 1
    )
    if [each.manifest_digest for each in before] != ([told.previous] if told.previous else []):
        what = f"it does not name the manifest of version {told.version - 1}"
        yield harmful("chain", release.name, f"{what}; {restores}")


def catalogues(hub: Hub) -> Iterator[Symptom]:
    """The kept catalogues that something was made with, gone or changed."""
    rows = Rows(hub.store)
    folder = hub.config.home / "catalogues"
    needed = rows.catalogues_needed()
    for digest in sorted(rows.catalogues()):
        path = folder / f"{digest}.json"
        there = path.is_file()
        if (there and file_digest(path) == digest) or (not there and digest not in needed):
            continue
        what = "it is not the catalogue that was kept" if there else "the catalogue is gone"
        place = f"catalogues/{path.name}"
        if digest == hub.config.catalogue.digest:
            yield harmless(
                "catalogue", place, f"{what}; config/ still holds it", "write it again from config/"
            )
        else:
            yield harmful(
                "catalogue",
                place,
                f"{what}: bring it back from a backup, or from config/ of its time",
            )
