"""Admit.

A sealed submission becomes a revision, in one transaction, or is found to say nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from hub_core.errors import StateError, SubmissionError
from hub_core.landing.layout import OBSERVATIONS
from hub_core.landing.zone import LandingZone
from hub_core.model.catalogue import Catalogue
from hub_core.model.exchange import Manifest
from hub_core.model.observation import (
    KEY,
    MEASURES,
    STATUSES,
    WHOLE_DIGITS,
    content_digest,
    of_format_1,
    scan_figures,
)
from hub_core.obligations import ReportingScope
from hub_core.store.revisions import Submission, current
from hub_core.store.store import Store


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of a submission: its revision, or none where it says nothing new."""

    manifest: Manifest
    revision: int | None
    held: bool


def admit(
    store: Store,
    zone: LandingZone,
    folder: Path,
    manifest: Manifest,
    reason: str,
    now: datetime,
    outdated: Collection[int] = (),
    assert_lease_held: Callable[[sa.Connection], None] = lambda _: None,
) -> Admitted:
    """Take a verified submission over and give it its revision.

    It is new when its figures or its quarantine differ from the current revision's and from those
    of every held one above it, or where that one is outdated: its numbers were counted in other
    units, or its files are damaged. ``assert_lease_held`` is asked in the transaction whether it
    may. Raises StateError where it was admitted before.
    """
    place = {
        "province": manifest.province,
        "provision": manifest.provision,
        "period": manifest.period,
    }
    known = store.submissions(**place, calendar=manifest.calendar)
    if any((s.gather, s.replay) == (manifest.gather, manifest.replay) for s in known):
        raise StateError(f"gather {manifest.gather}-{manifest.replay} was admitted before", **place)
    same = _said_before(manifest, known)
    if same is not None and same.id not in outdated:
        return Admitted(manifest, None, held=same.held)
    path = zone.adopt_submission(folder, manifest)
    revision = max((s.revision for s in known), default=0) + 1
    with store.write() as connection:
        assert_lease_held(connection)
        store.add_submission(connection, manifest, revision, path.as_posix(), reason, now)
    return Admitted(manifest, revision, held=bool(manifest.blocked))


def _said_before(manifest: Manifest, known: list[Submission]) -> Submission | None:
    """The current revision, or one held above it, that says the same."""
    standing = current(known)
    above = [s for s in known if s.held and (standing is None or s.currency > standing.currency)]
    mine = (manifest.kind, manifest.nil, manifest.digests.content, manifest.digests.quarantine)
    told = [*above, *([standing] if standing else [])]
    return next(
        (s for s in told if mine == (s.kind, s.nil, s.content_digest, s.quarantine_digest)), None
    )


def verify(
    folder: Path,
    manifest: Manifest,
    reporting_scope: ReportingScope,
    catalogue: Catalogue,
    *,
    whole: bool,
) -> None:
    """Check what a sealed folder holds against its manifest, its sender's voice and the catalogue.

    ``whole`` also takes the content digest again. Raises SubmissionError.
    """
    place = {
        "province": manifest.province,
        "provision": manifest.provision,
        "period": manifest.period,
    }
    flow = catalogue.dataflows.get(manifest.dataflow)
    if flow is None or manifest.calendar not in flow.calendars:
        what = f"calendar {manifest.calendar} is not {manifest.dataflow}'s"
        raise SubmissionError(f"{what}, and the dataflow does not take both (calendars)", **place)
    try:
        frame = pl.scan_parquet(folder / OBSERVATIONS)
        if not of_format_1(frame.collect_schema()):
            raise SubmissionError(f"{OBSERVATIONS} is not of format 1", **place)
        value = pl.col("value")
        said = frame.select(
            pl.col(*KEY, "status").unique().implode(),
            rows=pl.len(),
            wrong=(
                (value.is_null() & (pl.col("status") != "M")) | (value.abs() >= 10**WHOLE_DIGITS)
            ).sum(),
        ).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise SubmissionError(f"{OBSERVATIONS} cannot be read: {error}", **place) from error
    sets = {name: set(said[name][0]) for name in (*KEY, "status")}
    if said["rows"][0] != manifest.rows:
        raise SubmissionError(
            f"{OBSERVATIONS} has {said['rows'][0]} rows, its manifest says {manifest.rows}", **place
        )
    allowed: dict[str, Collection[str]] = {
        "period": [manifest.period],
        "calendar": [manifest.calendar],
        "status": STATUSES,
        "measure": MEASURES,
        "org_unit": catalogue.org_units,
        "indicator": catalogue.indicators,
    }
    for name, values in allowed.items():
        strangers = sorted(str(each) for each in sets[name] if each not in values)
        if strangers:
            raise SubmissionError(
                f"{name} {', '.join(strangers[:5])} does not belong in this submission", **place
            )
    if None in sets["dims"] or said["wrong"][0]:
        raise SubmissionError(
            "a figure has no value and is not said to be missing, or has no dimensions", **place
        )
    beyond = (sets["org_unit"] - set(reporting_scope.org_units)) | (
        sets["indicator"] - set(reporting_scope.indicators)
    )
    if beyond:
        raise SubmissionError(
            f"the sender does not speak for {', '.join(sorted(beyond)[:5])}", **place
        )
    if whole:
        figures = scan_figures(folder / OBSERVATIONS).collect()
        keys = figures.select(pl.concat_str(KEY, separator="\t")).to_series()
        if keys.is_duplicated().any() or not figures.select(KEY).equals(
            figures.select(KEY).sort(KEY)
        ):
            raise SubmissionError("figures are not in the order of their keys, each once", **place)
        if content_digest(figures, nil=manifest.nil) != manifest.digests.content:
            raise SubmissionError("figures are not those of the manifest's content digest", **place)
