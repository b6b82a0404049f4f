"""The sheets of an ods, which say more than python-calamine tells.

Merged ranges, errors, formulas never calculated.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta

from connectors.workbook.grid import Cell, Grid, Listed, Merge, check_size, chosen
from connectors.workbook.limits import EXPANDED_BYTES
from connectors.workbook.package import Package, parse
from hub_core import SourceChanged

_CONTENT = "content.xml"
_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_CELLS = {"table:table-cell", "table:covered-table-cell"}
_SPANNED = ("table:number-rows-spanned", "table:number-columns-spanned")
_APART = {
    "office:annotation",
    "table:shapes",
    "draw:frame",
    "text:note",
    "table:dde-link",
}  # texts that are no cell's
_SPACE = {"text:tab": "\t", "text:line-break": "\n"}
_SPAN = re.compile(r"PT(\d{1,6})H(\d{1,2})M(\d{1,2}(?:[.,]\d+)?)S")
_MARKS = {"#", "E"}
_ERROR = re.compile(
    r"#[^\s\d.,#]+[!?]|#N/A|#DIV/0!|Err:\d+"
)  # a number in a narrow column is shown as ###
_DAY = timedelta(days=1)


def is_opendocument(package: Package) -> bool:
    """Whether the zip is an OpenDocument, of whatever sort."""
    return "mimetype" in package and package.raw("mimetype").startswith(
        b"application/vnd.oasis.opendocument"
    )


def read_ods(package: Package, name: str | None) -> Grid:
    """The sheet of that name, or the only visible one; raises SourceChanged."""
    if not bytes(package.raw("mimetype")).decode("latin-1").startswith(_TYPE):
        raise SourceChanged("the file is an OpenDocument, but no spreadsheet")
    if "META-INF/manifest.xml" in package and b"encryption-data" in package.raw(
        "META-INF/manifest.xml"
    ):
        raise SourceChanged("the workbook has a password: send it without one")
    book = _Book(name)
    parse(_CONTENT, package.xml(_CONTENT), book.start, book.end, book.text)
    table = chosen(book.sheets, name).handle
    assert table is not None  # the first of that name, or the first visible one, was read
    return Grid(table.sheet, table.rows, tuple(table.merges), frozenset(table.uncalculated))


class _Book:
    """The list of sheets as expat meets them; the one that is wanted is read on the way."""

    def __init__(self, name: str | None) -> None:
        self.sheets: list[Listed[_Table | None]] = []
        self._name = None if name is None else unicodedata.normalize("NFC", name)
        self._hidden: set[str] = set()
        self._style = ""
        self._depth = 0
        self._apart = 0
        self._read = False
        self._table: _Table | None = None

    def start(self, tag: str, given: dict[str, str]) -> None:
        """An element opens."""
        if tag == "table:table":
            self._depth += 1
            if self._depth == 1:
                self._start_sheet(
                    given.get("table:name", ""), given.get("table:style-name") not in self._hidden
                )
        elif self._table is not None and self._depth == 1:
            if self._apart or tag in _APART:
                self._apart += 1
            else:
                self._table.start(tag, given)
        elif tag == "style:style":
            self._style = given.get("style:name", "")
        elif tag == "style:table-properties" and given.get("table:display") == "false":
            self._hidden.add(self._style)

    def text(self, data: str) -> None:
        """Text, also the blanks between elements."""
        if self._table is not None and not self._apart and self._depth == 1:
            self._table.text(data)

    def end(self, tag: str) -> None:
        """An element closes."""
        if tag == "table:table":
            self._depth -= 1
            self._table = self._table if self._depth else None
        elif self._table is not None and self._depth == 1:
            if self._apart:
                self._apart -= 1
            else:
                self._table.end(tag)

    def _start_sheet(self, name: str, visible: bool) -> None:
        wanted = visible if self._name is None else unicodedata.normalize("NFC", name) == self._name
        if wanted and not self._read:
            self._table, self._read = _Table(name), True
        self.sheets.append(Listed(name, visible, self._table))


class _Table:
    """The cells of a sheet; what is repeated is counted before it is unfolded."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.rows: list[list[Cell]] = []
        self.merges: list[Merge] = []
        self.uncalculated: set[tuple[int, int]] = set()
        self._row, self._again = 0, 1
        self._cells: list[Cell] = []
        self._formulas: list[tuple[int, int]] = []
        self._column = self._columns = 0
        self._given: dict[str, str] | None = None  # of the cell that is open
        self._texts: list[str] = []
        self._paragraphs = self._spaces = 0

    def start(self, tag: str, given: dict[str, str]) -> None:
        """An element opens."""
        if tag in _CELLS:
            self._given, self._texts, self._paragraphs = given, [], 0
        elif tag == "text:p":
            if self._paragraphs:
                self._texts.append("\n")
            self._paragraphs += 1
        elif tag == "table:table-row":
            self._again = _count(given, "table:number-rows-repeated")
            self._cells, self._column, self._formulas = [], 0, []
        elif tag == "text:s":
            self._spaces += _count(given, "text:c")
            if self._spaces > EXPANDED_BYTES:
                raise SourceChanged(f"sheet {self.sheet} holds more than {EXPANDED_BYTES} blanks")
            self._texts.append(" " * _count(given, "text:c"))
        elif tag in _SPACE:
            self._texts.append(_SPACE[tag])

    def text(self, data: str) -> None:
        """Text of a cell; before its first paragraph there are only the blanks between elements."""
        if self._given is not None and self._paragraphs:
            self._texts.append(data)

    def end(self, tag: str) -> None:
        """An element closes."""
        if tag in _CELLS and self._given is not None:
            self._end_cell(self._given, "".join(self._texts))
            self._given = None
        elif tag == "table:table-row":
            self._end_row()

    def _end_cell(self, given: dict[str, str], text: str) -> None:
        again = _count(given, "table:number-columns-repeated")
        value = _value(given, text)
        if "table:formula" in given and "office:value-type" not in given and not self._paragraphs:
            self._formulas.append((self._column, again))
            value = "\0"  # keeps the row; taken out again below
        if _SPANNED[0] in given or _SPANNED[1] in given:
            down, right = (_count(given, name) for name in _SPANNED)
            self.merges.append(
                (self._row, self._column, self._row + down - 1, self._column + right - 1)
            )
            check_size(self.sheet, merges=len(self.merges))
        start, self._column = self._column, self._column + again
        if value == "":
            return
        if self._column > self._columns or not self._cells:
            self._columns = max(self._columns, self._column)
            check_size(self.sheet, self._row + self._again, self._columns)
        if start > len(self._cells):
            self._cells += [""] * (start - len(self._cells))
        self._cells += [value] * again

    def _end_row(self) -> None:
        if self._cells:
            self.rows += [[] for _ in range(self._row - len(self.rows))]
            for column, again in self._formulas:
                self._cells[column : column + again] = [""] * again
                check_size(self.sheet, uncalculated=len(self.uncalculated) + again * self._again)
                rows = range(self._row, self._row + self._again)
                self.uncalculated |= {
                    (row, c) for row in rows for c in range(column, column + again)
                }
            self.rows += [self._cells] * self._again
        self._row += self._again
        self._cells = []


