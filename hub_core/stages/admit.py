"""Admit: a sealed submission becomes a revision, in one transaction, unless it says nothing new."""

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
    of every held one above it, or where the one that says the same is outdated: its numbers were
    counted in other units, or its files are damaged. ``outdated``: the ids of such submissions.
    ``assert_lease_held`` is called in the transaction, and raises where this hub may no longer
    write. Raises StateError where it was admitted before.
    """
    place = _place(manifest)
    earlier = store.submissions(**place, calendar=manifest.calendar)
    if any((s.gather, s.replay) == (manifest.gather, manifest.replay) for s in earlier):
        raise StateError(f"gather {manifest.gather}-{manifest.replay} was admitted before", **place)
    same = _said_before(manifest, earlier)
    if same is not None and same.id not in outdated:
        return Admitted(manifest, None, held=same.held)
    path = zone.adopt_submission(folder, manifest)
    revision = max((s.revision for s in earlier), default=0) + 1
    with store.write() as connection:
        assert_lease_held(connection)
        store.add_submission(connection, manifest, revision, path.as_posix(), reason, now)
    return Admitted(manifest, revision, held=bool(manifest.blocked))


def _said_before(manifest: Manifest, earlier: list[Submission]) -> Submission | None:
    """Return the current revision, or one held above it, that says the same; else None."""
    current_one = current(earlier)
    held_above = [
        s for s in earlier if s.held and (current_one is None or s.currency > current_one.currency)
    ]
    content = (manifest.kind, manifest.nil, manifest.digests.content, manifest.digests.quarantine)
    candidates = [*held_above, *([current_one] if current_one else [])]
    return next(
        (
            s
            for s in candidates
            if content == (s.kind, s.nil, s.content_digest, s.quarantine_digest)
        ),
        None,
    )


def verify(
    folder: Path,
    manifest: Manifest,
    reporting_scope: ReportingScope,
    catalogue: Catalogue,
    *,
    check_digest: bool,
) -> None:
    """Check a sealed folder against its manifest, what its sender may report, and the catalogue.

    ``check_digest``: whether to compute the content digest again, and check the order of the keys.
    Raises SubmissionError.
    """
    place = _place(manifest)
    _check_calendar(manifest, catalogue, place)
    summary = _summarize(folder, place)
    values_of = {name: set(summary[name][0]) for name in (*KEY, "status")}
    if summary["rows"][0] != manifest.rows:
        raise SubmissionError(
            f"{OBSERVATIONS} has {summary['rows'][0]} rows, its manifest says {manifest.rows}",
            **place,
        )
    _check_values(values_of, manifest, catalogue, place)
    if None in values_of["dims"] or summary["wrong"][0]:
        raise SubmissionError(
            "a figure has no value and is not said to be missing, or has no dimensions", **place
        )
    not_theirs = (values_of["org_unit"] - set(reporting_scope.org_units)) | (
        values_of["indicator"] - set(reporting_scope.indicators)
    )
    if not_theirs:
        raise SubmissionError(
            f"the sender does not speak for {', '.join(sorted(not_theirs)[:5])}", **place
        )
    if check_digest:
        _check_content(folder, manifest, place)


def _place(manifest: Manifest) -> dict[str, str]:
    """Return the place that errors about a submission name."""
    return {
        "province": manifest.province,
        "provision": manifest.provision,
        "period": manifest.period,
    }


def _check_calendar(manifest: Manifest, catalogue: Catalogue, place: dict[str, str]) -> None:
    flow = catalogue.dataflows.get(manifest.dataflow)
    if flow is None or manifest.calendar not in flow.calendars:
        wrong = f"calendar {manifest.calendar} is not {manifest.dataflow}'s"
        raise SubmissionError(f"{wrong}, and the dataflow does not take both (calendars)", **place)


def _summarize(folder: Path, place: dict[str, str]) -> pl.DataFrame:
    """Summarize a sealed folder's figures in one row.

    It has the values of each key column and of ``status`` as lists, ``rows``, and ``wrong``: how
    many values are too large, or null without being said to be missing.
    """
    try:
        frame = pl.scan_parquet(folder / OBSERVATIONS)
        if not of_format_1(frame.collect_schema()):
            raise SubmissionError(f"{OBSERVATIONS} is not of format 1", **place)
        value = pl.col("value")
        return frame.select(
            pl.col(*KEY, "status").unique().implode(),
            rows=pl.len(),
            wrong=(
                (value.is_null() & (pl.col("status") != "M")) | (value.abs() >= 10**WHOLE_DIGITS)
            ).sum(),
        ).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise SubmissionError(f"{OBSERVATIONS} cannot be read: {error}", **place) from error


def _check_values(
    values_of: dict[str, set[str]], manifest: Manifest, catalogue: Catalogue, place: dict[str, str]
) -> None:
    """Check that each column's values belong in this submission; ``dims`` may be any."""
    allowed: dict[str, Collection[str]] = {
        "period": [manifest.period],
        "calendar": [manifest.calendar],
        "status": STATUSES,
        "measure": MEASURES,
        "org_unit": catalogue.org_units,
        "indicator": catalogue.indicators,
    }
    for name, values in allowed.items():
        unknown = sorted(str(value) for value in values_of[name] if value not in values)
        if unknown:
            raise SubmissionError(
                f"{name} {', '.join(unknown[:5])} does not belong in this submission", **place
            )


def _check_content(folder: Path, manifest: Manifest, place: dict[str, str]) -> None:
    """Check the order of the figures, and their digest against the manifest's."""
    figures = scan_figures(folder / OBSERVATIONS).collect()
    keys = figures.select(pl.concat_str(KEY, separator="\t")).to_series()
    if keys.is_duplicated().any() or not figures.select(KEY).equals(figures.select(KEY).sort(KEY)):
        raise SubmissionError("figures are not in the order of their keys, each once", **place)
    if content_digest(figures, nil=manifest.nil) != manifest.digests.content:
        raise SubmissionError("figures are not those of the manifest's content digest", **place)
