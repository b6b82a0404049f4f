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
    import polars as pl

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
    """Return the points of a series, one for each period.

    ``borders``: the day on whose borders the figures are to be. ``at``: the moment as of which they
    are to be. Figures are recomputed from the sealed submissions. Raises StateError for an unknown
    indicator or org unit.
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
    """Recompute one period of a series."""
    import polars as pl

    from hub_core.stages.aggregate import aggregate
    from hub_core.stages.consolidate import double_voices, without

    catalogue = hub.config.catalogue
    scope = Scope.of(catalogue, indicator.dataflow, period, borders)
    unit = catalogue.org_units[org_unit]
    is_valid = (
        unit.valid.holds(borders) if borders else catalogue.lives(org_unit, period, scope.calendar)
    )
    if (
        is_valid and org_unit not in scope.org_units
    ):  # one that ended within the period is in no release, and was reported
        scope = replace(scope, org_units=(*scope.org_units, org_unit))
    frames = frames_of(hub, scope, inputs_of(hub, scope, at))
    needed = pl.col("indicator").is_in(catalogue.made_from(indicator.code))
    own = without(frames.own, double_voices(frames.own, frames.shared)).filter(needed)
    figures = aggregate(scope, own, frames.components.filter(needed), frames.present)
    asked_for = (pl.col("indicator") == indicator.code) & (pl.col("org_unit") == org_unit)
    rows = figures.filter(asked_for, pl.col("measure") == "actual", pl.col("dims") == "").to_dicts()
    if rows and rows[0]["value"] is not None:
        return _point_of_row(str(period), rows[0], catalogue.decimals(indicator.code))
    reported = _reported_values([frames.components.filter(needed), own])
    return Point(
        str(period),
        None,
        why=_why(scope, indicator, org_unit, figures["org_unit"].to_list(), reported),
    )


def _reported_values(frames: list[pl.LazyFrame]) -> dict[str, dict[str, Decimal]]:
    """Return the actual values without a breakdown, by indicator and org unit.

    Of two frames with the same figure the later one counts.
    """
    import polars as pl

    plain = (pl.col("measure") == "actual") & (pl.col("dims") == "") & pl.col("value").is_not_null()
    values: dict[str, dict[str, Decimal]] = {}
    for frame in frames:
        for code, org_unit, value in (
            frame.filter(plain).select("indicator", "org_unit", "value").collect().iter_rows()
        ):
            values.setdefault(code, {})[org_unit] = value
    return values


def _point_of_row(label: str, row: dict[str, Any], decimals: int) -> Point:
    coverage = f"{row['covered']}/{row['expected']}" if row["covered"] is not None else ""
    value = row["value"].quantize(
        Decimal(1).scaleb(-decimals)
    )  # rounded already; written as it is published
    return Point(label, value, row["status"], coverage, row["method"])


def _why(
    scope: Scope,
    indicator: Indicator,
    org_unit: str,
    units_with_figures: list[str],
    reported: dict[str, dict[str, Decimal]],
) -> str:
    """Say in words why a series has no figure for a period.

    ``reported``: the values that were reported, by indicator and org unit.
    """
    catalogue = scope.catalogue
    below = sorted(child for child, parent in scope.tree if parent == org_unit)
    units_with_their_own = [unit for unit in below if unit in units_with_figures] or below
    if (
        below
        and not indicator.agg_space.startswith("sum")
        and indicator.agg_space != "ratio"
        and not indicator.weight
    ):
        names = ", ".join(units_with_their_own)
        return f"{indicator.kind} figures are not added up: {names} have their own"
    if not below and not catalogue.lives(org_unit, scope.period, scope.calendar):
        return f"{org_unit} did not live in {scope.period}"
    if scope.borders and not below and not catalogue.org_units[org_unit].valid.holds(scope.borders):
        last = scope.period.days(scope.calendar)[1]
        holder = find_holder(catalogue, org_unit, last, scope.borders).org_unit
        return f"{org_unit} did not live on {scope.borders}" + (
            f"; {holder} holds it" if holder else ""
        )
    return _lacking_component(scope, indicator, org_unit, reported) or "not reported"


def _lacking_component(
    scope: Scope, indicator: Indicator, org_unit: str, reported: dict[str, dict[str, Decimal]]
) -> str:
    """Say which component a ratio or weighted average lacks, or that it would divide by zero.

    The org unit and all units below it are looked at. The text is empty where nothing is lacking,
    and where neither component is reported.
    """
    units = [org_unit]
    for unit in units:  # it grows as it is walked
        units += [child for child, parent in scope.tree if parent == unit and child not in units]
    divisor = indicator.denominator or indicator.weight
    units_by_component = {
        code: {unit for unit in units if unit in reported.get(code, {})}
        for code in (indicator.numerator or indicator.code, divisor)
    }
    if not divisor or not any(units_by_component.values()):
        return ""
    if lacking := [code for code, unit_ids in units_by_component.items() if not unit_ids]:
        return f"no {lacking[0]} of {org_unit} for it"
    units_with_both = set.intersection(*units_by_component.values())
    if not units_with_both:
        return f"no org unit has both {' and '.join(units_by_component)}"
    is_zero = not any(reported[divisor][unit] for unit in units_with_both)
    return f"{divisor} is 0" if is_zero else ""
