"""What in a catalogue's org units does not hold in time.

Successions, codes, names and memberships.
"""

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


def problems(found: Catalogue) -> list[str]:
    """All of it, each as a sentence with file and id; every id that the tables name is there."""
    return [
        *_cycles(found),
        *(
            f"successions.csv: {s.day} {s.kind}: {what}"
            for s in found.successions
            for what in _out_of_time(found, s)
        ),
        *_codes_of_two(found),
        *_names_of_two(found),
        *_absent_members(found),
        *_two_names(found),
    ]


def _cycles(found: Catalogue) -> Iterator[str]:
    """Org units that came from themselves.

    Parts may be given and given back, and a rename keeps the id.
    """
    after: dict[str, set[str]] = {}
    for each in found.successions:
        if each.kind != TRANSFER and each.predecessor != each.successor:
            after.setdefault(each.predecessor, set()).add(each.successor)
    for name in sorted(after):
        reached: set[str] = set()
        waiting = list(after[name])
        while waiting:
            each_unit = waiting.pop()
            if each_unit not in reached:
                reached.add(each_unit)
                waiting += after.get(each_unit, ())
        if name in reached:
            yield f"successions.csv: {name} is its own successor"


def _out_of_time(found: Catalogue, succession: Succession) -> Iterator[str]:
    """How a succession and the lives of its two org units contradict each other."""
    before, after, day = succession.predecessor, succession.successor, succession.day
    eve = day - timedelta(days=1)
    ended, began = found.org_units[before].valid, found.org_units[after].valid
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


def _codes_of_two(found: Catalogue) -> Iterator[str]:
    """Codes that two org units have on one day."""
    held: dict[tuple[str, str], list[tuple[str, Validity]]] = {}
    for unit in found.org_units.values():
        for code in unit.codes:
            held.setdefault((code.scheme, code.code), []).append(
                (unit.id, code.valid.within(unit.valid))
            )
    for (scheme, code_text), holders in held.items():
        for one, other, day in _clashes(holders):
            yield f"org_unit_codes.csv: {one} and {other} both have {scheme} {code_text} on {day}"


def _names_of_two(found: Catalogue) -> Iterator[str]:
    """Names that two org units of one parent have on one day."""
    called: dict[tuple[str, str], list[tuple[str, Validity]]] = {}
    for unit in found.org_units.values():
        for name in unit.names:
            called.setdefault((unit.parent, fold(name.name)), []).append(
                (unit.id, name.valid.within(unit.valid))
            )
    for (parent, _), units in called.items():
        for one, other, day in _clashes(units):
            both, under = found.org_units[one].named(day).name, f" under {parent}" if parent else ""
            yield f"org_unit_names.csv: {one} and {other}{under} are both called {both} on {day}"


def _absent_members(found: Catalogue) -> Iterator[str]:
    """Members of a cluster on days on which they, or it, do not live."""
    for member in found.memberships:
        for unit in (member.member, member.org_unit):
            lived = found.org_units[unit].valid
            if member.valid.within(lived) != member.valid:
                told = f"{member.member} is in {member.org_unit} {_days(member.valid)}"
                yield f"memberships.csv: {told}, and {unit} lives {_days(lived)}"


def _two_names(found: Catalogue) -> Iterator[str]:
    """Org units that have two names on one day."""
    for unit in found.org_units.values():
        for one, other in combinations(unit.names, 2):
            if (day := _first_of_both(one.valid, other.valid)) is not None:
                yield f"org_unit_names.csv: {unit.id} is called {one.name} and {other.name} on {day}"


def _clashes(holders: Iterable[tuple[str, Validity]]) -> Iterator[tuple[str, str, date]]:
    for (one, its), (other, others) in combinations(holders, 2):
        if one != other and (day := _first_of_both(its, others)) is not None:
            yield one, other, day


def _first_of_both(one: Validity, other: Validity) -> date | None:
    """The first day on which both hold, the last where they have no first, or none."""
    both = one.within(other)
    if both.first and both.last and both.last < both.first:
        return None
    return both.first or both.last or date.max


def _days(valid: Validity) -> str:
    words = [
        f"from {valid.first}" if valid.first else "",
        f"until {valid.last}" if valid.last else "",
    ]
    return " ".join(filter(None, words)) or "always"
