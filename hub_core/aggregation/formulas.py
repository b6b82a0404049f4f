"""Formulas.

Weighted sums of an org unit's own figures, and ranks among the provinces of a country.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from hub_core.aggregation.figures import DIGITS, UNIT, WIDE, method
from hub_core.model.observation import VALUE
from hub_core.model.scope import Scope


def by_formula(scope: Scope, table: pl.DataFrame) -> pl.DataFrame:
    """Figures of indicators with a formula, at the org units that have all its terms.

    ``table``: figures of the release, rounded nowhere yet.
    """
    terms = [(code, i.code, weight) for i in scope.indicators for code, weight in i.formula]
    kind = table.schema["indicator"]
    weights = pl.LazyFrame(
        terms, schema={"indicator": kind, "of": kind, "weight": WIDE}, orient="row"
    )
    due = {i.code: len(i.formula) for i in scope.indicators if i.formula}
    if not due:
        return table.clear()
    product = (pl.col("value").cast(WIDE) * pl.col("weight")).cast(WIDE)
    known = table.lazy().filter(pl.col("value").is_not_null()).join(weights, on="indicator")
    summed = known.group_by(pl.col("of").alias("indicator"), *UNIT[1:]).agg(
        product.sum().alias("value"), pl.col("rank").min(), n=pl.len()
    )
    whole = summed.filter(
        pl.col("n")
        == pl.col("indicator").cast(pl.String).replace_strict(due, return_dtype=pl.UInt32)
    )
    made = whole.collect(engine="streaming")
    with localcontext(prec=DIGITS):
        values = [
            value.quantize(Decimal(1).scaleb(-scope.catalogue.decimals(code)), ROUND_HALF_UP)
            for code, value in made.select("indicator", "value").iter_rows()
        ]
    return _shaped(
        made.with_columns(pl.Series("value", values, dtype=VALUE)).lazy(), table, "formula"
    )


def ranked(scope: Scope, table: pl.DataFrame) -> pl.DataFrame:
    """Ranks among all provinces of a country that lived on the period's last day, where every one has a figure.

    Equal figures have one rank, and the next is as many further (15, 15, 17).
    """
    last = scope.period.days(scope.calendar)[1]
    found = [table.clear()]
    for indicator in (i for i in scope.indicators if i.ranks):
        best = scope.catalogue.indicators[indicator.ranks].better
        for country in (u for u in scope.catalogue.org_units.values() if u.level == "country"):
            due = [
                u.id
                for u in scope.catalogue.org_units.values()
                if _province_of(u.parent, u.level, country.id) and u.valid.holds(last)
            ]
            rows = table.lazy().filter(
                pl.col("indicator") == indicator.ranks,
                pl.col("org_unit").is_in(due),
                pl.col("value").is_not_null(),
            )
            place = pl.col("value").rank("min", descending=best != "-").over("measure", "dims")
            told = rows.with_columns(
                value=place.cast(VALUE),
                n=pl.len().over("measure", "dims"),
                indicator=pl.lit(indicator.code, table.schema["indicator"]),
            )
            found.append(_shaped(told.filter(pl.col("n") == len(due)), table, "rank"))
    return pl.concat(found)


def _province_of(parent: str, level: str, country: str) -> bool:
    return level == "province" and parent == country


def _shaped(rows: pl.LazyFrame, table: pl.DataFrame, how: str) -> pl.DataFrame:
    """Rows in the shape of the table."""
    told = rows.with_columns(
        covered=pl.lit(None, pl.UInt32), expected=pl.lit(None, pl.UInt32), method=method(how)
    ).select(table.columns)
    return told.cast(table.schema).collect(engine="streaming")
