"""Rows to observations: code tables with dates, dimensions, wide tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.errors import HubError, MappingError
from hub_core.model.observation import KEY
from hub_core.model.period import Calendar
from tests.hub_core.stages.conftest import ROW, Declare, Declared, Rows, row

# Code tables with dates


TABLE = "source,target,valid_from,valid_to\nQuảng Trị,p-old,,2025-06-30\nQuảng Trị,p-new,2025-07-01,\nHuế,p-2,,\n"


def test_an_org_unit_is_that_of_the_last_day_of_its_period(declare: Declare) -> None:
    declared = declare({"o.csv": TABLE}, map={"org_unit": {"column": "dv", "codes": "o.csv"}})
    periods = ["2025-Q2", "2025-Q3", "2025-M06", "2025-M07", "2025", "2024", "2025-S1", "2025-Q2"]
    rows = [row(dv="Tỉnh quảng  trị", ky=label) for label in periods]
    read = declared.read(rows[:3], rows[3:])
    assert [each["org_unit"] for each in read.kept] == [
        *("p-old", "p-new", "p-old", "p-new", "p-new", "p-old", "p-old", "p-old")
    ]


def test_an_org_unit_of_an_administrative_period_is_that_of_its_own_last_day(
    declare: Declare,
) -> None:
    table = "source,target,valid_from,valid_to\nQT,p-old,,2025-06-14\nQT,p-new,2025-06-15,\n"
    rules = {"org_unit": {"column": "dv", "codes": "o.csv"}}
    administrative = declare({"o.csv": table}, map=rules, calendar=Calendar.ADMINISTRATIVE)
    statistical = declare({"o.csv": table}, map=rules)
    assert [
        each["org_unit"] for each in administrative.read([row(dv="QT", ky="2025-Q2")]).kept
    ] == ["p-old"]
    assert [each["org_unit"] for each in statistical.read([row(dv="QT", ky="2025-Q2")]).kept] == [
        "p-new"
    ]


def test_without_a_period_a_dated_word_has_no_code_and_no_finding_of_its_own_is_lost(
    declare: Declare,
) -> None:
    declared = declare({"o.csv": TABLE}, map={"org_unit": {"column": "dv", "codes": "o.csv"}})
    read = declared.read([row(dv="Quảng Trị", ky="bao giờ"), row(dv="Huế")])
    assert [each["row"] for each in read.kept] == [1]
    assert (0, "V001", "period", "bao giờ") in read.left


def test_a_code_table_that_names_what_is_not_in_the_catalogue_is_refused(declare: Declare) -> None:
    with pytest.raises(MappingError, match=r"x\.toml, org_unit: p-9 is not in the catalogue"):
        declare(map={"org_unit": {"column": "dv", "codes": {"x": "p-9"}}})
    with pytest.raises(MappingError, match="status: Z is not in the catalogue"):
        declare(map={"status": {"fixed": "Z"}})
    with pytest.raises(MappingError, match=r"indicator: VT\.99 is not in the catalogue"):
        declare(
            {"i.csv": "source,target\n1,VT.99\n2,A\n"},
            map={"indicator": {"column": "ct", "codes": "i.csv"}},
        )


def test_a_measure_column_of_an_unknown_indicator_is_refused_before_anything_is_read(
    declare: Declare,
) -> None:
    with pytest.raises(MappingError, match=r"VT\.99"):
        declare(map={"indicator": None, "value": {"number": "vi"}}, measures={"VT.99": "a"})


@pytest.mark.parametrize("target", ["2025-Q9", "quý 1", "2025-M1", ""])
def test_a_period_code_that_is_no_label_is_refused(declare: Declare, target: str) -> None:
    with pytest.raises(HubError):
        declare(map={"period": {"column": "ky", "codes": {"I": target}}})


@pytest.mark.parametrize("label", ["2025", "2025-S1", "2025-N1", "2025-Q4", "2025-M01", "2025-M12"])
def test_a_columns_own_labels_are_read_without_a_pattern(declare: Declare, label: str) -> None:
    assert [each["period"] for each in declare().read([row(ky=label)]).kept] == [label]


@pytest.mark.parametrize("label", ["2025", "2025-Q1", "2025-N1"])
def test_a_period_may_be_fixed(declare: Declare, label: str) -> None:
    fixed = declare(map={"period": {"fixed": label}})
    assert [
        each["period"] for each in fixed.read([{k: v for k, v in ROW.items() if k != "ky"}]).kept
    ] == [label]


# Dimensions


def test_dimensions_are_canonical_text_sorted_by_id_without_totals(declare: Declare) -> None:
    dims = {
        "SEX": {"column": "gioi", "codes": {"Nam": "M", "Nữ": "F", "Chung": "_T"}},
        "AREA": {"column": "khu", "codes": {"Thành thị": "U", "Chung": "_T"}},
    }
    rows = [
        row(gioi="nữ", khu="thành thị"),
        row(gioi="Chung", khu="thành thị"),
        row(gioi="Nam", khu="Chung"),
        row(gioi="chung", khu="CHUNG"),
        row(gioi="khác", khu="thành thị"),
        row(gioi="Nam", khu=None),
    ]
    read = declare(map={"dims": dims}).read(rows)
    assert [each["dims"] for each in read.kept] == ["AREA=U;SEX=F", "AREA=U", "SEX=M", ""]
    assert {(row, code, field) for row, code, field, _ in read.left} == {
        (4, "V001", "dims"),
        (5, "V001", "dims"),
    }


def test_dimensions_do_not_depend_on_how_frames_come(declare: Declare) -> None:
    rules = {"dims": {"SEX": {"column": "gioi"}, "AGE": {"column": "tuoi"}}}
    rows = [row(gioi=sex, tuoi=age) for sex in ("M", "F", "_T") for age in ("15", "_T", "7")]
    one, many = declare(map=rules), declare(map=rules)
    assert one.read(rows).kept == many.read(*[[each] for each in rows]).kept


# Wide and long tables


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["p-1", "p-2", "?"]),
            *[st.none() | st.sampled_from(["1", "2,5", "x"])] * 3,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_wide_table_and_the_long_one_say_the_same(cells: list[tuple[str | None, ...]]) -> None:
    wide_rows = [{"dv": unit, "ky": "2025-Q1", "a": a, "b": b, "c": c} for unit, a, b, c in cells]
    long_rows = [
        {"dv": each["dv"], "ky": "2025-Q1", "ct": code, "gt": each[code.lower()], "at": n}
        for n, each in enumerate(wide_rows)
        for code in "ABC"
    ]
    wide = Declared(
        Path(),
        map={"indicator": None, "value": {"number": "vi"}},
        measures={"A": "a", "B": "b", "C": "c"},
    )
    texts = dict.fromkeys("abc", pl.String)
    from_wide = wide.read(pl.DataFrame(wide_rows, schema_overrides=texts))
    from_long = Declared(Path(), ignore={"columns": ["at"]}).read(
        pl.DataFrame(long_rows, schema_overrides={"gt": pl.String})
    )

    def said(rows: Rows) -> list[tuple[Any, ...]]:
        return [tuple(each[name] for name in (*KEY, "value", "status")) for each in rows]

    assert said(from_wide.kept) == said(from_long.kept)
    assert [(each["row"], each["column"]) for each in from_wide.kept] == [
        (each["row"] // 3, each["indicator"].lower()) for each in from_long.kept
    ]
    assert (from_wide.ignored, from_wide.absent) == (from_long.ignored, from_long.absent)
    assert sorted((row, code, field, text) for row, code, field, text in from_wide.left) == sorted(
        {(row // 3, code, field, text) for row, code, field, text in from_long.left}
    )


def test_prepare_may_say_which_column_a_figure_came_from(declare: Declare) -> None:
    read = declare().read([row(column="Quý I"), row(column=None)])
    assert [each["column"] for each in read.kept] == ["Quý I", None]


def test_periods_that_were_not_asked_for_are_no_findings(declare: Declare) -> None:
    read = declare().read(
        [row(), row(ky="2025-Q2", gt="không rõ"), row(ky="?", gt="1")], asked=["2025-Q1"]
    )
    assert [each["row"] for each in read.kept] == [0]
    assert read.left == {(2, "V001", "period", "?")}
