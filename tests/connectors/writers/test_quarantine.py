import dataclasses
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from connectors.writers.quarantine import QuarantineWriter
from hub_core.contracts import Quarantine, QuarantinedRow
from hub_core.testing.connectors import written

WORDS = {
    "V001": ("Mã không có trong danh mục", "Code is not in the codelist"),
    "V002": ("Không phải số", "No number"),
}
AT_FAULT = "FFFCE4D6"


def left_out(
    code: str = "V002",
    field: str = "value",
    text: str = "6l",
    locator: str = "vt.csv line 14 column Giá trị",
    cells: Mapping[str, str] | None = None,
) -> QuarantinedRow:
    why, english = WORDS.get(code, (f"lỗi {code}", f"fault {code}"))
    there = (
        {"Mã tỉnh": "44", "Mã chỉ tiêu": "VT-17", "Giá trị": "6l"} if cells is None else dict(cells)
    )
    return QuarantinedRow(code, why, english, field, text, locator, there)


def document(*rows: QuarantinedRow, **told: Any) -> Quarantine:
    of = Quarantine(
        province="Quảng Trị (quang_tri)",
        provision="telecom",
        dataflow="Báo cáo viễn thông (TELECOM)",
        provider="Sở Khoa học và Công nghệ Quảng Trị (QUANG_TRI.SKHCN)",
        period="2026-Q3",
        revision=2,
        admitted_at="2026-11-06T02:00+07:00",
        rows=rows or (left_out(),),
    )
    return dataclasses.replace(of, **told)


def bytes_of(of: Quarantine) -> bytes:
    return written(QuarantineWriter(QuarantineWriter.Settings()), of)


def sheets(of: Quarantine) -> tuple[Worksheet, Worksheet]:
    book = openpyxl.load_workbook(io.BytesIO(bytes_of(of)))
    assert book.sheetnames == ["Dòng bị loại", "Tổng hợp"]
    return book["Dòng bị loại"], book["Tổng hợp"]


def texts(sheet: Worksheet) -> list[list[str]]:
    return [
        ["" if cell is None else str(cell) for cell in row]
        for row in sheet.iter_rows(values_only=True)
    ]


def body(sheet: Worksheet) -> list[list[str]]:
    return [row for row in texts(sheet)[8:] if row[0].isdecimal()]


def coloured(sheet: Worksheet, row: int) -> list[str]:
    """The headings under which a row of the table has a cell in colour."""
    fills = [(cell.column, cell.fill.start_color.rgb) for cell in sheet[9 + row]]
    return [str(sheet.cell(8, column).value) for column, colour in fills if colour == AT_FAULT]


def test_the_head_says_whose_rows_of_what_and_when() -> None:
    sheet, _ = sheets(document())
    head = [row[0] for row in texts(sheet)[:5]]
    assert head[0] == "DANH SÁCH DÒNG SỐ LIỆU CHƯA ĐƯỢC NHẬN"
    assert "Quảng Trị (quang_tri) · Đơn vị báo cáo: Sở Khoa học và Công nghệ Quảng Trị" in head[2]
    assert "Nguồn: telecom" in head[2]
    assert (
        "Báo cáo viễn thông (TELECOM) · Kỳ báo cáo: Quý III/2026 · Lần gửi: 2, nhận lúc 02:00"
        in head[3]
    )
    assert head[4].startswith("1 lỗi")
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)


def test_a_row_has_its_reason_its_place_and_its_cells_as_they_came() -> None:
    sheet, _ = sheets(
        document(left_out(cells={"Mã tỉnh": "44", "Giá trị": "  6l", "Số": "1.20"}, text="  6l"))
    )
    headings = [str(sheet.cell(7, column).value).split("\n")[0] for column in range(1, 7)]
    assert headings == [
        "STT",
        "Mã lỗi",
        "Lý do",
        "Ô / vị trí",
        "Cột / trường",
        "Giá trị như đã gửi",
    ]
    assert texts(sheet)[7][6:] == ["Mã tỉnh", "Giá trị", "Số"]
    [row] = body(sheet)
    why, field = "Không phải số\nNo number", "giá trị\nvalue"
    assert row == [
        "1",
        "V002",
        why,
        "vt.csv line 14 column Giá trị",
        field,
        "  6l",
        "44",
        "  6l",
        "1.20",
    ]


