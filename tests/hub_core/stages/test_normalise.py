from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.config.province import Province, Provision
from hub_core.errors import HubError, MappingError, SourceChanged
from hub_core.model.catalogue import Catalogue, Indicator, Unit
from hub_core.model.observation import KEY, SCHEMA
from hub_core.model.org_unit import OrgUnit, Validity
from hub_core.model.period import Calendar
from hub_core.rules import RuleContext
from hub_core.stages.normalise import Normaliser
from hub_core.stages.validate import Codes, Validator, figures

Rows = list[dict[str, Any]]
ONE = Decimal(1)


def indicator(code: str, unit: str) -> Indicator:
    return Indicator(code, "F", code, code, unit, "stock", "sum", "last", "", "", ("Q",), "any")


CATALOGUE = Catalogue(
    {},
    {
        each.code: each
        for each in (indicator("A", "thuê bao"), indicator("B", "%"), indicator("C", "thuê bao"))
    },
    {
        "thuê bao": Unit("thuê bao", "subscriptions", 0, 1, "", ONE),
        "nghìn thuê bao": Unit("nghìn thuê bao", "thousand", 0, 1, "thuê bao", Decimal(1000)),
        "%": Unit("%", "percent", 2, 100, "", ONE),
        "phần nghìn": Unit("phần nghìn", "per mille", 2, 1, "%", Decimal("0.1")),
    },
    {unit: OrgUnit(unit, "province", "", Validity()) for unit in ("p-1", "p-2", "p-old", "p-new")},
    (),
    (),
    "",
)
LIMITS = RuleContext(CATALOGUE, frozenset(CATALOGUE.org_units), frozenset(CATALOGUE.indicators))
LONG: dict[str, Any] = {
    "org_unit": {"column": "dv"},
    "period": {"column": "ky"},
    "indicator": {"column": "ct"},
    "value": {"column": "gt", "number": "vi"},
}
ROW = {"dv": "p-1", "ky": "2025-Q1", "ct": "A", "gt": "5"}


@dataclass
class Read:
    """What a normaliser made of frames, and what the rules say to it."""

    kept: Rows
    left: set[tuple[int, str, str, str]]  # row, code, field, text
    ignored: int
    absent: int

    @property
    def figures(self) -> list[tuple[str, str]]:
        """(indicator, value) of what stays, as plain text."""
        return [
            (row["indicator"], f"{row['value'].normalize():f}" if row["value"] is not None else "")
            for row in self.kept
        ]


class Declared:
    """A provision as a province's TOML would declare it."""

    def __init__(self, root: Path, **told: Any) -> None:
        provision = Provision.model_validate(
            {
                "dataflow": "F",
                "provider": "P.D",
                "source": {"kind": "x"},
                "reader": {"kind": "x"},
                "map": {**LONG, **told.pop("map", {})},
                **told,
            }
        )
        province = Province("p", "P", "province", "", (), (), {"x": provision}, root)
        self.normalise = Normaliser(
            province, "x", CATALOGUE, told.get("calendar", Calendar.STATISTICAL)
        )

    def read(self, *frames: pl.DataFrame | Rows, asked: list[str] | None = None) -> Read:
        n = self.normalise
        lists = {
            name: getattr(
                n, name if name == "dims" else {"status": "statuses"}.get(name, f"{name}s")
            ).codes
            for name in ("indicator", "org_unit", "period", "measure", "dims", "status")
        }
        codes = Codes("S", lists)
        validate = Validator(LIMITS, codes, asked)
        kept, ignored, absent, start = [], 0, 0, 0
        for each in frames:
            frame = each if isinstance(each, pl.DataFrame) else pl.DataFrame(each)
            rows = pl.int_range(start, start + frame.height, dtype=pl.UInt64, eager=True).alias(
                "row"
            )
            if "row" not in frame.columns:
                frame = frame.with_columns(rows)
            start += frame.height
            made = n(frame.with_columns(part=pl.lit(0, dtype=pl.UInt32)))
            kept.append(validate(made.rows))
            ignored += made.ignored
            absent += made.absent
        table = figures(pl.concat(kept), codes).cast(dict(SCHEMA))
        left = pl.concat(validate.quarantine).rows(named=True) if validate.quarantine else []
        return Read(
            table.rows(named=True),
            {(r["row"], r["code"], r["field"], r["text"]) for r in left},
            ignored,
            absent,
        )


Declare = Callable[..., Declared]


@pytest.fixture
def declare(tmp_path: Path) -> Declare:
    """Make a provision; ``files`` are the package's code tables."""

    def made(files: dict[str, str] | None = None, **told: Any) -> Declared:
        for name, text in (files or {}).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return Declared(tmp_path, **told)

    return made


def row(**told: Any) -> dict[str, Any]:
    return {**ROW, **told}


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
    told = {"org_unit": {"column": "dv", "codes": {"45": "p-1", "Huế": "p-2"}}}
    frame = pl.DataFrame([row(dv="Huế"), row(dv=None)]).with_columns(
        pl.Series("dv#number", [None, "45"])
    )
    assert [each["org_unit"] for each in declare(map=told).read(frame).kept] == ["p-2", "p-1"]
    only = pl.DataFrame([row()]).drop("dv").with_columns(pl.Series("dv#number", ["45"]))
    assert [each["org_unit"] for each in declare(map=told).read(only).kept] == ["p-1"]
    whole = pl.DataFrame([row()]).with_columns(pl.Series("dv", [45]))
    assert [each["org_unit"] for each in declare(map=told).read(whole).kept] == ["p-1"]


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
    told = {"org_unit": {"column": "dv", "codes": "o.csv"}}
    administrative = declare({"o.csv": table}, map=told, calendar=Calendar.ADMINISTRATIVE)
    statistical = declare({"o.csv": table}, map=told)
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
    told = declare(map={"period": {"fixed": label}})
    assert [
        each["period"] for each in told.read([{k: v for k, v in ROW.items() if k != "ky"}]).kept
    ] == [label]


# Dimensions


def test_dimensions_are_canonical_text_sorted_by_id_without_totals(declare: Declare) -> None:
    told = {
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
    read = declare(map={"dims": told}).read(rows)
    assert [each["dims"] for each in read.kept] == ["AREA=U;SEX=F", "AREA=U", "SEX=M", ""]
    assert {(row, code, field) for row, code, field, _ in read.left} == {
        (4, "V001", "dims"),
        (5, "V001", "dims"),
    }


def test_dimensions_do_not_depend_on_how_frames_come(declare: Declare) -> None:
    told = {"dims": {"SEX": {"column": "gioi"}, "AGE": {"column": "tuoi"}}}
    rows = [row(gioi=sex, tuoi=age) for sex in ("M", "F", "_T") for age in ("15", "_T", "7")]
    one, many = declare(map=told), declare(map=told)
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
