"""A period's figures from the finer periods that make it up."""

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
    """Give the figures of the scope's period.

    A figure is as reported. Where none was reported, it is made from the finer periods that make
    the period up, if all of them are there.
    """
    in_other_calendar = (
        pl.col("calendar") != scope.calendar.value
    )  # where the dataflow is mixed: never re-based, but marked
    valued = observations.filter(
        pl.col("calendar").is_in(scope.calendars), pl.col("value").is_not_null()
    )
    if len(scope.calendars) > 1:
        valued = valued.with_columns(
            rank=pl.when(in_other_calendar).then(_estimate()).otherwise("rank")
        )
    reported = valued.filter(pl.col("period") == str(scope.period)).select(
        *UNIT, "value", "rank", method("reported")
    )
    figures = reported.collect(engine="streaming")
    for frequency in ("S", "Q", "M"):  # the coarsest first
        parts = [str(p) for p in scope.parts(frequency)]
        if parts and (present is None or set(parts) <= set(present)):
            derived = _from_parts(scope, valued, parts, frequency)
            figures = pl.concat(
                [figures, derived.join(figures.select(UNIT), on=list(UNIT), how="anti")]
            )
    return figures


def _from_parts(
    scope: Scope, valued: pl.LazyFrame, parts: list[str], frequency: str
) -> pl.DataFrame:
    """Make figures from those of a period's parts, each indicator by its ``agg_time``.

    Sums and averages need a figure of every part; ``last`` needs one of the last part.
    """
    last = pl.col("period") == parts[-1]
    by_rule = {
        rule: [i.code for i in scope.indicators if i.agg_time == rule]
        for rule in ("sum", "last", "avg")
    }
    rules = [code for codes in by_rule.values() for code in codes]
    final, mean = (pl.col("indicator").is_in(by_rule[rule]) for rule in ("last", "avg"))
    combined = (
        valued.filter(pl.col("period").is_in(parts), pl.col("indicator").is_in(rules))
        .with_columns(final=final)
        .filter(last | ~pl.col("final"))
        .group_by(*UNIT)
        .agg(pl.col("value").sum(), pl.col("rank").min(), n=pl.len())
        .filter(pl.col("n") == pl.when(final).then(1).otherwise(len(parts)))
    )
    average = pl.col("value") / pl.col("n")  # exact: averages are thirty-sixths
    return combined.select(
        *UNIT,
        pl.when(mean).then(average.cast(VALUE)).otherwise("value").alias("value"),
        "rank",
        pl.when(final)
        .then(method(f"last of {frequency}"))
        .when(mean)
        .then(method(f"average of {frequency}"))
        .otherwise(method(f"sum of {frequency}"))
        .cast(METHOD)
        .alias("method"),
    ).collect(engine="streaming")


def carried_forward(carried: pl.LazyFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """Give stocks of an earlier period where this period has no figure.

    Their status is at most an estimate. ``figures``: those of this period.
    """
    valued = carried.filter(pl.col("value").is_not_null())
    stocks = valued.select(*UNIT, "value", rank=_estimate(), method=method("carried forward"))
    return stocks.collect(engine="streaming").join(figures.select(UNIT), on=list(UNIT), how="anti")


def _estimate() -> pl.Expr:
    return pl.min_horizontal("rank", pl.lit(ESTIMATE, pl.UInt8))
