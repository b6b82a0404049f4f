from __future__ import annotations

import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.errors import MappingError, SourceChanged
from tests.hub_core.stages.conftest import ROW, Declare, Declared, row

# From a row to an observation


def test_a_row_becomes_an_observation_with_its_place(declare: Declare) -> None:
    read = declare().read([row(gt="1.234,5")])
    assert read.kept == [
        {
            "indicator": "A",
            "org_unit": "p-1",
            "period": "2025-Q1",
            "calendar": "S",
            "measure": "actual",
            "dims": "",
            "value": Decimal("1234.5"),
            "status": "A",
            "part": 0,
            "row": 0,
            "column": "gt",
        }
    ]
    assert (read.left, read.ignored, read.absent) == (set(), 0, 0)


def test_each_broken_field_is_told_with_its_text_and_the_rest_stays(declare: Declare) -> None:
    rules = {
        "measure": {"column": "do"},
        "status": {"column": "tt"},
        "value": {"column": "gt", "number": "vi", "unit": {"column": "dvt"}},
    }
    sound = {"do": "plan", "tt": "P", "dvt": "thuê bao"}
    read = declare(map=rules).read(
        [
            row(**sound),
            row(**sound, dv="Hạ Nam"),
            row(**sound | {"do": "thực hiện"}, ky="quý 9/2025"),
            row(**sound | {"tt": "chốt", "dvt": "chiếc"}),
            row(**sound, ct="Z", gt="không rõ"),
            row(**sound, gt="1,1234567"),
            row(**sound, gt="1" + "0" * 26),
        ]
    )
    assert [(each["row"], each["measure"], each["status"]) for each in read.kept] == [
        (0, "plan", "P")
    ]
    assert read.left == {
        (1, "V001", "org_unit", "Hạ Nam"),
        (2, "V001", "measure", "thực hiện"),
        (2, "V001", "period", "quý 9/2025"),
        (3, "V001", "status", "chốt"),
        (3, "V001", "unit", "chiếc"),
        (4, "V001", "indicator", "Z"),
        (4, "V002", "value", "không rõ"),
        (5, "V003", "value", "1,1234567"),
        (6, "V004", "value", "1" + "0" * 26),
    }


def test_texts_are_compared_composed_and_so_are_column_names(declare: Declare) -> None:
    def loose(text: str) -> str:
        return unicodedata.normalize("NFD", text)

    read = declare(map={"org_unit": {"column": "Đơn vị", "codes": {"Hoà Bình": "p-1"}}}).read(
        [{loose("Đơn vị"): loose("Hòa  BÌNH"), **{k: v for k, v in ROW.items() if k != "dv"}}]
    )
    assert [each["org_unit"] for each in read.kept] == ["p-1"]


def test_blanks_around_a_text_do_not_count(declare: Declare) -> None:
    assert declare().read([row(dv=" p-1 ", ct="A ", gt=" 7 ", ky=" 2025-Q1")]).figures == [
        ("A", "7")
    ]


# Columns


def test_a_missing_column_is_named(declare: Declare) -> None:
    with pytest.raises(SourceChanged, match="column gt is not in the payload"):
        declare().read([{k: v for k, v in ROW.items() if k != "gt"}])


def test_a_column_that_is_neither_mapped_nor_ignored_is_named(declare: Declare) -> None:
    with pytest.raises(SourceChanged, match="column ghi_chu is neither mapped nor ignored"):
        declare().read([row(ghi_chu="x")])


def test_an_ignored_column_is_left_alone(declare: Declare) -> None:
    assert declare(ignore={"columns": ["ghi_chu"]}).read([row(ghi_chu="x")]).figures == [("A", "5")]


def test_the_columns_of_a_wide_table_and_of_dimensions_and_units_are_needed_too(
    declare: Declare,
) -> None:
    rules = {"indicator": None, "value": {"number": "vi"}, "dims": {"SEX": {"column": "gioi"}}}
    wide = declare(map=rules, measures={"A": "a", "B": "b"})
    with pytest.raises(SourceChanged, match="column b, gioi is not in the payload"):
        wide.read([{"dv": "p-1", "ky": "2025", "a": "1"}])


# Values


