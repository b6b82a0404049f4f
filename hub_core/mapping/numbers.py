"""Numbers read by a declared locale, exact to the digit."""

from __future__ import annotations

import math
from decimal import Decimal

import polars as pl

from hub_core.model.observation import DECIMALS, VALUE, WHOLE_DIGITS
from hub_core.rules import NOT_A_NUMBER, TOO_LARGE, TOO_PRECISE

FINE = pl.Decimal(38, 16)  # what is rounded later is read with as many decimals as a unit may shift into view
FINE_DIGITS = 21  # whole digits of a fine figure, one less than there is room for
_GROUPED = {
    "vi": r"(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})+|[0-9]+)",
    "en": r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)",
    "plain": r"[0-9]+",
}
_POINT = {"vi": ",", "en": r"\.", "plain": r"\."}


def read_number(text: pl.Expr, locale: str, *, fine: bool = False) -> tuple[pl.Expr, pl.Expr]:
    """Exact decimals from text in a locale (``vi``: ``1.234,5``; ``en``: ``1,234.5``), and what is wrong.

    The second expression is 0 where all is well or there is no text, else NOT_A_NUMBER, TOO_PRECISE or
    TOO_LARGE. The pattern is checked before the cast, which would round or give null without a word.
    ``fine`` reads sixteen decimals, for a figure that is rounded later, and cuts what is beyond.
    """
    whole, point = f"^[+-]?{_GROUPED[locale]}", _POINT[locale]
    number = text.str.contains(f"{whole}(?:{point}[0-9]+)?$")
    exact = number if fine else text.str.contains(f"{whole}(?:{point}[0-9]{{1,{DECIMALS}}}0*)?$")
    plain = text
    if locale == "vi":
        plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    elif locale == "en":
        plain = text.str.replace_all(",", "", literal=True)
    short = plain.str.contains(f"^[+-]?0*[0-9]{{0,{FINE_DIGITS if fine else WHOLE_DIGITS}}}(?:\\.|$)")
    if fine:
        plain = plain.str.replace(rf"(\.[0-9]{{{FINE.scale}}})[0-9]+$", "$1")
    kind = FINE if fine else VALUE
    value = pl.when(exact & short).then(plain.str.to_decimal(scale=kind.scale)).otherwise(None).cast(kind)
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


def half_up(value: pl.Expr, places: int) -> pl.Expr:
    """A fine figure rounded, halves away from zero, as a figure of six decimals."""
    return value.round(places, mode="half_away_from_zero").cast(VALUE)


def plain_floats(numbers: pl.Series) -> pl.Series:
    """Floats as plain decimal text, from the shortest text that gives them back."""
    texts = numbers.cast(pl.String)
    odd = texts.str.contains("[eEnN]").fill_null(value=False)  # 1e16, inf, NaN
    if not odd.any():
        return texts
    spelt = [format(Decimal(repr(n)), "f") if math.isfinite(n) else repr(n) for n in numbers.filter(odd)]
    return texts.scatter(odd.arg_true(), spelt)
