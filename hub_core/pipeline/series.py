"""A series: one indicator of one org unit through time, as reported and on the borders of a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub_core.errors import StateError
from hub_core.model.borders import find_holder
from hub_core.model.scope import Scope
from hub_core.pipeline.inputs import frames_of, inputs_of

if TYPE_CHECKING:
    from hub_core.home import Hub
    from hub_core.model.catalogue import Indicator
    from hub_core.model.period import Period


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of a series, or why there is none."""

    period: str
    value: Decimal | None
    status: str = ""
    coverage: str = ""
    method: str = ""
    why: str = ""


def series(
    hub: Hub,
    indicator: str,
    org_unit: str,
    periods: list[Period],
    borders: date | None = None,
    at: datetime | None = None,
) -> list[Point]:
    """The points of a series, one a period; ``borders``: on those of a day, ``at``: as of a moment.

    Figures are recomputed from the sealed submissions. Raises StateError for an unknown indicator
    or org unit.
    """
    catalogue = hub.config.catalogue
    if indicator not in catalogue.indicators:
        raise StateError(f"no indicator {indicator} in the catalogue")
    if org_unit not in catalogue.org_units:
        raise StateError(f"no org unit {org_unit} in the catalogue")
    return [
        _point(hub, catalogue.indicators[indicator], org_unit, period, borders, at)
        for period in periods
    ]


def _point(
    hub: Hub,
    indicator: Indicator,
    org_unit: str,
    period: Period,
    borders: date | None,
    at: datetime | None,
) -> Point:
    import polars as pl

    from hub_core.stages.aggregate import aggregate
    from hub_core.stages.consolidate import double_voices, without

    catalogue = hub.config.catalogue
    scope = Scope.of(catalogue, indicator.dataflow, period, borders)
    unit = catalogue.org_units[org_unit]
    there = (
        unit.valid.holds(borders) if borders else catalogue.lives(org_unit, period, scope.calendar)
    )
    if (
        there and org_unit not in scope.org_units
    ):  # one that ended within the period is in no release, and was reported
        scope = replace(scope, org_units=(*scope.org_units, org_unit))
    frames = frames_of(hub, scope, inputs_of(hub, scope, at))
    needed = pl.col("indicator").is_in(catalogue.made_from(indicator.code))
    own = without(frames.own, double_voices(frames.own, frames.shared)).filter(needed)
    figures = aggregate(scope, own, frames.components.filter(needed), frames.present)
    mine = (pl.col("indicator") == indicator.code) & (pl.col("org_unit") == org_unit)
    rows = figures.filter(mine, pl.col("measure") == "actual", pl.col("dims") == "").to_dicts()
    if rows and rows[0]["value"] is not None:
        return _told(str(period), rows[0], catalogue.decimals(indicator.code))
    plain = (pl.col("measure") == "actual") & (pl.col("dims") == "") & pl.col("value").is_not_null()
    known: dict[str, dict[str, Decimal]] = {}
    for each in (frames.components.filter(needed), own):
        for code, where, value in (
            each.filter(plain).select("indicator", "org_unit", "value").collect().iter_rows()
        ):
            known.setdefault(code, {})[where] = value
    return Point(
        str(period),
        None,
        why=_why(scope, indicator, org_unit, figures["org_unit"].to_list(), known),
    )


def _told(label: str, row: dict[str, Any], decimals: int) -> Point:
    coverage = f"{row['covered']}/{row['expected']}" if row["covered"] is not None else ""
    value = row["value"].quantize(
        Decimal(1).scaleb(-decimals)
    )  # rounded already; written as it is published
    return Point(label, value, row["status"], coverage, row["method"])


def _why(
    scope: Scope,
    indicator: Indicator,
    org_unit: str,
    there: list[str],
    known: dict[str, dict[str, Decimal]],
) -> str:
    """Why a series has no figure for a period, in words; ``known``.

    What was reported, by indicator and org unit.
    """
    catalogue = scope.catalogue
    below = sorted(child for child, parent in scope.tree if parent == org_unit)
    reported = [unit for unit in below if unit in there] or below
    if (
        below
        and not indicator.agg_space.startswith("sum")
        and indicator.agg_space != "ratio"
        and not indicator.weight
    ):
        return f"{indicator.kind} figures are not added up: {', '.join(reported)} have their own"
    if not below and not catalogue.lives(org_unit, scope.period, scope.calendar):
        return f"{org_unit} did not live in {scope.period}"
    if scope.borders and not below and not catalogue.org_units[org_unit].valid.holds(scope.borders):
        last = scope.period.days(scope.calendar)[1]
        holder = find_holder(catalogue, org_unit, last, scope.borders).org_unit
        return f"{org_unit} did not live on {scope.borders}" + (
            f"; {holder} holds it" if holder else ""
        )
    return _lacking(scope, indicator, org_unit, known) or "not reported"


def _lacking(
    scope: Scope, indicator: Indicator, org_unit: str, known: dict[str, dict[str, Decimal]]
) -> str:
    """Which component a ratio or weighted average lacks at an org unit and all below it, or that it divides by zero."""
    units = [org_unit]
    for each in units:
        units += [child for child, parent in scope.tree if parent == each and child not in units]
    bottom = indicator.denominator or indicator.weight
    told = {
        code: {u for u in units if u in known.get(code, {})}
        for code in (indicator.numerator or indicator.code, bottom)
    }
    if not bottom or not any(told.values()):
        return ""
    if lacking := [code for code, where in told.items() if not where]:
        return f"no {lacking[0]} of {org_unit} for it"
    both = set.intersection(*told.values())
    if not both:
        return f"no org unit has both {' and '.join(told)}"
    return f"{bottom} is 0" if not any(known[bottom][unit] for unit in both) else ""
