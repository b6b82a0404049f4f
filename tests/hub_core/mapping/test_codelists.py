"""Words of the catalogue: names in both languages and listed aliases as a code table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core import structures
from hub_core.config.province import Province, Provision
from hub_core.errors import ConfigurationError, MappingError
from hub_core.mapping import LEAVE_OUT, CodeTable, codelist, fold
from hub_core.model.catalogue import Alias, Catalogue, Indicator, Unit
from hub_core.model.org_unit import OrgUnit, OrgUnitName, Validity
from hub_core.model.period import Calendar
from hub_core.stages.normalise import Normaliser

ROOT = Path(__file__).parents[3]
JUNE, JULY = date(2025, 6, 30), date(2025, 7, 1)
ALWAYS = Validity()


@cache
def texts() -> dict[str, str]:
    """The shipped catalogue's files."""
    return structures.read_texts(ROOT / "config")


def shipped(*aliases: str) -> Catalogue:
    """The shipped catalogue with more lines of aliases.csv."""
    told = texts()
    name = "catalogue/aliases.csv"
    return structures.catalogue(
        told | {name: told[name].rstrip("\n") + "\n" + "".join(f"{a}\n" for a in aliases)}
    )


def org_units(*aliases: str) -> CodeTable:
    return codelist(shipped(*aliases), "org_unit")


# Names


@pytest.mark.parametrize(
    "word",
    ["Thanh Hóa", "Thanh Hoá", "THANH HOÁ", "Tỉnh Thanh Hóa", " tỉnh  Thanh  Hoá", "Thanh Hoa"],
)
def test_a_name_is_found_folded_and_in_both_languages(word: str) -> None:
    assert org_units()(word, JULY) == "vn-thanh-hoa"


@pytest.mark.parametrize(
    ("word", "code"),
    [
        *(
            ("Việt Nam", "vn"),
            ("Viet Nam", "vn"),
            ("Tp. Hà Nội", "vn-ha-noi-2008"),
            ("Thanh Hoã", None),
            ("", None),
        ),
        *(
            ("Cụm thi đua số 5 (Bắc Trung Bộ)", "cluster-5"),
            ("vn-thanh-hoa", None),
            ("Atlantis", None),
        ),
    ],
)
def test_countries_and_clusters_have_names_too_and_an_id_is_none(
    word: str, code: str | None
) -> None:
    assert org_units()(word, JULY) == code


def test_a_name_that_two_org_units_had_one_after_the_other_is_dated() -> None:
    table = org_units()
    assert table.dated
    for word in ("Quảng Trị", "TỈNH QUẢNG TRỊ", "Quang Tri"):
        assert table(word, JUNE) == "vn-quang-tri"
        assert table(word, JULY) == "vn-quang-tri-2025"


def test_a_name_that_one_org_unit_had_is_found_on_any_day() -> None:
    """So that it is a known unit out of its time (V013) and not an unknown word (V001)."""
    table = org_units()
    assert table("Quảng Bình", JUNE) == "vn-quang-binh"
    assert table("Quảng Bình", JULY) == "vn-quang-binh"


def test_every_name_of_the_catalogue_is_found_on_its_own_days() -> None:
    table, catalogue = org_units(), shipped()
    seen = 0
    for unit in catalogue.org_units.values():
        for name in unit.names:
            day = max(
                filter(None, (name.valid.first, unit.valid.first)), default=None
            ) or JUNE - timedelta(days=1)
            last = min(filter(None, (name.valid.last, unit.valid.last)), default=day)
            assert table(name.name, min(day, last)) == unit.id
            seen += 1
    assert seen > 60


@pytest.mark.parametrize(
    "word", ["VT.03", "vt 03", "Số thuê bao điện thoại di động", "Mobile telephone subscriptions"]
)
def test_an_indicator_is_found_by_its_code_and_by_its_names(word: str) -> None:
    assert codelist(shipped(), "indicator")(word, None) == "VT.03"


@pytest.mark.parametrize("word", ["triệu đồng", "TRIỆU ĐỒNG", " triệu  đồng ", "trđ", "tr.đ"])
def test_a_unit_is_found_by_its_name_and_aliases(word: str) -> None:
    assert codelist(shipped(), "unit")(word, None) == "triệu đồng"


# Aliases


def test_an_alias_is_a_word_like_a_name() -> None:
    table = org_units("org_unit,Xứ Thanh,vn-thanh-hoa,,")
    assert org_units()("Xứ Thanh", JULY) is None
    assert {table(word, JULY) for word in ("Xứ Thanh", "XỨ THANH", "tỉnh Xứ-Thanh")} == {
        "vn-thanh-hoa"
    }


