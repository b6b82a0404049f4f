"""What a figure is while it is added up.

Keys as codes, values carried exactly, statuses by rank.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from hub_core.model.catalogue import Indicator
from hub_core.model.observation import MEASURES, STATUSES, VALUE
from hub_core.model.scope import Scope

WIDE: Final = pl.Decimal(38, 12)  # products of a figure and its weight, exact
DIGITS: Final = 60  # in which quotients and roundings are exact
UNIT: Final = ("indicator", "org_unit", "measure", "dims")
RANK: Final = pl.Enum(STATUSES)
METHOD: Final = pl.Enum(
    ["reported", "carried forward", "sum", "ratio", "weighted average", "formula", "rank"]
    + [
        f"{rule} of {frequency}"
        for rule in ("sum", "average", "last")
        for frequency in ("S", "Q", "M")
    ]
)
ESTIMATE, PRELIMINARY = STATUSES.index("E"), STATUSES.index("P")


def multiplier(indicator: Indicator) -> int:
    """Return by how much an indicator's values are multiplied while they are added up.

    Averages over time are carried as thirty-sixths, to be divided once, at the end.
    """
    return 36 if indicator.agg_time == "avg" else 1


def encode_keys(scope: Scope, frames: pl.LazyFrame) -> pl.LazyFrame:
    """Turn the key's texts into categories to join and group by, and statuses into ranks.

    Indicators and org units become codes of the catalogue; rows with others are dropped.
    """
    indicators, org_units = (
        pl.Enum(scope.catalogue.indicator_codes),
        pl.Enum(scope.catalogue.org_unit_ids),
    )
    averages = [i.code for i in scope.catalogue.indicators.values() if multiplier(i) != 1]
    encoded = frames.with_columns(
        pl.col("indicator").cast(indicators, strict=False),
        pl.col("org_unit").cast(org_units, strict=False),
        pl.col("measure").cast(pl.Enum(MEASURES)),
        pl.col("dims").cast(pl.Categorical),
        rank=pl.col("status").cast(RANK).to_physical().cast(pl.UInt8),
    ).drop_nulls(["indicator", "org_unit"])  # what the catalogue dropped is not released
    if not averages:
        return encoded
    return encoded.with_columns(
        pl.when(pl.col("indicator").is_in(averages))
        .then(pl.col("value") * 36)
        .otherwise("value")
        .cast(VALUE)
    )


def method(name: str) -> pl.Expr:
    """Return a literal column that says how figures were made."""
    return pl.lit(name, METHOD).alias("method")


def cap_at_estimate(rank: pl.Expr, estimated: list[str]) -> pl.Expr:
    """Lower a rank to at most an estimate for these indicators."""
    weak = pl.min_horizontal(rank, pl.lit(ESTIMATE, pl.UInt8))
    return pl.when(pl.col("indicator").is_in(estimated)).then(weak).otherwise(rank)
