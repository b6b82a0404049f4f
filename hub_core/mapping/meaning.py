"""What a word for an org unit means.

An id, a code of any scheme, a name or an alias, and on which days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from hub_core.mapping.codes import fold
from hub_core.model.org_unit import Validity

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Meant:
    """An org unit that a word stands for on some days; ``by``.

    Id, name, alias, or the code's scheme.
    """

    org_unit: str
    by: str
    valid: Validity


@dataclass(frozen=True, slots=True)
class Resolved:
    """The org unit that a word stands for, "" where that is none or not clear.

    And all that it ever stood for.
    """

    org_unit: str
    candidates: tuple[Meant, ...]


def resolve(catalogue: Catalogue, text: str, day: date | None = None) -> Resolved:
    """The org unit that a word means on a day, or on all days, with every one that it could mean and when.

    Words are compared folded. An id means its org unit on any day; a code, a name and an alias mean
    theirs on days on which it lived.
    """
    wanted = fold(text)
    found = dict.fromkeys(
        Meant(unit, by, valid)
        for word, unit, by, valid in _words(catalogue)
        if word and fold(word) == wanted
    )
    candidates = sorted(found, key=lambda m: (m.valid.first or date.min, m.org_unit))
    units = {each.org_unit for each in candidates if day is None or each.valid.holds(day)}
    return Resolved(units.pop() if len(units) == 1 else "", tuple(candidates))


def _words(catalogue: Catalogue) -> Iterator[tuple[str, str, str, Validity]]:
    """Every word for an org unit, with what it is and the days on which it is one."""
    for unit in catalogue.org_units.values():
        yield unit.id, unit.id, "id", Validity()
        dated = [(code.code, code.scheme, code.valid) for code in unit.codes]
        dated += [
            (word, "name", name.valid) for name in unit.names for word in (name.name, name.name_en)
        ]
        dated += [
            (a.alias, "alias", a.valid)
            for a in catalogue.aliases
            if (a.codelist, a.code) == ("org_unit", unit.id)
        ]
        for word, by, valid in dated:
            both = valid.within(unit.valid)
            if both.first is None or both.last is None or both.first <= both.last:
                yield word, unit.id, by, both
