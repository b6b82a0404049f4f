"""Formulas: weighted sums of an org unit's own figures, and ranks among a country's provinces."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from hub_core.aggregation.figures import DIGITS, UNIT, WIDE, method
from hub_core.model.observation import VALUE
from hub_core.model.scope import Scope


def apply_formulas(scope: Scope, table: pl.DataFrame) -> pl.DataFrame:
    """Compute indicators that have a formula, at the org units that have all its terms.

    ``table``: figures of the release, rounded nowhere yet.
    """
    terms = [(code, i.code, weight) for i in scope.indicators for code, weight in i.formula]
    codes = table.schema["indicator"]
    weights = pl.LazyFrame(
        terms, schema={"indicator": codes, "of": codes, "weight": WIDE}, orient="row"
    )
    term_counts = {i.code: len(i.formula) for i in scope.indicators if i.formula}
    if not term_counts:
        return table.clear()
    product = (pl.col("value").cast(WIDE) * pl.col("weight")).cast(WIDE)
    weighted = table.lazy().filter(pl.col("value").is_not_null()).join(weights, on="indicator")
    summed = weighted.group_by(pl.col("of").alias("indicator"), *UNIT[1:]).agg(
        product.sum().alias("value"), pl.col("rank").min(), n=pl.len()
    )
    complete = summed.filter(
        pl.col("n")
        == pl.col("indicator").cast(pl.String).replace_strict(term_counts, return_dtype=pl.UInt32)
    )
    collected = complete.collect(engine="streaming")
    with localcontext(prec=DIGITS):
        values = [
            value.quantize(Decimal(1).scaleb(-scope.catalogue.decimals(code)), ROUND_HALF_UP)
            for code, value in collected.select("indicator", "value").iter_rows()
        ]
    return _shaped(
        collected.with_columns(pl.Series("value", values, dtype=VALUE)).lazy(), table, "formula"
    )


def rank_provinces(scope: Scope, table: pl.DataFrame) -> pl.DataFrame:
    """Rank the provinces of each country by the indicators that a formula ranks.

    Ranked are all provinces that lived on the period's last day, where every one has a figure.
    Equal figures have one rank, and the next is as many further (15, 15, 17).
    """
    last = scope.period.days(scope.calendar)[1]
    ranks = [table.clear()]
    for indicator in (i for i in scope.indicators if i.ranks):
        best = scope.catalogue.indicators[indicator.ranks].better
        for country in (u for u in scope.catalogue.org_units.values() if u.level == "country"):
            provinces = [
                u.id
                for u in scope.catalogue.org_units.values()
                if _province_of(u.parent, u.level, country.id) and u.valid.holds(last)
            ]
            rows = table.lazy().filter(
                pl.col("indicator") == indicator.ranks,
                pl.col("org_unit").is_in(provinces),
                pl.col("value").is_not_null(),
            )
            rank = pl.col("value").rank("min", descending=best != "-").over("measure", "dims")
            ranked_rows = rows.with_columns(
                value=rank.cast(VALUE),
                n=pl.len().over("measure", "dims"),
                indicator=pl.lit(indicator.code, table.schema["indicator"]),
            )
            ranks.append(_shaped(ranked_rows.filter(pl.col("n") == len(provinces)), table, "rank"))
    return pl.concat(ranks)


def _province_of(parent: str, level: str, country: str) -> bool:
    return level == "province" and parent == country


def _shaped(rows: pl.LazyFrame, table: pl.DataFrame, how: str) -> pl.DataFrame:
    """Give rows the columns and types of the table."""
    shaped = rows.with_columns(
        covered=pl.lit(None, pl.UInt32), expected=pl.lit(None, pl.UInt32), method=method(how)
    ).select(table.columns)
    return shaped.cast(table.schema).collect(engine="streaming")
