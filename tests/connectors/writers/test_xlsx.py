import csv
import dataclasses
import io
import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from connectors.writers.xlsx import XlsxSettings, XlsxWriter
from hub_core import Document, DocumentFigure, DocumentReporter
from hub_core.testing.connectors import figure_of, written

CATALOGUE = Path(__file__).parents[3] / "config" / "catalogue"
UNITS = {
    "vn-thanh-hoa": ("Thanh Hóa", 1.0),
    "vn-nghe-an": ("Nghệ An", 0.93),
    "vn-ha-tinh": ("Hà Tĩnh", 0.36),
    "vn-quang-binh": ("Quảng Bình", 0.25),
    "vn-quang-tri": ("Quảng Trị", 0.18),
    "vn-thua-thien-hue": ("Huế", 0.33),
}
STATES = dict(zip(UNITS, ("in", "in", "late", "missing", "nil", "carried forward"), strict=True))
FIRST = {
    "%": "87.35",
    "triệu đồng": "1543210.125",
    "thuê bao": "3456789",
    "Mbps": "142.7",
    "thuê bao/100 dân": "78.41",
}


def _rows(name: str) -> list[dict[str, str]]:
    with (CATALOGUE / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _figure(indicator: dict[str, str], decimals: str, **fields: str) -> DocumentFigure:
    return figure_of(
        indicator=indicator["code"],
        name_vi=indicator["name_vi"],
        name_en=indicator["name_en"],
        unit=indicator["unit"],
        decimals=int(decimals),
        **fields,
    )


def _figures() -> Iterator[DocumentFigure]:
    decimals = {row["unit"]: row["decimals"] for row in _rows("units.csv")}
    quarterly = [
        row
        for row in _rows("indicators.csv")
        if row["dataflow"] == "TELECOM" and "Q" in row["frequencies"]
    ]
    for rank, indicator in enumerate(quarterly):
        places = decimals[indicator["unit"]]
        step = Decimal(1).scaleb(-int(places))
        base = Decimal(FIRST.get(indicator["unit"], "412"))
        spread = indicator["kind"] in ("flow", "stock")
        reported = {}
        for unit, (_, share) in UNITS.items():
            if unit not in ("vn-quang-binh", "vn-quang-tri"):
                factor = Decimal(str(share if spread else 1 - share / 10))
                reported[unit] = (base * factor * (100 - rank) / 100).quantize(step)
        whole = sum(reported.values()) if spread else base.quantize(step)
        yield _figure(
            indicator,
            places,
            org_unit="cluster-5",
            org_unit_name="Cụm thi đua số 5 (Bắc Trung Bộ)",
            value=str(whole),
            status="P" if spread else "E",
            coverage="4/6",
            method="sum" if spread else "ratio",
        )
        for unit, value in reported.items():
            gone = unit == "vn-ha-tinh" and rank % 7 == 3
            yield _figure(
                indicator,
                places,
                org_unit=unit,
                org_unit_name=UNITS[unit][0],
                value="" if gone else str(value),
                status="M" if gone else "E" if unit == "vn-thua-thien-hue" else "A",
            )
        if indicator["code"] == "VT.01":
            ytd = {
                "org_unit": "vn-nghe-an",
                "org_unit_name": "Nghệ An",
                "value": "998877.123",
                "status": "A",
            }
            yield _figure(indicator, places, **{**ytd, "measure": "ytd"})
            yield _figure(indicator, places, **{**ytd, "dims": "AREA=R", "value": "123456.700"})


def telecom() -> Document:
    """The telecom release of a quarter.

    Six provinces, one silent, one with nothing to report, one carried forward.
    """
    figures = list(_figures())
    previous = []
    for f in figures:
        if f.value and f.measure == "actual" and not f.dims:
            step = Decimal(1).scaleb(-f.decimals)
            value = (Decimal(f.value) * Decimal("0.97")).quantize(step)
            before = dataclasses.replace(f, period="2024-Q4", value=str(value))
            previous.append(before)
            if f.org_unit == "vn-thua-thien-hue":
                value = (value * 3 / 4).quantize(step)
                before = dataclasses.replace(before, org_unit="vn-quang-binh", value=str(value))
                previous.append(before)
    names = {unit: f"Sở Thông tin và Truyền thông {name}" for unit, (name, _) in UNITS.items()}
    slugs = {unit: unit.removeprefix("vn-").replace("-", "_") for unit in UNITS}
    reporters: list[dict[str, Any]] = [
        {
            "provider": f"{slugs[u].upper()}.STTTT",
            "province": slugs[u],
            "org_units": [u],
            "state": STATES[u],
        }
        for u in UNITS
    ]
    used = [
        {"province": slugs[unit], "provision": "telecom_quarterly", "dataflow": "TELECOM", "calendar": "S",
         "period": "2025-Q1", "revision": 1 + n, "content_digest": f"{n:x}c" * 32}
        for n, unit in enumerate(u for u in UNITS if STATES[u] in ("in", "late", "carried forward"))
    ]  # fmt: skip
    manifest = {
        "format": 1, "dataflow": "TELECOM", "calendar": "S", "period": "2025-Q1", "version": 2, "reason": "late",
        "reporters": reporters, "submissions": used, "coverage": {"VT.01": "4/6"}, "catalogue": "ca" * 32,
        "figures": len(figures), "figures_digest": "f1" * 32, "previous": "01" * 32, "now": "2025-04-03T02:00:00Z",
    }  # fmt: skip
    return Document(
        manifest=manifest,
        manifest_digest="9b" * 32,
        title="Báo cáo tổng hợp tình hình phát triển viễn thông",
        title_en="Consolidated report on telecommunications",
        period="2025-Q1",
        previous_period="2024-Q4",
        figures=figures,
        previous=previous,
        reporters=tuple(
            DocumentReporter(r["provider"], r["province"], names[u], r["state"])
            for u, r in zip(UNITS, reporters, strict=True)
        ),
    )


def bytes_of(document: Document, **settings: str) -> bytes:
    return written(XlsxWriter(XlsxSettings(**settings)), document)


def cells(content: bytes, sheet: str) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(sheet).to_python()


def changed(document: Document, *, only: str = "", **fields: str) -> Document:
    figures = [
        dataclasses.replace(f, **fields) if only in ("", f.indicator) else f
        for f in document.figures
    ]
    return dataclasses.replace(document, figures=figures)


def previous_of(document: Document, indicator: str, org_unit: str) -> str:
    found = [f for f in document.previous if (f.indicator, f.org_unit) == (indicator, org_unit)]
    return found[0].value


def line(content: bytes, indicator: str, nth: int = 0) -> list[Any]:
    return [row for row in cells(content, "Báo cáo") if row[1] == indicator][nth]


def styled(content: bytes, indicator: str, column: int) -> Any:
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Báo cáo"]
    row = next(row for row in sheet.iter_rows() if row[1].value == indicator)
    return row[column]


def test_the_same_document_gives_the_same_bytes() -> None:
    assert bytes_of(telecom()) == bytes_of(telecom())


def test_every_figure_stands_in_the_row_of_its_indicator_and_the_column_of_its_org_unit() -> None:
    document = telecom()
    content = bytes_of(document)
    rows = cells(content, "Báo cáo")
    heading = rows[6]
    for figure in document.figures:
        if figure.measure == "actual" and not figure.dims and figure.value:
            shown = line(content, figure.indicator)[heading.index(figure.org_unit_name)]
            assert Decimal(repr(shown)) == Decimal(figure.value)


def test_the_total_comes_first_then_the_reporters_in_the_manifests_order() -> None:
    heading = [name for name in cells(bytes_of(telecom()), "Báo cáo")[6][4:] if name]
    names = [name for name, _ in UNITS.values()]
    silent = [f"Sở Thông tin và Truyền thông {name}" for name in names[3:5]]
    assert heading == ["Cụm thi đua số 5 (Bắc Trung Bộ)", *names[:3], *silent, "Huế"]


def test_each_org_unit_has_this_period_and_the_last_beside_it_under_one_merged_heading() -> None:
    content = bytes_of(telecom())
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Báo cáo"]
    merged = {str(area) for area in sheet.merged_cells.ranges}
    assert {"E7:G7", "H7:I7", "J7:K7", "A7:A8", "C7:C8"} <= merged
    below = [str(text).partition("\n")[0] for text in cells(content, "Báo cáo")[7][4:9]]
    assert below == ["Kỳ này", "Kỳ trước", "Đủ", "Kỳ này", "Kỳ trước"]
    total = previous_of(telecom(), "VT.03", "cluster-5")
    assert line(content, "VT.03")[5] == float(total)


def test_a_missing_figure_is_no_zero_and_a_nil_report_is_a_dash() -> None:
    content = bytes_of(telecom())
    heading = cells(content, "Báo cáo")[6]
    row = line(content, "VT.04")
    assert row[heading.index("Hà Tĩnh")] == "…"
    assert row[heading.index("Sở Thông tin và Truyền thông Quảng Bình")] == "…"
    assert row[heading.index("Sở Thông tin và Truyền thông Quảng Trị")] == "–"


def test_a_silent_province_keeps_its_column_with_its_last_figures() -> None:
    content = bytes_of(telecom())
    column = cells(content, "Báo cáo")[6].index("Sở Thông tin và Truyền thông Quảng Bình")
    expected = previous_of(telecom(), "VT.03", "vn-quang-binh")
    assert line(content, "VT.03")[column + 1] == float(expected)


def test_an_incomplete_sum_says_how_many_are_in_it() -> None:
    assert line(bytes_of(telecom()), "VT.01")[6] == "4/6"


@pytest.mark.parametrize(
    ("indicator", "column", "shown"),
    [
        ("VT.03", 4, '#,##0" P"_ '),
        ("VT.06", 4, '#,##0.00" E"_ '),
        ("VT.06", 7, "#,##0.00_ "),
        ("VT.01", 5, "#,##0.0_ "),
    ],
)
def test_a_number_is_shown_with_its_decimals_and_the_letter_of_its_status(
    indicator: str, column: int, shown: str
) -> None:
    assert styled(bytes_of(telecom()), indicator, column).number_format == shown


def test_other_measures_and_dimensions_have_rows_of_their_own() -> None:
    content = bytes_of(telecom())
    plain, by_area, to_date = (line(content, "VT.01", nth) for nth in range(3))
    column = cells(content, "Báo cáo")[6].index("Nghệ An")
    assert plain[0] == "1"
    assert (by_area[0], by_area[column]) == ("", 123456.7)
    assert "AREA=R" in by_area[2]
    assert (to_date[0], to_date[column]) == ("", 998877.123)
    assert "lũy kế" in to_date[2]


def test_a_figure_that_a_double_would_spoil_is_text_on_the_right() -> None:
    content = bytes_of(changed(telecom(), only="VT.03", value="12345678901234567.5"))
    cell = styled(content, "VT.03", 4)
    assert cell.value == "12345678901234567.5"
    assert cell.data_type == "s"
    assert cell.alignment.horizontal == "right"


@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, places=6).filter(
            lambda d: abs(d) < 10**26
        ),
        min_size=1,
    )
)
def test_no_figure_changes_in_the_workbook(values: list[Decimal]) -> None:
    document = telecom()
    first = next(iter(document.figures))
    figures = [
        dataclasses.replace(first, indicator=f"X.{n}", value=f"{value:f}")
        for n, value in enumerate(values)
    ]
    document = dataclasses.replace(document, figures=figures, previous=())
    rows = cells(bytes_of(document), "Báo cáo")[8:]
    read = [row[4] for row in rows[: len(values)]]
    assert [Decimal(value if isinstance(value, str) else repr(value)) for value in read] == values


