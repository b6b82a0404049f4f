"""What a word for an org unit means, and on which days.

A word is an id, a code of any scheme, a name or an alias.
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
class Meaning:
    """An org unit that a word stands for on some days.

    ``by``: what the word is to it: id, name, alias, or the code's scheme.
    """

    org_unit: str
    by: str
    valid: Validity


@dataclass(frozen=True, slots=True)
class Resolved:
    """The org unit that a word stands for, and all that it ever stood for.

    ``org_unit``: "" where it is none or not clear which.
    """

    org_unit: str
    candidates: tuple[Meaning, ...]


def resolve(catalogue: Catalogue, text: str, day: date | None = None) -> Resolved:
    """Find the org unit that a word means on a day, or on all days.

    The result also lists every org unit that it could mean, and when. Words are compared folded. An
    id means its org unit on any day; a code, a name and an alias mean theirs on days on which it
    lived.
    """
    folded = fold(text)
    meanings = dict.fromkeys(
        Meaning(unit, by, valid)
        for word, unit, by, valid in _words(catalogue)
        if word and fold(word) == folded
    )
    candidates = sorted(meanings, key=lambda m: (m.valid.first or date.min, m.org_unit))
    units = {m.org_unit for m in candidates if day is None or m.valid.holds(day)}
    return Resolved(units.pop() if len(units) == 1 else "", tuple(candidates))


def _words(catalogue: Catalogue) -> Iterator[tuple[str, str, str, Validity]]:
    """Yield every word for an org unit: word, org unit, what it is, and on which days."""
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
            shared = valid.within(unit.valid)
            if shared.first is None or shared.last is None or shared.first <= shared.last:
                yield word, unit.id, by, shared
