"""What changed between two revisions, or between two versions of a release, figure by figure."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A figure that is new, changed or withdrawn, with its value and status before and after.

    A value is None where there is no figure, and also where the figure has no value.
    """

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
    """Two revisions or versions, why the second came, and what changed between them.

    ``unchanged`` is how many figures are the same in both.
    """

    before: str
    after: str
    reason: str
    changes: tuple[Change, ...]
    unchanged: int


def of_releases(hub: Hub, after: Release, before: Release | None = None) -> Difference:
    """Compare a version of a release with an earlier one, the version before where none is given.

    Raises StateError where there is no version before, or where the two are not of one release.
    """
    if before is None:
        versions = hub.releases.all(
            dataflow=after.dataflow, calendar=after.calendar, period=after.period
        )
        earlier = [release for release in versions if release.version < after.version]
        if not earlier:
            raise StateError(f"{after.name} is the first version: there is nothing before it")
        before = earlier[-1]
    if (before.dataflow, before.calendar, before.period) != (
        after.dataflow,
        after.calendar,
        after.period,
    ):
        raise StateError(f"{before.name} and {after.name} are not versions of one release")
    changes, unchanged = _compare(_released_figures(hub, before), _released_figures(hub, after))
    return Difference(before.name, after.name, after.reason, changes, unchanged)


def of_revisions(
    hub: Hub, province: str, provision: str, period: str, numbers: tuple[int, int] | None
) -> Difference:
    """Compare two revisions of a provision and period: the two given, or the last two.

    Raises StateError where they are not there.
    """
    submissions = hub.store.submissions([period], province=province, provision=provision)
    by_number = {submission.revision: submission for submission in submissions}
    if numbers is None:
        last = sorted(by_number)[-2:]
        if len(last) < 2:
            raise StateError(
                f"{province}/{provision} has {len(submissions)} revision of {period}:"
                " nothing to compare"
            )
        numbers = last[0], last[1]
    if lacking := [str(number) for number in numbers if number not in by_number]:
        revisions = ", ".join(map(str, sorted(by_number))) or "none"
        raise StateError(
            f"{province}/{provision} has no revision {' and '.join(lacking)} of {period};"
            f" there are: {revisions}"
        )
    before, after = (by_number[number] for number in numbers)
    changes, unchanged = _compare(_sealed_figures(hub, before), _sealed_figures(hub, after))
    names = [f"{province}/{provision} {period} r{number}" for number in numbers]
    return Difference(names[0], names[1], after.accepted_reason or after.reason, changes, unchanged)


def _released_figures(hub: Hub, release: Release) -> pl.DataFrame:
    import polars as pl

    from hub_core.model.observation import KEY, VALUE

    schema = pl.Schema({**dict.fromkeys(KEY, pl.String()), "value": VALUE, "status": pl.String()})
    rows = hub.releases.figures(release.id)
    return pl.DataFrame(
        [[row[name] for name in schema] for row in rows], schema=schema, orient="row"
    )


def _sealed_figures(hub: Hub, submission: Submission) -> pl.DataFrame:
    from hub_core.model.observation import KEY, scan_figures

    hub.verified_manifest(submission)
    folder = hub.zone.root / submission.path
    return scan_figures(folder / OBSERVATIONS).select(*KEY, "value", "status").collect()


def _compare(before: pl.DataFrame, after: pl.DataFrame) -> tuple[tuple[Change, ...], int]:
    """List changes in the order of their keys, and count the figures that are the same.

    Both frames have the columns of KEY (text), ``value`` (decimal) and ``status`` (text).
    """
    import polars as pl

    from hub_core.model.observation import KEY

    sides = [frame.lazy().with_columns(is_there=pl.lit(value=True)) for frame in (before, after)]
    both = sides[0].join(sides[1], on=list(KEY), how="full", coalesce=True, suffix="_after")
    same = pl.col("value").eq_missing(pl.col("value_after")) & (
        pl.col("status") == pl.col("status_after")
    )
    what = (
        pl.when(pl.col("is_there").is_null())
        .then(pl.lit("new"))
        .when(pl.col("is_there_after").is_null())
        .then(pl.lit("withdrawn"))
        .when(~same)
        .then(pl.lit("changed"))
    )
    compared = both.with_columns(what=what).sort(*KEY).collect(engine="streaming")
    changed = compared.filter(pl.col("what").is_not_null()).select(
        "indicator",
        "org_unit",
        "period",
        "measure",
        "dims",
        "what",
        before="value",
        after="value_after",
        status_before="status",
        status_after="status_after",
    )
    changes = tuple(Change(**row) for row in changed.iter_rows(named=True))
    return changes, compared.height - changed.height
