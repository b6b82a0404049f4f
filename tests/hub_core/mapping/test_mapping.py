from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub_core.errors import MappingError
from hub_core.mapping import Code, CodeTable, Mapping, MapRule, ValueRule, fold, period_reader
from hub_core.mapping.lookup import IGNORED, Lookup
from hub_core.mapping.numbers import read_number
from hub_core.model.org_unit import Validity
from hub_core.rules import NOT_A_NUMBER, TOO_LARGE, TOO_PRECISE

GROUP = {"vi": ".", "en": ",", "plain": ""}
POINT = {"vi": ",", "en": ".", "plain": "."}
VI, EN = "vi", "en"


def read(texts: list[str | None], locale: str) -> list[tuple[Decimal | None, int]]:
    value, fault = read_number(pl.Series(texts, dtype=pl.String), locale)
    return list(zip(value, fault, strict=True))


def expected(text: str | None, locale: str) -> tuple[Decimal | None, int]:
    """What a text says, by walking over its characters.

    From the words of design section 9, not from our patterns.
    """
    if text is None:
        return None, 0
    body = text[1:] if text[:1] in ("+", "-") else text
    whole, point, decimals = body.partition(POINT[locale])
    groups = whole.split(GROUP[locale]) if GROUP[locale] else [whole]
    digits = "".join(groups)
    sound = bool(digits) and all(c in "0123456789" for c in digits + decimals)
    if len(groups) > 1:
        sound = sound and 1 <= len(groups[0]) <= 3 and all(len(each) == 3 for each in groups[1:])
        sound = sound and groups[0][:1] != "0"  # 0.123 is no thousand of anything
    if point:
        sound = sound and bool(decimals)
    if not sound:
        return None, NOT_A_NUMBER
    exact = Decimal(("-" if text[0] == "-" else "") + digits + "." + (decimals or "0"))
    if decimals.rstrip("0")[6:]:
        return None, TOO_PRECISE
    if abs(exact) >= Decimal(10) ** 26:
        return None, TOO_LARGE
    return exact, 0


@st.composite
def numbers(draw: st.DrawFn, locale: str) -> str:
    digits = draw(st.text("0123456789", min_size=1, max_size=29))
    if draw(st.booleans()) and GROUP[locale]:
        start = len(digits) % 3 or 3
        digits = GROUP[locale].join(
            [digits[:start], *(digits[n : n + 3] for n in range(start, len(digits), 3))]
        )
    sign = draw(st.sampled_from(["", "", "-", "+"]))
    decimals = draw(st.sampled_from(["", POINT[locale]]))
    if decimals:
        decimals += draw(st.text("0123456789", max_size=8)) + "0" * draw(st.integers(0, 40))
    return sign + digits + decimals


garbage = st.text(alphabet="0123456789.,+-eE \u00a0_−٣３\n%abNaNinf", max_size=12) | st.text(
    max_size=6
)


@pytest.mark.parametrize("locale", [VI, EN, "plain"])
@given(data=st.data())
def test_numbers_are_read_as_an_independent_reading_of_decimals_reads_them(
    locale: str, data: st.DataObject
) -> None:
    texts = data.draw(st.lists(st.none() | numbers(locale) | garbage, min_size=1, max_size=30))
    leading_zero = re.compile(r"[+-]?0[0-9]{0,2}" + re.escape(GROUP[locale] or "x"))
    texts = [t for t in texts if t is None or not leading_zero.match(t)]  # a test of its own below
    assert read(texts, locale) == [expected(text, locale) for text in texts]


@pytest.mark.parametrize(
    ("text", "locale", "value"),
    [
        ("1.234,5", VI, "1234.5"),
        ("1,234.5", EN, "1234.5"),
        ("1.234", VI, "1234"),
        ("1.234", EN, "1.234"),
        ("1,234", VI, "1.234"),
        ("1,234", EN, "1234"),
        ("-1.234.567,891", VI, "-1234567.891"),
        ("+7", VI, "7"),
        ("-0", VI, "0"),
        ("007", VI, "7"),
        ("1,1234560000", VI, "1.123456"),
        ("9" * 26 + ",999999", VI, "9" * 26 + ".999999"),
        ("-" + "9" * 26 + ",999999", VI, "-" + "9" * 26 + ".999999"),
        ("0" * 40 + "5", VI, "5"),
    ],
)
def test_a_number_means_what_its_locale_says(text: str, locale: str, value: str) -> None:
    assert read([text], locale) == [(Decimal(value), 0)]


