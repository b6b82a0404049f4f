"""Along the calendar: a period's figures from the finer periods that make it up."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from hub_core.aggregation.figures import ESTIMATE, RANK, UNIT
from hub_core.model.observation import VALUE
from hub_core.model.scope import Scope


def along_calendar(scope: Scope, observations: pl.LazyFrame, present: Collection[str] | None) -> pl.LazyFrame:
    """Figures of the period: as reported, else from the finer periods that make it up where all of them are there."""
    label = str(scope.period)
    rank = pl.col("status").cast(RANK).to_physical().cast(pl.UInt8)
    other = pl.col("calendar") != scope.calendar.value  # where the dataflow is mixed: never re-based, but marked
    keyed = observations.filter(pl.col("calendar").is_in(scope.calendars)).select(
        *UNIT,
        "period",
        "value",
        rank=pl.when(other).then(pl.min_horizontal(rank, pl.lit(ESTIMATE, pl.UInt8))).otherwise(rank),
    )
    direct = keyed.filter(pl.col("period") == label).drop("period").with_columns(method=pl.lit("reported"))
    found = [direct]
    by_time = {rule: [i.code for i in scope.indicators if i.agg_time == rule] for rule in ("sum", "last", "avg")}
    for frequency in ("S", "Q", "M"):  # the coarsest first
        parts = [str(p) for p in scope.parts(frequency)]
        if not parts or (present is not None and not set(parts) <= set(present)):
            continue
        finer = keyed.filter(pl.col("period").is_in(parts))
        whole = (
            finer.group_by(*UNIT)
            .agg(pl.col("value").sum(), pl.col("rank").min(), n=pl.len())
            .filter(pl.col("n") == len(parts))
        )
        summed = whole.filter(pl.col("indicator").is_in(by_time["sum"])).with_columns(
            method=pl.lit(f"sum of {frequency}")
        )
        averaged = whole.filter(pl.col("indicator").is_in(by_time["avg"])).with_columns(
            value=(pl.col("value") / pl.col("n")).cast(VALUE),  # exact: they are thirty-sixths
            method=pl.lit(f"average of {frequency}"),
        )
        last = (
            finer.filter(pl.col("indicator").is_in(by_time["last"]) & (pl.col("period") == parts[-1]))
            .drop("period")
            .with_columns(method=pl.lit(f"last of {frequency}"))
        )
        derived = pl.concat([each.select(direct.collect_schema().names()) for each in (summed, averaged, last)])
        found.append(derived.join(pl.concat(found).select(UNIT), on=list(UNIT), how="anti"))
    return pl.concat(found)


def carried_forward(carried: pl.LazyFrame, known: pl.LazyFrame) -> pl.LazyFrame:
    """Stocks of an earlier period where nothing is known of this one; at most an estimate of it."""
    told = carried.filter(pl.col("value").is_not_null()).select(
        *UNIT,
        "value",
        rank=pl.min_horizontal(pl.col("status").cast(RANK).to_physical().cast(pl.UInt8), pl.lit(ESTIMATE, pl.UInt8)),
        method=pl.lit("carried forward"),
    )
    return told.select(known.collect_schema().names()).join(known.select(UNIT), on=list(UNIT), how="anti")
