"""Reads the sheets of an ods, and more of them than python-calamine does.

That is merged ranges, errors, and formulas that were never calculated.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta

from connectors.workbook.grid import Cell, Grid, Merge, SheetEntry, check_size, choose_sheet
from connectors.workbook.limits import EXPANDED_BYTES
from connectors.workbook.package import Package, parse
from hub_core import SourceChanged

_CONTENT = "content.xml"
_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_CELLS = {"table:table-cell", "table:covered-table-cell"}
_SPANNED = ("table:number-rows-spanned", "table:number-columns-spanned")
# texts that are no cell's
_NO_CELL_TEXT = {"office:annotation", "table:shapes", "draw:frame", "text:note", "table:dde-link"}
_SPACE = {"text:tab": "\t", "text:line-break": "\n"}
_SPAN = re.compile(r"PT(\d{1,6})H(\d{1,2})M(\d{1,2}(?:[.,]\d+)?)S")
_MARKS = {"#", "E"}
# a number in a narrow column is shown as ###
_ERROR = re.compile(r"#[^\s\d.,#]+[!?]|#N/A|#DIV/0!|Err:\d+")
_DAY = timedelta(days=1)


def is_opendocument(package: Package) -> bool:
    """Tell whether the zip is an OpenDocument, of whatever sort."""
    return "mimetype" in package and package.raw("mimetype").startswith(
        b"application/vnd.oasis.opendocument"
    )


def read_ods(package: Package, name: str | None) -> Grid:
    """Read the sheet of that name, or the only visible one.

    Raises SourceChanged.
    """
    if not bytes(package.raw("mimetype")).decode("latin-1").startswith(_TYPE):
        raise SourceChanged("the file is an OpenDocument, but no spreadsheet")
    if "META-INF/manifest.xml" in package and b"encryption-data" in package.raw(
        "META-INF/manifest.xml"
    ):
        raise SourceChanged("the workbook has a password: send it without one")
    book = _Book(name)
    parse(_CONTENT, package.xml(_CONTENT), book.start, book.end, book.text)
    table = choose_sheet(book.sheets, name).handle
    assert table is not None  # the first of that name, or the first visible one, was read
    return Grid(table.sheet, table.rows, tuple(table.merges), frozenset(table.uncalculated))


class _Book:
    """The list of sheets as expat meets them; the wanted one is read on the way."""

    def __init__(self, name: str | None) -> None:
        self.sheets: list[SheetEntry[_Table | None]] = []
        self._name = None if name is None else unicodedata.normalize("NFC", name)
        self._hidden: set[str] = set()
        self._style = ""
        self._depth = 0
        self._ignored_depth = 0
        self._was_read = False
        self._table: _Table | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take an element that opens."""
        if tag == "table:table":
            self._depth += 1
            if self._depth == 1:
                self._start_sheet(
                    attributes.get("table:name", ""),
                    attributes.get("table:style-name") not in self._hidden,
                )
        elif self._table is not None and self._depth == 1:
            if self._ignored_depth or tag in _NO_CELL_TEXT:
                self._ignored_depth += 1
            else:
                self._table.start(tag, attributes)
        elif tag == "style:style":
            self._style = attributes.get("style:name", "")
        elif tag == "style:table-properties" and attributes.get("table:display") == "false":
            self._hidden.add(self._style)

    def text(self, data: str) -> None:
        """Take text, also the blanks between elements."""
        if self._table is not None and not self._ignored_depth and self._depth == 1:
            self._table.text(data)

    def end(self, tag: str) -> None:
        """Take an element that closes."""
        if tag == "table:table":
            self._depth -= 1
            self._table = self._table if self._depth else None
        elif self._table is not None and self._depth == 1:
            if self._ignored_depth:
                self._ignored_depth -= 1
            else:
                self._table.end(tag)

    def _start_sheet(self, name: str, visible: bool) -> None:
        is_wanted = (
            visible if self._name is None else unicodedata.normalize("NFC", name) == self._name
        )
        if is_wanted and not self._was_read:
            self._table, self._was_read = _Table(name), True
        self.sheets.append(SheetEntry(name, visible, self._table))


