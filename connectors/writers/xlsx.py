"""A release as a workbook that an official hands on.

The table, who is missing, where it comes from.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import BinaryIO

from connectors.workbook.sheet import CELL, CENTRED, HEADING, Look, Page, height, workbook
from connectors.workbook.table import CALENDARS, MARKED, Column, Row, Unit, rows, spoken, units
from hub_core import Document, Settings, Writer

_STATES = {
    "missing": "thiếu",
    "held": "đang giữ",
    "late": "muộn",
    "carried forward": "dùng số kỳ trước",
    "nil": "không phát sinh",
    "in": "đã gửi",
}
_ANSWERED = ("in", "late", "nil")
_REASONS = {
    "initial": "lần đầu",
    "late": "bổ sung báo cáo muộn",
    "correction": "đính chính",
    "catalogue": "theo danh mục mới",
    "recall": "thu hồi",
}
_NOTES = (
    "E: ước tính (estimated); P: sơ bộ (preliminary); F: dự báo (forecast); không có chữ: chính thức (final).",
    "Đủ n/m: n trong m đơn vị phải báo cáo có trong số tổng (n of m reporters are in the total).",
    "“…”: chưa có số liệu, không phải là 0 (missing, not zero); “–”: không phát sinh (nil report).",
)
_WIDE, _NARROW = 240, 80  # pixels
_LEADERS = (
    ("STT", "No.", 34),
    ("Mã", "Code", 58),
    ("Chỉ tiêu", "Indicator", _WIDE),
    ("Đơn vị tính", "Unit", _NARROW),
)
_PARTS = {
    "now": ("Kỳ này", "This period"),
    "was": ("Kỳ trước", "Previous"),
    "coverage": ("Đủ", "Of"),
}
_BOLD: Look = {"bold": True}
_TITLE: Look = {"bold": True, "font_size": 13}
_ITALIC: Look = {"italic": True}
_NARROWEST = {"now": 66, "was": 66, "coverage": 40}  # pixels
_READABLE = 12  # org units on one page
_LEADING = len(_LEADERS)


class XlsxSettings(Settings):
    """``issued_by`` stands above the title.

    Where it is empty, the org unit that the totals are of.
    """

    issued_by: str = ""


class XlsxWriter(Writer[Document]):
    """Three sheets for A4 in landscape: the report, who is missing, the sources.

    No live formula.
    """

    kind = "xlsx"
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    suffix = ".xlsx"
    Settings = XlsxSettings
    settings: XlsxSettings

    def write(self, document: Document, file: BinaryIO) -> None:
        """Write the workbook; its only date is the manifest's ``now``."""
        manifest = document.manifest
        book = workbook(file)
        now = datetime.fromisoformat(str(manifest["now"])).astimezone(UTC).replace(tzinfo=None)
        book.set_properties({"title": document.title, "created": now})
        names = (str(manifest[key]) for key in ("dataflow", "period", "calendar"))
        left = f"{' · '.join(names)} · phiên bản {manifest['version']}"
        right = f"Bản kê (manifest) {document.manifest_digest[:12]}"
        for name, fill in (
            ("Báo cáo", self._report),
            ("Đơn vị thiếu", _missing),
            ("Nguồn số liệu", _sources),
        ):
            fill(Page(book, name, left=left, right=right), document)
        book.close()

    def _report(self, page: Page, document: Document) -> None:
        _report(page, document, self.settings.issued_by)


def _report(page: Page, document: Document, issued_by: str) -> None:
    shown = units(document)
    columns = [(unit, part) for unit in shown for part in unit.parts]
    last = _LEADING + max(len(columns), 1) - 1
    issuer = issued_by or next((unit.name for unit in shown if unit.total), "Liên Thông")
    page.merged((0, 0, 0, last), issuer.upper(), look=_BOLD)
    page.merged((1, 0, 1, last), document.title.upper(), look={**_TITLE, "align": "center"})
    page.merged((2, 0, 2, last), document.title_en, look={**_ITALIC, "align": "center"})
    for row, (text, english) in enumerate(_about(document, issuer), start=3):
        page.merged((row, 0, row, last), text, english, {"align": "center", "text_wrap": True})
        page.sheet.set_row_pixels(row, 36)
    _headings(page, shown, row=6)
    after = _body(page, rows(document), columns, first=8)
    for row, note in enumerate(_NOTES, start=after + 1):
        page.text(row, 0, note, look=_ITALIC)
    page.sheet.freeze_panes(8, _LEADING)
    page.sheet.repeat_rows(6, 7)
    if len(shown) > _READABLE:
        page.sheet.set_print_scale(60)
        page.sheet.repeat_columns(0, _LEADING - 1)


def _about(document: Document, issuer: str) -> list[tuple[str, str]]:
    """Say what period it is, and who made it from how many of how many reporters."""
    manifest = document.manifest
    version, reason = manifest["version"], str(manifest["reason"])
    counts = Counter(reporter.state for reporter in document.reporters)
    answered, owed = sum(counts[state] for state in _ANSWERED), counts.total()
    each = ", ".join(
        f"{counts[state]} {name}" for state, name in reversed(_STATES.items()) if counts[state]
    )
    period = (
        f"Kỳ báo cáo: {spoken(document.period)} ({CALENDARS.get(str(manifest['calendar']), '')})"
    )
    maker = f"{issuer} tổng hợp từ báo cáo của {answered}/{owed} đơn vị ({each})"
    return [
        (
            f"{period}; kỳ trước: {spoken(document.previous_period)}"
            if document.previous_period
            else period,
            f"Reporting period {document.period}; previous period {document.previous_period or 'none'}",
        ),
        (
            f"{maker}; phiên bản {version}, {_REASONS.get(reason, reason)}",
            f"Consolidated from {answered} of {owed} reporters; version {version}, {reason}",
        ),
    ]


