"""The mapping from a department's row to observations: four rules, and numbers read by a declared locale."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, model_validator

from hub_core.errors import MappingError
from hub_core.model.observation import DECIMALS, VALUE, WHOLE_DIGITS
from hub_core.model.org_unit import Validity
from hub_core.model.period import Period
from hub_core.rules import NOT_A_NUMBER, TOO_LARGE, TOO_PRECISE

IGNORED = 2**32 - 1  # the index of a code that a table leaves out by name
LEAVE_OUT = "-"
_BREAKS = re.compile(r"[\s.\-]+")
_TONES = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}  # grave, acute, tilde, hook above, dot below
_TOKENS = {"%Y": r"(?P<Y>[0-9]{4})", "%m": r"(?P<M>[0-9]{1,2})", "%q": r"(?P<Q>[1-4])", "%h": r"(?P<S>[12])"}


class Declared(BaseModel):
    """A piece of a province's TOML: frozen, and strict about what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MapRule(Declared):
    """One component by one rule: a column (perhaps through codes or a date pattern), or a constant."""

    column: str | None = None
    codes: str | dict[str, str] | None = None
    pattern: str | list[str] | None = None
    fixed: str | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.column is None) == (self.fixed is None):
            raise ValueError("give either column or fixed")
        if sum(rule is not None for rule in (self.codes, self.pattern, self.fixed)) > 1:
            raise ValueError("a component is mapped by one rule: column, codes, pattern or fixed")
        return self


class UnitColumn(Declared):
    """The column that names each row's unit."""

    column: str


class ValueRule(Declared):
    """Where the figure stands, in which number locale, and in which unit where it is not the indicator's own."""

    column: str | None = None
    number: Literal["vi", "en"]
    unit: str | UnitColumn | None = None


class Mapping(Declared):
    """How a department's rows become observations, component by component."""

    org_unit: MapRule
    period: MapRule
    value: ValueRule
    indicator: MapRule | None = None
    measure: MapRule = MapRule(fixed="actual")
    status: MapRule = MapRule(fixed="A")
    dims: dict[str, MapRule] = {}

    def columns(self) -> set[str]:
        """The source columns that the rules read."""
        rules = [self.org_unit, self.period, self.measure, self.status, *self.dims.values()]
        found = {rule.column for rule in [*rules, self.indicator] if rule and rule.column}
        if isinstance(self.value.unit, UnitColumn):
            found.add(self.value.unit.column)
        return found | ({self.value.column} if self.value.column else set())


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """A text as code tables compare it: NFC, case, tone placement, hyphens, blanks and "Tp./tỉnh" folded."""
    folded = " ".join(_BREAKS.sub(" ", text.lower()).split()) if text.isascii() else " ".join(_folded_words(text))
    for title in _FOLDED_TITLES:
        folded = folded.removeprefix(title) if len(folded) > len(title) else folded
    return folded


def _folded_words(text: str) -> list[str]:
    """The words of a text, each with its tones behind its letters."""
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
    """A line of a code table: the department's word, our code (``-`` leaves the row out), and its dates."""

    source: str
    target: str
    valid: Validity = field(default_factory=Validity)


class CodeTable:
    """A department's words for our codes; looked up folded, never fuzzily."""

    def __init__(self, name: str, codes: list[Code]) -> None:
        self.name = name
        self.dated = any(code.valid != Validity() for code in codes)
        self._codes: dict[str, list[Code]] = {}
        for code in codes:
            others = self._codes.setdefault(fold(code.source), [])
            for other in others:
                meets = other.valid.meets(code.valid.first or date.min, code.valid.last or date.max)
                if meets and other.target != code.target:
                    raise MappingError(f"{name}: {code.source!r} and {other.source!r} are one word for two codes")
            others.append(code)
        self.targets = {code.target for code in codes}

    def __call__(self, text: str, day: date | None) -> str | None:
        """Our code for a word on a day, or None."""
        for code in self._codes.get(fold(text), ()):
            if day is None or code.valid.holds(day):
                return code.target
        return None


