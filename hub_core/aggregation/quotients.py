"""Quotients: ratios and weighted averages from their components, divided once and at the end."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from hub_core.aggregation.figures import DIGITS, UNIT, WIDE, cap_at_estimate, method, multiplier
from hub_core.model.catalogue import Indicator
from hub_core.model.observation import VALUE
from hub_core.model.scope import Scope


def quotients(scope: Scope, *, weighted: bool) -> list[Indicator]:
    """List the ratios, or the weighted averages, that the period's reports have."""
    reported = [i for i in scope.indicators if scope.period.frequency in i.frequencies]
    return [i for i in reported if (i.weight if weighted else i.agg_space == "ratio")]


def pairs_of(
    scope: Scope, figures: pl.DataFrame, components: pl.LazyFrame, *, weighted: bool
) -> pl.DataFrame:
    """Pair numerator and denominator of each ratio, or of each weighted average.

    Gives ``num`` and ``den`` at the org units that have both. A component that ``figures`` do not
    have comes from ``components``, the latest first.
    """
    indicators = quotients(scope, weighted=weighted)
    needed = sorted(
        {code for i in indicators for code in (*i.components, *([i.code] if weighted else []))}
    )
    latest = _latest(figures, components, needed)
    codes = pl.Enum(scope.catalogue.indicator_codes)
    roles = pl.LazyFrame(
        [(i.code, i.numerator or i.code, i.denominator or i.weight) for i in indicators],
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


def _latest(figures: pl.DataFrame, components: pl.LazyFrame, needed: list[str]) -> pl.LazyFrame:
    """Give the needed indicators' figures of the period, or else the latest of the components."""
    current = (
        figures.lazy().filter(pl.col("indicator").is_in(needed)).select(*UNIT, "value", "rank")
    )
    earlier = components.filter(
        pl.col("indicator").is_in(needed) & pl.col("value").is_not_null()
    ).sort("age")
    newest = earlier.unique(list(UNIT), keep="first", maintain_order=True).select(
        *UNIT, "value", "rank"
    )
    return (
        pl.concat([current, newest.join(current, on=list(UNIT), how="anti")])
        .collect(engine="streaming")
        .lazy()
    )


def divide(scope: Scope, pairs: pl.DataFrame) -> pl.DataFrame:
    """Divide what was summed, once; there is no quotient where the denominator is zero."""
    rows = pairs.filter(pl.col("den") != 0)
    catalogue = scope.catalogue
    values = []
    with localcontext(prec=DIGITS):
        for code, num, den in rows.select("indicator", "num", "den").iter_rows():
            indicator = catalogue.indicators[code]
            per = catalogue.units[indicator.unit].per
            if indicator.weight:  # a sum of products, over a sum of weights
                exact = num / (den * multiplier(indicator))
            else:
                over, under = (
                    catalogue.indicators[indicator.numerator],
                    catalogue.indicators[indicator.denominator],
                )
                exact = num * per * multiplier(under) / (den * multiplier(over))
            rounded = exact.quantize(Decimal(1).scaleb(-catalogue.decimals(code)), ROUND_HALF_UP)
            values.append(rounded * multiplier(indicator))
    weighted = [i.code for i in scope.indicators if i.weight]
    return rows.with_columns(
        pl.Series("value", values, dtype=VALUE),
        rank=cap_at_estimate(pl.col("rank"), weighted),
        method=pl.when(pl.col("indicator").is_in(weighted))
        .then(method("weighted average"))
        .otherwise(method("ratio")),
    )