def _headings(page: Page, shown: list[Unit], row: int) -> None:
    tall = [height(sum(_NARROWEST[part] for part in unit.parts), unit.name) for unit in shown]
    page.sheet.set_row_pixels(row, max([40, *tall]))
    page.sheet.set_row_pixels(row + 1, 36)
    for column, (name, english, pixels) in enumerate(_LEADERS):
        page.sheet.set_column_pixels(column, column, pixels)
        page.merged((row, column, row + 1, column), name, english, HEADING)
    column = _LEADING
    for unit in shown:
        page.merged((row, column, row, column + len(unit.parts) - 1), unit.name, look=HEADING)
        for part in unit.parts:
            page.text(row + 1, column, *_PARTS[part], HEADING)
            column += 1


def _body(page: Page, lines: list[Row], columns: list[Column], first: int) -> int:
    """Write the rows, the columns as wide as their longest figure; return the row after them."""
    widths = [_NARROWEST[part] for _, part in columns]
    numbers: dict[str, int] = {}
    for at, row in enumerate(lines, start=first):
        number = "" if row.indicator in numbers else str(len(numbers) + 1)
        numbers.setdefault(row.indicator, len(numbers) + 1)
        _lead(page, at, row, number)
        for offset, column in enumerate(columns):
            pixels = _cell(page, (at, _LEADING + offset), row, column)
            widths[offset] = max(widths[offset], pixels)
    for place, pixels in enumerate(widths, start=_LEADING):
        page.sheet.set_column_pixels(place, place, pixels)
    return first + len(lines)


def _lead(page: Page, at: int, row: Row, number: str) -> None:
    """Write the columns before the figures: number, code, indicator and unit of measure."""
    known = next(iter(row.figures.values()))
    name = f"{known.name_vi} – {row.detail}" if row.detail else known.name_vi
    page.sheet.set_row_pixels(
        at, max(height(_WIDE, name, known.name_en), height(_NARROW, known.unit))
    )
    page.text(at, 0, number, look=CENTRED)
    page.text(at, 1, row.indicator, look=CENTRED)
    page.text(at, 2, name, known.name_en, {**CELL, "indent": 2 if row.detail else 1})
    page.text(at, 3, known.unit, look=CENTRED)


def _cell(page: Page, at: tuple[int, int], row: Row, column: Column) -> int:
    """One cell of the table; gives the pixels that it takes."""
    unit, part = column
    look = {"border": 1, "bold": unit.total}
    centred = {**look, "align": "center"}
    figure = row.figures.get(unit.id)
    if part == "coverage":
        page.text(*at, figure.coverage if figure else "", look=centred)
        return 0
    now, mark = (figure.value, figure.status) if figure else ("", "")
    value = now if part == "now" else row.previous.get(unit.id, "")
    if not value:
        page.text(*at, "–" if unit.nil and part == "now" else "…", look=centred)
        return 0
    shown = (mark if mark in MARKED else " ") if part == "now" and unit.marked else ""
    decimals = next(iter(row.figures.values())).decimals
    return page.number(at, value, decimals, shown, look)


def _missing(page: Page, document: Document) -> None:
    page.merged(
        (0, 0, 0, 4),
        "TÌNH HÌNH GỬI BÁO CÁO CỦA CÁC ĐƠN VỊ",
        "Reporters and their state",
        {**_TITLE, "text_wrap": True},
    )
    page.sheet.set_row_pixels(0, 44)
    headings = {
        "Đơn vị báo cáo": ("Reporter", 380),
        "Mã đơn vị": ("Provider", 190),
        "Địa phương": ("Province", 150),
        "Tình trạng": ("State", 170),
    }
    order = list(_STATES)
    listed = [
        [reporter.name, reporter.provider, reporter.province, _STATES[reporter.state]]
        for reporter in sorted(document.reporters, key=lambda reporter: order.index(reporter.state))
    ]
    page.listed(2, headings, listed)


def _sources(page: Page, document: Document) -> None:
    manifest = document.manifest
    page.merged(
        (0, 0, 0, 4),
        "NGUỒN SỐ LIỆU CỦA BÁO CÁO",
        "What this release is made of",
        {**_TITLE, "text_wrap": True},
    )
    page.sheet.set_row_pixels(0, 44)
    headings = {
        "Địa phương": ("Province", 150),
        "Nguồn báo cáo": ("Provision", 210),
        "Biểu": ("Dataflow", 160),
        "Kỳ": ("Period", 90),
        "Lịch": ("Calendar", 70),
        "Lần gửi": ("Revision", 80),
        "Mã băm nội dung": ("Content digest", 130),
    }
    fields = ("province", "provision", "dataflow", "period", "calendar", "revision")
    used = manifest["submissions"]
    listed = [[*(str(one[name]) for name in fields), one["content_digest"][:12]] for one in used]
    row = page.listed(2, headings, listed) + 1
    facts = {
        "Phiên bản (version)": f"{manifest['version']} ({manifest['reason']})",
        "Số dòng số liệu (figures)": str(manifest["figures"]),
        "Mã băm số liệu (figures digest)": str(manifest["figures_digest"]),
        "Mã băm danh mục (catalogue digest)": str(manifest["catalogue"]),
        "Mã băm bản kê (manifest digest)": document.manifest_digest,
        "Bản kê trước (previous manifest)": str(manifest["previous"] or "–"),
    }
    for offset, (name, text) in enumerate(facts.items()):
        page.text(row + offset, 1, name, look=_BOLD)
        page.text(row + offset, 3, text)
    for offset, note in enumerate(_NOTES, start=row + len(facts) + 1):
        page.text(offset, 1, note, look=_ITALIC)
