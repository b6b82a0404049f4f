"""Periods as departments write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from hub_core.errors import MappingError
from hub_core.model.period import Period

_TOKENS = {
    "%Y": r"(?P<Y>[0-9]{4})",
    "%m": r"(?P<M>[0-9]{1,2})",
    "%q": r"(?P<Q>[1-4])",
    "%h": r"(?P<S>[12])",
}


def period_reader(patterns: list[str]) -> Callable[[str, date | None], str | None]:
    """Return a function from a text to the label of the period that it names.

    The text follows one of the patterns: ``%Y`` year, ``%m`` month, ``%q`` quarter, ``%h``
    half-year; anything else in a pattern stands for itself. Raises MappingError where a pattern has
    no year, or other tokens.
    """
    compiled = []
    for pattern in patterns:
        pieces = re.split(r"(%.)", pattern)
        tokens = [p for p in pieces if p.startswith("%")]
        if set(tokens) - set(_TOKENS) or tokens.count("%Y") != 1 or len(tokens) > 2:
            raise MappingError(
                f"date pattern {pattern!r}: needs %Y once, and may have one of %m, %q and %h once"
            )
        compiled.append(re.compile("".join(_TOKENS.get(p) or re.escape(p) for p in pieces)))

    def read(text: str, _: date | None) -> str | None:
        for pattern in compiled:
            match = pattern.fullmatch(text.strip())
            if match:
                groups = match.groupdict()
                year = int(groups.pop("Y"))
                frequency, number = next(iter(groups.items()), ("A", "1"))
                try:
                    return str(Period(year, frequency, int(number)))
                except ValueError:
                    return None
        return None

    return read


def read_label(text: str, _: date | None) -> str | None:
    """Return the label of a period that is written as the hub writes it, or None."""
    try:
        return str(Period.parse(text.strip()))
    except ValueError:
        return None
