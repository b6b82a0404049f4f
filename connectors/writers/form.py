"""The form that a clerk fills.

One sheet to fill, one that says how, and a hidden one that the hub reads by.
"""

from __future__ import annotations

import math
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, BinaryIO

from connectors.forms.layout import (
    CODE,
    COLUMNS,
    FIGURE,
    FIRST_ROW,
    FORMAT,
    HEADING_ROW,
    HIDDEN,
    NAME,
    NIL,
    NIL_LABEL,
    NIL_ROW,
    NOTE,
    ORG_UNIT,
    ORG_UNIT_NAME,
    SHEET,
    STATUS,
    STATUSES,
    UNIT,
    VERSION,
    Manifest,
    manifest,
)
from connectors.workbook.grid import letters
from connectors.workbook.sheet import CELL, CENTRED, FONT, HEADING, Look, Page, height, workbook
from connectors.workbook.table import CALENDARS, spoken
from hub_core import Form, Writer

if TYPE_CHECKING:
    from xlsxwriter.workbook import Workbook  # type: ignore[import-untyped]  # it ships no py.typed

_MADE = datetime(2025, 1, 1)  # noqa: DTZ001 - a form's only date: it says nothing, and the bytes stay the same
_FILL: Look = {"bg_color": "#FFF2B8", "locked": False}
_MAY_FILL: Look = {"bg_color": "#FFFAE3", "locked": False}
_TITLE: Look = {"bold": True, "font_size": 14, "align": "center"}
_CAPITAL = 13  # pixels of a capital letter of the title
_LARGEST = 10**18  # far above any figure: what is more is a slip of the hand
_FOOTER = 100  # characters on each side
_HOW = "Chỉ điền các ô màu vàng; chưa có số liệu thì để trống, không ghi 0; không thêm, xóa hay chuyển dòng, cột."
_HOW_EN = (
    "Fill the yellow cells only; leave blank what you have no figure for; "
    "do not add, delete or move rows or columns."
)
_NIL_EN = "Nothing to report in this period: choose x and leave the figures empty"
_STEPS = (
    (
        "Chỉ điền các ô màu vàng. Các ô khác đã khóa: mã chỉ tiêu, mã đơn vị do hệ thống cấp, không sửa.",
        "Fill the yellow cells only. All others are locked: the codes are the hub's and must stay.",
    ),
    (
        "Cột Số liệu: gõ số, không gõ kèm đơn vị tính hay chữ. Dấu thập phân theo cài đặt của máy.",
        "Figure: type a number, without its unit or any word. The decimal mark is that of your computer.",
    ),
    (
        "Chưa có số liệu thì để trống. Số 0 chỉ ghi khi số liệu đúng bằng không.",
        "Leave a figure blank where you have none. 0 means that it is zero.",
    ),
    (
        "Cột Đơn vị tính: ô có màu vàng thì được chọn đơn vị tính trong danh sách; số liệu ghi theo đơn vị đã chọn.",
        "Unit: where the cell is yellow you may choose another unit; the figure is then in that unit.",
    ),
    (
        "Cột Trạng thái: Chính thức (đã chốt), Sơ bộ (còn có thể sửa), Ước tính (chưa hết kỳ hoặc tính gần đúng), "
        "Thiếu (không thu thập được, để trống số liệu).",
        "Status: final, preliminary, estimated, or missing (it could not be collected; leave the figure blank).",
    ),
    (
        "Cả kỳ không phát sinh số liệu nào: chọn x ở ô Không phát sinh phía trên bảng và để trống cột Số liệu.",
        "Nothing to report in the whole period: choose x in the box above the table, and leave all figures blank.",
    ),
    (
        "Không thêm, xóa, sắp xếp hay chuyển dòng, cột; không đổi tên tờ bảng tính. Dòng nào không còn đúng chỗ sẽ bị "
        "trả lại.",
        "Do not add, delete, sort or move rows or columns, nor rename the sheet: a line out of its place is refused.",
    ),
    (
        "Lưu tệp dưới dạng Excel (.xlsx, .xls) hoặc OpenDocument (.ods), giữ nguyên kỳ báo cáo trong tên tệp.",
        "Save it as Excel (.xlsx, .xls) or OpenDocument (.ods), and keep the period in the name of the file.",
    ),
)