@pytest.mark.parametrize(
    "start", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", '=HYPERLINK("http://x")', "http://x.example"]
)
def test_a_text_never_becomes_a_formula_or_a_link(start: str) -> None:
    document = changed(telecom(), name_vi=start, name_en=start, org_unit_name=start, unit=start)
    reporters = tuple(dataclasses.replace(r, name=start) for r in document.reporters)
    document = dataclasses.replace(document, title=start, title_en=start, reporters=reporters)
    content = bytes_of(document, issued_by=start)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {
        "s",
        "n",
    }
    assert not any(cell.hyperlink for sheet in book for row in sheet.iter_rows() for cell in row)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert not any(
            re.search(rb"<f[ >]", parts.read(n)) for n in parts.namelist() if "worksheets/" in n
        )
    assert cells(content, "Đơn vị thiếu")[3][1] == start


def test_the_head_says_what_period_it_is_and_how_many_reporters_are_in_it() -> None:
    rows = cells(bytes_of(telecom(), issued_by="Sở TT&TT Quảng Bình"), "Báo cáo")
    assert rows[0][0] == "SỞ TT&TT QUẢNG BÌNH"
    assert rows[1][0] == "BÁO CÁO TỔNG HỢP TÌNH HÌNH PHÁT TRIỂN VIỄN THÔNG"
    assert rows[3][0].startswith("Kỳ báo cáo: Quý I/2025 (kỳ thống kê); kỳ trước: Quý IV/2024\n")
    assert (
        "4/6 đơn vị (2 đã gửi, 1 không phát sinh, 1 dùng số kỳ trước, 1 muộn, 1 thiếu)"
        in rows[4][0]
    )


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("2025", "Năm 2025"),
        ("2025-S2", "6 tháng cuối năm 2025"),
        ("2025-N1", "9 tháng đầu năm 2025"),
        ("2025-Q3", "Quý III/2025"),
        ("2025-M07", "Tháng 07/2025"),
    ],
)
def test_a_period_is_said_as_officials_say_it(label: str, said: str) -> None:
    document = dataclasses.replace(telecom(), period=label)
    assert f"Kỳ báo cáo: {said} " in cells(bytes_of(document), "Báo cáo")[3][0]