def period_reader(patterns: list[str]) -> Callable[[str, date | None], str | None]:
    """A function from a text to the label of the period that it names by one of the patterns.

    ``%Y`` year, ``%m`` month, ``%q`` quarter, ``%h`` half-year; what else stands in a pattern stands for itself.
    """
    compiled = []
    for pattern in patterns:
        pieces = re.split(r"(%.)", pattern)
        tokens = [p for p in pieces if p.startswith("%")]
        if set(tokens) - set(_TOKENS) or tokens.count("%Y") != 1 or len(tokens) > 2:
            raise MappingError(f"date pattern {pattern!r}: needs %Y once, and may have one of %m, %q and %h once")
        compiled.append(re.compile("".join(_TOKENS.get(p) or re.escape(p) for p in pieces)))

    def read(text: str, _: date | None) -> str | None:
        for pattern in compiled:
            match = pattern.fullmatch(text.strip())
            if match:
                found = match.groupdict()
                year = int(found.pop("Y"))
                frequency, number = next(iter(found.items()), ("A", "1"))
                try:
                    return str(Period(year, frequency, int(number)))
                except ValueError:
                    return None
        return None

    return read


def read_label(text: str, _: date | None) -> str | None:
    """The label of a period that is written as the hub writes it."""
    try:
        return str(Period.parse(text.strip()))
    except ValueError:
        return None


class Lookup:
    """Texts to indices of codes, one distinct text at a time; rows are never touched one by one."""

    def __init__(
        self, codes: list[str], find: Callable[[str, date | None], str | None], *, open_: bool = False
    ) -> None:
        self.codes = codes
        self._index = {code: n for n, code in enumerate(codes)}
        self._find = find
        self._open = open_  # whether codes not yet listed are added
        self._known: dict[date | None, dict[str, int]] = {}
        self._fast: dict[date | None, tuple[pl.Enum, pl.Series]] = {}

    def resolve(self, texts: pl.Series, day: date | None = None) -> pl.Series:
        """The index of each text's code (UInt32); null where it has none, IGNORED where it is left out."""
        indices = self._cast(texts, day)
        unknown = texts.filter(indices.is_null() & texts.is_not_null()).unique()
        if len(unknown) and self._learn(unknown, day):
            indices = self._cast(texts, day)
        return indices

    def _cast(self, texts: pl.Series, day: date | None) -> pl.Series:
        if day not in self._fast:
            return pl.Series(texts.name, [None], dtype=pl.UInt32).extend_constant(None, len(texts)).head(len(texts))
        enum, codes = self._fast[day]
        return codes.gather(texts.cast(enum, strict=False).to_physical().cast(pl.UInt32)).alias(texts.name)

    def _learn(self, texts: pl.Series, day: date | None) -> bool:
        known = self._known.setdefault(day, {})
        before = len(known)
        for text in texts:
            code = self._find(unicodedata.normalize("NFC", text), day)
            if code == LEAVE_OUT:
                known[text] = IGNORED
            elif code is not None:
                if code not in self._index and self._open:
                    self._index[code] = len(self.codes)
                    self.codes.append(code)
                if code in self._index:
                    known[text] = self._index[code]
        if len(known) == before:
            return False
        self._fast[day] = pl.Enum(list(known)), pl.Series(list(known.values()), dtype=pl.UInt32)
        return True


_GROUPED = {
    "vi": r"(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})+|[0-9]+)",
    "en": r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)",
    "plain": r"[0-9]+",
}
_POINT = {"vi": ",", "en": r"\.", "plain": r"\."}


def read_number(text: pl.Expr, locale: str) -> tuple[pl.Expr, pl.Expr]:
    """Exact decimals from text in a locale (``vi``: ``1.234,5``; ``en``: ``1,234.5``), and what is wrong.

    The second expression is 0 where all is well or there is no text, else NOT_A_NUMBER, TOO_PRECISE or
    TOO_LARGE. The pattern is checked before the cast, which would round or give null without a word.
    """
    whole, point = f"^[+-]?{_GROUPED[locale]}", _POINT[locale]
    number = text.str.contains(f"{whole}(?:{point}[0-9]+)?$")
    exact = text.str.contains(f"{whole}(?:{point}[0-9]{{1,{DECIMALS}}}0*)?$")
    plain = text
    if locale == "vi":
        plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    elif locale == "en":
        plain = text.str.replace_all(",", "", literal=True)
    short = plain.str.contains(f"^[+-]?0*[0-9]{{0,{WHOLE_DIGITS}}}(?:\\.|$)")
    value = pl.when(exact & short).then(plain.str.to_decimal(scale=DECIMALS)).otherwise(None).cast(VALUE)
    fault = (
        pl.when(text.is_null())
        .then(0)
        .when(~number)
        .then(NOT_A_NUMBER)
        .when(~exact)
        .then(TOO_PRECISE)
        .when(~short)
        .then(TOO_LARGE)
        .otherwise(0)
        .cast(pl.UInt8)
    )
    return value, fault
