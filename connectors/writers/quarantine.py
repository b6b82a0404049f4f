"""The quarantine of one submission as a workbook for a clerk.

Each row as it came and why, and what is to be done.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import BinaryIO

from connectors.forms.to_do import AT_THE_SOURCE, FIELDS, STEPS, TO_DO
from connectors.workbook.sheet import CELL, CENTRED, HEADING, Look, Page, height, workbook
from connectors.workbook.table import spoken
from hub_core import Quarantine, QuarantinedRow, Writer

_MOST = 1_000_000  # rows of a sheet
_LEADERS = (
    ("STT", "No.", 40),
    ("Mã lỗi", "Code", 62),
    ("Lý do", "Why", 196),
    ("Ô / vị trí", "Where", 158),
    ("Cột / trường", "Field", 96),
    ("Giá trị như đã gửi", "Text as sent", 134),
)  # Vietnamese, English and pixels
_NARROWEST, _WIDEST = 62, 170  # pixels of a column of the sender's
_PAGE = 1_070  # pixels across an A4 page in landscape, unscaled
_SMALLEST = 60  # percent at which it can still be read
_TALLEST = 540  # pixels of a row
_FOOTER = 100  # characters on each side
_LEADING, _TOP, _FIRST = len(_LEADERS), 6, 8
_TITLE: Look = {"bold": True, "font_size": 13, "align": "center"}
_ABOUT: Look = {"align": "center", "text_wrap": True}
_AT_FAULT: Look = {**CELL, "bold": True, "bg_color": "#FCE4D6"}
_NOTHING: Look = {**CELL, "italic": True, "font_color": "#808080"}


class QuarantineWriter(Writer[Quarantine]):
    """Two sheets for A4 in landscape: the rows, what is at fault in colour; the reasons counted.

    No live formula.
    """

    kind = "quarantine"
    writes = Quarantine
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    suffix = ".xlsx"

    def write(self, document: Quarantine, file: BinaryIO) -> None:
        """Write the workbook; its only date is that of the submission."""
        at = datetime.fromisoformat(document.admitted_at)
        book = workbook(file)
        made = at.astimezone(UTC).replace(tzinfo=None)
        book.set_properties(
            {"title": f"Dòng bị loại {document.provision} {document.period}", "created": made}
        )
        revision = f" · lần gửi {document.revision}" if document.revision else ""
        period = document.period if document.revision else "không đọc được kỳ"
        left = f"{document.province} · {document.provision} · {period}{revision}"[:_FOOTER]
        rows, counts = (
            Page(book, name, left=left, right=f"{at:%d/%m/%Y %H:%M}")
            for name in ("Dòng bị loại", "Tổng hợp")
        )
        _rows(rows, document)
        _counts(counts, document)
        book.close()


def _rows(page: Page, document: Quarantine) -> None:
    shown_rows = document.rows[:_MOST]
    columns = _columns(row.cells for row in shown_rows)
    room = 0 if columns else (_PAGE - sum(pixels for _, _, pixels in _LEADERS)) // _LEADING
    widths = [pixels + room * (pixels > 100) * 2 for _, _, pixels in _LEADERS]
    widths += [_width(name, shown_rows) for name in columns]
    _heading(page, columns, widths)
    _head(page, document, widths)
    endings = _endings(columns)
    for number, row in enumerate(shown_rows, start=1):
        _row(page, number, row, endings, widths)
    last = _FIRST + len(shown_rows) - 1
    if shown_rows:
        page.sheet.autofilter(_FIRST - 1, 0, last, len(widths) - 1)
    if len(document.rows) >= _MOST:
        page.text(
            last + 1, 0, f"Danh sách dừng ở {_dotted(_MOST)} dòng", "a sheet holds no more rows"
        )
    page.sheet.freeze_panes(_FIRST, 2)
    page.sheet.repeat_rows(_TOP, _FIRST - 1)
    if not _fits(widths):
        page.sheet.set_print_scale(_SMALLEST)
        page.sheet.repeat_columns(0, 1)


def _head(page: Page, document: Quarantine, widths: list[int]) -> None:
    """Whose rows they are, of what and when."""
    last = _LEADING - 1
    while last + 1 < len(widths) and _fits(widths[: last + 2]):
        last += 1
    at = datetime.fromisoformat(document.admitted_at)
    moment, count = f"{at:%H:%M} ngày {at:%d/%m/%Y}", len(document.rows)
    if document.revision:
        period = f"Kỳ báo cáo: {spoken(document.period)} · Lần gửi: {document.revision}, nhận lúc {moment}"
        english = f"Dataflow; period {document.period}; revision {document.revision}, admitted {at:%Y-%m-%d %H:%M}"
    else:
        period = f"Kỳ báo cáo: không đọc được kỳ của các dòng này · Thu thập lúc {moment}"
        english = f"Dataflow; rows whose period could not be read; gathered {at:%Y-%m-%d %H:%M}"
    about = (
        (
            f"Địa phương: {document.province} · Đơn vị báo cáo: {document.provider} · Nguồn: {document.provision}",
            "Province, provider and provision",
        ),
        (f"Biểu: {document.dataflow} · {period}", english),
        (
            f"{_dotted(count)} lỗi; dòng có lỗi chưa được nhận, ô tô màu là chỗ sai. Cách xử lý: xem tờ Tổng hợp.",
            f"{count:,} {'fault' if count == 1 else 'faults'}; rows with a fault were not admitted, its cell is in "
            "colour. What to do: second sheet.",
        ),
    )
    page.merged((0, 0, 0, last), "DANH SÁCH DÒNG SỐ LIỆU CHƯA ĐƯỢC NHẬN", look=_TITLE)
    page.merged(
        (1, 0, 1, last),
        "Rows of figures that were not admitted",
        look={"italic": True, "align": "center"},
    )
    for row, (text, words) in enumerate(about, start=2):
        page.merged((row, 0, row, last), text, words, _ABOUT)
        page.sheet.set_row_pixels(row, height(sum(widths[: last + 1]), text, words))
    page.sheet.set_row_pixels(0, 26)
    page.sheet.set_row_pixels(_TOP - 1, 8)


def _heading(page: Page, columns: list[str], widths: list[int]) -> None:
    """Write the headings of the hub's own columns, then the sender's under one heading."""
    for column, pixels in enumerate(widths):
        page.sheet.set_column_pixels(column, column, pixels)
    for column, (name, english, _) in enumerate(_LEADERS):
        page.merged((_TOP, column, _FIRST - 1, column), name, english, HEADING)
    if columns:
        area = _TOP, _LEADING, _TOP, _LEADING + len(columns) - 1
        look = {**HEADING, **({} if _fits(widths) else {"align": "left", "indent": 1})}
        page.merged(area, "Dòng số liệu như đã gửi", "The row as it was sent", look)
    for column, name in enumerate(columns, start=_LEADING):
        page.text(_FIRST - 1, column, name, look=HEADING)
    names = max(map(height, widths[_LEADING:], columns), default=0) + 18
    page.sheet.set_row_pixels(_TOP, 40 if not columns or sum(widths[_LEADING:]) > 160 else 76)
    page.sheet.set_row_pixels(_FIRST - 1, min(_TALLEST, names))


def _row(
    page: Page,
    number: int,
    row: QuarantinedRow,
    endings: dict[str, tuple[str, str]],
    widths: list[int],
) -> None:
    line = _FIRST + number - 1
    field, english = FIELDS.get(row.field, (row.field, ""))
    faulty = _at_fault(row, endings)
    page.text(line, 0, str(number), look=CENTRED)
    page.text(line, 1, row.code, look=CENTRED)
    page.text(line, 2, row.why, row.why_en, CELL)
    page.text(line, 3, row.locator, look=CELL)
    page.text(line, 4, field, english, CELL)
    page.text(line, 5, row.text or "(để trống)", look=CELL if row.text else _NOTHING)
    for column, name in enumerate(endings, start=_LEADING):
        page.text(line, column, row.cells.get(name, ""), look=_AT_FAULT if name in faulty else CELL)
    tall = [
        height(widths[2], row.why, row.why_en),
        height(widths[3], row.locator),
        height(widths[4], field, english),
        height(widths[5], row.text),
        *(height(widths[_LEADING + n], row.cells.get(name, "")) for n, name in enumerate(endings)),
    ]
    page.sheet.set_row_pixels(line, min(_TALLEST, max(tall)))


def _endings(columns: list[str]) -> dict[str, tuple[str, str]]:
    """How a locator ends that names a column, in a table and in JSON."""
    composed = {name: unicodedata.normalize("NFC", name) for name in columns}
    return {
        name: (f" column {end}", "/" + end.replace("~", "~0").replace("/", "~1"))
        for name, end in composed.items()
    }


def _at_fault(row: QuarantinedRow, endings: dict[str, tuple[str, str]]) -> set[str]:
    """Return the sender's columns that a row is at fault in.

    The one that the locator names, else those with its text.
    """
    place, text = unicodedata.normalize("NFC", row.locator), row.text.strip()
    named = [name for name, ends in endings.items() if place.endswith(ends)]
    if named:
        return {max(named, key=len)}
    return {name for name, cell in row.cells.items() if text and cell.strip() == text}


def _columns(rows: Iterable[dict[str, str]]) -> list[str]:
    """All columns of the rows in the sender's order.

    One that some rows lack stands beside its neighbour.
    """
    found: list[str] = []
    known: set[str] = set()
    for cells in rows:
        if cells.keys() <= known:
            continue
        place = next((found.index(name) for name in cells if name in known), len(found))
        for name in cells:
            if name in known:
                place = found.index(name) + 1
            else:
                found.insert(place, name)
                known.add(name)
                place += 1
    return found


def _width(name: str, rows: Iterable[QuarantinedRow]) -> int:
    """Return the pixels of a sender's column, by its longest text and its name's longest word."""
    longest = max((len(row.cells.get(name, "")) for row in rows), default=0)
    return min(
        _WIDEST,
        max(_NARROWEST, 7 * longest + 22, *(8 * len(word) + 22 for word in name.split() or [""])),
    )


def _counts(page: Page, document: Quarantine) -> None:
    """How many rows each reason left out, what to do about it, and how the quarantine works."""
    words = {row.code: (row.why, row.why_en) for row in document.rows}
    counts = Counter(row.code for row in document.rows)
    headings = (
        ("STT", "No.", 40),
        ("Mã lỗi", "Code", 70),
        ("Lý do", "Why", 280),
        ("Số lỗi", "Faults", 80),
        ("Việc cần làm", "What to do", 560),
    )
    last = len(headings) - 1
    whole = sum(pixels for _, _, pixels in headings)
    page.merged((0, 0, 0, last), "TỔNG HỢP THEO LÝ DO", look=_TITLE)
    page.merged(
        (1, 0, 1, last),
        "Faults by reason, and what to do",
        look={"italic": True, "align": "center"},
    )
    page.sheet.set_row_pixels(0, 26)
    for column, (name, english, pixels) in enumerate(headings):
        page.sheet.set_column_pixels(column, column, pixels)
        page.text(3, column, name, english, HEADING)
    page.sheet.set_row_pixels(3, 40)
    for number, code in enumerate(sorted(counts), start=1):
        row, to_do = 3 + number, TO_DO.get(code, AT_THE_SOURCE)
        page.text(row, 0, str(number), look=CENTRED)
        page.text(row, 1, code, look=CENTRED)
        page.text(row, 2, *words[code], CELL)
        page.number((row, 3), str(counts[code]), 0, "", {"border": 1})
        page.text(row, 4, *to_do, CELL)
        page.sheet.set_row_pixels(
            row, max(height(headings[2][2], *words[code]), height(headings[4][2], *to_do))
        )
    first = 3 + len(counts) + 2
    page.merged(
        (first, 0, first, last),
        "Cách xử lý",
        "How a row comes in after all",
        {"bold": True, "text_wrap": True},
    )
    page.sheet.set_row_pixels(first, 40)
    for row, step in enumerate(STEPS, start=first + 1):
        page.text(row, 0, str(row - first), look=CENTRED)
        page.merged((row, 1, row, last), *step, CELL)
        page.sheet.set_row_pixels(row, height(whole - headings[0][2], *step) + 4)
    page.sheet.repeat_rows(3)


def _fits(widths: list[int]) -> bool:
    """Whether columns stand beside one another on a page and can still be read."""
    return sum(widths) <= _PAGE * 100 // _SMALLEST


def _dotted(number: int) -> str:
    """Return a count as Vietnamese writes it: 12.345."""
    return f"{number:,}".replace(",", ".")
