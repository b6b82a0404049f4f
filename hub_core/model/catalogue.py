"""The catalogue: all dataflows, indicators, units and org units, as one read-only snapshot."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from hub_core.model.org_unit import Membership, OrgUnit, Succession, Validity
from hub_core.model.period import Calendar, Period

Edges = tuple[tuple[str, str], ...]
"""(child, parent) of org units."""

T = TypeVar("T")

_BOUND = re.compile(r"(>=|<=|>|<)(-?[0-9.]+)")
_WEIGHTED = re.compile(r"weighted_avg\((.+)\)")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure; one with a base is read as that base times an exact factor."""

    name: str
    name_en: str
    decimals: int
    per: int
    base: str
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is counted, its unit, kind (flow, stock, ratio, index, rank) and how it adds up.

    ``agg_space``: sum, ``sum*`` (provinces may share members), ratio, ``weighted_avg(CODE)``, none.
    ``agg_time``: sum, last, avg, recompute, none. ``range``: ``any``, ``>=0``, ``0..100``,
    ``<=CODE``. ``parts``: indicators that add up to this one. ``formula``: those that it is the
    weighted sum of, at each org unit by itself; ``ranks``: the one that it is the rank in, where
    ``better`` is + or - of that one.
    """

    code: str
    dataflow: str
    name_vi: str
    name_en: str
    unit: str
    kind: str
    agg_space: str
    agg_time: str
    numerator: str
    denominator: str
    frequencies: tuple[str, ...]
    range: str
    parts: tuple[str, ...] = ()
    formula: tuple[tuple[str, Decimal], ...] = ()
    ranks: str = ""
    better: str = ""

    @property
    def weight(self) -> str:
        """The indicator that weighs this one in an average, or nothing."""
        match = _WEIGHTED.fullmatch(self.agg_space)
        return match.group(1) if match else ""

    @property
    def components(self) -> tuple[str, ...]:
        """The indicators that this one is recomputed from."""
        return tuple(code for code in (self.numerator, self.denominator, self.weight) if code)

    @property
    def terms(self) -> tuple[str, ...]:
        """The indicators that its formula names."""
        return (*(code for code, _ in self.formula), *((self.ranks,) if self.ranks else ()))

    @property
    def limits(self) -> tuple[str, ...]:
        """The indicators that the range names as a limit."""
        match = re.fullmatch(r"<=([A-Z]{2}\.\w+)", self.range)
        return (match.group(1),) if match else ()

    @property
    def bounds(self) -> tuple[tuple[str, Decimal], ...]:
        """The numeric limits of the range, as (operator, number).

        An indicator as a limit is none.
        """
        if ".." in self.range:
            low, high = self.range.split("..")
            return (">=", Decimal(low)), ("<=", Decimal(high))
        match = _BOUND.fullmatch(self.range)
        return ((match.group(1), Decimal(match.group(2))),) if match else ()


@dataclass(frozen=True, slots=True)
class Dataflow:
    """One kind of report: its calendar, how often, which totals it gives and its limits in percent.

    ``gap``: what stands for a reporter that is missing: nothing (leave out), or its last stocks
    (carry forward). ``mixed``: whether provisions may count in another calendar; what is added
    across calendars is an estimate.
    """

    id: str
    name_vi: str
    name_en: str
    calendar: Calendar
    frequencies: tuple[str, ...]
    covers: tuple[str, ...]
    sign_off: str
    look_back: int
    quarantined_percent: Decimal
    withdrawn_percent: Decimal
    parts_percent: Decimal = Decimal("0.001")
    gap: str = "leave out"
    mixed: bool = False

    @property
    def calendars(self) -> tuple[Calendar, ...]:
        """The calendars in which figures may come: its own first, the other where it is mixed."""
        others = [calendar for calendar in Calendar if calendar is not self.calendar]
        return (self.calendar, *(others if self.mixed else ()))


@dataclass(frozen=True, slots=True)
class Alias:
    """Another word for a code of a codelist (org_unit, indicator, unit), with dates."""

    codelist: str
    alias: str
    code: str
    valid: Validity


@dataclass(frozen=True)
class Catalogue:
    """All structures as one snapshot; ``digest`` is the sha256 of its canonical text."""

    dataflows: Mapping[str, Dataflow]
    indicators: Mapping[str, Indicator]
    units: Mapping[str, Unit]
    org_units: Mapping[str, OrgUnit]
    memberships: tuple[Membership, ...]
    successions: tuple[Succession, ...]
    digest: str
    aliases: tuple[Alias, ...] = ()

    @cached_property
    def _cache(self) -> dict[Hashable, Any]:
        return {}

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is made of this catalogue under a key; it is made only the first time."""
        if key not in self._cache:
            self._cache[key] = make()
        value: T = self._cache[key]
        return value

    @cached_property
    def indicator_codes(self) -> list[str]:
        """Indicator codes in the order of their UTF-8 bytes."""
        return sorted(self.indicators, key=str.encode)

    @cached_property
    def org_unit_ids(self) -> list[str]:
        """Org unit ids in the order of their UTF-8 bytes."""
        return sorted(self.org_units, key=str.encode)

    def decimals(self, indicator: str) -> int:
        """Return to how many decimals a release rounds an indicator."""
        return self.units[self.indicators[indicator].unit].decimals

    def counted_otherwise(self, earlier: Catalogue) -> dict[str, str]:
        """List indicators whose figures meant another quantity in an earlier catalogue.

        Gives their codes with their unit of then.
        """
        changed = {}
        for code, old in earlier.indicators.items():
            if code in self.indicators:
                units = earlier.units[old.unit], self.units[self.indicators[code].unit]
                before, now = ((unit.name, unit.per, unit.base, unit.factor) for unit in units)
                if before != now:
                    changed[code] = old.unit
        return changed

    def made_from(self, indicator: str) -> list[str]:
        """List an indicator, and all those that it is made from."""
        codes = [indicator]
        for code in codes:
            needed = self.indicators[code]
            codes += [other for other in (*needed.components, *needed.terms) if other not in codes]
        return codes

    def of_dataflow(self, dataflow: str) -> list[Indicator]:
        """List the indicators of a dataflow, in the order of their codes."""
        return [
            self.indicators[c]
            for c in self.indicator_codes
            if self.indicators[c].dataflow == dataflow
        ]

    @cached_property
    def _below(self) -> tuple[Edges, list[OrgUnit]]:
        """(child, parent) of the org units without dates, and the dated units under a parent."""
        under = [unit for unit in self.org_units.values() if unit.parent]
        dated = [unit for unit in under if unit.valid != Validity()]
        return tuple((unit.id, unit.parent) for unit in under if unit.valid == Validity()), dated

    def children(self, day: date) -> Edges:
        """List (child, parent) of every org unit that lives on a day, with members of clusters.

        Gives the very same tuple for all days on which they are the same.
        """
        always, dated = self._below
        edges = tuple((u.id, u.parent) for u in dated if u.valid.holds(day)) + tuple(
            (m.member, m.org_unit)
            for m in self.memberships
            if m.valid.holds(day) and self.org_units[m.member].valid.holds(day)
        )
        return self.cached(("children", edges), lambda: always + edges)

    def below(self, roots: tuple[str, ...], day: date) -> list[str]:
        """List the roots and every org unit under them on a day, roots first."""
        return list(
            self.cached(("below", roots, self.children(day)), lambda: self._all_below(roots, day))
        )

    def _all_below(self, roots: tuple[str, ...], day: date) -> list[str]:
        under: dict[str, list[str]] = {}
        for child, parent in self.children(day):
            under.setdefault(parent, []).append(child)
        reached = dict.fromkeys(roots)
        waiting = list(roots)
        for unit in waiting:
            fresh = [child for child in under.get(unit, ()) if child not in reached]
            reached.update(dict.fromkeys(fresh))
            waiting += fresh
        return waiting

    def subtree(self, roots: tuple[str, ...]) -> frozenset[str]:
        """Return the roots and every org unit that was ever under one of them by parent."""
        return self.cached(("subtree", roots), lambda: self._subtree(roots))

    def _subtree(self, roots: tuple[str, ...]) -> frozenset[str]:
        reached = set(roots)
        waiting = list(roots)
        for unit in waiting:
            fresh = [child for child in self._ever_under.get(unit, ()) if child not in reached]
            reached.update(fresh)
            waiting += fresh
        return frozenset(reached)

    @cached_property
    def _ever_under(self) -> dict[str, list[str]]:
        """The org units that were ever under each parent."""
        under: dict[str, list[str]] = {}
        for unit in self.org_units.values():
            if unit.parent:
                under.setdefault(unit.parent, []).append(unit.id)
        return under

    def lives(self, org_unit: str, period: Period, calendar: Calendar) -> bool:
        """Tell whether an org unit lived on at least one day of a period."""
        return self.org_units[org_unit].valid.meets(*period.days(calendar))
