"""``value.round`` and units against Python's own decimals."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub_core import structures
from hub_core.config.province import Province, Provision
from hub_core.mapping import ValueRule
from hub_core.mapping.numbers import half_up, plain_floats, read_number
from hub_core.model.catalogue import Catalogue
from hub_core.model.observation import VALUE
from hub_core.model.period import Calendar
from hub_core.rules import NOT_A_NUMBER, TOO_LARGE, TOO_PRECISE
from hub_core.stages.normalise import Normaliser

ROOT = Path(__file__).parents[3]
MOST = Decimal(10) ** 26  # figures are smaller
PLACES = range(7)
Read = list[tuple[Decimal | None, int]]
_WIDE = Context(prec=100)


def rounded(exact: Decimal, places: int) -> Decimal:
    """What Python makes of it, halves away from zero."""
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE)


def written(number: Decimal, locale: str) -> str:
    """A number as a department writes it, with groups of thousands."""
    text = f"{number:,f}"
    return text.translate(str.maketrans(",.", ".,")) if locale == "vi" else text


def read(texts: Iterable[str], locale: str, places: int) -> Read:
    """Value and fault of texts that are read to be rounded."""
    value, fault = read_number(pl.Series(list(texts), dtype=pl.String), locale, fine=True)
    return (
        pl.DataFrame([value.alias("value"), fault])
        .select(half_up(pl.col("value"), places), fault)
        .rows()
    )


@st.composite
def decimals(draw: st.DrawFn, whole: int, most: int) -> Decimal:
    """Exact decimals with at most so many digits before the point and behind it."""
    digits, places = draw(st.integers(1, whole)), draw(st.integers(0, most))
    number = draw(st.integers(0, 10 ** (digits + places) - 1))
    return Decimal(draw(st.sampled_from([number, -number]))).scaleb(-places, _WIDE)


# Halves


@st.composite
def halves(draw: st.DrawFn, places: int) -> Decimal:
    """Numbers that lie on a half of the last place, or as near to one as can be written."""
    whole = draw(st.integers(-(10**9), 10**9))
    nearby = draw(st.sampled_from([0, 1, -1])) * Decimal(1).scaleb(
        -places - draw(st.integers(2, 12))
    )
    return Decimal(whole).scaleb(-places) + Decimal(5).scaleb(-places - 1) + nearby


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("locale", ["vi", "en", "plain"])
@given(data=st.data())
def test_a_text_is_rounded_as_python_rounds_it(
    locale: str, places: int, data: st.DataObject
) -> None:
    numbers = data.draw(st.lists(decimals(20, 20) | halves(places), min_size=1, max_size=20))
    texts = [f"{n:f}" if locale == "plain" else written(n, locale) for n in numbers]
    assert read(texts, locale, places) == [(rounded(n, places), 0) for n in numbers]


@pytest.mark.parametrize("places", PLACES)
@given(st.lists(st.floats(-1e20, 1e20), min_size=1, max_size=20))
@example([0.5, 1.5, 2.5, -0.5, 0.15, 0.25, 1e-7, 5e-7, 2.675, -2.675, 1e16, 1e-320])
def test_a_float_is_rounded_from_its_shortest_text_and_not_from_its_bits(
    places: int, numbers: list[float]
) -> None:
    texts = plain_floats(pl.Series(numbers)).to_list()
    assert read(texts, "plain", places) == [(rounded(Decimal(repr(n)), places), 0) for n in numbers]


@pytest.mark.parametrize(
    ("text", "places", "value"),
    [
        *(("0,5", 0, "1"), ("-0,5", 0, "-1"), ("1,5", 0, "2"), ("2,5", 0, "3"), ("-2,5", 0, "-3")),
        *(
            ("0,49999999999999", 0, "0"),
            ("-0,4", 0, "0"),
            ("2,675", 2, "2.68"),
            ("-2,675", 2, "-2.68"),
        ),
        *(("1.234,5", 0, "1235"), ("0,0000005", 6, "0.000001"), ("0,00000049999999999999", 6, "0")),
        ("35.278,594117647056", 2, "35278.59"),
        ("9" * 20 + ",9999995", 6, "1" + "0" * 20),
        ("0," + "4" + "9" * 60, 0, "0"),
    ],
)
def test_halves_go_away_from_zero_and_less_than_a_half_goes_towards_it(
    text: str, places: int, value: str
) -> None:
    [(found, fault)] = read([text], "vi", places)
    assert (found, fault) == (Decimal(value), 0)


@pytest.mark.parametrize(
    "text", ["", "không", "1.2", "1,", ",5", "1e5", "NaN", "0.123", "--1", "1,2,3"]
)
def test_what_is_no_number_is_none_rounded_or_not(text: str) -> None:
    assert read([text], "vi", 2) == [(None, NOT_A_NUMBER)]


def test_a_number_too_large_is_told_and_not_cut() -> None:
    assert read(["9" * 20 + ",9999999"], "vi", 0) == [(Decimal(10) ** 20, 0)]
    assert (
        read(["1" + "0" * 26, "-" + "9" * 30 + ",5", "1" + "0" * 60], "vi", 0)
        == [(None, TOO_LARGE)] * 3
    )


def test_places_are_a_declared_number_of_at_most_six() -> None:
    assert ValueRule.model_validate({"column": "a", "number": "vi", "round": 6}).round == 6
    for places in (7, -1, 1.5, "hai"):
        with pytest.raises(ValidationError):
            ValueRule.model_validate({"column": "a", "number": "vi", "round": places})


# Through a mapping, with units


@cache
def catalogue() -> Catalogue:
    """The shipped units, with an indicator for each and no other: a normaliser looks through all."""
    shipped = structures.read_texts(ROOT / "config")
    texts = {
        name: text
        for name, text in shipped.items()
        if not name.startswith("dataflows/") or name == "dataflows/TELECOM.toml"
    }
    name = "catalogue/indicators.csv"
    header = texts[name].split("\n", 1)[0]
    columns, lines = header.split(","), [header]
    for n, unit in enumerate(structures.catalogue(shipped).units):
        cells = {
            "code": f"ZZ.{n}",
            "dataflow": "TELECOM",
            "name_vi": f"z{n}",
            "name_en": f"z {n}",
            "unit": unit,
        }
        cells |= {
            "kind": "stock",
            "agg_space": "sum",
            "agg_time": "last",
            "frequencies": "Q",
            "range": "any",
        }
        lines.append(",".join(cells.get(column, "") for column in columns))
    return structures.catalogue(texts | {name: "\n".join(lines) + "\n"})


def of_unit(unit: str) -> str:
    """The indicator that is counted in a unit."""
    return next(
        c for c, each in catalogue().indicators.items() if c.startswith("ZZ.") and each.unit == unit
    )


UNITS = structures.catalogue(structures.read_texts(ROOT / "config")).units.values()
PAIRS = sorted(
    (given.name, own.name)
    for given in UNITS
    for own in UNITS
    if given is not own and (given.base or given.name) == (own.base or own.name)
)


@cache
def normaliser(unit: str, places: int | None) -> Normaliser:
    value: dict[str, Any] = {"column": "gt", "number": "vi", "unit": unit}
    declared = {
        "dataflow": "TELECOM",
        "provider": "P.D",
        "source": {"kind": "x"},
        "reader": {"kind": "x"},
        "map": {
            "org_unit": {"fixed": "vn"},
            "period": {"fixed": "2025"},
            "indicator": {"column": "ct"},
            "value": value | ({} if places is None else {"round": places}),
        },
    }
    provision = Provision.model_validate(declared)
    province = Province("p", "P", "province", "", (), (), {"x": provision}, Path())
    return Normaliser(province, "x", catalogue(), Calendar.STATISTICAL)


T = TypeVar("T")


def examples(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """So many examples of a strategy, to be mapped together.

    A frame of one figure takes as long as one of hundreds.
    """
    drawn: list[T] = []

    @settings(max_examples=count, phases=[Phase.generate])
    @given(strategy)
    def keep(example: T) -> None:
        drawn.append(example)

    keep()
    return drawn


def mapped(numbers: list[Any], given: str, own: str, places: int | None) -> Read:
    """Values and faults of figures that come in one unit and are kept in another."""
    kind: type[pl.DataType] = pl.Float64 if isinstance(numbers[0], float) else pl.String
    frame = pl.DataFrame({"gt": pl.Series(numbers, dtype=kind)}).with_row_index("row")
    frame = frame.with_columns(ct=pl.lit(of_unit(own)), part=pl.lit(0, dtype=pl.UInt32))
    rows = normaliser(given, places)(frame).rows
    assert rows.schema["value"] == VALUE
    assert rows["unit"].null_count() == 0
    return rows.select("value", "fault").rows()


def exactly(number: Decimal, given: str, own: str) -> Fraction:
    """A figure brought from one unit to the other."""
    units = catalogue().units
    return Fraction(number) * Fraction(units[given].factor) / Fraction(units[own].factor)


def half_up_of(number: Fraction, places: int) -> Decimal:
    """A fraction rounded, halves away from zero."""
    whole = int(abs(number) * 10**places + Fraction(1, 2))
    return Decimal(whole if number >= 0 else -whole).scaleb(-places, _WIDE)


def test_there_are_units_of_one_kind() -> None:
    assert {("nghìn người", "người"), ("đồng", "triệu đồng"), ("tỷ đồng", "triệu đồng")} <= set(
        PAIRS
    )


@st.composite
def of_twelve_decimals(draw: st.DrawFn, given_in: str, own: str, places: int) -> Decimal:
    """Figures of at most twelve decimals, many of them on a half of the last place when they are converted."""
    number = draw(decimals(12, 12))
    if draw(st.booleans()):
        units = catalogue().units
        with localcontext(_WIDE):
            back = draw(halves(places)) * units[own].factor / units[given_in].factor
            number = back.quantize(Decimal(1).scaleb(-12))
    return number


@st.composite
def lists_with_their_places(draw: st.DrawFn, given_in: str, own: str) -> tuple[int, list[Decimal]]:
    """The places that figures are rounded to, and figures."""
    places = draw(st.integers(0, 6))
    figures = of_twelve_decimals(given_in, own, places)
    return places, draw(st.lists(figures, min_size=1, max_size=10))


@pytest.mark.parametrize(("given_in", "own"), PAIRS)
def test_a_figure_of_twelve_decimals_is_converted_and_then_rounded_once(
    given_in: str, own: str
) -> None:
    numbers: dict[int, list[Decimal]] = {}
    for places, drawn in examples(lists_with_their_places(given_in, own), 40):
        numbers.setdefault(places, []).extend(drawn)
    for places, alike in numbers.items():
        found = mapped([written(n, "vi") for n in alike], given_in, own, places)
        assert found == [(half_up_of(exactly(n, given_in, own), places), 0) for n in alike]


@pytest.mark.parametrize(
    ("number", "given_in", "own", "places", "value"),
    [
        ("0,0000004999999", "triệu người", "người", 6, "0.5"),
        ("0,0000005000005", "triệu người", "người", 6, "0.500001"),
        ("0,0000000000005", "tỷ đồng", "đồng", 3, "0.001"),
        (1234.5678901234567, "tỷ đồng", "đồng", 4, "1234567890123.4567"),
        (1.192092896e-07, "tỷ đồng", "đồng", 4, "119.2093"),
        ("2.499.999,9999999", "đồng", "triệu đồng", 0, "2"),
        ("1.499,9999999999", "đồng", "nghìn đồng", 0, "1"),
        (2499999.9999999995, "đồng", "triệu đồng", 0, "2"),
        ("-2.500.000", "đồng", "triệu đồng", 0, "-3"),
        ("499,99999999999", "đồng", "tỷ đồng", 6, "0"),
    ],
)
def test_no_decimal_is_lost_and_none_is_rounded_before_the_last_step(
    number: str | float, given_in: str, own: str, places: int, value: str
) -> None:
    assert mapped([number], given_in, own, places) == [(Decimal(value), 0)]


@pytest.mark.parametrize(("given_in", "own"), PAIRS)
def test_without_round_a_conversion_is_exact_or_told(given_in: str, own: str) -> None:
    lists = st.lists(decimals(17, 6) | decimals(4, 6), min_size=1, max_size=10)
    numbers = [number for drawn in examples(lists, 30) for number in drawn]
    expected: Read = []
    for number in numbers:
        exact = exactly(number, given_in, own)
        fits = (exact * 10**6).denominator == 1
        large = abs(exact) >= MOST
        value = Decimal(int(exact * 10**6)).scaleb(-6, _WIDE)
        expected.append((None, TOO_LARGE) if large else (value, 0) if fits else (None, TOO_PRECISE))
    assert mapped([written(n, "vi") for n in numbers], given_in, own, None) == expected


@pytest.mark.parametrize("places", [None, 2])
@pytest.mark.parametrize(("given_in", "own"), [*PAIRS, ("người", "người")])
def test_v004_a_figure_too_large_leaves_the_figures_beside_it_as_they_are(
    given_in: str, own: str, places: int | None
) -> None:
    numbers = ["2", "9" * 26, "-" + "9" * 24 + ",5", "1" + "0" * 26, "5" * 22, "3.000"]
    found = mapped(numbers, given_in, own, places)
    assert found[3] == (None, TOO_LARGE)
    units = catalogue().units
    if units[given_in].factor >= units[own].factor:
        factor = units[given_in].factor / units[own].factor
        assert [found[0], found[5]] == [(2 * factor, 0), (3000 * factor, 0)]
        assert factor == 1 or found[1] == found[2] == (None, TOO_LARGE)


@st.composite
def of_many_digits(draw: st.DrawFn) -> Decimal:
    """Figures about as large as a figure may be."""
    digits = draw(st.integers(20, 28))
    nines = Decimal("9" * digits)
    number = draw(st.sampled_from([nines, Decimal("1" + "0" * (digits - 1)), -nines]))
    more = draw(st.sampled_from([Decimal(0), Decimal("0.5"), Decimal("0.999999")]))
    with localcontext(_WIDE):
        return number + more if number > 0 else number - more


@pytest.mark.parametrize("places", [None, 0, 6])
@pytest.mark.parametrize(("given_in", "own"), [*PAIRS, ("người", "người")])
def test_no_number_is_too_large_for_a_child(given_in: str, own: str, places: int | None) -> None:
    """Up to the last digit that a figure holds: converted exactly, or V004.

    Never an error, never another number.
    """
    numbers = examples(of_many_digits(), 20)
    found = mapped([written(number, "vi") for number in numbers], given_in, own, places)
    for number, (value, fault) in zip(numbers, found, strict=True):
        exact = exactly(number, given_in, own)
        if fault == 0:
            assert value is not None
            assert abs(Fraction(value)) < MOST
            right = exact if places is None else Fraction(half_up_of(exact, places))
            assert Fraction(value) == right
        elif fault == TOO_PRECISE:
            assert (value, places) == (None, None)
            assert (exact * 10**6).denominator != 1
        else:
            assert (value, fault) == (None, TOO_LARGE)
            assert max(abs(exact), abs(Fraction(number))) >= (
                MOST if places is None else MOST / 10**5
            )  # what is rounded is read with fewer digits


def test_without_round_a_seventh_decimal_is_too_precise() -> None:
    assert mapped(["1,1234567"], "người", "người", None) == [(None, TOO_PRECISE)]
    assert mapped(["1,1234567"], "người", "người", 6) == [(Decimal("1.123457"), 0)]
    assert mapped([1.1234567], "người", "người", None) == [(None, TOO_PRECISE)]
    assert mapped([1.1234567], "người", "người", 2) == [(Decimal("1.12"), 0)]