@pytest.mark.parametrize(
    ("column", "figure"),
    [
        (pl.Series(["1.234,5"]), "1234.5"),
        (pl.Series([1234], dtype=pl.Int64), "1234"),
        (pl.Series([-5], dtype=pl.Int8), "-5"),
        (pl.Series([0.1]), "0.1"),
        (pl.Series([1234.5]), "1234.5"),
        (pl.Series([1e16]), "10000000000000000"),
        (pl.Series([12345678901234.56]), "12345678901234.56"),
        (pl.Series([1e-6]), "0.000001"),
        (pl.Series([-0.0]), "0"),
        (pl.Series([0.1], dtype=pl.Float32), "0.1"),
        (pl.Series([Decimal("1.50")], dtype=pl.Decimal(10, 2)), "1.5"),
        (pl.Series([10**20], dtype=pl.Int128), "100000000000000000000"),
    ],
)
def test_a_value_is_read_by_its_type_exactly(
    declare: Declare, column: pl.Series, figure: str
) -> None:
    frame = pl.DataFrame([row()]).with_columns(column.alias("gt"))
    assert declare().read(frame).figures == [("A", figure)]


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_a_float_is_its_shortest_decimal_text(number: float) -> None:
    declared = Declared(Path())
    read = declared.read(
        pl.DataFrame([row()]).with_columns(gt=pl.Series([number, None], dtype=pl.Float64).head(1))
    )
    exact = Decimal(repr(number))  # 17 digits at most
    if abs(exact) >= Decimal(10) ** 26:
        assert {(code, field) for _, code, field, _ in read.left} == {("V004", "value")}
    elif int(exact.normalize().as_tuple().exponent) < -6:
        assert {(code, field) for _, code, field, _ in read.left} == {("V003", "value")}
    else:
        assert [each["value"] for each in read.kept] == [exact]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_no_number_is_no_figure(declare: Declare, number: float) -> None:
    read = declare().read(pl.DataFrame([row(), row()]).with_columns(gt=pl.Series([number, 1.5])))
    assert {(row, code) for row, code, _, _ in read.left} == {(0, "V002")}
    assert read.figures == [("A", "1.5")]


def test_a_column_of_texts_and_numbers_is_read_each_in_its_way(declare: Declare) -> None:
    """In a Vietnamese table the text 1.234 is a thousand and more, the bare number 1.234 is not."""
    frame = pl.DataFrame(
        [row(gt="1.234"), row(gt=None), row(gt=None), row(gt="không"), row(gt=None)]
    )
    frame = frame.with_columns(pl.Series("gt#number", [None, "1.234", None, None, "1.1234567"]))
    read = declare().read(frame)
    assert [(each["row"], each["value"]) for each in read.kept] == [
        (0, Decimal(1234)),
        (1, Decimal("1.234")),
    ]
    assert read.left == {(3, "V002", "value", "không"), (4, "V003", "value", "1.1234567")}
    assert read.absent == 1


def test_a_column_that_has_only_bare_numbers_is_read_exactly(declare: Declare) -> None:
    frame = (
        pl.DataFrame([row(), row()])
        .drop("gt")
        .with_columns(pl.Series("gt#number", ["1.234", "99999999999999999999.5"]))
    )
    assert declare().read(frame).figures == [("A", "1.234"), ("A", "99999999999999999999.5")]


def test_codes_may_come_as_texts_and_as_bare_numbers(declare: Declare) -> None:
    rules = {"org_unit": {"column": "dv", "codes": {"45": "p-1", "Huế": "p-2"}}}
    frame = pl.DataFrame([row(dv="Huế"), row(dv=None)]).with_columns(
        pl.Series("dv#number", [None, "45"])
    )
    assert [each["org_unit"] for each in declare(map=rules).read(frame).kept] == ["p-2", "p-1"]
    only = pl.DataFrame([row()]).drop("dv").with_columns(pl.Series("dv#number", ["45"]))
    assert [each["org_unit"] for each in declare(map=rules).read(only).kept] == ["p-1"]
    whole = pl.DataFrame([row()]).with_columns(pl.Series("dv", [45]))
    assert [each["org_unit"] for each in declare(map=rules).read(whole).kept] == ["p-1"]


# No value


def test_an_absent_value_is_counted_and_is_not_zero(declare: Declare) -> None:
    read = declare().read([row(gt="1"), row(gt=None)])
    assert read.figures == [("A", "1")]
    assert (read.absent, read.left) == (1, set())


@pytest.mark.parametrize("blank", ["", "   ", "\u00a0"])
def test_a_blank_text_is_no_number(declare: Declare, blank: str) -> None:
    read = declare().read([row(gt="1"), row(gt=blank)])
    assert read.figures == [("A", "1")]
    assert {mark[:3] for mark in read.left} == {(1, "V002", "value")}


def test_an_absent_value_with_status_m_is_an_observation_that_says_so(declare: Declare) -> None:
    read = declare(map={"status": {"column": "tt"}}).read(
        [row(gt=None, tt="M"), row(gt=None, tt="A")]
    )
    assert [(each["row"], each["value"], each["status"]) for each in read.kept] == [(0, None, "M")]
    assert read.absent == 1


