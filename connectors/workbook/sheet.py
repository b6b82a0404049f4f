"""A sheet of a workbook that goes out: A4 in landscape, Times New Roman, texts that stay texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from xlsxwriter.format import Format  # type: ignore[import-untyped]  # it ships no py.typed
    from xlsxwriter.workbook import Workbook  # type: ignore[import-untyped]
    from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

Look = Mapping[str, object]  # xlsxwriter's format properties

FONT: Look = {"font_name": "Times New Roman", "font_size": 11}
HEADING: Look = {
    "bold": True,
    "border": 1,
    "align": "center",
    "text_wrap": True,
    "bg_color": "#E7EEF5",
}
CELL: Look = {"border": 1, "text_wrap": True, "align": "left", "indent": 1}
CENTRED: Look = {"border": 1, "text_wrap": True, "align": "center"}
_BENEATH: Look = {"font_size": 9, "italic": True, "font_color": "#505050"}
_EXACT = 15  # significant digits that a spreadsheet's numbers keep
_LONGEST = 32_767  # characters that a cell holds


def workbook(file: BinaryIO) -> Workbook:
    """Return an empty workbook in which no text becomes a formula, a number or a link."""
    import xlsxwriter  # type: ignore[import-untyped]  # it ships no py.typed

    options: dict[str, object] = {"in_memory": True, "default_format_properties": dict(FONT)}
    options |= dict.fromkeys(
        ("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False
    )
    return xlsxwriter.Workbook(file, options)


class Page:
    """A sheet, and the few ways in which it is written on."""

    def __init__(self, book: Workbook, name: str, *, left: str, right: str) -> None:
        self._book = book
        self._styles: dict[tuple[tuple[str, object], ...], Format] = {}
        self.sheet: Worksheet = book.add_worksheet(name)
        self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.set_margins(left=0.3, right=0.3, top=0.5, bottom=0.6)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.hide_gridlines(2)
        self.sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        left, right, font = (
            left.replace("&", "&&"),
            right.replace("&", "&&"),
            '&"Times New Roman,Regular"&9 ',
        )
        self.sheet.set_footer(f"&L{font}{left}&C{font}Trang &P/&N&R{font}{right}")

    def _style(self, look: Look) -> Format:
        """Return the format of a look, made once."""
        key = tuple(sorted(look.items()))
        if key not in self._styles:
            self._styles[key] = self._book.add_format({**FONT, "valign": "vcenter", **look})
        return self._styles[key]

    def text(self, row: int, column: int, text: str, english: str = "", look: Look = FONT) -> None:
        """Write a text, never a formula; English stands beneath it in smaller italics."""
        cell_style = self._style(look)
        if not text or not english or len(text) + len(english) >= _LONGEST:
            self.sheet.write_string(row, column, (text or english)[:_LONGEST], cell_style)
            return
        upper_style = self._style(
            {name: look[name] for name in ("bold", "font_size") if name in look}
        )
        lower_style = self._style(_BENEATH)
        self.sheet.write_rich_string(
            row, column, upper_style, text, lower_style, "\n" + english, cell_style
        )

    def merged(
        self, area: tuple[int, int, int, int], text: str, english: str = "", look: Look = FONT
    ) -> None:
        """Write a text over first row, first column, last row, last column."""
        if area[:2] != area[2:]:
            self.sheet.merge_range(*area, "", self._style(look))
        self.text(*area[:2], text, english, look)

    def number(
        self, place: tuple[int, int], value: str, decimals: int, mark: str, look: Look
    ) -> int:
        """Write a figure, its mark printed beside it; return the pixels that it takes.

        A blank mark keeps the room. The figure is text where a spreadsheet's number would lose
        digits.
        """
        exact = Decimal(value)
        places = max(decimals, -int(exact.as_tuple().exponent))
        suffix = (f'" {mark}"' if mark.strip() else "_ _E" if mark else "") + "_ "
        if len(exact.normalize().as_tuple().digits) > _EXACT:
            cell_style = self._style({**look, "align": "right", "num_format": "@" + suffix})
            self.sheet.write_string(*place, value, cell_style)
        else:
            number_format = "#,##0" + ("." + "0" * places if places else "")
            cell_style = self._style(
                {**look, "align": "right", "num_format": number_format + suffix}
            )
            self.sheet.write_number(*place, float(exact), cell_style)
        printed = f"{exact:,.{places}f}"
        narrow_signs = printed.count(",") + printed.count(".")
        return (
            round(7.5 * (len(printed) - narrow_signs) + 3.8 * narrow_signs)
            + (14 if mark else 0)
            + 14
        )

    def listed(self, row: int, headings: dict[str, tuple[str, int]], rows: list[list[str]]) -> int:
        """Write a numbered table; return the row after it.

        ``headings``: each with its English and its pixels.
        """
        for column, (name, (english, pixels)) in enumerate(
            {"STT": ("No.", 40), **headings}.items()
        ):
            self.sheet.set_column_pixels(column, column, pixels)
            self.text(row, column, name, english, HEADING)
        self.sheet.set_row_pixels(row, 40)
        widths = [pixels for _, pixels in headings.values()]
        for number, cells in enumerate(rows, start=1):
            self.sheet.set_row_pixels(row + number, max(map(height, widths, cells), default=0))
            self.sheet.write_number(row + number, 0, number, self._style(CENTRED))
            for column, cell in enumerate(cells, start=1):
                self.text(row + number, column, cell, look=CELL)
        self.sheet.repeat_rows(row)
        return row + len(rows) + 1


def height(pixels: int, text: str, english: str = "") -> int:
    """Return the pixels in height that a text and its English take in a column of a width.

    Rather too many than too few.
    """
    lines, english_lines = (
        math.ceil(len(words) * pixels_per_letter / (pixels - 16))
        for words, pixels_per_letter in ((text, 6.3), (english, 5.0))
    )
    return 19 * max(lines, 1) + 15 * english_lines + 5
