"""Numbers read in a declared locale, exact to the digit."""

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
    """Read exact decimals from text in a locale (``vi``: ``1.234,5``; ``en``: ``1,234.5``).

    The second series says what is wrong: 0 where all is well or there is no text, else
    NOT_A_NUMBER, TOO_PRECISE or TOO_LARGE. The pattern is checked before the cast, which would
    round or give null without a word. ``fine`` reads sixteen decimals, for a figure that is rounded
    later, and cuts what is beyond.
    """
    dtype, point = FINE if fine else VALUE, re.escape(_POINT[locale])
    ordinary = text.str.contains(
        f"^[+-]?{_whole_pattern(locale, _ORDINARY)}(?:{point}[0-9]{{1,{DECIMALS}}})?$"
    )
    value = _decimals(text, locale, dtype)
    fault = pl.zeros(len(text), pl.UInt8, eager=True)
    unusual = (~ordinary).arg_true()
    if len(unusual):
        corrected = pl.DataFrame({"text": text.gather(unusual)}).select(
            *_read_unusual(pl.col("text"), locale, dtype)
        )
        value, fault = (
            value.scatter(unusual, corrected["value"]),
            fault.scatter(unusual, corrected["fault"]),
        )
    return value, fault


def _whole_pattern(locale: str, digits: int | None = None) -> str:
    """Return the pattern of digits before the point, grouped or not, at most ``digits`` of them."""
    ungrouped = f"[0-9]{{1,{digits}}}" if digits else "[0-9]+"
    if not (group := re.escape(_GROUP[locale])):
        return ungrouped
    groups = f"{{1,{digits // 3 - 1}}}" if digits else "+"
    return f"(?:[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}}){groups}|{ungrouped})"


def _decimals(text: pl.Series, locale: str, dtype: pl.Decimal) -> pl.Series:
    """Convert texts that are numbers to decimals; what it gives for others means nothing."""
    return pl.select(
        _plain(pl.lit(text), locale).str.to_decimal(scale=dtype.scale).cast(dtype)
    ).to_series()


def _plain(text: pl.Expr, locale: str) -> pl.Expr:
    """Rewrite a number of a locale without grouping, and with a point."""
    plain = text.str.replace_all(_GROUP[locale], "", literal=True) if _GROUP[locale] else text
    return plain if _POINT[locale] == "." else plain.str.replace(_POINT[locale], ".", literal=True)


def _read_unusual(text: pl.Expr, locale: str, dtype: pl.Decimal) -> tuple[pl.Expr, pl.Expr]:
    """Read ``value`` and ``fault`` of texts that are no ordinary numbers."""
    sign_and_whole, point = f"^[+-]?{_whole_pattern(locale)}", re.escape(_POINT[locale])
    number = text.str.contains(f"{sign_and_whole}(?:{point}[0-9]+)?$")
    exact = (
        number
        if dtype == FINE
        else text.str.contains(f"{sign_and_whole}(?:{point}[0-9]{{1,{DECIMALS}}}0*)?$")
    )
    plain = _plain(text, locale)
    fits = plain.str.contains(
        f"^[+-]?0*[0-9]{{0,{FINE_DIGITS if dtype == FINE else WHOLE_DIGITS}}}(?:\\.|$)"
    )
    if dtype == FINE:
        plain = plain.str.replace(rf"(\.[0-9]{{{FINE.scale}}})[0-9]+$", "$1")
    value = (
        pl.when(exact & fits)
        .then(plain.str.to_decimal(scale=dtype.scale))
        .otherwise(None)
        .cast(dtype)
    )
    fault = (
        pl.when(text.is_null())
        .then(0)
        .when(~number)
        .then(NOT_A_NUMBER)
        .when(~exact)
        .then(TOO_PRECISE)
        .when(~fits)
        .then(TOO_LARGE)
        .otherwise(0)
        .cast(pl.UInt8)
    )
    return value.alias("value"), fault.alias("fault")


def half_up(value: pl.Expr, places: int) -> pl.Expr:
    """Round a fine figure, halves away from zero, to a figure of six decimals."""
    return value.round(places, mode="half_away_from_zero").cast(VALUE)


def plain_floats(numbers: pl.Series) -> pl.Series:
    """Write floats as plain decimal text, from the shortest text that gives them back."""
    texts = numbers.cast(pl.String)
    unusual = texts.str.contains("[eEnN]").fill_null(value=False)  # 1e16, inf, NaN
    if not unusual.any():
        return texts
    spellings = [
        format(Decimal(repr(n)), "f") if math.isfinite(n) else repr(n)
        for n in numbers.filter(unusual)
    ]
    return texts.scatter(unusual.arg_true(), spellings)
