"""Borders in time: what an org unit became and came from, and which unit of a day holds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from hub_core.model.catalogue import Catalogue
from hub_core.model.org_unit import Succession

TRANSFER = "boundary transfer"  # the predecessor lives on without the part that it gives


@dataclass(frozen=True, slots=True)
class Holder:
    """Where the borders that an org unit had on one day lie among the units of another day.

    ``parts``: the units of the other day that hold it, or may hold a part of it. ``org_unit``: the
    smallest unit of that day that surely holds it whole: the only part, or what is above all parts;
    "" where there is none. ``steps``: the successions that lead there, in the order in which they
    are followed.
    """

    org_unit: str
    parts: tuple[str, ...]
    steps: tuple[Succession, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was divided: ``org_unit`` is the unit itself or what it merged into."""
        return self.parts == (self.org_unit,)


@dataclass(frozen=True, slots=True)
class UnitsWithin:
    """Which units of another day lie within an org unit's borders: whole, and perhaps in part.

    The figures of ``wholes`` add up to the unit's own where ``parts`` is empty; otherwise something
    is missing.
    """

    wholes: tuple[str, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A succession in a unit's history.

    ``org_unit``: the other unit of the succession; ``depth``: how many successions away, from 1.
    """

    depth: int
    org_unit: str
    succession: Succession


def successors(catalogue: Catalogue, org_unit: str) -> tuple[Succession, ...]:
    """List what became of an org unit, by date.

    That is its own merge or split, parts that it gave away, and renames.
    """
    return tuple(
        sorted((s for s in catalogue.successions if s.predecessor == org_unit), key=_by_date)
    )


def predecessors(catalogue: Catalogue, org_unit: str) -> tuple[Succession, ...]:
    """List where an org unit came from, by date.

    That is what was merged or split into it, parts that it got, and renames.
    """
    return tuple(
        sorted((s for s in catalogue.successions if s.successor == org_unit), key=_by_date)
    )


def became(catalogue: Catalogue, org_unit: str) -> list[Branch]:
    """List all that became of an org unit and of its successors.

    Each branch comes right after the one that it grew from.
    """
    return list(_branches(catalogue, org_unit, 1, date.min, ahead=True))


def came_from(catalogue: Catalogue, org_unit: str) -> list[Branch]:
    """List all that an org unit and its predecessors came from.

    Each branch comes right after the one that it led to.
    """
    return list(_branches(catalogue, org_unit, 1, date.max, ahead=False))


def find_holder(catalogue: Catalogue, org_unit: str, reported: date, day: date) -> Holder:
    """Find the unit of a day that holds whole what an org unit was on another day.

    ``reported``: the day of the org unit's figure; ``day``: the day of the borders. Whole mergers
    lead from a unit to its successor, and back from a unit to the only one that it came from. A
    unit may have been divided in between: by a split or by giving a part away, or, going back, by a
    merger or by a part that it got. Such a unit is held whole only by what is above all the parts,
    by ``parent``: nothing is spread by guess. A figure of a day on which its unit did not live
    counts as one of the nearest day on which it did. Clusters have no borders of their own and
    stand for themselves.

    A part that is given on again is followed with all of its holder, so that ``parts`` may name a
    unit that holds nothing of it, never the reverse.
    """
    validity = catalogue.org_units[org_unit].valid
    start = min(max(reported, validity.first or date.min), validity.last or date.max)
    ahead = start <= day
    between = [
        s
        for s in catalogue.successions
        if (start < s.day <= day if ahead else day < s.day <= start)
    ]
    parts, steps = {org_unit: None}, list[Succession]()
    for _, on_one_day in groupby(
        sorted(between, key=lambda s: s.day, reverse=not ahead), key=lambda s: s.day
    ):
        moved = [
            s for s in on_one_day if _ends(s, ahead)[0] in parts and s.predecessor != s.successor
        ]
        ended = {_ends(s, ahead)[0] for s in moved if s.kind != TRANSFER}
        parts = {part: None for part in parts if part not in ended}
        parts |= {_ends(s, ahead)[1]: None for s in moved}
        steps += moved
    return Holder(_above_all(catalogue, list(parts), day), tuple(parts), tuple(steps))


def units_within(catalogue: Catalogue, org_unit: str, day: date, reported: date) -> UnitsWithin:
    """Find the units that lie within the borders that an org unit had on a day.

    They are of its level and lived on ``reported``, the day of their figures.
    """
    wholes, parts = [], []
    level = catalogue.org_units[org_unit].level
    for unit in catalogue.org_units.values():
        if unit.level == level and unit.valid.holds(reported):
            holder = find_holder(catalogue, unit.id, reported, day)
            if holder.whole and holder.org_unit == org_unit:
                wholes.append(unit.id)
            elif org_unit in holder.parts:
                parts.append(unit.id)
    return UnitsWithin(tuple(wholes), tuple(parts))


def _by_date(succession: Succession) -> tuple[date, str, str]:
    return succession.day, succession.successor, succession.predecessor


def _ends(succession: Succession, ahead: bool) -> tuple[str, str]:
    """Return where a succession starts and where it leads, with time or (not ahead) against it."""
    ends = succession.predecessor, succession.successor
    return ends if ahead else ends[::-1]


def _branches(
    catalogue: Catalogue, org_unit: str, depth: int, since: date, *, ahead: bool
) -> Iterable[Branch]:
    successions = successors(catalogue, org_unit) if ahead else predecessors(catalogue, org_unit)
    for succession in successions:
        if succession.day > since if ahead else succession.day < since:
            other = _ends(succession, ahead)[1]
            yield Branch(depth, other, succession)
            if other != org_unit:
                yield from _branches(catalogue, other, depth + 1, succession.day, ahead=ahead)


def _above_all(catalogue: Catalogue, parts: list[str], day: date) -> str:
    """Return the lowest unit that every part is, or is under, and that lives on a day.

    Returns "" where there is none.
    """
    ancestors = [
        _line(catalogue, part) for part in parts if catalogue.org_units[part].valid.holds(day)
    ]
    if len(ancestors) < len(parts):
        return ""  # something ended, and no succession says what became of it
    return next(
        (
            u
            for u in ancestors[0]
            if all(u in above for above in ancestors) and _lives(catalogue, u, day)
        ),
        "",
    )


def _line(catalogue: Catalogue, org_unit: str) -> list[str]:
    """List an org unit and all that are above it, upwards."""
    units = [org_unit]
    while above := catalogue.org_units[units[-1]].parent:
        units.append(above)
    return units


def _lives(catalogue: Catalogue, org_unit: str, day: date) -> bool:
    return catalogue.org_units[org_unit].valid.holds(day)
