"""Totals that one submission reports, compared with the parts that others report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub_core.model.scope import Scope

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class TotalMismatch:
    """A reported total that is not the sum of its parts.

    ``source`` is the place of its submission in the list of submissions, ``key`` the figure's key,
    ``text`` what is wrong.
    """

    source: int
    key: dict[str, str]
    text: str


def find_total_mismatches(scope: Scope, observations: pl.LazyFrame) -> list[TotalMismatch]:
    """Find totals that differ from the sum of what others report of the org units below (V027).

    ``observations``: frames of format 1 with ``source``, the place of a row's submission in the
    list of them. A total whose parts are all of its own submission is not found here: that is V008,
    which is checked with the submission.
    """
    import polars as pl

    in_scope = observations.filter(
        (pl.col("period") == str(scope.period)) & (pl.col("calendar") == scope.calendar.value)
    )
    totals = _units_with_parts_elsewhere(scope, in_scope)
    if not totals:
        return []
    children = {total: [child for child, above in scope.tree if above == total] for total in totals}
    units = totals.union(*children.values())
    figures = in_scope.filter(pl.col("org_unit").is_in(units)).collect(engine="streaming")
    mismatches = []
    for mismatch in _mismatches(scope, figures):
        same = [pl.col(name) == mismatch.key[name] for name in ("indicator", "measure", "dims")]
        parts = figures.filter(
            *same, pl.col("org_unit").is_in(children.get(mismatch.key["org_unit"], []))
        )
        if set(parts["source"]) - {mismatch.source}:
            mismatches.append(mismatch)
    return sorted(mismatches, key=lambda mismatch: tuple(mismatch.key.values()))


def _units_with_parts_elsewhere(scope: Scope, observations: pl.LazyFrame) -> set[str]:
    """Return the org units of which a unit directly below is reported by another submission."""
    reported = observations.select("source", "org_unit").unique().collect(engine="streaming")
    sources: dict[str, set[int]] = {}
    for source, unit in reported.iter_rows():
        sources.setdefault(unit, set()).add(source)
    pairs = [(child, above) for child, above in scope.tree if child in sources and above in sources]
    return {
        above
        for child, above in pairs
        if sources[child] != sources[above] or len(sources[above]) > 1
    }


def _mismatches(scope: Scope, figures: pl.DataFrame) -> Iterator[TotalMismatch]:
    """Yield the totals of a table that are not the sum of their parts, whoever reports these."""
    from hub_core.model.observation import MEASURES
    from hub_core.rules.rule import SubmissionView
    from hub_core.rules.whole import parts_and_sum
    from hub_core.stages.validate import Codes, indexed

    catalogue, dims = scope.catalogue, sorted(figures["dims"].unique(), key=str.encode)
    lists = {
        "indicator": catalogue.indicator_codes,
        "org_unit": catalogue.org_unit_ids,
        "measure": list(MEASURES),
    }
    codes = Codes(scope.calendar.value, {**lists, "dims": dims})
    coded = indexed(figures.lazy(), codes, ("source", "part", "row", "column")).collect()
    dataflow = catalogue.dataflows[scope.dataflow]
    violations = parts_and_sum(
        SubmissionView(
            catalogue=catalogue,
            dataflow=dataflow,
            period=scope.period,
            calendar=scope.calendar,
            dims=dims,
            figures=coded,
        )
    )
    if violations is None:
        return
    for row in violations.rows.with_columns(text=violations.text).to_dicts():
        key = {
            name: codes.lists[name][row[name]]
            for name in ("indicator", "org_unit", "measure", "dims")
        }
        yield TotalMismatch(row["source"], key | {"period": str(scope.period)}, row["text"])
