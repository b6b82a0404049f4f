"""Numbers read by a declared locale, exact to the digit."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import polars as pl

from hub_core.model.observation import DECIMALS, VALUE, WHOLE_DIGITS
from hub_core.rules import NOT_A_NUMBER, TOO_LARGE, TOO_PRECISE

FINE = pl.Decimal(
    38, 16
)  # what is rounded later is read with as many decimals as a unit may shift into view
FINE_DIGITS = 21  # whole digits of a fine figure, one less than there is room for
_GROUP = {"vi": ".", "en": ",", "plain": ""}
_POINT = {"vi": ",", "en": ".", "plain": "."}
_ORDINARY = 18  # whole digits that nearly every figure keeps within


def read_number(text: pl.Series, locale: str, *, fine: bool = False) -> tuple[pl.Series, pl.Series]:
    """Exact decimals from text in a locale (``vi``: ``1.234,5``; ``en``: ``1,234.5``), and what is wrong.

    The second series is 0 where all is well or there is no text, else NOT_A_NUMBER, TOO_PRECISE or
    TOO_LARGE. The pattern is checked before the cast, which would round or give null without a
    word. ``fine`` reads sixteen decimals, for a figure that is rounded later, and cuts what is
    beyond.
    """
    kind, point = FINE if fine else VALUE, re.escape(_POINT[locale])
    ordinary = text.str.contains(
        f"^[+-]?{_whole(locale, _ORDINARY)}(?:{point}[0-9]{{1,{DECIMALS}}})?$"
    )
    value = _decimals(text, locale, kind)
    fault = pl.zeros(len(text), pl.UInt8, eager=True)
    odd = (~ordinary).arg_true()
    if len(odd):
        careful = pl.DataFrame({"text": text.gather(odd)}).select(
            *_carefully(pl.col("text"), locale, kind)
        )
        value, fault = value.scatter(odd, careful["value"]), fault.scatter(odd, careful["fault"])
    return value, fault


def _whole(locale: str, digits: int | None = None) -> str:
    """The pattern of digits before the point, grouped or not; up to so many."""
    plainly = f"[0-9]{{1,{digits}}}" if digits else "[0-9]+"
    if not (group := re.escape(_GROUP[locale])):
        return plainly
    groups = f"{{1,{digits // 3 - 1}}}" if digits else "+"
    return f"(?:[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}}){groups}|{plainly})"


def _decimals(text: pl.Series, locale: str, kind: pl.Decimal) -> pl.Series:
    """Texts that are numbers as decimals; of others it says nothing."""
    return pl.select(
        _plain(pl.lit(text), locale).str.to_decimal(scale=kind.scale).cast(kind)
    ).to_series()


def _plain(text: pl.Expr, locale: str) -> pl.Expr:
    """A number in a locale as it is written plainly."""
    plain = text.str.replace_all(_GROUP[locale], "", literal=True) if _GROUP[locale] else text
    return plain if _POINT[locale] == "." else plain.str.replace(_POINT[locale], ".", literal=True)


def _carefully(text: pl.Expr, locale: str, kind: pl.Decimal) -> tuple[pl.Expr, pl.Expr]:
    """``value`` and ``fault`` of texts that are no ordinary numbers."""
    whole, point = f"^[+-]?{_whole(locale)}", re.escape(_POINT[locale])
    number = text.str.contains(f"{whole}(?:{point}[0-9]+)?$")
    exact = (
        number
        if kind == FINE
        else text.str.contains(f"{whole}(?:{point}[0-9]{{1,{DECIMALS}}}0*)?$")
    )
    plain = _plain(text, locale)
    short = plain.str.contains(
        f"^[+-]?0*[0-9]{{0,{FINE_DIGITS if kind == FINE else WHOLE_DIGITS}}}(?:\\.|$)"
    )
    if kind == FINE:
        plain = plain.str.replace(rf"(\.[0-9]{{{FINE.scale}}})[0-9]+$", "$1")
    value = (
        pl.when(exact & short)
        .then(plain.str.to_decimal(scale=kind.scale))
        .otherwise(None)
        .cast(kind)
    )
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
    return value.alias("value"), fault.alias("fault")


def half_up(value: pl.Expr, places: int) -> pl.Expr:
    """A fine figure rounded, halves away from zero, as a figure of six decimals."""
    return value.round(places, mode="half_away_from_zero").cast(VALUE)


def plain_floats(numbers: pl.Series) -> pl.Series:
    """Floats as plain decimal text, from the shortest text that gives them back."""
    texts = numbers.cast(pl.String)
    odd = texts.str.contains("[eEnN]").fill_null(value=False)  # 1e16, inf, NaN
    if not odd.any():
        return texts
    spelt = [
        format(Decimal(repr(n)), "f") if math.isfinite(n) else repr(n) for n in numbers.filter(odd)
    ]
    return texts.scatter(odd.arg_true(), spelt)
