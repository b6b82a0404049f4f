"""Faults in a catalogue: names that are not there, circles, indicators that do not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue, Indicator

_FINEST_FIRST = "MQSNA"  # frequencies, by the length of their periods


def unknown_references(
    catalogue: Catalogue, names: dict[str, Any], codes: dict[str, Any]
) -> list[str]:
    """List every name that something in the catalogue refers to and that is not there.

    ``names``, ``codes``: those of org units, by org unit.
    """
    problems: list[str] = []

    def refer(where: str, names: list[str], existing: object) -> None:
        problems.extend(
            f"{where} names {name}, which is not there"
            for name in names
            if name not in existing  # type: ignore[operator]
        )

    for indicator in catalogue.indicators.values():
        refer(
            f"indicators.csv: {indicator.code}",
            [*indicator.components, *indicator.limits],
            catalogue.indicators,
        )
        refer(f"indicators.csv: {indicator.code}", [indicator.dataflow], catalogue.dataflows)
        refer(f"indicators.csv: {indicator.code}", [indicator.unit], catalogue.units)
        refer(
            f"indicators.csv: {indicator.code}, parts", list(indicator.parts), catalogue.indicators
        )
        refer(
            f"indicators.csv: {indicator.code}, formula",
            list(indicator.terms),
            catalogue.indicators,
        )
    for unit in catalogue.units.values():
        refer(f"units.csv: {unit.name}", [unit.base] if unit.base else [], catalogue.units)
    for org_unit in catalogue.org_units.values():
        refer(
            f"org_units.csv: {org_unit.id}",
            [org_unit.parent] if org_unit.parent else [],
            catalogue.org_units,
        )
    refer("org_unit_names.csv", list(names), catalogue.org_units)
    refer("org_unit_codes.csv", list(codes), catalogue.org_units)
    targets = {
        "org_unit": catalogue.org_units,
        "indicator": catalogue.indicators,
        "unit": catalogue.units,
    }
    for alias in catalogue.aliases:
        refer(f"aliases.csv: {alias.alias}", [alias.code], targets[alias.codelist])
    for member in catalogue.memberships:
        refer("memberships.csv", [member.org_unit, member.member], catalogue.org_units)
    for succession in catalogue.successions:
        refer(
            "successions.csv", [succession.predecessor, succession.successor], catalogue.org_units
        )
    for dataflow in catalogue.dataflows.values():
        refer(f"dataflows/{dataflow.id}.toml", list(dataflow.covers), catalogue.org_units)
    return problems


def cycles(catalogue: Catalogue) -> list[str]:
    """List org units that are above themselves, by parents or by membership."""
    above: dict[str, set[str]] = {}
    for unit in catalogue.org_units.values():
        above.setdefault(unit.id, set()).update({unit.parent} if unit.parent else set())
    members = {(m.member, m.org_unit) for m in catalogue.memberships}
    for member, cluster in members:
        above.setdefault(member, set()).add(cluster)
    problems = []
    for name in _in_circles(above):
        file = "memberships.csv" if any(name in pair for pair in members) else "org_units.csv"
        problems.append(f"{file}: {name} is above itself")
    countries = {unit.id for unit in catalogue.org_units.values() if unit.level == "country"}
    return problems + [
        f"memberships.csv: {m} is above {c}" for m, c in sorted(members) if m in countries
    ]


def misfits(catalogue: Catalogue) -> list[str]:
    """List indicators that cannot be made as they say, and dataflows without indicators.

    Every name that the tables refer to must be in the catalogue.
    """
    checks = (_frequencies, _quotient, _parts, _limits, _formula)
    problems = [
        f"indicators.csv: {indicator.code}: {what}"
        for indicator in catalogue.indicators.values()
        for what in chain.from_iterable(check(catalogue, indicator) for check in checks)
    ]
    made_of = {i.code: {*i.components, *i.parts, *i.terms} for i in catalogue.indicators.values()}
    problems += [f"indicators.csv: {code}: is made of itself" for code in _in_circles(made_of)]
    used = {indicator.dataflow for indicator in catalogue.indicators.values()}
    return problems + [
        f"dataflows/{d}.toml: indicators.csv has no indicator of {d}"
        for d in catalogue.dataflows
        if d not in used
    ]


def _frequencies(catalogue: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Yield an indicator's frequencies by which its dataflow is not reported."""
    flow = catalogue.dataflows[indicator.dataflow]
    yield from (
        f"{flow.id} is not reported by {f}"
        for f in indicator.frequencies
        if f not in flow.frequencies
    )


