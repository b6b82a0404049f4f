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


def converted(rows: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Figures brought to their indicator's unit by an exact factor; a unit of another kind is unknown (null).

    ``indicator`` and ``unit`` are indices into the catalogue's codes and names of units.
    """
    kind = rows.schema["value"]
    bound = Decimal(10) ** (FINE_DIGITS if kind == FINE else WHOLE_DIGITS)
    own = [catalogue.units[catalogue.indicators[code].unit] for code in catalogue.indicator_codes]
    pairs = [
        (_factor(given, unit), _factor(unit, given))
        for given in catalogue.units.values()
        for unit in own
    ]
    known = pl.when(pl.col("indicator") < len(own)).then(
        "indicator"
    )  # not one that is left out by name
    place = pl.col("unit") * len(own) + known

    def gathered(numbers: list[Decimal | None]) -> pl.Expr:
        return pl.lit(pl.Series(numbers, dtype=kind)).gather(place)

    times = gathered([up and max(up, Decimal(1)) for up, _ in pairs])
    parts = gathered([down and max(down, Decimal(1)) for _, down in pairs])
    most = gathered([up and min(bound / up, bound) for up, _ in pairs])
    fits = times.is_not_null()
    large = (fits & (pl.col("value").abs() >= most)).fill_null(value=False)
    value = pl.when(~large).then("value")
    scaled = (value * times / parts).cast(kind)
    if kind == FINE:
        scaled, exact = _cut(scaled, value * times, parts), pl.lit(value=True)
    else:
        exact = (scaled * parts == value * times) | pl.col("value").is_null() | ~fits | large
    return rows.with_columns(
        unit=pl.when(fits | pl.col("indicator").is_null()).then("unit"),
        value=pl.when(exact & ~large).then(scaled),
        fault=pl.when(large)
        .then(TOO_LARGE)
        .when(exact)
        .then("fault")
        .otherwise(TOO_PRECISE)
        .cast(pl.UInt8),
    )


def _cut(quotient: pl.Expr, of: pl.Expr, by: pl.Expr) -> pl.Expr:
    """A quotient cut towards zero, where the division rounded it up, so that it is rounded once and at the end."""
    over = (quotient * by).abs() > of.abs()
    step = pl.when(of < 0).then(pl.lit(-_LAST, dtype=FINE)).otherwise(pl.lit(_LAST, dtype=FINE))
    return pl.when(over).then(quotient - step).otherwise(quotient).cast(FINE)


def _factor(given: Unit, own: Unit) -> Decimal | None:
    """How many of a unit one of the other is; None where they count different things."""
    same = (given.base or given.name) == (own.base or own.name)
    return given.factor / own.factor if same else None