def test_every_reporter_is_listed_with_its_state_the_missing_first() -> None:
    rows = cells(bytes_of(telecom()), "Đơn vị thiếu")[3:]
    assert [(row[1].removeprefix("Sở Thông tin và Truyền thông "), row[4]) for row in rows] == [
        ("Quảng Bình", "thiếu"),
        ("Hà Tĩnh", "muộn"),
        ("Huế", "dùng số kỳ trước"),
        ("Quảng Trị", "không phát sinh"),
        ("Thanh Hóa", "đã gửi"),
        ("Nghệ An", "đã gửi"),
    ]


def test_the_sources_name_each_submission_and_the_digests() -> None:
    rows = cells(bytes_of(telecom()), "Nguồn số liệu")
    assert rows[3][1:] == [
        "thanh_hoa",
        "telecom_quarterly",
        "TELECOM",
        "2025-Q1",
        "S",
        "1",
        "0c" * 6,
    ]
    told = {row[1]: row[3] for row in rows[4:]}
    assert told["Mã băm số liệu (figures digest)"] == "f1" * 32
    assert told["Mã băm danh mục (catalogue digest)"] == "ca" * 32
    assert any("ước tính" in name for name in told)


def test_it_prints_on_a4_in_landscape_one_page_wide_with_its_headings_and_digest_on_each_page() -> (
    None
):
    book = openpyxl.load_workbook(io.BytesIO(bytes_of(telecom())))
    sheet = book["Báo cáo"]
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$7:$8"
    assert sheet.freeze_panes == "E9"
    assert "9b9b9b9b9b9b" in sheet.oddFooter.right.text
    assert "TELECOM · 2025-Q1 · S · phiên bản 2" in sheet.oddFooter.left.text
    assert {cell.font.name for row in sheet.iter_rows() for cell in row} == {"Times New Roman"}


def test_a_release_without_figures_is_still_a_report() -> None:
    document = dataclasses.replace(telecom(), figures=[], previous=())
    assert cells(bytes_of(document), "Báo cáo")[1][0].startswith("BÁO CÁO")