def test_zero_is_a_value(declare: Declare) -> None:
    assert declare().read([row(gt="0"), row(gt="-0,0")]).figures == [("A", "0"), ("A", "0")]


# Units


def units(declare: Declare, **unit: Any) -> Declared:
    return declare(map={"value": {"column": "gt", "number": "vi", **unit}})


def test_a_unit_is_brought_to_the_indicators_by_an_exact_factor(declare: Declare) -> None:
    declared = units(declare, unit={"column": "dvt"})
    read = declared.read(
        [
            row(gt="1,234567", dvt="nghìn thuê bao"),
            row(gt="7", dvt="thuê bao"),
            row(ct="B", gt="12,5", dvt="phần nghìn"),
            row(gt="-0,5", dvt=" nghìn thuê bao "),
        ]
    )
    assert read.figures == [("A", "1234.567"), ("A", "7"), ("B", "1.25"), ("A", "-500")]


def test_one_unit_may_hold_for_a_whole_column(declare: Declare) -> None:
    assert units(declare, unit="nghìn thuê bao").read([row(gt="2,5")]).figures == [("A", "2500")]


def test_a_unit_of_another_kind_is_unknown(declare: Declare) -> None:
    declared = units(declare, unit={"column": "dvt"})
    read = declared.read(
        [row(dvt="%"), row(dvt=None), row(ct="B", dvt="nghìn thuê bao"), row(dvt="thuê bao")]
    )
    assert [each["row"] for each in read.kept] == [3]
    assert read.left == {
        (0, "V001", "unit", "%"),
        (1, "V001", "unit", ""),
        (2, "V001", "unit", "nghìn thuê bao"),
    }


def test_a_factor_that_gives_more_than_six_decimals_is_told(declare: Declare) -> None:
    declared = units(declare, unit="phần nghìn")
    read = declared.read([row(ct="B", gt="0,000010"), row(ct="B", gt="0,000015")])
    assert read.figures == [("B", "0.000001")]
    assert read.left == {(1, "V003", "value", "0,000015")}


def test_a_factor_that_gives_too_large_a_value_is_told(declare: Declare) -> None:
    """|value| < 10^26 also after the conversion: sums count on it (design section 9)."""
    declared = units(declare, unit="nghìn thuê bao")
    read = declared.read([row(gt="9" * 23), row(gt="1" + "0" * 23)])
    assert read.figures == [("A", "9" * 23 + "000")]
    assert read.left == {(1, "V004", "value", "1" + "0" * 23)}


@given(
    st.decimals(min_value=-(10**22), max_value=10**22, places=6),
    st.sampled_from(["nghìn thuê bao", "thuê bao"]),
)
def test_conversion_is_exact(number: Decimal, unit: str) -> None:
    declared = Declared(Path(), map={"value": {"column": "gt", "number": "vi", "unit": unit}})
    read = declared.read([row(gt=f"{number:f}".replace(".", ","))])
    assert [each["value"] for each in read.kept] == [
        number * (1000 if unit.startswith("nghìn") else 1)
    ]


# What is left out by name


@pytest.mark.parametrize(
    ("field", "rule", "column"),
    [
        ("org_unit", {"column": "dv", "codes": {"x": "p-1", "Tổng": "-"}}, "dv"),
        ("indicator", {"column": "ct", "codes": {"x": "A", "Tổng": "-"}}, "ct"),
    ],
)
def test_a_row_whose_code_is_left_out_is_counted_and_no_finding(
    declare: Declare, field: str, rule: dict[str, Any], column: str
) -> None:
    read = declare(map={field: rule}).read(
        [row(**{column: "x"}), row(**{column: "tổng", "gt": "không rõ"})]
    )
    assert [each["row"] for each in read.kept] == [0]
    assert (read.ignored, read.left) == (1, set())


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("period", {"column": "ky", "codes": {"x": "2025-Q1", "Tổng": "-"}}),
        ("measure", {"column": "do", "codes": {"x": "plan", "Tổng": "-"}}),
        ("status", {"column": "tt", "codes": {"x": "A", "Tổng": "-"}}),
        ("dims", {"SEX": {"column": "gioi", "codes": {"x": "F", "Tổng": "-"}}}),
    ],
)
def test_another_field_leaves_no_row_out(
    declare: Declare, field: str, rule: dict[str, Any]
) -> None:
    with pytest.raises(MappingError, match="leaves rows out by org_unit or indicator only"):
        declare(map={field: rule})
