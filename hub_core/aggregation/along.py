"""Along the calendar: a period's figures from the finer periods that make it up."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from hub_core.aggregation.figures import ESTIMATE, METHOD, UNIT, method
from hub_core.model.observation import VALUE
from hub_core.model.scope import Scope

FIGURE = (*UNIT, "value", "rank", "method")


def along_calendar(
    scope: Scope, observations: pl.LazyFrame, present: Collection[str] | None
) -> pl.DataFrame:
    """Figures of the period.

    As reported, else from the finer periods that make it up where all of them are there.
    """
    other = (
        pl.col("calendar") != scope.calendar.value
    )  # where the dataflow is mixed: never re-based, but marked
    told = observations.filter(
        pl.col("calendar").is_in(scope.calendars), pl.col("value").is_not_null()
    )
    if len(scope.calendars) > 1:
        told = told.with_columns(rank=pl.when(other).then(_estimate()).otherwise("rank"))
    found = told.filter(pl.col("period") == str(scope.period)).select(
        *UNIT, "value", "rank", method("reported")
    )
    known = found.collect(engine="streaming")
    for frequency in ("S", "Q", "M"):  # the coarsest first
        parts = [str(p) for p in scope.parts(frequency)]
        if parts and (present is None or set(parts) <= set(present)):
            derived = _from_parts(scope, told, parts, frequency)
            known = pl.concat([known, derived.join(known.select(UNIT), on=list(UNIT), how="anti")])
    return known


def _from_parts(scope: Scope, told: pl.LazyFrame, parts: list[str], frequency: str) -> pl.DataFrame:
    """Sums and averages where there is a figure of every part, and what was last where there is one of the last."""
    last = pl.col("period") == parts[-1]
    by_rule = {
        rule: [i.code for i in scope.indicators if i.agg_time == rule]
        for rule in ("sum", "last", "avg")
    }
    rules = [code for codes in by_rule.values() for code in codes]
    final, mean = (pl.col("indicator").is_in(by_rule[rule]) for rule in ("last", "avg"))
    made = (
        told.filter(pl.col("period").is_in(parts), pl.col("indicator").is_in(rules))
        .with_columns(final=final)
        .filter(last | ~pl.col("final"))
        .group_by(*UNIT)
        .agg(pl.col("value").sum(), pl.col("rank").min(), n=pl.len())
        .filter(pl.col("n") == pl.when(final).then(1).otherwise(len(parts)))
    )
    whole = pl.col("value") / pl.col("n")  # exact: averages are thirty-sixths
    return made.select(
        *UNIT,
        pl.when(mean).then(whole.cast(VALUE)).otherwise("value").alias("value"),
        "rank",
        pl.when(final)
        .then(method(f"last of {frequency}"))
        .when(mean)
        .then(method(f"average of {frequency}"))
        .otherwise(method(f"sum of {frequency}"))
        .cast(METHOD)
        .alias("method"),
    ).collect(engine="streaming")


def carried_forward(carried: pl.LazyFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Stocks of an earlier period where nothing is known of this one; at most an estimate of it."""
    told = carried.filter(pl.col("value").is_not_null())
    stocks = told.select(*UNIT, "value", rank=_estimate(), method=method("carried forward"))
    return stocks.collect(engine="streaming").join(known.select(UNIT), on=list(UNIT), how="anti")


def _estimate() -> pl.Expr:
    return pl.min_horizontal("rank", pl.lit(ESTIMATE, pl.UInt8))
