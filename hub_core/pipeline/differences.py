"""What changed between two revisions, or between two versions of a release.

Figure by figure, before and after.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from hub_core.errors import StateError
from hub_core.landing.layout import OBSERVATIONS

if TYPE_CHECKING:
    import polars as pl

    from hub_core.home import Hub
    from hub_core.store.releases import Release
    from hub_core.store.revisions import Submission


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that is new, changed or withdrawn; null values are told as they stand."""

    indicator: str
    org_unit: str
    period: str
    measure: str
    dims: str
    what: str  # new, changed, withdrawn
    before: Decimal | None
    after: Decimal | None
    status_before: str | None
    status_after: str | None


@dataclass(frozen=True)
class Difference:
    """Two things of a kind, why the second came, and what changed between them."""

    before: str
    after: str
    reason: str
    changes: tuple[Change, ...]
    unchanged: int


def of_releases(hub: Hub, after: Release, before: Release | None = None) -> Difference:
    """What changed from one version of a release to another, from the one before where none is given.

    Raises StateError where there is none, or where they are of different periods.
    """
    if before is None:
        found = hub.releases.all(
            dataflow=after.dataflow, calendar=after.calendar, period=after.period
        )
        earlier = [each for each in found if each.version < after.version]
        if not earlier:
            raise StateError(f"{after.name} is the first version: there is nothing before it")
        before = earlier[-1]
    if (before.dataflow, before.calendar, before.period) != (
        after.dataflow,
        after.calendar,
        after.period,
    ):
        raise StateError(f"{before.name} and {after.name} are not versions of one release")
    changes, same = _between(_released(hub, before), _released(hub, after))
    return Difference(before.name, after.name, after.reason, changes, same)


def of_revisions(
    hub: Hub, province: str, provision: str, period: str, numbers: tuple[int, int] | None
) -> Difference:
    """What changed between two revisions of a provision and period: the two given, or the last two.

    Raises StateError where they are not there.
    """
    found = hub.store.submissions([period], province=province, provision=provision)
    by_number = {each.revision: each for each in found}
    if numbers is None:
        last = sorted(by_number)[-2:]
        if len(last) < 2:
            raise StateError(
                f"{province}/{provision} has {len(found)} revision of {period}: nothing to compare"
            )
        numbers = last[0], last[1]
    if lacking := [str(n) for n in numbers if n not in by_number]:
        there = ", ".join(map(str, sorted(by_number))) or "none"
        raise StateError(
            f"{province}/{provision} has no revision {' and '.join(lacking)} of {period}; there are: {there}"
        )
    before, after = (by_number[n] for n in numbers)
    changes, same = _between(_sealed(hub, before), _sealed(hub, after))
    names = [f"{province}/{provision} {period} r{n}" for n in numbers]
    return Difference(names[0], names[1], after.accepted_reason or after.reason, changes, same)


def _released(hub: Hub, release: Release) -> pl.DataFrame:
    import polars as pl

    from hub_core.model.observation import KEY, VALUE

    schema = pl.Schema({**dict.fromkeys(KEY, pl.String()), "value": VALUE, "status": pl.String()})
    rows = hub.releases.figures(release.id)
    return pl.DataFrame(
        [[row[name] for name in schema] for row in rows], schema=schema, orient="row"
    )


def _sealed(hub: Hub, submission: Submission) -> pl.DataFrame:

    from hub_core.model.observation import KEY, scan_figures

    hub.verified_manifest(submission)
    folder = hub.zone.root / submission.path
    return scan_figures(folder / OBSERVATIONS).select(*KEY, "value", "status").collect()


def _between(before: pl.DataFrame, after: pl.DataFrame) -> tuple[tuple[Change, ...], int]:
    """Changes in the order of their keys, and how many figures are the same."""
    import polars as pl

    from hub_core.model.observation import KEY

    sides = [each.lazy().with_columns(there=pl.lit(value=True)) for each in (before, after)]
    both = sides[0].join(sides[1], on=list(KEY), how="full", coalesce=True, suffix="_after")
    same = pl.col("value").eq_missing(pl.col("value_after")) & (
        pl.col("status") == pl.col("status_after")
    )
    what = (
        pl.when(pl.col("there").is_null())
        .then(pl.lit("new"))
        .when(pl.col("there_after").is_null())
        .then(pl.lit("withdrawn"))
        .when(~same)
        .then(pl.lit("changed"))
    )
    told = both.with_columns(what=what).sort(*KEY).collect(engine="streaming")
    rows = told.filter(pl.col("what").is_not_null())
    names = (
        "indicator",
        "org_unit",
        "period",
        "measure",
        "dims",
        "what",
        "value",
        "value_after",
        "status",
        "status_after",
    )
    return tuple(Change(*row) for row in rows.select(names).iter_rows()), told.height - rows.height
