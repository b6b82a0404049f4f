"""Figures of several submissions held against one another.

A total that one reports, and parts that others do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub_core.model.scope import Scope

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class TotalMismatch:
    """A reported total that is not the sum of its parts.

    ``source`` is the place of its submission in the list.
    """

    source: int
    key: dict[str, str]
    text: str


def find_total_mismatches(scope: Scope, observations: pl.LazyFrame) -> list[TotalMismatch]:
    """V027: totals that submissions report beside the sum of what others report of the org units below.

    ``observations``: frames of format 1 with ``source``. What one submission says by itself is
    V008, and its own.
    """
    import polars as pl

    from hub_core.model.observation import MEASURES
    from hub_core.rules.rule import SubmissionView
    from hub_core.rules.whole import parts_and_sum
    from hub_core.stages.validate import Codes, indexed

    here = (pl.col("period") == str(scope.period)) & (pl.col("calendar") == scope.calendar.value)
    told = observations.filter(here)
    spoken = told.select("source", "org_unit").unique().collect(engine="streaming")
    voices: dict[str, set[int]] = {}
    for source, unit in spoken.iter_rows():
        voices.setdefault(unit, set()).add(source)
    pairs = [(child, above) for child, above in scope.tree if child in voices and above in voices]
    beside = {
        above for child, above in pairs if voices[child] != voices[above] or len(voices[above]) > 1
    }
    if not beside:
        return []
    below = {above: [child for child, parent in scope.tree if parent == above] for above in beside}
    concerned = beside.union(*below.values())
    table = told.filter(pl.col("org_unit").is_in(concerned)).collect(engine="streaming")
    catalogue, dims = scope.catalogue, sorted(table["dims"].unique(), key=str.encode)
    lists = {
        "indicator": catalogue.indicator_codes,
        "org_unit": catalogue.org_unit_ids,
        "measure": list(MEASURES),
    }
    codes = Codes(scope.calendar.value, {**lists, "dims": dims})
    figures = indexed(table.lazy(), codes, ("source", "part", "row", "column")).collect()
    flow = catalogue.dataflows[scope.dataflow]
    found = parts_and_sum(
        SubmissionView(catalogue, flow, scope.period, scope.calendar, dims, figures)
    )
    hits = [] if found is None else found.rows.with_columns(text=found.text).to_dicts()
    told_apart = []
    for row in hits:
        key = {
            name: codes.lists[name][row[name]]
            for name in ("indicator", "org_unit", "measure", "dims")
        }
        same = [pl.col(name) == key[name] for name in ("indicator", "measure", "dims")]
        parts = table.filter(*same, pl.col("org_unit").is_in(below.get(key["org_unit"], [])))
        if set(parts["source"]) - {row["source"]}:
            told_apart.append(
                TotalMismatch(row["source"], key | {"period": str(scope.period)}, row["text"])
            )
    return sorted(told_apart, key=lambda each: tuple(each.key.values()))
