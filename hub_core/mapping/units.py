"""Figures in the unit of their indicator."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from hub_core.mapping.numbers import FINE
from hub_core.model.observation import WHOLE_DIGITS
from hub_core.rules import TOO_LARGE, TOO_PRECISE

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue, Unit


def converted(rows: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Figures brought to their indicator's unit by an exact factor; a unit of another kind is unknown (null).

    ``indicator`` and ``unit`` are indices into the catalogue's codes and names of units.
    """
    kind = rows.schema["value"]
    bound = Decimal(10) ** (WHOLE_DIGITS - (kind == FINE))
    own = [catalogue.units[catalogue.indicators[code].unit] for code in catalogue.indicator_codes]
    pairs = [(_factor(given, unit), _factor(unit, given)) for given in catalogue.units.values() for unit in own]
    place = pl.col("unit") * len(own) + pl.col("indicator")

    def gathered(numbers: list[Decimal | None]) -> pl.Expr:
        return pl.lit(pl.Series(numbers, dtype=kind)).gather(place)

    times = gathered([up and max(up, Decimal(1)) for up, _ in pairs])
    parts = gathered([down and max(down, Decimal(1)) for _, down in pairs])
    most = gathered([up and min(bound / up, bound) for up, _ in pairs])
    fits = times.is_not_null()
    large = (fits & (pl.col("value").abs() >= most)).fill_null(value=False)
    scaled = (pl.when(~large).then("value") * times / parts).cast(kind)
    exact = pl.lit(value=True)
    if kind != FINE:
        exact = (scaled * parts == pl.col("value") * times) | pl.col("value").is_null() | ~fits | large
    return rows.with_columns(
        unit=pl.when(fits | pl.col("indicator").is_null()).then("unit"),
        value=pl.when(exact & ~large).then(scaled),
        fault=pl.when(large).then(TOO_LARGE).when(exact).then("fault").otherwise(TOO_PRECISE).cast(pl.UInt8),
    )


def _factor(given: Unit, own: Unit) -> Decimal | None:
    """How many of a unit one of the other is; None where they count different things."""
    same = (given.base or given.name) == (own.base or own.name)
    return given.factor / own.factor if same else None
