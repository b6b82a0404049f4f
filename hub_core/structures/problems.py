"""What in a catalogue does not hold: names that are not there, and units above themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue


def unknown_references(found: Catalogue, names: dict[str, Any], codes: dict[str, Any]) -> list[str]:
    """Every name that something in the catalogue refers to and that is not there."""
    problems: list[str] = []

    def refer(what: str, names: list[str], known: object) -> None:
        problems.extend(f"{what} names {name}, which is not there" for name in names if name not in known)  # type: ignore[operator]

    for indicator in found.indicators.values():
        refer(f"indicators.csv: {indicator.code}", [*indicator.components, *indicator.limits], found.indicators)
        refer(f"indicators.csv: {indicator.code}", [indicator.dataflow], found.dataflows)
        refer(f"indicators.csv: {indicator.code}", [indicator.unit], found.units)
        refer(f"indicators.csv: {indicator.code}, parts", list(indicator.parts), found.indicators)
        if (indicator.kind == "ratio") != (indicator.agg_space == "ratio") or (
            indicator.kind == "ratio" and not (indicator.numerator and indicator.denominator)
        ):
            problems.append(
                f"indicators.csv: {indicator.code}: a ratio needs agg_space ratio, numerator and denominator"
            )
    problems += [f"indicators.csv: {code}: {what}" for code, what in _odd_parts(found)]
    for unit in found.units.values():
        refer(f"units.csv: {unit.name}", [unit.base] if unit.base else [], found.units)
    for org_unit in found.org_units.values():
        refer(f"org_units.csv: {org_unit.id}", [org_unit.parent] if org_unit.parent else [], found.org_units)
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


def _odd_parts(found: Catalogue) -> Iterator[tuple[str, str]]:
    """Indicators whose parts cannot be added up to them."""
    for indicator in found.indicators.values():
        parts = [found.indicators[part] for part in indicator.parts if part in found.indicators]
        if indicator.code in indicator.parts or len(set(indicator.parts)) < len(indicator.parts):
            yield indicator.code, "is its own part, or has a part twice"
        if any(part.unit != indicator.unit or part.dataflow != indicator.dataflow for part in parts):
            yield indicator.code, "has parts of another unit or dataflow"
        if parts and not all(each.agg_space.startswith("sum") for each in (indicator, *parts)):
            yield indicator.code, "has parts and is not summed, or its parts are not"


def cycles(found: Catalogue) -> list[str]:
    """Org units that are above themselves, by parents or by membership."""
    above: dict[str, set[str]] = {}
    for unit in found.org_units.values():
        above.setdefault(unit.id, set()).update({unit.parent} if unit.parent else set())
    members = {(m.member, m.org_unit) for m in found.memberships}
    for member, cluster in members:
        above.setdefault(member, set()).add(cluster)
    problems = []
    for name in sorted(above):
        reached: set[str] = set()
        waiting = list(above[name])
        while waiting:
            each = waiting.pop()
            if each not in reached:
                reached.add(each)
                waiting += above.get(each, ())
        if name in reached:
            file = "memberships.csv" if any(name in pair for pair in members) else "org_units.csv"
            problems.append(f"{file}: {name} is above itself")
    countries = {unit.id for unit in found.org_units.values() if unit.level == "country"}
    return problems + [f"memberships.csv: {m} is above {c}" for m, c in sorted(members) if m in countries]