def _quotient(catalogue: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Yield why a quotient cannot be made from its numerator and denominator, or its weight.

    One of them cannot be summed, or is not there when it is needed.
    """
    is_ratio = indicator.kind == "ratio"
    if is_ratio != (indicator.agg_space == "ratio") or (
        is_ratio and not (indicator.numerator and indicator.denominator)
    ):
        yield "a ratio needs agg_space ratio, numerator and denominator"
    calendar = catalogue.dataflows[indicator.dataflow].calendar
    longest = max(indicator.frequencies, key=_FINEST_FIRST.index)
    for component in (catalogue.indicators[code] for code in indicator.components):
        if component.agg_space not in ("sum", "sum*"):
            yield f"it is made from {component.code}, which is not summed"
        if catalogue.dataflows[component.dataflow].calendar != calendar:
            yield f"it is made from {component.code}, which is counted in another calendar"
        if max(map(_FINEST_FIRST.index, component.frequencies)) < _FINEST_FIRST.index(longest):
            made_from = f"it is made from {component.code}"
            yield f"{made_from}, which is not reported by {longest} or anything coarser"


def _parts(catalogue: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Yield why an indicator's parts cannot be added up to it, at an org unit (V008)."""
    parts = [catalogue.indicators[part] for part in indicator.parts]
    if len(set(indicator.parts)) < len(indicator.parts):
        yield "has a part twice"
    if any(part.unit != indicator.unit or part.dataflow != indicator.dataflow for part in parts):
        yield "has parts of another unit or dataflow"
    if parts and not all(i.kind in ("flow", "stock") for i in (indicator, *parts)):
        yield "has parts and is not counted, or its parts are not"
    if any(not set(indicator.frequencies) <= set(part.frequencies) for part in parts):
        yield "has parts that are not reported as often"


def _limits(catalogue: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Yield limits that an indicator cannot be compared with (V007)."""
    for limit in (catalogue.indicators[code] for code in indicator.limits):
        if limit.code == indicator.code or limit.kind not in ("flow", "stock"):
            yield f"range {indicator.range}: a limit is another flow or stock"


def _formula(catalogue: Catalogue, indicator: Indicator) -> Iterator[str]:
    """Yield a formula's terms that its release does not have, and why a rank cannot be given."""
    for term in (catalogue.indicators[code] for code in indicator.terms):
        if term.dataflow != indicator.dataflow:
            yield f"formula: {term.code} is of another dataflow"
        if not set(indicator.frequencies) <= set(term.frequencies):
            yield f"formula: {term.code} is not reported as often"
        if term.agg_time == "avg":
            yield f"formula: {term.code} is averaged over time, which a formula does not take"
    if indicator.ranks and indicator.kind != "rank":
        yield "formula: only an indicator of kind rank is a rank"
    if indicator.ranks and catalogue.indicators[indicator.ranks].better not in ("+", "-"):
        yield f"formula: {indicator.ranks} does not say what is better, + or -"


def _in_circles(leads: Mapping[str, set[str]]) -> list[str]:
    """List names from which a way leads back to themselves, in order."""
    circular = []
    for name in sorted(leads):
        reached: set[str] = set()
        waiting = list(leads[name])
        while waiting:
            current = waiting.pop()
            if current not in reached:
                reached.add(current)
                waiting += leads.get(current, ())
        if name in reached:
            circular.append(name)
    return circular
