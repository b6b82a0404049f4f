"""The rules of scope row, as frame expressions.

They see a normalised frame: ``indicator``, ``org_unit``, ``period`` and ``status`` as indices into
their code lists (null where unknown), ``value``, ``fault`` (2 no number, 3 too many decimals, 4 too
large) and, as ``~field``, the text that each was read from.
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
    """True where the code that a column's index stands for is a chosen one.

    Null where it has none.
    """
    flags = pl.Series([chosen(code) for code in codes], dtype=pl.Boolean)
    return pl.lit(flags).gather(pl.col(column))


def _is_share(indicator: Indicator) -> bool:
    return indicator.kind == "ratio" and indicator.range == "0..100"


def unknown(_: RuleContext) -> list[RowCheck]:
    """V001: a code that no list has."""
    return [RowCheck(field, pl.col(field).is_null()) for field in FIELDS]


def not_a_number(_: RuleContext) -> list[RowCheck]:
    """V002: a text that is no number in the declared locale."""
    return [RowCheck("value", pl.col("fault") == NOT_A_NUMBER)]


def too_precise(_: RuleContext) -> list[RowCheck]:
    """V003: more decimals than a figure keeps."""
    return [RowCheck("value", pl.col("fault") == TOO_PRECISE)]


def out_of_range(limits: RuleContext) -> list[RowCheck]:
    """V004: the catalogue's range, where neither V005, V007 nor V014 asks for it."""
    catalogue = limits.catalogue
    broken = pl.col("fault") == TOO_LARGE
    compared: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
        ">=": lambda value, bound: value < bound,
        "<=": lambda value, bound: value > bound,
        ">": lambda value, bound: value <= bound,
        "<": lambda value, bound: value >= bound,
    }
    bounded = {
        code: dict(each.bounds)
        for code, each in catalogue.indicators.items()
        if each.range != ">=0" and not _is_share(each)
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


def negative(limits: RuleContext) -> list[RowCheck]:
    """V005: below zero where nothing can be."""
    indicators = limits.catalogue.indicators
    guarded = _flags(
        limits.catalogue.indicator_codes, lambda c: indicators[c].range == ">=0", "indicator"
    )
    return [RowCheck("value", (pl.col("value") < 0) & guarded)]


def not_alive(limits: RuleContext) -> list[RowCheck]:
    """V013: an org unit that lived on no day of the period."""
    return _of_unit_and_period(limits, lambda valid, first, last: not valid.meets(first, last))


def ended(limits: RuleContext) -> list[RowCheck]:
    """V024: an org unit that ended within the period; totals are those of the period's last day."""
    return _of_unit_and_period(
        limits, lambda valid, first, end: valid.last is not None and first <= valid.last < end
    )


def _of_unit_and_period(
    limits: RuleContext, chosen: Callable[[Validity, date, date], bool]
) -> list[RowCheck]:
    """The org unit, where it is a chosen one for the days of the row's period."""
    units = [limits.catalogue.org_units[unit].valid for unit in limits.catalogue.org_unit_ids]
    dated = [(n, valid) for n, valid in enumerate(units) if valid.first or valid.last]
    spans = [Period.parse(label).days(limits.calendar) for label in limits.periods]
    hits = [
        k * len(units) + n
        for k, days in enumerate(spans)
        for n, valid in dated
        if chosen(valid, *days)
    ]
    if not hits:
        return []
    flags = pl.zeros(len(spans) * len(units), pl.Boolean, eager=True).scatter(hits, values=True)
    place = pl.col("period") * len(units) + pl.col("org_unit")
    return [RowCheck("org_unit", pl.lit(flags).gather(place))]


def out_of_share(limits: RuleContext) -> list[RowCheck]:
    """V014: a share of something that is not between nothing and all of it."""
    indicators = limits.catalogue.indicators
    shares = _flags(
        limits.catalogue.indicator_codes, lambda c: _is_share(indicators[c]), "indicator"
    )
    return [RowCheck("value", ((pl.col("value") > 100) | (pl.col("value") < 0)) & shares)]


def fraction(limits: RuleContext) -> list[RowCheck]:
    """V021: a fraction of what is counted in whole numbers.

    Often a point that was meant to group thousands.
    """
    catalogue = limits.catalogue
    whole = _flags(
        catalogue.indicator_codes,
        lambda c: c in catalogue.indicators and _counted(limits, c),
        "indicator",
    )
    return [RowCheck("value", (pl.col("value") != pl.col("value").round(0)) & whole)]


def _counted(limits: RuleContext, code: str) -> bool:
    indicator = limits.catalogue.indicators[code]
    unit = limits.catalogue.units.get(indicator.unit)
    return unit is not None and unit.decimals == 0 and indicator.kind in ("flow", "stock")


def missing_with_figure(_: RuleContext) -> list[RowCheck]:
    """V022: a figure whose status says that it is missing."""
    return [
        RowCheck(
            "status", (pl.col("status") == STATUSES.index("M")) & pl.col("value").is_not_null()
        )
    ]


def wrong_frequency(limits: RuleContext) -> list[RowCheck]:
    """V023: an indicator that is not reported for periods of this length."""
    codes, labels = limits.catalogue.indicator_codes, limits.periods
    frequencies = [Period.parse(label).frequency for label in labels]
    odd = [
        f not in limits.catalogue.indicators[code].frequencies
        for f in frequencies
        for code in codes
    ]
    if not any(odd):
        return []
    place = pl.col("period") * len(codes) + pl.col("indicator")
    return [RowCheck("period", pl.lit(pl.Series(odd, dtype=pl.Boolean)).gather(place))]


def outside(limits: RuleContext) -> list[RowCheck]:
    """V015: what the obligation does not speak for."""
    catalogue = limits.catalogue
    return [
        RowCheck(
            "org_unit", ~_flags(catalogue.org_unit_ids, limits.speaks_for.__contains__, "org_unit")
        ),
        RowCheck(
            "indicator",
            ~_flags(catalogue.indicator_codes, limits.indicators.__contains__, "indicator"),
        ),
    ]


def refused(_: RuleContext) -> list[RowCheck]:
    """V019: a row that its reader does not vouch for."""
    return [RowCheck("refused", pl.col("~refused").is_not_null())]
