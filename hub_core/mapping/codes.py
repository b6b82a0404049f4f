"""Code tables: a department's words for our codes, folded and dated, and their quick lookup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from hub_core.errors import MappingError
from hub_core.model.org_unit import Validity

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue

LEAVE_OUT = "-"
_BREAKS = re.compile(r"[\s.\-]+")
_TONES = {
    "\u0300",
    "\u0301",
    "\u0303",
    "\u0309",
    "\u0323",
}  # grave, acute, tilde, hook above, dot below
_BELOW_NAMES = ("district", "commune")  # levels whose names are many times the same


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return a text as code tables compare it.

    NFC, case, tone placement, hyphens, blanks and "Tp./tỉnh" are folded.
    """
    folded = (
        " ".join(_BREAKS.sub(" ", text.lower()).split())
        if text.isascii()
        else " ".join(_folded_words(text))
    )
    for title in _FOLDED_TITLES:
        folded = folded.removeprefix(title) if len(folded) > len(title) else folded
    return folded


def _folded_words(text: str) -> list[str]:
    """Split a text into words, each with its tones behind its letters."""
    words = []
    for word in re.split(r"[\s.\-\u2010-\u2015]+", unicodedata.normalize("NFD", text.casefold())):
        letters = [c for c in word if c not in _TONES]
        tones = sorted(c for c in word if c in _TONES)
        words.append(unicodedata.normalize("NFC", "".join(letters)) + "".join(tones))
    return [word for word in words if word]


_FOLDED_TITLES: tuple[str, ...] = ()
_FOLDED_TITLES = tuple(fold(title) + " " for title in ("tỉnh", "thành phố", "tp"))
fold.cache_clear()


@dataclass(frozen=True)
class Code:
    """A line of a code table: the department's word, our code, and its dates.

    The code ``-`` leaves the row out.
    """

    source: str
    target: str
    valid: Validity = field(default_factory=Validity)


class CodeTable:
    """A department's words for our codes, looked up folded, never fuzzily.

    Raises MappingError where one word means two codes on one day.
    """

    def __init__(self, name: str, codes: list[Code]) -> None:
        self.name = name
        self.dated = any(code.valid != Validity() for code in codes)
        self._codes: dict[str, list[Code]] = {}
        for code in codes:
            others = self._codes.setdefault(fold(code.source), [])
            for other in others:
                meets = other.valid.meets(code.valid.first or date.min, code.valid.last or date.max)
                if meets and other.target != code.target:
                    raise MappingError(
                        f"{name}: {code.source!r} and {other.source!r} are one word for two codes"
                    )
            others.append(code)
        self.targets = {code.target for code in codes}

    def __call__(self, text: str, day: date | None) -> str | None:
        """Return our code for a word on a day, or None."""
        for code in self._codes.get(fold(text), ()):
            if day is None or code.valid.holds(day):
                return code.target
        return None


def codelist(catalogue: Catalogue, name: str) -> CodeTable:
    """Return a codelist of the catalogue as a table; it is made once.

    Its words are the names in both languages and the listed aliases. ``name``: org_unit (provinces,
    clusters, countries), indicator (also by code) or unit. A word that stood for two codes on one
    day is in no table; one that stood for different ones at different times is dated.
    """
    key = f"codelist {name}"
    return catalogue.cached(key, lambda: CodeTable(key, _lines(catalogue, name)))


def _lines(catalogue: Catalogue, name: str) -> list[Code]:
    words: dict[str, list[Code]] = {}
    for code in [*_names(catalogue, name), *_aliases(catalogue, name)]:
        if code.valid.first and code.valid.last and code.valid.last < code.valid.first:
            continue  # a word for a unit on days on which it did not live
        words.setdefault(fold(code.source), []).append(code)
    lines: list[Code] = []
    for codes in words.values():
        if len({code.target for code in codes}) == 1:
            lines.append(Code(codes[0].source, codes[0].target))
        elif not any(_clash(code, other) for code in codes for other in codes):
            lines += codes
    return lines


def _clash(code: Code, other: Code) -> bool:
    first, last = other.valid.first or date.min, other.valid.last or date.max
    return code.target != other.target and code.valid.meets(first, last)


def _names(catalogue: Catalogue, name: str) -> Iterable[Code]:
    if name == "unit":
        yield from (Code(unit, unit) for unit in catalogue.units)
    elif name == "indicator":
        for indicator in catalogue.indicators.values():
            for word in (indicator.code, indicator.name_vi, indicator.name_en):
                yield Code(word, indicator.code)
    else:
        for unit in catalogue.org_units.values():
            if unit.level not in _BELOW_NAMES:
                for named in unit.names:
                    valid = named.valid.within(unit.valid)
                    yield from (
                        Code(word, unit.id, valid) for word in (named.name, named.name_en) if word
                    )


def _aliases(catalogue: Catalogue, name: str) -> Iterable[Code]:
    for alias in catalogue.aliases:
        if alias.codelist == name:
            unit = catalogue.org_units.get(alias.code)
            yield Code(
                alias.alias, alias.code, alias.valid.within(unit.valid) if unit else alias.valid
            )