def _count(given: dict[str, str], name: str) -> int:
    """A number of repetitions: at least one, and no larger than is refused in any case."""
    text = given.get(name)
    if text is None:
        return 1
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise SourceChanged(f"{_CONTENT} in the file says {name} {text[:20]!r}")
    return max(int(text), 1)


def _value(given: dict[str, str], text: str) -> Cell:
    """What stands in a cell, by its declared type; an error is the text that is shown."""
    kind = given.get("office:value-type", "")
    shown = (
        text[:1] in _MARKS and kind != "string" and _ERROR.fullmatch(text)
    )  # as OpenOffice writes an error
    if shown or given.get("calcext:value-type") == "error":
        return text
    try:
        if kind in {"float", "percentage", "currency"}:
            return float(given["office:value"])
        if kind == "boolean":
            return given["office:boolean-value"] == "true"
        if kind == "date":
            return _date(given["office:date-value"])
        if kind == "time":
            return _time(given["office:time-value"])
    except (KeyError, ValueError) as error:
        raise SourceChanged(
            f"{_CONTENT} in the file holds a {kind} that is none: {text[:40]!r}"
        ) from error
    return text or given.get("office:string-value", "")


def _date(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _clock(span: timedelta) -> time:
    return (datetime(1900, 1, 1, tzinfo=UTC) + span).time()


def _time(text: str) -> Cell:
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError(text)
    hours, minutes, seconds = int(found[1]), int(found[2]), float(found[3].replace(",", "."))
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return _clock(span) if span < _DAY else span