class FormWriter(Writer[Form]):
    """A workbook for A4 in landscape.

    Locked but for what is to be filled, no live formula in any cell.
    """

    kind = "form"
    writes = Form
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    suffix = ".xlsx"

    def write(self, document: Form, file: BinaryIO) -> None:
        """Write the workbook, empty and protected without a password."""
        layout = manifest(document)
        book = workbook(file)
        book.set_properties({"title": f"{document.title} {document.period}", "created": _MADE})
        left = f"{document.dataflow} · {document.period} · {document.provider}"[:_FOOTER]
        right = f"{FORMAT} {VERSION} · {layout.digest[:12]}"
        sheet, how = (Page(book, name, left=left, right=right) for name in (SHEET, "Hướng dẫn"))
        _head(sheet, document)
        _nil(sheet)
        _lines(sheet, document)
        _blanks(sheet, book, document)
        _choices(sheet, layout)
        _signed(sheet, FIRST_ROW + len(document.lines) + 1)
        _how(how)
        _hidden(book, layout)
        for page in (sheet, how):
            page.sheet.protect("", {"format_columns": True, "format_rows": True})
        book.close()


def _head(page: Page, form: Form) -> None:
    """Who reports what for when, by when and why; a short how-to; the headings."""
    for column, (name, english, pixels) in enumerate(COLUMNS):
        page.sheet.set_column_pixels(column, column, pixels)
        page.text(HEADING_ROW, column, name, english, HEADING)
    wrapped: Look = {"text_wrap": True}
    due = "/".join(reversed(form.due.split("-")))
    left = form.provider_name.upper(), f"{form.provider}, {form.province_name}"
    right = f"Hạn gửi: {due}. Căn cứ: {form.legal}", f"Due {form.due}; form {form.dataflow}"
    period = f"Kỳ báo cáo: {spoken(form.period)} ({CALENDARS.get(form.calendar, form.calendar)})"
    page.merged((0, 0, 0, ORG_UNIT), *left, {**wrapped, "bold": True})
    page.merged((0, ORG_UNIT_NAME, 0, NOTE), *right, {**wrapped, "align": "right"})
    page.merged((1, 0, 1, NOTE), form.title.upper(), look={**wrapped, **_TITLE})
    page.merged(
        (2, 0, 2, NOTE), period, f"{form.title_en}, {form.period}", {**wrapped, "align": "center"}
    )
    page.merged((3, 0, 3, NOTE), _HOW, _HOW_EN, {**wrapped, "align": "center", "top": 1})
    widths = [pixels for _, _, pixels in COLUMNS]
    heads = height(sum(widths[:ORG_UNIT_NAME]), *left), height(sum(widths[ORG_UNIT_NAME:]), *right)
    title = 26 * math.ceil(len(form.title) * _CAPITAL / sum(widths))
    for row, pixels in enumerate((max(heads), title, 40, 40, 40, 8, 40)):
        page.sheet.set_row_pixels(row, pixels)
    page.sheet.freeze_panes(FIRST_ROW, NAME + 1)
    page.sheet.set_selection(FIRST_ROW, FIGURE, FIRST_ROW, FIGURE)  # where typing begins
    page.sheet.repeat_rows(HEADING_ROW)


def _nil(page: Page) -> None:
    """Write the box that says that there is nothing to report."""
    boxed: Look = {"text_wrap": True, "align": "right", "indent": 1, "bold": True}
    page.merged((NIL_ROW, 0, NIL_ROW, UNIT), NIL_LABEL, _NIL_EN, boxed)
    hints = {
        "input_title": "Không phát sinh",
        "input_message": "Chọn x nếu cả kỳ không phát sinh số liệu nào. Nếu có số liệu thì để trống ô này.",
        "error_title": "Không phát sinh",
        "error_message": "Ô này chỉ nhận x hoặc để trống.",
    }
    page.sheet.data_validation(
        NIL_ROW, FIGURE, NIL_ROW, FIGURE, {"validate": "list", "source": [NIL], **hints}
    )


def _lines(page: Page, form: Form) -> None:
    """Write what stands in each line; English where an indicator comes first."""
    before = ""
    for row, line in enumerate(form.lines, start=FIRST_ROW):
        english = line.name_en if line.indicator != before else ""
        cells = [(COLUMNS[NAME][2], line.name_vi, english), (COLUMNS[CODE][2], line.indicator, "")]
        cells += [
            (COLUMNS[ORG_UNIT][2], line.org_unit, ""),
            (COLUMNS[ORG_UNIT_NAME][2], line.org_unit_name, ""),
        ]
        cells += [(COLUMNS[UNIT][2], text, "") for text in line.units]
        page.sheet.set_row_pixels(row, max(height(*cell) for cell in cells))
        page.text(row, 0, str(row - FIRST_ROW + 1), look=CENTRED)
        page.text(row, CODE, line.indicator, look=CENTRED)
        page.text(row, NAME, line.name_vi, english, CELL)
        page.text(row, ORG_UNIT, line.org_unit, look=CELL)
        page.text(row, ORG_UNIT_NAME, line.org_unit_name, look=CELL)
        page.text(
            row, UNIT, line.units[0], look={**CENTRED, **(_MAY_FILL if len(line.units) > 1 else {})}
        )
        page.text(row, STATUS, next(iter(STATUSES)), look={**CENTRED, **_MAY_FILL})
        before = line.indicator


