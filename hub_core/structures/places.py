"""Contradictions in time in a catalogue: of successions, codes, names and memberships."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from hub_core.mapping import fold
from hub_core.model.borders import TRANSFER

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue
    from hub_core.model.org_unit import Succession, Validity


def problems(catalogue: Catalogue) -> list[str]:
    """List the contradictions, each as a sentence with file and id.

    Every id that the tables name must be in the catalogue.
    """
    return [
        *_cycles(catalogue),
        *(
            f"successions.csv: {s.day} {s.kind}: {what}"
            for s in catalogue.successions
            for what in _contradictions(catalogue, s)
        ),
        *_shared_codes(catalogue),
        *_shared_names(catalogue),
        *_absent_members(catalogue),
        *_double_names(catalogue),
    ]


def _cycles(catalogue: Catalogue) -> Iterator[str]:
    """Yield org units that came from themselves.

    Boundary transfers do not count, as parts may be given and given back; nor do renames, which
    keep the id.
    """
    successors: dict[str, set[str]] = {}
    for s in catalogue.successions:
        if s.kind != TRANSFER and s.predecessor != s.successor:
            successors.setdefault(s.predecessor, set()).add(s.successor)
    for name in sorted(successors):
        reached: set[str] = set()
        waiting = list(successors[name])
        while waiting:
            unit = waiting.pop()
            if unit not in reached:
                reached.add(unit)
                waiting += successors.get(unit, ())
        if name in reached:
            yield f"successions.csv: {name} is its own successor"


def _contradictions(catalogue: Catalogue, succession: Succession) -> Iterator[str]:
    """Yield how a succession and the lives of its two org units contradict each other."""
    before, after, day = succession.predecessor, succession.successor, succession.day
    eve = day - timedelta(days=1)
    ended, began = catalogue.org_units[before].valid, catalogue.org_units[after].valid
    if succession.kind == "rename":
        if before != after:
            yield f"{before} and {after} are two: a rename keeps the id"
        elif not (ended.holds(eve) and ended.holds(day)):
            yield f"{before} does not live both on {eve} and on {day}"
    elif before == after:
        yield f"{before} cannot be its own successor"
    elif succession.kind == TRANSFER:
        if not ended.holds(eve):
            yield f"{before} gives a part away and does not live on {eve}"
        if not began.holds(day):
            yield f"{after} gets a part and does not live on {day}"
    else:
        if ended.last is None or ended.last >= day:
            yield f"{before} lives on; its last day must be {eve}"
        elif ended.last != eve:
            yield f"{before} ended {ended.last}; its last day must be {eve}"
        if began.first is None or began.first < day:
            yield f"{after} lives before; its first day must be {day}"
        elif began.first != day:
            yield f"{after} begins {began.first}; its first day must be {day}"


def _shared_codes(catalogue: Catalogue) -> Iterator[str]:
    """Yield codes that two org units have on one day."""
    holders_of: dict[tuple[str, str], list[tuple[str, Validity]]] = {}
    for unit in catalogue.org_units.values():
        for code in unit.codes:
            holders_of.setdefault((code.scheme, code.code), []).append(
                (unit.id, code.valid.within(unit.valid))
            )
    for (scheme, code_text), holders in holders_of.items():
        for first, second, day in _clashes(holders):
            pair = f"{first} and {second}"
            yield f"org_unit_codes.csv: {pair} both have {scheme} {code_text} on {day}"


def _shared_names(catalogue: Catalogue) -> Iterator[str]:
    """Yield names that two org units of one parent have on one day."""
    units_called: dict[tuple[str, str], list[tuple[str, Validity]]] = {}
    for unit in catalogue.org_units.values():
        for name in unit.names:
            units_called.setdefault((unit.parent, fold(name.name)), []).append(
                (unit.id, name.valid.within(unit.valid))
            )
    for (parent, _), units in units_called.items():
        for first, second, day in _clashes(units):
            shared = catalogue.org_units[first].named(day).name
            pair = f"{first} and {second}" + (f" under {parent}" if parent else "")
            yield f"org_unit_names.csv: {pair} are both called {shared} on {day}"


def _absent_members(catalogue: Catalogue) -> Iterator[str]:
    """Yield members of a cluster on days on which they, or the cluster, do not live."""
    for member in catalogue.memberships:
        for unit in (member.member, member.org_unit):
            valid = catalogue.org_units[unit].valid
            if member.valid.within(valid) != member.valid:
                membership = f"{member.member} is in {member.org_unit} {_days(member.valid)}"
                yield f"memberships.csv: {membership}, and {unit} lives {_days(valid)}"


def _double_names(catalogue: Catalogue) -> Iterator[str]:
    """Yield org units that have two names on one day."""
    for unit in catalogue.org_units.values():
        for first, second in combinations(unit.names, 2):
            if (day := _first_of_both(first.valid, second.valid)) is not None:
                names = f"{first.name} and {second.name}"
                yield f"org_unit_names.csv: {unit.id} is called {names} on {day}"


def _clashes(holders: Iterable[tuple[str, Validity]]) -> Iterator[tuple[str, str, date]]:
    for (first, first_valid), (second, second_valid) in combinations(holders, 2):
        if first != second and (day := _first_of_both(first_valid, second_valid)) is not None:
            yield first, second, day


def _first_of_both(valid: Validity, other: Validity) -> date | None:
    """Return the first day on which both hold, the last one where they have no first, or None."""
    shared = valid.within(other)
    if shared.first and shared.last and shared.last < shared.first:
        return None
    return shared.first or shared.last or date.max


def _days(valid: Validity) -> str:
    words = [
        f"from {valid.first}" if valid.first else "",
        f"until {valid.last}" if valid.last else "",
    ]
    return " ".join(filter(None, words)) or "always"
