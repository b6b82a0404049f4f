"""Rows without files, and digests that do not hold.

Looked at are sealed folders, landed parts, releases and catalogues.
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
    from hub_core.model.exchange import Landing, Manifest
    from hub_core.store.releases import Release
    from hub_core.store.revisions import Submission

_SAME_FIELDS: tuple[str, ...] = (
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
    """Yield what is lost or changed.

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


def _submission(hub: Hub, rows: Rows, submission: Submission, *, deep: bool) -> Iterator[Symptom]:
    """Compare a revision's folder with its row."""
    place = f"{submission.province}/{submission.provision} {submission.period} revision {submission.revision}"
    is_own = rows.gathers.get(submission.gather) == (submission.province, submission.provision)
    landed = (
        hub.zone.provision(submission.province, submission.provision)
        / "gathers"
        / submission.gather
    )
    remedy = _remedy(submission, can_replay=is_own and landed.is_dir())

    def symptom(kind: Kind, what: str) -> Symptom:
        return harmful(kind, place, f"{what}: {remedy}")

    folder = hub.zone.root / submission.path
    missing_files = [
        name for name in (MANIFEST, OBSERVATIONS, QUARANTINE) if not (folder / name).is_file()
    ]
    if missing_files:
        yield symptom("missing", f"{', '.join(missing_files)} of {submission.path} is gone")
        return
    try:
        manifest = read_manifest(folder)
    except SubmissionError as error:
        yield symptom("digest", error.message)
        return
    if differing := _differing_fields(submission, manifest):
        yield symptom(
            "digest", f"the manifest says another {', '.join(differing)} than the database"
        )
    elif deep:
        figures = scan_figures(folder / OBSERVATIONS).collect()
        if content_digest(figures, nil=submission.nil) != submission.content_digest:
            yield symptom("digest", f"{OBSERVATIONS} does not hold the figures that were admitted")
    if is_own and not (landed / "landing.json").is_file():
        what = (
            f"landing.json of its gather {submission.gather} is gone, and with it trace and replay"
        )
        yield harmful("missing", place, f"{what}: bring it back from a backup")


def _remedy(submission: Submission, *, can_replay: bool) -> str:
    backup = "bring it back from a backup (hub restore into another folder)"
    again = f"hub replay {submission.province} {submission.provision} {submission.gather}"
    return f"{backup}, or {again}" if can_replay else backup


def _differing_fields(submission: Submission, manifest: Manifest) -> list[str]:
    """List what the manifest says otherwise than the database's row."""
    expected = {name: getattr(submission, name) for name in _SAME_FIELDS}
    expected |= {
        "content": submission.content_digest,
        "quarantine": submission.quarantine_digest,
        "catalogue": submission.catalogue_digest,
    }
    sealed = manifest.model_dump(include=set(_SAME_FIELDS)) | manifest.digests.model_dump()
    return sorted(name for name, value in expected.items() if sealed[name] != value)


def _landing(hub: Hub, folder: Path, *, deep: bool) -> Iterator[Symptom]:
    """Check a landing's parts.

    They must be there, and with ``deep`` hold the bytes received.
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
            yield harmful(
                "missing", place, f"{what}: bring it back from a backup{_or_gather_again(landing)}"
            )
        elif deep:
            try:
                check_part(path, part)
            except StoreError as error:
                yield harmful(
                    "digest",
                    place,
                    f"{error.message}: bring it back from a backup{_or_gather_again(landing)}",
                )


def _or_gather_again(landing: Landing) -> str:
    periods = " ".join(f"--period {period}" for period in landing.periods)
    return f", or ask the department again (hub gather --province {landing.province} {periods})"


def _release(hub: Hub, release: Release) -> Iterator[Symptom]:
    """Check a release's figures and manifest against their digests, and what the manifest names."""
    manifest = release.manifest
    remedy = "the database was changed by hand or is damaged: bring it back from a backup"
    for what in wrong_in(release, hub.releases.figures(release.id)):
        yield harmful("release", release.name, f"{what}; {remedy}")
    for used in manifest.submissions:
        place = {"province": used.province, "provision": used.provision, "calendar": used.calendar}
        revisions = hub.store.submissions([used.period], **place, revision=used.revision)
        if [revision.content_digest for revision in revisions] != [used.content_digest]:
            what = f"{used.province}/{used.provision} {used.period} revision {used.revision}"
            yield harmful(
                "release",
                release.name,
                f"{what}, which it is made of, is not in the database; {remedy}",
            )
    releases_before = hub.releases.all(
        dataflow=manifest.dataflow,
        calendar=manifest.calendar,
        period=manifest.period,
        version=manifest.version - 1,
    )
    if [release_before.manifest_digest for release_before in releases_before] != (
        [manifest.previous] if manifest.previous else []
    ):
        what = f"it does not name the manifest of version {manifest.version - 1}"
        yield harmful("chain", release.name, f"{what}; {remedy}")


def catalogues(hub: Hub) -> Iterator[Symptom]:
    """Yield the kept catalogues that something was made with and that are gone or changed."""
    rows = Rows(hub.store)
    folder = hub.config.home / "catalogues"
    needed = rows.catalogues_needed()
    for digest in sorted(rows.catalogues()):
        path = folder / f"{digest}.json"
        exists = path.is_file()
        if (exists and file_digest(path) == digest) or (not exists and digest not in needed):
            continue
        what = "it is not the catalogue that was kept" if exists else "the catalogue is gone"
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