@pytest.mark.parametrize(
    ("text", "locale", "fault"),
    [
        *(
            (text, VI, NOT_A_NUMBER)
            for text in ("12.34", "1.23", "1.2345", "1.234.56", "1234.567", ".123", "1..234")
        ),
        *(
            (text, VI, NOT_A_NUMBER)
            for text in ("1,2,3", ",5", "5,", "1.234,", "1e5", "không rõ", "-", "+", "--5")
        ),
        *(
            (text, VI, NOT_A_NUMBER)
            for text in ("−5", "٣", "３", "1 234", "1\u00a0234", "5\n", "\n5", "", " ", "NaN")
        ),
        *(
            (text, EN, NOT_A_NUMBER)
            for text in ("1.234,5", "1,23", "12,34.5", "1.", ".5", "0x10", "1_000", "inf")
        ),
        ("1,1234567", VI, TOO_PRECISE),
        ("-0,0000001", VI, TOO_PRECISE),
        ("0.1234561", EN, TOO_PRECISE),
        ("1" + "0" * 26, VI, TOO_LARGE),
        ("-1" + "0" * 26, EN, TOO_LARGE),
    ],
)
def test_what_is_wrong_with_a_text_is_said_and_never_guessed(
    text: str, locale: str, fault: int
) -> None:
    assert read([text], locale) == [(None, fault)]


def test_no_text_is_no_value_and_no_fault() -> None:
    assert read([None, "1"], VI) == [(None, 0), (Decimal(1), 0)]


@pytest.mark.parametrize(
    ("text", "locale"), [("0.123", VI), ("-0.500", VI), ("00.123", VI), ("0,123", EN)]
)
def test_a_group_of_thousands_never_begins_with_zero(text: str, locale: str) -> None:
    """A share written with the other locale's point (0.123) must not become 123."""
    assert read([text], locale) == [(None, NOT_A_NUMBER)]


# Folding


@pytest.mark.parametrize(
    "same",
    [
        ["Hoà", "Hòa", "hoà", "HÒA", "HOÀ"],
        [
            "Thanh Hoá",
            "Thanh Hóa",
            "THANH HOÁ",
            "Tỉnh Thanh Hóa",
            "tỉnh  Thanh Hoá",
            "TỈNH THANH HOÁ",
        ],
        ["Thuý", "Thúy"],
        ["quỵ", "qụy"],
        ["khoẻ", "khỏe"],
        [
            "Tp. Hồ Chí Minh",
            "TP Hồ Chí Minh",
            "tp.Hồ Chí Minh",
            "Thành phố Hồ Chí Minh",
            "Hồ Chí Minh",
        ],
        [
            "Bà Rịa - Vũng Tàu",
            "Bà Rịa-Vũng Tàu",
            "Bà Rịa – Vũng Tàu",
            "Bà Rịa Vũng Tàu",
            "Bà  Rịa\u2011Vũng\u00a0Tàu",
        ],
        ["Thừa Thiên-Huế", "Thừa Thiên Huế", " Thừa  Thiên   Huế ", "Tỉnh Thừa Thiên - Huế"],
        ["Đắk Lắk", "đắk lắk", "ĐẮK LẮK"],
    ],
)
def test_one_name_in_many_spellings_is_one(same: list[str]) -> None:
    spellings = [unicodedata.normalize(form, text) for text in same for form in ("NFC", "NFD")]
    assert len({fold(text) for text in spellings}) == 1


