"""Figures in the unit of their indicator."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from hub_core.mapping.numbers import FINE, FINE_DIGITS
from hub_core.model.observation import WHOLE_DIGITS
from hub_core.rules import TOO_LARGE, TOO_PRECISE

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue, Unit

_LAST = Decimal(1).scaleb(-16)  # the last decimal of a fine figure


def convert_units(rows: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Convert figures to their indicator's unit by an exact factor.

    A unit of another kind becomes unknown (null). ``indicator`` and ``unit`` are indices into the
    catalogue's codes and names of units.
    """
    dtype = rows.schema["value"]
    multipliers, divisors, limits = _factors(catalogue, dtype)
    comparable = multipliers.is_not_null()
    too_large = (comparable & (pl.col("value").abs() >= limits)).fill_null(value=False)
    value = pl.when(~too_large).then("value")
    scaled = (value * multipliers / divisors).cast(dtype)
    if dtype == FINE:
        scaled, exact = _cut(scaled, value * multipliers, divisors), pl.lit(value=True)
    else:
        exact = (
            (scaled * divisors == value * multipliers)
            | pl.col("value").is_null()
            | ~comparable
            | too_large
        )
    return rows.with_columns(
        unit=pl.when(comparable | pl.col("indicator").is_null()).then("unit"),
        value=pl.when(exact & ~too_large).then(scaled),
        fault=pl.when(too_large)
        .then(TOO_LARGE)
        .when(exact)
        .then("fault")
        .otherwise(TOO_PRECISE)
        .cast(pl.UInt8),
    )


def _factors(catalogue: Catalogue, dtype: pl.DataType) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Look up each row's multiplier and divisor, and the limit below which its figure must be.

    They are null where the row's unit is of another kind than the indicator's.
    """
    bound = Decimal(10) ** (FINE_DIGITS if dtype == FINE else WHOLE_DIGITS)
    own_units = [
        catalogue.units[catalogue.indicators[code].unit] for code in catalogue.indicator_codes
    ]
    pairs = [
        (_factor(given, unit), _factor(unit, given))
        for given in catalogue.units.values()
        for unit in own_units
    ]
    listed = pl.when(pl.col("indicator") < len(own_units)).then(
        "indicator"
    )  # not one that is left out by name
    pair = pl.col("unit") * len(own_units) + listed

    def by_pair(numbers: list[Decimal | None]) -> pl.Expr:
        return pl.lit(pl.Series(numbers, dtype=dtype)).gather(pair)

    multipliers = by_pair([factor and max(factor, Decimal(1)) for factor, _ in pairs])
    divisors = by_pair([inverse and max(inverse, Decimal(1)) for _, inverse in pairs])
    limits = by_pair([factor and min(bound / factor, bound) for factor, _ in pairs])
    return multipliers, divisors, limits


def _cut(quotient: pl.Expr, dividend: pl.Expr, divisor: pl.Expr) -> pl.Expr:
    """Cut a quotient towards zero where the division rounded it up.

    So it is rounded only once, at the end.
    """
    rounded_up = (quotient * divisor).abs() > dividend.abs()
    step = (
        pl.when(dividend < 0).then(pl.lit(-_LAST, dtype=FINE)).otherwise(pl.lit(_LAST, dtype=FINE))
    )
    return pl.when(rounded_up).then(quotient - step).otherwise(quotient).cast(FINE)


def _factor(given: Unit, own: Unit) -> Decimal | None:
    """Return how many of ``own`` one of ``given`` is; None where they count different things."""
    same = (given.base or given.name) == (own.base or own.name)
    return given.factor / own.factor if same else None
