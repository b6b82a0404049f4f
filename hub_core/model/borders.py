"""Borders in time.

What became of an org unit, where it came from, and which unit of another day holds it whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from hub_core.model.catalogue import Catalogue
from hub_core.model.org_unit import Succession

TRANSFER = "boundary transfer"  # the predecessor lives on without the part that it gives


@dataclass(frozen=True, slots=True)
class Held:
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
        """Whether nothing was divided.

        ``org_unit`` is the unit itself or what it was merged into.
        """
        return self.parts == (self.org_unit,)


@dataclass(frozen=True, slots=True)
class Made:
    """Which units of another day lie within an org unit's borders: whole, and perhaps in part.

    The figures of the whole ones add up to the unit's own where ``parts`` is empty; otherwise
    something is missing.
    """

    wholes: tuple[str, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A succession in a unit's history.

    ``org_unit`` is who is met there, ``depth`` how far it is, from 1.
    """

    depth: int
    org_unit: str
    succession: Succession


def successors(catalogue: Catalogue, org_unit: str) -> tuple[Succession, ...]:
    """What became of an org unit, by date.

    Its own merge or split, parts that it gave away, and renames.
    """
    return tuple(
        sorted((s for s in catalogue.successions if s.predecessor == org_unit), key=_by_date)
    )


def predecessors(catalogue: Catalogue, org_unit: str) -> tuple[Succession, ...]:
    """Where an org unit came from, by date.

    What was merged or split into it, parts that it got, and renames.
    """
    return tuple(
        sorted((s for s in catalogue.successions if s.successor == org_unit), key=_by_date)
    )


def became(catalogue: Catalogue, org_unit: str) -> list[Branch]:
    """All that became of an org unit and of its successors, each branch right below what it grew from."""
    return list(_branches(catalogue, org_unit, 1, date.min, ahead=True))


def came_from(catalogue: Catalogue, org_unit: str) -> list[Branch]:
    """All that an org unit and its predecessors came from, each branch right below what it led to."""
    return list(_branches(catalogue, org_unit, 1, date.max, ahead=False))


def today(catalogue: Catalogue, org_unit: str, reported: date, day: date) -> Held:
    """The unit of a day (of the borders) that holds whole what an org unit was on another (of its figure).

    Whole mergers lead from a unit to its successor, and back from a unit to the only one that it
    came from. Who was divided in between, by a split or by giving a part away, or going back by a
    merger or by a part that it got, is held whole only by what is above all the parts, by
    ``parent``: nothing is spread by guess. A figure of a day on which its unit did not live counts
    as one of the nearest day on which it did. Clusters have no borders of their own and stand for
    themselves.

    A part that is given on again is followed with all of its holder, so that ``parts`` may name a
    unit that holds nothing of it, never the reverse.
    """
    lived = catalogue.org_units[org_unit].valid
    since = min(max(reported, lived.first or date.min), lived.last or date.max)
    ahead = since <= day
    between = [
        s
        for s in catalogue.successions
        if (since < s.day <= day if ahead else day < s.day <= since)
    ]
    parts, steps = {org_unit: None}, list[Succession]()
    for _, together in groupby(
        sorted(between, key=lambda s: s.day, reverse=not ahead), key=lambda s: s.day
    ):
        moved = [
            s for s in together if _ends(s, ahead)[0] in parts and s.predecessor != s.successor
        ]
        gone = {_ends(s, ahead)[0] for s in moved if s.kind != TRANSFER}
        parts = {part: None for part in parts if part not in gone}
        parts |= {_ends(s, ahead)[1]: None for s in moved}
        steps += moved
    return Held(_above_all(catalogue, list(parts), day), tuple(parts), tuple(steps))


def made_of(catalogue: Catalogue, org_unit: str, day: date, reported: date) -> Made:
    """Which units of one level that lived on the day of figures lie within a unit's borders of another day."""
    wholes, parts = [], []
    level = catalogue.org_units[org_unit].level
    for unit in catalogue.org_units.values():
        if unit.level == level and unit.valid.holds(reported):
            held = today(catalogue, unit.id, reported, day)
            if held.whole and held.org_unit == org_unit:
                wholes.append(unit.id)
            elif org_unit in held.parts:
                parts.append(unit.id)
    return Made(tuple(wholes), tuple(parts))


def _by_date(succession: Succession) -> tuple[date, str, str]:
    return succession.day, succession.successor, succession.predecessor


def _ends(succession: Succession, ahead: bool) -> tuple[str, str]:
    """Where a succession is entered and where it leads, in the direction of time or against it."""
    ends = succession.predecessor, succession.successor
    return ends if ahead else ends[::-1]


def _branches(
    catalogue: Catalogue, org_unit: str, depth: int, since: date, *, ahead: bool
) -> Iterable[Branch]:
    near = successors(catalogue, org_unit) if ahead else predecessors(catalogue, org_unit)
    for each in near:
        if each.day > since if ahead else each.day < since:
            other = _ends(each, ahead)[1]
            yield Branch(depth, other, each)
            if other != org_unit:
                yield from _branches(catalogue, other, depth + 1, each.day, ahead=ahead)


def _above_all(catalogue: Catalogue, parts: list[str], day: date) -> str:
    """The lowest unit that every part is, or is under, and that lives on a day.

    "" where there is none.
    """
    lines = [_line(catalogue, part) for part in parts if catalogue.org_units[part].valid.holds(day)]
    if len(lines) < len(parts):
        return ""  # something ended, and no succession says what became of it
    return next(
        (u for u in lines[0] if all(u in line for line in lines) and _lives(catalogue, u, day)), ""
    )


def _line(catalogue: Catalogue, org_unit: str) -> list[str]:
    """An org unit and all that are above it, upwards."""
    line = [org_unit]
    while above := catalogue.org_units[line[-1]].parent:
        line.append(above)
    return line


def _lives(catalogue: Catalogue, org_unit: str, day: date) -> bool:
    return catalogue.org_units[org_unit].valid.holds(day)
