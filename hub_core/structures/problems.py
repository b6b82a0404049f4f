"""What in a catalogue does not hold.

Names that are not there, circles, and indicators that do not fit together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue, Indicator

_FINEST_FIRST = "MQSNA"  # frequencies, by the length of their periods


def unknown_references(found: Catalogue, names: dict[str, Any], codes: dict[str, Any]) -> list[str]:
    """Every name that something in the catalogue refers to and that is not there."""
    problems: list[str] = []

    def refer(what: str, names: list[str], known: object) -> None:
        problems.extend(
            f"{what} names {name}, which is not there"
            for name in names
            if name not in known  # type: ignore[operator]
        )

    for indicator in found.indicators.values():
        refer(
            f"indicators.csv: {indicator.code}",
            [*indicator.components, *indicator.limits],
            found.indicators,
        )
        refer(f"indicators.csv: {indicator.code}", [indicator.dataflow], found.dataflows)
        refer(f"indicators.csv: {indicator.code}", [indicator.unit], found.units)
        refer(f"indicators.csv: {indicator.code}, parts", list(indicator.parts), found.indicators)
        refer(f"indicators.csv: {indicator.code}, formula", list(indicator.terms), found.indicators)
    for unit in found.units.values():
        refer(f"units.csv: {unit.name}", [unit.base] if unit.base else [], found.units)
    for org_unit in found.org_units.values():
        refer(
            f"org_units.csv: {org_unit.id}",
            [org_unit.parent] if org_unit.parent else [],
            found.org_units,
        )
    refer("org_unit_names.csv", list(names), found.org_units)
    refer("org_unit_codes.csv", list(codes), found.org_units)
    known = {"org_unit": found.org_units, "indicator": found.indicators, "unit": found.units}
    for alias in found.aliases:
        refer(f"aliases.csv: {alias.alias}", [alias.code], known[alias.codelist])
    for member in found.memberships:
        refer("memberships.csv", [member.org_unit, member.member], found.org_units)
    for succession in found.successions:
        refer("successions.csv", [succession.predecessor, succession.successor], found.org_units)
    for dataflow in found.dataflows.values():
        refer(f"dataflows/{dataflow.id}.toml", list(dataflow.covers), found.org_units)
    return problems


def cycles(found: Catalogue) -> list[str]:
    """Org units that are above themselves, by parents or by membership."""
    above: dict[str, set[str]] = {}
    for unit in found.org_units.values():
        above.setdefault(unit.id, set()).update({unit.parent} if unit.parent else set())
    members = {(m.member, m.org_unit) for m in found.memberships}
    for member, cluster in members:
        above.setdefault(member, set()).add(cluster)
    problems = []
    for name in _in_circles(above):
        file = "memberships.csv" if any(name in pair for pair in members) else "org_units.csv"
        problems.append(f"{file}: {name} is above itself")
    countries = {unit.id for unit in found.org_units.values() if unit.level == "country"}
    return problems + [
        f"memberships.csv: {m} is above {c}" for m, c in sorted(members) if m in countries
    ]


def misfits(found: Catalogue) -> list[str]:
    """Indicators that cannot be made as they say, and dataflows without any.

    Every name must be there.
    """
    checks = (_frequencies, _quotient, _parts, _limits, _formula)
    problems = [
        f"indicators.csv: {indicator.code}: {what}"
        for indicator in found.indicators.values()
        for what in chain.from_iterable(check(found, indicator) for check in checks)
    ]
    made_of = {i.code: {*i.components, *i.parts, *i.terms} for i in found.indicators.values()}
    problems += [f"indicators.csv: {code}: is made of itself" for code in _in_circles(made_of)]
    used = {indicator.dataflow for indicator in found.indicators.values()}
    return problems + [
        f"dataflows/{d}.toml: indicators.csv has no indicator of {d}"
        for d in found.dataflows
        if d not in used
    ]


def _frequencies(found: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Frequencies in which its dataflow is not reported."""
    flow = found.dataflows[indicator.dataflow]
    yield from (
        f"{flow.id} is not reported by {f}"
        for f in indicator.frequencies
        if f not in flow.frequencies
    )


def _quotient(found: Catalogue, indicator: Indicator) -> Iterator[str]:
    """A numerator, denominator or weight that cannot be summed, or is not there when it is needed."""
    ratio = indicator.kind == "ratio"
    if ratio != (indicator.agg_space == "ratio") or (
        ratio and not (indicator.numerator and indicator.denominator)
    ):
        yield "a ratio needs agg_space ratio, numerator and denominator"
    calendar = found.dataflows[indicator.dataflow].calendar
    longest = max(indicator.frequencies, key=_FINEST_FIRST.index)
    for component in (found.indicators[code] for code in indicator.components):
        if component.agg_space not in ("sum", "sum*"):
            yield f"it is made from {component.code}, which is not summed"
        if found.dataflows[component.dataflow].calendar != calendar:
            yield f"it is made from {component.code}, which is counted in another calendar"
        if max(map(_FINEST_FIRST.index, component.frequencies)) < _FINEST_FIRST.index(longest):
            yield f"it is made from {component.code}, which is not reported by {longest} or anything coarser"


def _parts(found: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Parts that cannot be added up to it, at an org unit (V008)."""
    parts = [found.indicators[part] for part in indicator.parts]
    if len(set(indicator.parts)) < len(indicator.parts):
        yield "has a part twice"
    if any(part.unit != indicator.unit or part.dataflow != indicator.dataflow for part in parts):
        yield "has parts of another unit or dataflow"
    if parts and not all(each.kind in ("flow", "stock") for each in (indicator, *parts)):
        yield "has parts and is not counted, or its parts are not"
    if any(not set(indicator.frequencies) <= set(part.frequencies) for part in parts):
        yield "has parts that are not reported as often"


def _limits(found: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Another indicator that it cannot be held against (V007)."""
    for limit in (found.indicators[code] for code in indicator.limits):
        if limit.code == indicator.code or limit.kind not in ("flow", "stock"):
            yield f"range {indicator.range}: a limit is another flow or stock"


def _formula(found: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Terms that its release does not have, and a rank that cannot be given."""
    for term in (found.indicators[code] for code in indicator.terms):
        if term.dataflow != indicator.dataflow:
            yield f"formula: {term.code} is of another dataflow"
        if not set(indicator.frequencies) <= set(term.frequencies):
            yield f"formula: {term.code} is not reported as often"
        if term.agg_time == "avg":
            yield f"formula: {term.code} is averaged over time, which a formula does not take"
    if indicator.ranks and indicator.kind != "rank":
        yield "formula: only an indicator of kind rank is a rank"
    if indicator.ranks and found.indicators[indicator.ranks].better not in ("+", "-"):
        yield f"formula: {indicator.ranks} does not say what is better, + or -"


def _in_circles(leads: Mapping[str, set[str]]) -> list[str]:
    """Names from which a way leads back to themselves, in order."""
    found = []
    for name in sorted(leads):
        reached: set[str] = set()
        waiting = list(leads[name])
        while waiting:
            each = waiting.pop()
            if each not in reached:
                reached.add(each)
                waiting += leads.get(each, ())
        if name in reached:
            found.append(name)
    return found
