"""The form reader: the hub's own form as a clerk filled it, from Excel or LibreOffice.

It needs no mapping.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import polars as pl

from connectors.forms.layout import (
    CODE,
    COLUMNS,
    FIGURE,
    HEADING_ROW,
    HIDDEN,
    NIL,
    NIL_LABEL,
    NIL_ROW,
    ORG_UNIT,
    SHEET,
    STATUS,
    STATUSES,
    UNIT,
    Line,
    Manifest,
    no_form,
    parse,
)
from connectors.workbook.grid import is_number, letters, text_of
from connectors.workbook.open import open_sheet
from hub_core import PayloadPart, Reader, SourceChanged

_SCHEMA = {
    **dict.fromkeys(
        ("indicator", "org_unit", "period", "status", "unit", "value", "value#number", "nil"),
        pl.String,
    ),
    "column": pl.String,
    "row": pl.UInt64,
    "#refused": pl.String,
}
_FIELDS = {
    "indicator": CODE,
    "org_unit": ORG_UNIT,
    "unit": UNIT,
    "value": FIGURE,
    "status": STATUS,
    "nil": FIGURE,
}
_STRAY = "có số liệu ở dòng mà biểu mẫu không có / a figure in a row that the form does not have"
_UNCALCULATED = (
    "công thức chưa có kết quả, hãy gõ số / a formula without its result; type the number"
)
_STATUS = {name.casefold(): code for name, code in STATUSES.items()}


class FormReader(Reader):
    """Reads a form by its hidden sheet.

    A line that is no longer where the hub put it is not vouched for.
    """

    kind = "form"

    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        """Yield one frame in the hub's own words.

        Its columns are ``indicator, org_unit, period, status, unit, value, value#number, nil``, all
        String. A line without a figure has neither value. Where the nil box is marked, a row says
        so.
        """
        yield _FilledForm(part).frame()

    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        """Return the cell as a spreadsheet names it, ``Biểu!G12``, and the text that stands there.

        Raises SourceChanged where it is not on the sheet.
        """
        return _FilledForm(part).locate(row, column)

    def locate_all(
        self, part: PayloadPart, places: list[tuple[int, str | None]]
    ) -> dict[tuple[int, str | None], tuple[str, str]]:
        """Locate many places with the workbook opened once; those not there are left out."""
        form = _FilledForm(part)
        return {place: form.locate(*place) for place in places if form.has(*place)}


class _FilledForm:
    """A filled form: what the hub asked for, and what stands on the sheet."""

    def __init__(self, part: PayloadPart) -> None:
        self._part = part
        self._sheet = open_sheet(part, SHEET)
        try:
            hidden = open_sheet(part, HIDDEN)
        except SourceChanged as error:
            raise no_form(part.name) from error
        self._manifest: Manifest = parse(
            [[text_of(cell) for cell in row] for row in hidden.rows], part.name
        )

    def frame(self) -> pl.DataFrame:
        """Return the rows of the nil box, of the lines, and of figures in rows that are no line's.

        The nil box has a row only where something stands in it.
        """
        expected_rows = {line.row for line in self._manifest.lines} | {NIL_ROW, HEADING_ROW}
        stray_rows = [
            row
            for row in range(len(self._sheet.rows))
            if row not in expected_rows and self._text(row, FIGURE)
        ]
        moved_heading = self._moved_heading()
        rows = [*self._nil(), *(self._line(line, moved_heading) for line in self._manifest.lines)]
        rows += [self._row(row, f"{letters(FIGURE)}{row + 1}: {_STRAY}") for row in stray_rows]
        provision = f"{self._manifest.facts['province']}/{self._manifest.facts['provision']}"
        return (
            pl.DataFrame(rows, schema=_SCHEMA)
            .sort("row")
            .with_columns(pl.lit(provision).alias("#of"))
        )

    def has(self, row: int, column: str | None) -> bool:
        """Tell whether a place is on the sheet, or was when the hub made it."""
        last = max(len(self._sheet.rows) - 1, *(line.row for line in self._manifest.lines))
        return 0 <= row <= last and (column is None or _column(column) is not None)

    def locate(self, row: int, column: str | None) -> tuple[str, str]:
        """Return the cell's name and text.

        Raises SourceChanged where it is not on the sheet.
        """
        if not self.has(row, column):
            raise SourceChanged(
                f"the form has no such row or no column {column}", part=self._part.name, row=row
            )
        index = _column(column) if column is not None else None
        if index is None:
            return f"{SHEET}!{row + 1}:{row + 1}", ""
        return self._sheet.place(row, index), self._text(row, index)

    def _line(self, line: Line, moved_heading: str | None) -> dict[str, object]:
        """Return the row of a line.

        It says why it is not vouched for, where a code or unit is not as the hub wrote it.
        """
        for column, expected in ((CODE, line.indicator), (ORG_UNIT, line.org_unit)):
            if (actual := self._text(line.row, column)) != expected:
                return self._row(line.row, _differs(line.row, column, expected, actual))
        if (line.row, FIGURE) in self._sheet.uncalculated:
            return {
                **self._row(line.row, f"{letters(FIGURE)}{line.row + 1}: {_UNCALCULATED}"),
                "value": "",
            }
        unit = self._text(line.row, UNIT)
        if unit not in line.units and self._text(line.row, FIGURE):
            return self._row(line.row, _differs(line.row, UNIT, " | ".join(line.units), unit))
        return self._row(line.row, moved_heading)

    def _row(self, row: int, refused: str | None) -> dict[str, object]:
        figure, is_bare_number = self._text(row, FIGURE), is_number(self._sheet.cell(row, FIGURE))
        status = self._text(row, STATUS)
        return {
            "indicator": self._text(row, CODE) or None,
            "org_unit": self._text(row, ORG_UNIT) or None,
            "period": self._manifest.facts["period"],
            "status": _STATUS.get(status.casefold(), status) or None,
            "unit": self._text(row, UNIT) or None,
            "value": None if is_bare_number else figure or None,
            "value#number": figure if is_bare_number else None,
            "column": letters(FIGURE),
            "row": row,
            "#refused": refused,
        }

    def _nil(self) -> Iterator[dict[str, object]]:
        """Yield the row that says nil, or that the box is not as the hub made it."""
        row = {"period": self._manifest.facts["period"], "column": letters(FIGURE), "row": NIL_ROW}
        marked, label = self._text(NIL_ROW, FIGURE), self._text(NIL_ROW, 0)
        if not label.startswith(NIL_LABEL):
            yield {**row, "value": marked, "#refused": _differs(NIL_ROW, 0, NIL_LABEL, label)}
        elif marked.casefold() == NIL:
            yield {**row, "nil": NIL}
        elif marked:
            yield {**row, "value": marked, "#refused": _differs(NIL_ROW, FIGURE, NIL, marked)}

    def _moved_heading(self) -> str | None:
        """Return why no figure can be vouched for: a column does not stand under its heading.

        None where each does.
        """
        for column, (name, _, _) in enumerate(COLUMNS):
            heading = self._text(HEADING_ROW, column)
            if not heading.startswith(name):
                return _differs(HEADING_ROW, column, name, heading)
        return None

    def _text(self, row: int, column: int) -> str:
        """Return a cell as text, without blanks around it."""
        return unicodedata.normalize("NFC", text_of(self._sheet.cell(row, column))).strip()


def _column(name: str) -> int | None:
    """Return the column of a letter or of one of the hub's own words; None where it is neither."""
    columns_by_letter = {letters(column): column for column in range(len(COLUMNS))}
    return (columns_by_letter | _FIELDS).get(name)


def _differs(row: int, column: int, expected: str, actual: str) -> str:
    """Say which cell is not as the hub wrote it, in Vietnamese and English."""
    cell = f"{letters(column)}{row + 1}"
    return (
        f"{cell}: biểu mẫu ghi {expected}, ô {'ghi ' + actual if actual else 'để trống'}"
        f" / the form has {expected}, the cell {actual or 'is empty'}"
    )