def test_the_cell_at_fault_is_in_colour() -> None:
    cells = {"ma": "6l", "a/b": "6l", "gia_tri": "6l"}
    rows = (
        left_out(locator="trang 2 /data/3/gia_tri", cells=cells),
        left_out(locator="trang 2 /data/3/a~1b", cells=cells),
        left_out(locator="vt.xlsx 'Biểu'!C14", cells={"ma": "6", "a/b": " 6l", "gia_tri": "1"}),
        left_out(locator="trang 2 /data/3/gia_tri", text="", cells={"ma": "1"}),
        left_out(locator="vt.xlsx 'Biểu'!C14", text="", cells={"ma": "1"}),
    )
    sheet, _ = sheets(document(*rows))
    assert [coloured(sheet, n) for n in range(5)] == [
        ["gia_tri"],
        ["a/b"],
        ["a/b"],
        ["gia_tri"],
        [],
    ]
    assert body(sheet)[4][5] == "(để trống)"


def test_columns_stand_as_the_sender_has_them_also_where_rows_lack_some() -> None:
    rows = [
        {"a": "1", "c": "3"},
        {"a": "1", "b": "2", "c": "3"},
        {"d": "4"},
        {"c": "3", "e": "5"},
        {"0": "0", "a": "1"},
    ]
    sheet, _ = sheets(document(*(left_out(cells=cells) for cells in rows)))
    assert texts(sheet)[7][6:] == ["0", "a", "b", "c", "e", "d"]
    assert [row[6:] for row in body(sheet)][:2] == [
        ["", "1", "", "3", "", ""],
        ["", "1", "2", "3", "", ""],
    ]


def test_rows_that_nobody_can_read_any_more_are_listed_without_cells() -> None:
    sheet, _ = sheets(document(left_out(cells={})))
    assert body(sheet)[0][:2] == ["1", "V002"]
    assert sheet.max_column == 6


def test_rows_without_a_period_say_so() -> None:
    sheet, _ = sheets(document(left_out("V001", "period", "thg 10"), period="?", revision=0))
    assert (
        "không đọc được kỳ của các dòng này · Thu thập lúc 02:00 ngày 06/11/2026"
        in texts(sheet)[3][0]
    )
    assert body(sheet)[0][4] == "kỳ báo cáo\nperiod"


def test_reasons_are_counted_with_what_is_to_be_done() -> None:
    rows = [left_out(), left_out("X002"), left_out("V001"), left_out(), left_out()]
    _, sheet = sheets(document(*rows))
    told = texts(sheet)
    counted = [row for row in told if row[1] in ("V001", "V002", "X002")]
    assert [(row[1], row[2].split("\n")[0], row[3]) for row in counted] == [
        ("V001", "Mã không có trong danh mục", "1"),
        ("V002", "Không phải số", "3"),
        ("X002", "lỗi X002", "1"),
    ]
    assert "người viết ánh xạ bổ sung" in counted[0][4]
    assert counted[2][4].startswith("Đơn vị báo cáo sửa ở nguồn rồi gửi lại cả kỳ.")
    steps = "\n".join(row[1] for row in told[-3:])
    assert "gửi lại cả kỳ" in steps
    assert "hệ thống đọc lại dữ liệu đã nhận" in steps
    assert "không sửa số liệu tại đây" in steps


def test_the_same_quarantine_gives_the_same_bytes() -> None:
    assert bytes_of(document()) == bytes_of(document())
    book = openpyxl.load_workbook(io.BytesIO(bytes_of(document())))
    assert book.properties.created == datetime(2026, 11, 5, 19)  # noqa: DTZ001 - openpyxl's is naive, in UTC


def test_a_long_text_and_many_columns_stay_on_the_page() -> None:
    cells = {f"Số thuê bao loại {n} trong kỳ": "x" * 400 for n in range(40)}
    sheet, _ = sheets(document(left_out(cells=cells, locator="https://example.vn/" + "a" * 600)))
    assert sheet.page_setup.scale == 60
    assert sheet.print_title_cols == "$A:$B"
    assert sheet.print_title_rows == "$7:$8"
    heights = [dimension.height or 15 for dimension in sheet.row_dimensions.values()]
    assert max(heights) <= 409
    assert {float(dimension.width) < 30 for dimension in sheet.column_dimensions.values()} == {True}
