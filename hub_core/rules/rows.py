"""The rules of scope row, as frame expressions.

They see a normalised frame: ``indicator``, ``org_unit``, ``period`` and ``status`` as indices into
their code lists (null where unknown), ``value``, ``fault`` (2 no number, 3 too many decimals, 4 too
large) and, as ``~field``, the text that each field was read from.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from hub_core.model.observation import STATUSES, VALUE
from hub_core.model.period import Period
from hub_core.rules.rule import FIELDS, NOT_A_NUMBER, TOO_LARGE, TOO_PRECISE, RowCheck, RuleContext

if TYPE_CHECKING:
    from hub_core.model.catalogue import Indicator
    from hub_core.model.org_unit import Validity


def _flags(codes: list[str], chosen: Callable[[str], bool], column: str) -> pl.Expr:
    """Flag rows whose index in a column stands for a chosen code; null where it is null."""
    flags = pl.Series([chosen(code) for code in codes], dtype=pl.Boolean)
    return pl.lit(flags).gather(pl.col(column))


def _is_share(indicator: Indicator) -> bool:
    return indicator.kind == "ratio" and indicator.range == "0..100"


def unknown(_: RuleContext) -> list[RowCheck]:
    """Flag a code that no list has (V001)."""
    return [RowCheck(field, pl.col(field).is_null()) for field in FIELDS]


def not_a_number(_: RuleContext) -> list[RowCheck]:
    """Flag a text that is no number in the declared locale (V002)."""
    return [RowCheck("value", pl.col("fault") == NOT_A_NUMBER)]


def too_precise(_: RuleContext) -> list[RowCheck]:
    """Flag more decimals than a figure keeps (V003)."""
    return [RowCheck("value", pl.col("fault") == TOO_PRECISE)]


def out_of_range(context: RuleContext) -> list[RowCheck]:
    """Flag a value out of the catalogue's range, where neither V005, V007 nor V014 does (V004)."""
    catalogue = context.catalogue
    broken = pl.col("fault") == TOO_LARGE
    compared: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
        ">=": lambda value, bound: value < bound,
        "<=": lambda value, bound: value > bound,
        ">": lambda value, bound: value <= bound,
        "<": lambda value, bound: value >= bound,
    }
    bounded = {
        code: dict(indicator.bounds)
        for code, indicator in catalogue.indicators.items()
        if indicator.range != ">=0" and not _is_share(indicator)
    }
    for operator, breaks in compared.items():
        bounds: list[Decimal | None] = [
            bounded.get(c, {}).get(operator) for c in catalogue.indicator_codes
        ]
        if any(bound is not None for bound in bounds):
            series = pl.Series(bounds, dtype=VALUE)
            broken = broken | breaks(
                pl.col("value"), pl.lit(series).gather(pl.col("indicator"))
            ).fill_null(value=False)
    return [RowCheck("value", broken)]


def negative(context: RuleContext) -> list[RowCheck]:
    """Flag a value below zero where the range is ``>=0`` (V005)."""
    indicators = context.catalogue.indicators
    guarded = _flags(
        context.catalogue.indicator_codes, lambda c: indicators[c].range == ">=0", "indicator"
    )
    return [RowCheck("value", (pl.col("value") < 0) & guarded)]


def not_alive(context: RuleContext) -> list[RowCheck]:
    """Flag an org unit that lived on no day of the period (V013)."""
    return _of_unit_and_period(context, lambda valid, first, last: not valid.meets(first, last))


def ended(context: RuleContext) -> list[RowCheck]:
    """Flag an org unit that ended within the period (V024).

    Totals are those of the period's last day, so its figure is in none.
    """
    return _of_unit_and_period(
        context, lambda valid, first, end: valid.last is not None and first <= valid.last < end
    )


def _of_unit_and_period(
    context: RuleContext, chosen: Callable[[Validity, date, date], bool]
) -> list[RowCheck]:
    """Flag org units that are chosen by their lives and the days of the row's period.

    ``chosen`` gets the unit's validity, and the period's first and last day.
    """
    lives = [context.catalogue.org_units[unit].valid for unit in context.catalogue.org_unit_ids]
    dated = [(n, valid) for n, valid in enumerate(lives) if valid.first or valid.last]
    spans = [Period.parse(label).days(context.calendar) for label in context.periods]
    hits = [
        k * len(lives) + n
        for k, days in enumerate(spans)
        for n, valid in dated
        if chosen(valid, *days)
    ]
    if not hits:
        return []
    flags = pl.zeros(len(spans) * len(lives), pl.Boolean, eager=True).scatter(hits, values=True)
    pair = pl.col("period") * len(lives) + pl.col("org_unit")
    return [RowCheck("org_unit", pl.lit(flags).gather(pair))]


def out_of_share(context: RuleContext) -> list[RowCheck]:
    """Flag a share that is not between 0 and 100 (V014)."""
    indicators = context.catalogue.indicators
    shares = _flags(
        context.catalogue.indicator_codes, lambda c: _is_share(indicators[c]), "indicator"
    )
    return [RowCheck("value", ((pl.col("value") > 100) | (pl.col("value") < 0)) & shares)]


def fraction(context: RuleContext) -> list[RowCheck]:
    """Flag a fraction of what is counted in whole numbers (V021).

    Often its point was meant to group thousands.
    """
    catalogue = context.catalogue
    is_counted = _flags(
        catalogue.indicator_codes,
        lambda c: c in catalogue.indicators and _counted(context, c),
        "indicator",
    )
    return [RowCheck("value", (pl.col("value") != pl.col("value").round(0)) & is_counted)]


def _counted(context: RuleContext, code: str) -> bool:
    indicator = context.catalogue.indicators[code]
    unit = context.catalogue.units.get(indicator.unit)
    return unit is not None and unit.decimals == 0 and indicator.kind in ("flow", "stock")


def missing_with_figure(_: RuleContext) -> list[RowCheck]:
    """Flag a figure whose status says that it is missing (V022)."""
    return [
        RowCheck(
            "status", (pl.col("status") == STATUSES.index("M")) & pl.col("value").is_not_null()
        )
    ]


def wrong_frequency(context: RuleContext) -> list[RowCheck]:
    """Flag an indicator that is not reported for periods of this length (V023)."""
    codes, labels = context.catalogue.indicator_codes, context.periods
    frequencies = [Period.parse(label).frequency for label in labels]
    unexpected = [
        f not in context.catalogue.indicators[code].frequencies
        for f in frequencies
        for code in codes
    ]
    if not any(unexpected):
        return []
    pair = pl.col("period") * len(codes) + pl.col("indicator")
    return [RowCheck("period", pl.lit(pl.Series(unexpected, dtype=pl.Boolean)).gather(pair))]


def outside(context: RuleContext) -> list[RowCheck]:
    """Flag org units and indicators that the obligation does not speak for (V015)."""
    catalogue = context.catalogue
    return [
        RowCheck(
            "org_unit", ~_flags(catalogue.org_unit_ids, context.speaks_for.__contains__, "org_unit")
        ),
        RowCheck(
            "indicator",
            ~_flags(catalogue.indicator_codes, context.indicators.__contains__, "indicator"),
        ),
    ]


def refused(_: RuleContext) -> list[RowCheck]:
    """Flag a row that its reader refused (V019)."""
    return [RowCheck("refused", pl.col("~refused").is_not_null())]