NAMES = [
    *(
        "Hà Nam",
        "Hạ Nam",
        "Hả Nam",
        "Hã Nam",
        "Ha Nam",
        "Há Nam",
        "Hà Nàm",
        "Hà Năm",
        "Hà Nâm",
        "Hà Nạm",
    ),
    *(
        "Đa Nang",
        "Da Nang",
        "Đà Nẵng",
        "Đà Nắng",
        "Ðà Nẵng",
        "Quảng Nam",
        "Quảng Ninh",
        "Quảng Trị",
        "Quảng Bình",
    ),
    *(
        "Bình Định",
        "Bình Dương",
        "Bạc Liêu",
        "Bắc Kạn",
        "Bắc Cạn",
        "Hưng Yên",
        "Hừng Yên",
        "Hung Yên",
    ),
    *("Lào Cai", "Lao Cai", "Lai Châu", "VT-1", "VT-11", "VT-1.1", "VT-1a", "45", "045", "4 5"),
]


@pytest.mark.parametrize("name", NAMES)
def test_another_name_stays_another(name: str) -> None:
    assert [other for other in NAMES if fold(other) == fold(name)] == [name]


@pytest.mark.parametrize("title", ["Tỉnh", "Tp", "Thành phố"])
def test_a_title_alone_is_not_folded_away(title: str) -> None:
    assert fold(title)


def test_a_title_is_folded_only_as_a_word_of_its_own() -> None:
    assert fold("Tpa") != fold("a")
    assert fold("Tỉnhx Hà Nam") != fold("x Hà Nam")


vietnamese = st.text(
    alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyAĂÂĐÊÔƠƯ àáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ-.0123",
    max_size=20,
)


@given(vietnamese)
def test_folding_does_not_care_for_case_composition_and_blanks(text: str) -> None:
    folded = fold(text)
    for form in ("NFC", "NFD"):
        same = unicodedata.normalize(form, text)
        assert fold(same) == fold(same.upper()) == fold(f"  {same.replace(' ', '  ')} ") == folded


# Code tables


def table(*codes: tuple[str, str, Validity] | tuple[str, str]) -> CodeTable:
    return CodeTable("org_units.csv", [Code(*code) for code in codes])


OLD, NEW = Validity(None, date(2025, 6, 30)), Validity(date(2025, 7, 1), None)


def test_a_dated_word_means_what_it_meant_on_the_day() -> None:
    found = table(("Quảng Trị", "old", OLD), ("Tỉnh Quảng Trị", "new", NEW))
    assert found("Quảng  trị", date(2025, 6, 30)) == "old"
    assert found("TỈNH QUẢNG TRỊ", date(2025, 7, 1)) == "new"
    assert found.dated


def test_a_word_has_no_code_outside_its_dates() -> None:
    found = table(("Hà Tây", "vn-ha-tay", Validity(date(1991, 8, 12), date(2008, 7, 31))))
    assert found("Hà Tây", date(2008, 7, 31)) == "vn-ha-tay"
    assert found("Hà Tây", date(2008, 8, 1)) is None
    assert found("Hà Tây", date(1991, 8, 11)) is None


def test_an_unknown_word_has_no_code() -> None:
    found = table(("Hà Nam", "vn-ha-nam"))
    assert found("Hạ Nam", None) is None
    assert not found.dated


def test_aliases_of_one_code_are_no_clash() -> None:
    found = table(("Huế", "vn-hue"), ("Tp. Huế", "vn-hue"), ("HUẾ", "vn-hue"))
    assert found("thành phố huế", None) == "vn-hue"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Validity(), Validity()),
        (OLD, Validity(date(2025, 6, 30), None)),
        (Validity(), NEW),
        (
            Validity(date(2020, 1, 1), date(2020, 12, 31)),
            Validity(date(2020, 12, 31), date(2021, 1, 1)),
        ),
    ],
)
def test_one_word_for_two_codes_on_one_day_is_refused(one: Validity, other: Validity) -> None:
    with pytest.raises(MappingError, match=r"org_units.csv.*one word for two codes"):
        table(("Hoà", "a", one), ("Hòa", "b", other))
    with pytest.raises(MappingError):
        table(("Hòa", "b", other), ("Hoà", "a", one))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Hoà", "Hòa", "Huế", "Vinh"]), st.integers(0, 9), st.integers(0, 9)
        )
    )
)
def test_a_table_without_clash_finds_what_a_naive_search_finds(
    lines: list[tuple[str, int, int]],
) -> None:
    def day(n: int) -> date:
        return date(2025, 1, 1 + n)

    codes = [
        Code(word, f"c{n}", Validity(day(min(a, b)), day(max(a, b))))
        for n, (word, a, b) in enumerate(lines)
    ]
    same = {"Hoà": "Hòa"}
    clash = any(
        same.get(one.source, one.source) == same.get(other.source, other.source)
        and one.target != other.target
        and any(one.valid.holds(day(n)) and other.valid.holds(day(n)) for n in range(10))
        for k, one in enumerate(codes)
        for other in codes[k + 1 :]
    )
    if clash:
        with pytest.raises(MappingError):
            CodeTable("t.csv", codes)
        return
    found = CodeTable("t.csv", codes)
    for word in ("Hoà", "Huế", "Vinh", "Nam"):
        for n in range(10):
            naive = [
                c.target
                for c in codes
                if same.get(c.source, c.source) == same.get(word, word) and c.valid.holds(day(n))
            ]
            assert found(word, day(n)) == (naive[0] if naive else None)