def _blanks(page: Page, book: Workbook, form: Form) -> None:
    """Write the cells that wait for the clerk, truly empty.

    A figure with more decimals than usual is shown with them.
    """
    plain = {**FONT, **_FILL, "border": 1, "valign": "vcenter"}
    note = book.add_format({**plain, **_MAY_FILL, "text_wrap": True, "align": "left", "indent": 1})
    page.sheet.write_blank(
        NIL_ROW, FIGURE, None, book.add_format({**plain, "align": "center", "bold": True})
    )
    more = book.add_format({"num_format": "#,##0.0#####"})
    row = FIRST_ROW
    for decimals, lines in groupby(form.lines, key=lambda line: line.decimals):
        shown = "#,##0" + ("." + "0" * decimals if decimals else "")
        figure = book.add_format({**plain, "align": "right", "indent": 1, "num_format": shown})
        first, last = row, row + len(list(lines)) - 1
        for row in range(first, last + 1):
            page.sheet.write_blank(row, FIGURE, None, figure)
            page.sheet.write_blank(row, NOTE, None, note)
        at = f"${letters(FIGURE)}{first + 1}"
        differs = {
            "type": "formula",
            "criteria": f"=AND(ISNUMBER({at}),{at}<>ROUND({at},{decimals}))",
            "format": more,
        }
        page.sheet.conditional_format(first, FIGURE, last, FIGURE, differs)
        row = last + 1


def _choices(page: Page, layout: Manifest) -> None:
    """Say what may be put where, and what is said of it while it is put there."""
    first, last = FIRST_ROW, FIRST_ROW + len(layout.lines) - 1
    figure = {
        "validate": "decimal",
        "criteria": "between",
        "minimum": -_LARGEST,
        "maximum": _LARGEST,
        "input_title": "Số liệu",
        "input_message": "Gõ số. Chưa có số liệu thì để trống; chỉ ghi 0 khi số liệu bằng không.",
        "error_title": "Số liệu",
        "error_message": "Ô này chỉ nhận số. Không gõ kèm đơn vị tính hay chữ; ghi chú ghi ở cột Ghi chú.",
    }
    status = {
        "validate": "list",
        "source": list(STATUSES),
        "error_title": "Trạng thái",
        "error_message": "Chọn một trạng thái trong danh sách.",
    }
    page.sheet.data_validation(first, FIGURE, last, FIGURE, figure)
    page.sheet.data_validation(first, STATUS, last, STATUS, status)
    for index, line in enumerate(layout.lines):
        if len(line.units) > 1:
            unit = {
                "validate": "list",
                "source": layout.units_of(index),
                "input_title": "Đơn vị tính",
                "input_message": "Chọn đơn vị tính của số liệu ở dòng này.",
                "error_title": "Đơn vị tính",
                "error_message": "Chọn một đơn vị tính trong danh sách.",
            }
            page.sheet.data_validation(line.row, UNIT, line.row, UNIT, unit)


def _signed(page: Page, row: int) -> None:
    """Who made it and who answers for it, where it is printed; nothing in the figures' column."""
    by: Look = {"text_wrap": True, "align": "center", "bold": True}
    page.merged(
        (row, UNIT, row, NOTE),
        "…………, ngày …… tháng …… năm ………",
        look={"align": "center", "italic": True},
    )
    page.merged(
        (row + 1, 0, row + 1, NAME), "Người lập biểu", "(ký, ghi rõ họ tên; sign, full name)", by
    )
    page.merged(
        (row + 1, UNIT, row + 1, NOTE), "Thủ trưởng đơn vị", "(ký, đóng dấu; sign, seal)", by
    )
    page.sheet.set_row_pixels(row + 1, 40)


def _how(page: Page) -> None:
    """How to fill the form, step by step."""
    page.merged(
        (0, 0, 0, 1),
        "HƯỚNG DẪN ĐIỀN BIỂU",
        "How to fill in the form",
        {"bold": True, "text_wrap": True},
    )
    page.sheet.set_row_pixels(0, 44)
    page.sheet.set_column_pixels(0, 0, 40)
    page.sheet.set_column_pixels(1, 1, 900)
    for row, (text, english) in enumerate(_STEPS, start=1):
        page.text(row, 0, str(row), look=CENTRED)
        page.text(row, 1, text, english, CELL)
        page.sheet.set_row_pixels(row, height(900, text, english) + 6)


def _hidden(book: Workbook, layout: Manifest) -> None:
    """Write the hidden sheet that the hub reads by.

    Whoever changes it must ask for a new form.
    """
    sheet = book.add_worksheet(HIDDEN)
    for row, cells in enumerate(layout.rows()):
        for column, text in enumerate(cells):
            sheet.write_string(row, column, text)
    sheet.protect("")
    sheet.very_hidden()
