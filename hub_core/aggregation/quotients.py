"""Quotients: ratios and weighted averages from their components, divided once and at the end."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from hub_core.aggregation.figures import DIGITS, UNIT, WIDE, method, times, weakest
from hub_core.model.catalogue import Indicator
from hub_core.model.observation import VALUE
from hub_core.model.scope import Scope


def quotients(scope: Scope, *, weighted: bool) -> list[Indicator]:
    """The ratios, or the weighted averages, that the period's reports have."""
    owed = [i for i in scope.indicators if scope.period.frequency in i.frequencies]
    return [i for i in owed if (i.weight if weighted else i.agg_space == "ratio")]


def pairs_of(
    scope: Scope, known: pl.DataFrame, components: pl.LazyFrame, *, weighted: bool
) -> pl.DataFrame:
    """(numerator, denominator) of each ratio, or of each weighted average, at the org units that have both."""
    owed = quotients(scope, weighted=weighted)
    needed = sorted(
        {code for i in owed for code in (*i.components, *([i.code] if weighted else []))}
    )
    here = known.lazy().filter(pl.col("indicator").is_in(needed)).select(*UNIT, "value", "rank")
    there = components.filter(
        pl.col("indicator").is_in(needed) & pl.col("value").is_not_null()
    ).sort("age")
    before = there.unique(list(UNIT), keep="first", maintain_order=True).select(
        *UNIT, "value", "rank"
    )
    latest = (
        pl.concat([here, before.join(here, on=list(UNIT), how="anti")])
        .collect(engine="streaming")
        .lazy()
    )
    codes = pl.Enum(scope.catalogue.indicator_codes)
    roles = pl.LazyFrame(
        [(i.code, i.numerator or i.code, i.denominator or i.weight) for i in owed],
        schema={"quotient": codes, "top": codes, "bottom": codes},
        orient="row",
    )
    bottom = latest.rename({"indicator": "bottom", "value": "den", "rank": "den_rank"})
    both = latest.join(roles, left_on="indicator", right_on="top").join(
        bottom, on=["bottom", "org_unit", "measure", "dims"]
    )
    product = (pl.col("value").cast(WIDE) * pl.col("den").cast(WIDE)).cast(WIDE)
    pairs = both.select(
        pl.col("quotient").alias("indicator"),
        "org_unit",
        "measure",
        "dims",
        num=product if weighted else pl.col("value"),
        den="den",
        rank=pl.min_horizontal("rank", "den_rank"),
        covered=pl.lit(None, pl.UInt32),
        expected=pl.lit(None, pl.UInt32),
        method=method("weighted average" if weighted else "ratio"),
    )
    return pairs.collect(engine="streaming")


def divided(scope: Scope, pairs: pl.DataFrame) -> pl.DataFrame:
    """Quotients of what was summed, divided once; where the denominator is zero there is none."""
    rows = pairs.filter(pl.col("den") != 0)
    catalogue = scope.catalogue
    values = []
    with localcontext(prec=DIGITS):
        for code, num, den in rows.select("indicator", "num", "den").iter_rows():
            indicator = catalogue.indicators[code]
            per = catalogue.units[indicator.unit].per
            if indicator.weight:  # a sum of products, over a sum of weights
                exact = num / (den * times(indicator))
            else:
                over, under = (
                    catalogue.indicators[indicator.numerator],
                    catalogue.indicators[indicator.denominator],
                )
                exact = num * per * times(under) / (den * times(over))
            rounded = exact.quantize(Decimal(1).scaleb(-catalogue.decimals(code)), ROUND_HALF_UP)
            values.append(rounded * times(indicator))
    weighted = [i.code for i in scope.indicators if i.weight]
    return rows.with_columns(
        pl.Series("value", values, dtype=VALUE),
        rank=weakest(pl.col("rank"), weighted),
        method=pl.when(pl.col("indicator").is_in(weighted))
        .then(method("weighted average"))
        .otherwise(method("ratio")),
    )