# Date patterns


@pytest.mark.parametrize(
    ("pattern", "text", "label"),
    [
        ("%m/%Y", "03/2025", "2025-M03"),
        ("%m/%Y", "3/2025", "2025-M03"),
        ("%m/%Y", " 3/2025 ", "2025-M03"),
        ("%m/%Y", "13/2025", None),
        ("%m/%Y", "0/2025", None),
        ("%m/%Y", "3/25", None),
        ("%m/%Y", "3/20255", None),
        ("%m/%Y", "٣/2025", None),
        ("quý %q/%Y", "quý 3/2026", "2026-Q3"),
        ("quý %q/%Y", "quý 5/2026", None),
        ("quý %q/%Y", "quý 13/2026", None),
        ("quý %q năm %Y", "quý 3 năm 2026", "2026-Q3"),
        ("6T%h-%Y", "6T2-2025", "2025-S2"),
        ("6T%h-%Y", "6T3-2025", None),
        ("%Y", "2025", "2025"),
        ("%Y", "0025", None),
        ("%Y%m", "202512", "2025-M12"),
        ("tháng.%m (%Y)", "tháng.1 (2025)", "2025-M01"),
        ("tháng.%m (%Y)", "thángx1 (2025)", None),
    ],
)
def test_a_date_pattern_reads_a_period(pattern: str, text: str, label: str | None) -> None:
    assert period_reader([pattern])(text, None) == label


def test_the_first_pattern_that_fits_decides() -> None:
    reads = period_reader(["%m/%Y", "quý %q/%Y", "năm %Y"])
    assert [reads(text, None) for text in ("10/2026", "quý 3/2026", "năm 2026", "2026")] == [
        "2026-M10",
        "2026-Q3",
        "2026",
        None,
    ]


@pytest.mark.parametrize("pattern", ["%m", "quý %q", "%Y-%d", "%Y %%", "%Y%", "%y", "", "năm 2025"])
def test_a_pattern_that_names_no_year_or_what_the_hub_does_not_know_is_refused(
    pattern: str,
) -> None:
    with pytest.raises(MappingError, match="date pattern"):
        period_reader([pattern])


@pytest.mark.parametrize("pattern", ["%m/%m/%Y", "%Y-%Y", "%m tháng, quý %q, %Y"])
def test_a_pattern_that_says_something_twice_is_refused(pattern: str) -> None:
    with pytest.raises(MappingError, match="date pattern"):
        period_reader([pattern])


# Rules


def test_a_component_is_mapped_by_exactly_one_rule() -> None:
    assert MapRule(column="a").column == "a"
    assert MapRule(column="a", codes="x.csv").codes == "x.csv"
    assert MapRule(column="a", codes={"x": "y"}).codes == {"x": "y"}
    assert MapRule(column="a", pattern="%Y").pattern == "%Y"
    assert MapRule(column="a", pattern=["%Y", "%m/%Y"]).pattern == ["%Y", "%m/%Y"]
    assert MapRule(fixed="A").fixed == "A"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"column": "a", "fixed": "A"},
        {"codes": "x.csv"},
        {"pattern": "%Y"},
        {"column": "a", "codes": "x.csv", "pattern": "%Y"},
        {"fixed": "A", "codes": {"A": "B"}},
        {"fixed": "2025", "pattern": "%Y"},
        {"column": "a", "default": "A"},
        {"column": 5},
        {"column": "a", "codes": {"1": 2}},
    ],
)
def test_any_other_rule_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MapRule.model_validate(told)