def test_an_alias_of_two_org_units_one_after_the_other_is_dated_by_their_lives() -> None:
    table = org_units("org_unit,QT,vn-quang-tri,,", "org_unit,QT,vn-quang-tri-2025,,")
    assert (table("QT", JUNE), table("QT", JULY)) == ("vn-quang-tri", "vn-quang-tri-2025")


def test_an_alias_has_dates_of_its_own_where_the_word_changed_its_meaning() -> None:
    table = org_units("org_unit,XX,vn-thanh-hoa,,2025-06-30", "org_unit,XX,vn-nghe-an,2025-07-01,")
    assert (table("XX", JUNE), table("XX", JULY)) == ("vn-thanh-hoa", "vn-nghe-an")


@pytest.mark.parametrize(
    "lines",
    [
        ("org_unit,XX,vn-thanh-hoa,,", "org_unit,XX,vn-nghe-an,,"),
        ("org_unit,XX,vn-thanh-hoa,,2025-07-01", "org_unit,XX,vn-nghe-an,2025-07-01,"),
        ("org_unit,X-X,vn-thanh-hoa,,", "org_unit,tỉnh x x,vn-nghe-an,,"),
        (
            "org_unit,xx,vn-nghe-an,,",
            "org_unit,XX,vn-nghe-an,,2020-12-31",
            "org_unit,XX,vn-ha-tinh,2020-01-01,",
        ),
    ],
)
def test_a_word_of_two_codes_on_one_day_is_in_no_table(lines: tuple[str, ...]) -> None:
    table = org_units(*lines)
    assert [table(lines[0].split(",")[1], day) for day in (JUNE, JULY, None)] == [None, None, None]
    assert table("Thanh Hóa", JULY) == "vn-thanh-hoa"


def test_an_alias_that_is_anothers_name_makes_that_name_doubtful() -> None:
    assert org_units("org_unit,Nghệ An,vn-thanh-hoa,,")("Nghệ An", JULY) is None