class _Table:
    """The cells of a sheet; what is repeated is counted before it is unfolded."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.rows: list[list[Cell]] = []
        self.merges: list[Merge] = []
        self.uncalculated: set[tuple[int, int]] = set()
        self._row, self._row_repeats = 0, 1
        self._cells: list[Cell] = []
        self._formulas: list[tuple[int, int]] = []
        self._column = self._columns = 0
        self._attributes: dict[str, str] | None = None  # of the cell that is open
        self._texts: list[str] = []
        self._paragraphs = self._spaces = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take an element that opens."""
        if tag in _CELLS:
            self._attributes, self._texts, self._paragraphs = attributes, [], 0
        elif tag == "text:p":
            if self._paragraphs:
                self._texts.append("\n")
            self._paragraphs += 1
        elif tag == "table:table-row":
            self._row_repeats = _count(attributes, "table:number-rows-repeated")
            self._cells, self._column, self._formulas = [], 0, []
        elif tag == "text:s":
            self._spaces += _count(attributes, "text:c")
            if self._spaces > EXPANDED_BYTES:
                raise SourceChanged(f"sheet {self.sheet} holds more than {EXPANDED_BYTES} blanks")
            self._texts.append(" " * _count(attributes, "text:c"))
        elif tag in _SPACE:
            self._texts.append(_SPACE[tag])

    def text(self, data: str) -> None:
        """Take text of a cell; before its first paragraph only blanks come between elements."""
        if self._attributes is not None and self._paragraphs:
            self._texts.append(data)

    def end(self, tag: str) -> None:
        """Take an element that closes."""
        if tag in _CELLS and self._attributes is not None:
            self._end_cell(self._attributes, "".join(self._texts))
            self._attributes = None
        elif tag == "table:table-row":
            self._end_row()

    def _end_cell(self, attributes: dict[str, str], text: str) -> None:
        repeats = _count(attributes, "table:number-columns-repeated")
        value = _value(attributes, text)
        if (
            "table:formula" in attributes
            and "office:value-type" not in attributes
            and not self._paragraphs
        ):
            self._formulas.append((self._column, repeats))
            value = "\0"  # keeps the row; taken out again below
        if _SPANNED[0] in attributes or _SPANNED[1] in attributes:
            down, right = (_count(attributes, name) for name in _SPANNED)
            self.merges.append(
                (self._row, self._column, self._row + down - 1, self._column + right - 1)
            )
            check_size(self.sheet, merges=len(self.merges))
        start, self._column = self._column, self._column + repeats
        if value == "":
            return
        if self._column > self._columns or not self._cells:
            self._columns = max(self._columns, self._column)
            check_size(self.sheet, self._row + self._row_repeats, self._columns)
        if start > len(self._cells):
            self._cells += [""] * (start - len(self._cells))
        self._cells += [value] * repeats

    def _end_row(self) -> None:
        if self._cells:
            self.rows += [[] for _ in range(self._row - len(self.rows))]
            for column, repeats in self._formulas:
                self._cells[column : column + repeats] = [""] * repeats
                check_size(
                    self.sheet, uncalculated=len(self.uncalculated) + repeats * self._row_repeats
                )
                rows = range(self._row, self._row + self._row_repeats)
                self.uncalculated |= {
                    (row, c) for row in rows for c in range(column, column + repeats)
                }
            self.rows += [self._cells] * self._row_repeats
        self._row += self._row_repeats
        self._cells = []


def _count(attributes: dict[str, str], name: str) -> int:
    """Return a number of repetitions: at least one.

    It is no larger than is refused in any case: SourceChanged is raised for what is no number, or
    one of more than nine digits.
    """
    text = attributes.get(name)
    if text is None:
        return 1
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise SourceChanged(f"{_CONTENT} in the file says {name} {text[:20]!r}")
    return max(int(text), 1)


def _value(attributes: dict[str, str], text: str) -> Cell:
    """Return what a cell holds, by its declared type; an error is the text that is shown."""
    kind = attributes.get("office:value-type", "")
    # as OpenOffice writes an error
    shows_error = text[:1] in _MARKS and kind != "string" and _ERROR.fullmatch(text)
    if shows_error or attributes.get("calcext:value-type") == "error":
        return text
    try:
        if kind in {"float", "percentage", "currency"}:
            return float(attributes["office:value"])
        if kind == "boolean":
            return attributes["office:boolean-value"] == "true"
        if kind == "date":
            return _date(attributes["office:date-value"])
        if kind == "time":
            return _time(attributes["office:time-value"])
    except (KeyError, ValueError) as error:
        raise SourceChanged(
            f"{_CONTENT} in the file holds a {kind} that is none: {text[:40]!r}"
        ) from error
    return text or attributes.get("office:string-value", "")


def _date(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _clock(span: timedelta) -> time:
    return (datetime(1900, 1, 1, tzinfo=UTC) + span).time()


def _time(text: str) -> Cell:
    match = _SPAN.fullmatch(text)
    if not match:
        raise ValueError(text)
    hours, minutes, seconds = int(match[1]), int(match[2]), float(match[3].replace(",", "."))
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return _clock(span) if span < _DAY else span
