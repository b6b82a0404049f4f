"""Org units: who exists when, under which names and codes, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Validity:
    """Days on which something holds; either end may be open, both ends count."""

    first: date | None = None
    last: date | None = None

    def holds(self, day: date) -> bool:
        """Tell whether it holds on a day."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def within(self, other: Validity) -> Validity:
        """Return the days on which both hold."""
        firsts = [day for day in (self.first, other.first) if day]
        lasts = [day for day in (self.last, other.last) if day]
        return Validity(max(firsts, default=None), min(lasts, default=None))

    def meets(self, first: date, last: date) -> bool:
        """Tell whether it holds on at least one of the days from first to last."""
        return (self.first is None or self.first <= last) and (
            self.last is None or first <= self.last
        )


@dataclass(frozen=True, slots=True)
class OrgUnitName:
    """A name and type of an org unit, with dates.

    The unit keeps its id when its name or type changes.
    """

    name: str
    name_en: str
    type: str
    valid: Validity


@dataclass(frozen=True, slots=True)
class OrgUnitCode:
    """A code of an org unit in some scheme (GSO, ISO3166-2, AGENCY), with dates."""

    scheme: str
    code: str
    valid: Validity


@dataclass(frozen=True, slots=True)
class OrgUnit:
    """A country, cluster, province or commune; its id is a slug and never changes its meaning."""

    id: str
    level: str
    parent: str
    valid: Validity
    names: tuple[OrgUnitName, ...] = ()
    codes: tuple[OrgUnitCode, ...] = ()

    def named(self, day: date) -> OrgUnitName:
        """Return the name on a day, or the last of its names where it had none that day.

        A unit without names is called by its id.
        """
        for name in self.names:
            if name.valid.holds(day):
                return name
        return (
            self.names[-1] if self.names else OrgUnitName(self.id, self.id, self.level, Validity())
        )


@dataclass(frozen=True, slots=True)
class Membership:
    """An org unit belongs to a cluster on these days."""

    org_unit: str
    member: str
    valid: Validity


@dataclass(frozen=True, slots=True)
class Succession:
    """What became of an org unit on a day, by a legal act.

    ``kind``: merge, split, rename or boundary transfer.
    """

    day: date
    kind: str
    predecessor: str
    successor: str
    legal_act: str