def test_a_number_locale_is_declared() -> None:
    with pytest.raises(ValidationError):
        ValueRule.model_validate({"column": "a"})
    with pytest.raises(ValidationError):
        ValueRule.model_validate({"column": "a", "number": "fr"})


def test_a_mapping_knows_the_columns_that_it_reads() -> None:
    mapping = Mapping.model_validate(
        {
            "org_unit": {"column": "dv"},
            "period": {"column": "ky", "pattern": "%Y"},
            "value": {"column": "gt", "number": "vi", "unit": {"column": "dvt"}},
            "indicator": {"column": "ct"},
            "measure": {"fixed": "plan"},
            "status": {"column": "tt"},
            "dims": {"SEX": {"column": "gioi"}, "AREA": {"fixed": "U"}},
        }
    )
    assert mapping.columns() == {"dv", "ky", "gt", "dvt", "ct", "tt", "gioi"}


# Look-up

WORDS = ["a", "A", "hoà", "hóa", "left", "Đ", "", " ", "unknown", "e\u0301", "é"]
KNOWN = {"a": "X", "A": "Y", "hoà": "Z", "left": "-", "": "X", "é": "Y", "stranger": "not-listed"}


@given(
    st.lists(
        st.lists(st.none() | st.sampled_from(WORDS) | st.text(max_size=2), max_size=12), max_size=6
    ),
    st.booleans(),
)
@example([["é"], ["e\u0301", "a"], [None], []], False)
def test_a_look_up_finds_what_a_naive_loop_finds(
    batches: list[list[str | None]], open_: bool
) -> None:
    codes = ["X", "Y", "Z"]

    def find(text: str, _: date | None) -> str | None:
        return KNOWN.get(text, f"new-{text}" if text.startswith("a") else None)

    lookup = Lookup(codes, find, open_=open_)
    for batch in batches:
        found = lookup.resolve(pl.Series("t", batch, dtype=pl.String))
        assert found.dtype == pl.UInt32
        assert len(found) == len(batch)
        for text, index in zip(batch, found, strict=True):
            code = None if text is None else find(unicodedata.normalize("NFC", text), None)
            if code == "-":
                assert index == IGNORED
            elif code is None or (not open_ and code not in ("X", "Y", "Z")):
                assert index is None
            else:
                assert index is not None
                assert codes[index] == code
    assert len(set(codes)) == len(codes)
    assert codes[:3] == ["X", "Y", "Z"]
    assert open_ or len(codes) == 3


def test_a_look_up_keeps_each_day_apart() -> None:
    days = [date(2025, 6, 30), date(2025, 7, 1)]
    lookup = Lookup(["old", "new"], table(("Quảng Trị", "old", OLD), ("Quảng Trị", "new", NEW)))
    texts = pl.Series(["Quảng Trị", None, "?"])
    for day in [*days, *days]:
        assert lookup.resolve(texts, day).to_list() == [days.index(day), None, None]


@given(st.lists(st.text(max_size=3), min_size=2, max_size=40, unique=True))
def test_a_look_up_does_not_depend_on_how_texts_come_in_batches(texts: list[str]) -> None:
    def made() -> Lookup:
        return Lookup(["even", "odd"], lambda text, _: ("even", "odd")[len(text) % 2])

    at_once, bit_by_bit = made(), made()
    whole = at_once.resolve(pl.Series(texts)).to_list()
    cuts = [0, len(texts) // 3, 2 * len(texts) // 3, len(texts)]
    pieces = [
        bit_by_bit.resolve(pl.Series(texts[a:b], dtype=pl.String)).to_list()
        for a, b in pairwise(cuts)
    ]
    assert [index for piece in pieces for index in piece] == whole