def test_an_alias_on_days_on_which_its_org_unit_did_not_live_says_nothing() -> None:
    """vn-quang-tri ended in June: a word for it from July on takes no word from another unit."""
    table = org_units("org_unit,XX,vn-thanh-hoa,,", "org_unit,XX,vn-quang-tri,2025-07-01,")
    assert (table("XX", JUNE), table("XX", JULY)) == ("vn-thanh-hoa", "vn-thanh-hoa")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("org_unit,XX,vn-atlantis,,", "XX names vn-atlantis, which is not there"),
        ("org_unit,XX,VT.03,,", "XX names VT.03, which is not there"),
        ("indicator,XX,VT.98,,", "XX names VT.98, which is not there"),
        ("unit,XX,furlong,,", "XX names furlong, which is not there"),
        ("org_units,XX,vn,,", "codelist 'org_units'"),
        ("org_unit,,vn,,", "alias and code are needed"),
        ("org_unit, ,vn,,", "alias and code are needed"),
        ("org_unit,XX,,,", "alias and code are needed"),
        ("org_unit,XX,vn,2025-07-01,2025-06-30", "before it begins"),
        ("org_unit,XX,vn,hôm qua,", "hôm qua"),
        ("org_unit,XX,vn", "too long or too short"),
    ],
)
def test_an_alias_that_is_wrong_is_refused_with_its_file(line: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as told:
        shipped(line)
    assert "aliases.csv" in str(told.value)


# Against a naive search

WORDS = ["An Bình", "an binh", "Tỉnh An Bình", "An-Bình", "Cát", "Tp. Cát", "Đa"]
SPELT = {
    "An Bình": 0,
    "Tỉnh An Bình": 0,
    "An-Bình": 0,
    "an binh": 1,
    "Cát": 2,
    "Tp. Cát": 2,
    "Đa": 3,
}
DAYS = [date(2025, 1, 1) + timedelta(days=n) for n in range(8)]


@st.composite
def validities(draw: st.DrawFn) -> Validity:
    first, last = sorted((draw(st.integers(0, 7)), draw(st.integers(0, 7))))
    return Validity(
        draw(st.sampled_from([None, DAYS[first]])), draw(st.sampled_from([None, DAYS[last]]))
    )


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Few org units and few words, so that words clash.

    Names and aliases as their units' lives have them.
    """
    units: dict[str, OrgUnit] = {}
    for n in range(draw(st.integers(1, 4))):
        valid = draw(validities())
        names = tuple(
            OrgUnitName(
                draw(st.sampled_from(WORDS)), draw(st.sampled_from(["", *WORDS])), "tỉnh", valid
            )
            for _ in range(draw(st.integers(0, 2)))
        )
        units[f"u{n}"] = OrgUnit(
            f"u{n}", draw(st.sampled_from(["province", "province", "commune"])), "", valid, names
        )
    aliases = tuple(
        Alias("org_unit", draw(st.sampled_from(WORDS)), unit, units[unit].valid)
        for unit in draw(st.lists(st.sampled_from(sorted(units)), max_size=3))
    )
    return Catalogue({}, {}, {}, units, (), (), "", aliases)


@given(catalogues())
def test_a_codelist_finds_what_a_naive_search_finds(catalogue: Catalogue) -> None:
    said: dict[int, list[tuple[str, Validity]]] = {}
    for unit in catalogue.org_units.values():
        if unit.level == "province":
            for name in unit.names:
                for word in filter(None, (name.name, name.name_en)):
                    said.setdefault(SPELT[word], []).append((unit.id, name.valid))
    for alias in catalogue.aliases:
        said.setdefault(SPELT[alias.alias], []).append((alias.code, alias.valid))
    table = codelist(catalogue, "org_unit")
    for word in WORDS:
        lines = said.get(SPELT[word], [])
        on = [{code for code, valid in lines if valid.holds(day)} for day in DAYS]
        doubtful = any(len(codes) > 1 for codes in on)
        codes = {code for code, _ in lines}
        for day, those in zip(DAYS, on, strict=True):
            expected = codes if len(codes) == 1 and not doubtful else set() if doubtful else those
            assert table(word, day) == min(expected, default=None)


def test_the_spellings_of_the_naive_search_are_those_that_fold_alike() -> None:
    assert {
        (SPELT[one] == SPELT[other]) == (fold(one) == fold(other))
        for one in WORDS
        for other in WORDS
    } == {True}


def test_names_of_communes_are_in_no_table() -> None:
    """There are dozens of each; they are read by code."""
    units = [
        OrgUnit("p", "province", "", ALWAYS, (OrgUnitName("Tân Lập", "", "tỉnh", ALWAYS),)),
        OrgUnit("c", "commune", "p", ALWAYS, (OrgUnitName("Tân Lập", "", "xã", ALWAYS),)),
    ]
    table = codelist(Catalogue({}, {}, {}, {u.id: u for u in units}, (), (), ""), "org_unit")
    assert table("Tân Lập", JULY) == "p"


# In a mapping

SMALL = Catalogue(
    {},
    {
        code: Indicator(
            code, "F", vi, en, "thuê bao", "stock", "sum", "last", "", "", ("Q",), "any"
        )
        for code, vi, en in (("A", "Di động", "Mobile"), ("B", "Cố định", "Fixed"))
    },
    {"thuê bao": Unit("thuê bao", "subscriptions", 0, 1, "", Decimal(1))},
    {
        unit: OrgUnit(unit, "province", "", valid, (OrgUnitName(name, "", "tỉnh", valid),))
        for unit, name, valid in (
            ("vn", "Cả nước", ALWAYS),
            ("u-old", "Quảng Trị", Validity(None, JUNE)),
            ("u-new", "Quảng Trị", Validity(JULY, None)),
            ("u-hue", "Huế", ALWAYS),
        )
    },
    (),
    (),
    "",
    (Alias("org_unit", "TT Huế", "u-hue", ALWAYS), Alias("indicator", "DĐ", "A", ALWAYS)),
)
Read = Callable[..., list[tuple[str | None, str | None]]]


def normaliser(root: Path, **rules: Any) -> Normaliser:
    told = {
        "dataflow": "F",
        "provider": "P.D",
        "source": {"kind": "x"},
        "reader": {"kind": "x"},
        "map": {
            "org_unit": {"column": "dv", "codes": "catalogue"},
            "period": {"column": "ky"},
            "indicator": {"column": "ct", "codes": "catalogue"},
            "value": {"column": "gt", "number": "vi"},
            **rules,
        },
    }
    province = Province(
        "p", "P", "province", "", (), (), {"x": Provision.model_validate(told)}, root
    )
    return Normaliser(province, "x", SMALL, Calendar.STATISTICAL)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """(org unit, indicator) of rows (org unit, period, indicator) by a mapping.

    What is left out is not there.
    """

    def made(
        *rows: tuple[str, str, str], files: dict[str, str] | None = None, **rules: Any
    ) -> list[Any]:
        for name, text in (files or {}).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        ready = normaliser(tmp_path, **rules)
        frame = pl.DataFrame(rows, schema=["dv", "ky", "ct"], orient="row").with_row_index("row")
        found = ready(frame.with_columns(gt=pl.lit("1"), part=pl.lit(0, dtype=pl.UInt32))).rows

        def codes(listed: list[str], column: str) -> list[str | None]:
            return [None if n is None else listed[n] for n in found[column]]

        return list(
            zip(
                codes(SMALL.org_unit_ids, "org_unit"),
                codes(SMALL.indicator_codes, "indicator"),
                strict=True,
            )
        )

    return made


def test_codes_of_the_catalogue_are_read_by_names_and_aliases(read: Read) -> None:
    rows = [
        ("tt HUẾ", "2025-Q1", "DĐ"),
        ("Huế", "2025-Q1", "mobile"),
        ("Hué", "2025-Q1", "B"),
        ("u-hue", "2025-Q1", "C"),
    ]
    assert read(*rows) == [("u-hue", "A"), ("u-hue", "A"), (None, "B"), (None, None)]


def test_a_dated_name_is_that_of_the_last_day_of_the_rows_period(read: Read) -> None:
    labels = ["2025-Q2", "2025-Q3", "2025-S1", "2025", "2024"]
    found = read(*(("Quảng Trị", label, "A") for label in labels))
    assert [unit for unit, _ in found] == ["u-old", "u-new", "u-old", "u-new", "u-old"]


def test_of_several_tables_the_first_that_knows_the_word_decides(read: Read) -> None:
    files = {
        "one.csv": "source,target\nHuế,u-new\nMiền Trung,vn\n",
        "two.csv": "source,target\nmiền trung,u-old\n",
    }
    rows = [(word, "2025-Q1", "A") for word in ("Huế", "Miền Trung", "TT Huế", "Atlantis")]

    def by(*order: str) -> list[str | None]:
        return [
            unit
            for unit, _ in read(*rows, files=files, org_unit={"column": "dv", "codes": list(order)})
        ]

    assert by("one.csv", "two.csv", "catalogue") == ["u-new", "vn", "u-hue", None]
    assert by("two.csv", "one.csv") == ["u-new", "u-old", None, None]
    assert by("catalogue", "two.csv", "one.csv") == ["u-hue", "u-old", "u-hue", None]


def test_a_word_that_the_package_leaves_out_is_left_out_though_the_catalogue_knows_it(
    read: Read,
) -> None:
    leave = f"source,target\nCả nước,{LEAVE_OUT}\n"
    rows = [("CẢ NƯỚC", "2025-Q1", "A"), ("Huế", "2025-Q1", "A")]
    first = {"column": "dv", "codes": ["o.csv", "catalogue"]}
    last = {"column": "dv", "codes": ["catalogue", "o.csv"]}
    assert read(*rows, files={"o.csv": leave}, org_unit=first) == [("u-hue", "A")]
    assert read(*rows, files={"o.csv": leave}, org_unit=last) == [("vn", "A"), ("u-hue", "A")]


def test_a_dated_word_of_the_package_goes_to_the_catalogue_outside_its_dates(read: Read) -> None:
    dated = "source,target,valid_from,valid_to\nHuế,vn,,2025-06-30\n"
    rule = {"column": "dv", "codes": ["o.csv", "catalogue"]}
    rows = [("Huế", "2025-Q2", "A"), ("Huế", "2025-Q3", "A")]
    assert [unit for unit, _ in read(*rows, files={"o.csv": dated}, org_unit=rule)] == [
        "vn",
        "u-hue",
    ]


@pytest.mark.parametrize(
    "rules",
    [
        {"period": {"column": "ky", "codes": "catalogue"}},
        {"status": {"column": "tt", "codes": ["catalogue"]}},
        {"measure": {"column": "do", "codes": "catalogue"}},
        {"dims": {"SEX": {"column": "gioi", "codes": "catalogue"}}},
    ],
)
def test_the_catalogue_lists_no_words_for_other_fields(
    tmp_path: Path, rules: dict[str, Any]
) -> None:
    with pytest.raises(MappingError, match="lists names of org_unit and indicator"):
        normaliser(tmp_path, **rules)


def test_a_mapping_by_the_catalogue_has_a_digest_of_its_own(tmp_path: Path) -> None:
    def digest(codes: str | list[str]) -> str:
        (tmp_path / "o.csv").write_text("source,target\nx,vn\n", encoding="utf-8")
        declared = normaliser(tmp_path, org_unit={"column": "dv", "codes": codes}).declared
        return Province("p", "P", "province", "", (), (), {"x": declared}, tmp_path).mapping_digest(
            "x"
        )

    orders: list[str | list[str]] = [
        "catalogue",
        "o.csv",
        ["o.csv", "catalogue"],
        ["catalogue", "o.csv"],
    ]
    assert len({digest(each) for each in orders}) == 4
