"""The sheets of an ods, which say more than python-calamine tells: merged ranges, errors, formulas never calculated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from connectors._grid import Cell, Grid, Listed, Merge, check_size, chosen
from connectors._limits import EXPANDED_BYTES
from connectors._package import Package, parse
from hub_core import SourceChanged

_CONTENT = "content.xml"
_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_CELLS = {"table:table-cell", "table:covered-table-cell"}
_APART = {"office:annotation", "table:shapes", "draw:frame", "text:note", "table:dde-link"}  # texts that are no cell's
_SPACE = {"text:tab": "\t", "text:line-break": "\n"}
_SPAN = re.compile(r"PT(\d{1,6})H(\d{1,2})M(\d{1,2}(?:[.,]\d+)?)S")
_DAY = timedelta(days=1)


def is_opendocument(package: Package) -> bool:
    """Whether the zip is an OpenDocument, of whatever sort."""
    return "mimetype" in package and package.raw("mimetype").startswith(b"application/vnd.oasis.opendocument")


def read_ods(package: Package, name: str | None) -> Grid:
    """The sheet of that name, or the only visible one; raises SourceChanged."""
    if not bytes(package.raw("mimetype")).decode("latin-1").startswith(_TYPE):
        raise SourceChanged("the file is an OpenDocument, but no spreadsheet")
    if "META-INF/manifest.xml" in package and b"encryption-data" in package.raw("META-INF/manifest.xml"):
        raise SourceChanged("the workbook has a password: send it without one")
    xml = package.xml(_CONTENT)
    sheet = chosen(_sheets(xml), name)
    table = _Table(sheet.name, sheet.handle)
    parse(_CONTENT, xml, table.start, table.end, table.text)
    return Grid(sheet.name, table.rows, tuple(table.merges), frozenset(table.uncalculated))


def _sheets(xml: bytearray) -> list[Listed[int]]:
    """The sheets in order; the handle is the number of the sheet."""
    hidden: set[str] = set()
    sheets: list[Listed[int]] = []
    style, depth = "", 0

    def start(tag: str, given: dict[str, str]) -> None:
        nonlocal style, depth
        if tag == "style:style":
            style = given.get("style:name", "")
        elif tag == "style:table-properties" and given.get("table:display") == "false":
            hidden.add(style)
        elif tag == "table:table":
            if depth == 0:
                visible = given.get("table:style-name") not in hidden
                sheets.append(Listed(given.get("table:name", ""), visible, len(sheets)))
            depth += 1

    def end(tag: str) -> None:
        nonlocal depth
        depth -= tag == "table:table"

    parse(_CONTENT, xml, start, end)
    return sheets


@dataclass(slots=True)
class _Table:
    """The cells of one sheet as expat meets them; what is repeated is counted before it is unfolded."""

    sheet: str
    number: int
    rows: list[list[Cell]] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    uncalculated: set[tuple[int, int]] = field(default_factory=set)
    _seen: int = -1
    _depth: int = 0
    _apart: int = 0
    _row: int = 0
    _cells: list[Cell] = field(default_factory=list)
    _column: int = 0
    _columns: int = 0
    _given: dict[str, str] | None = None
    _again: int = 1
    _texts: list[str] | None = None
    _formulas: list[tuple[int, int]] = field(default_factory=list)
    _paragraphs: int = 0
    _spaces: int = 0

    def start(self, tag: str, given: dict[str, str]) -> None:
        """An element opens."""
        if tag == "table:table":
            self._depth += 1
            self._seen += self._depth == 1
        elif self._seen != self.number or self._depth != 1:
            return
        elif self._apart or tag in _APART:
            self._apart += 1
        elif tag in _CELLS:
            self._given, self._texts, self._paragraphs = given, [], 0
        elif tag == "table:table-row":
            self._again = _count(given, "table:number-rows-repeated")
            self._cells, self._column, self._formulas = [], 0, []
        elif self._texts is not None:
            self._in_text(tag, given)

    def _in_text(self, tag: str, given: dict[str, str]) -> None:
        assert self._texts is not None
        if tag == "text:p":
            self._texts.append("\n" if self._paragraphs else "")
            self._paragraphs += 1
        elif tag == "text:s":
            self._spaces += _count(given, "text:c")
            if self._spaces > EXPANDED_BYTES:
                raise SourceChanged(f"sheet {self.sheet} holds more than {EXPANDED_BYTES} blanks")
            self._texts.append(" " * _count(given, "text:c"))
        elif tag in _SPACE:
            self._texts.append(_SPACE[tag])

    def text(self, data: str) -> None:
        """Text, also the blanks between elements."""
        if self._texts is not None and self._paragraphs and not self._apart:
            self._texts.append(data)

    def end(self, tag: str) -> None:
        """An element closes."""
        if tag == "table:table":
            self._depth -= 1
        elif self._seen != self.number or self._depth != 1:
            return
        elif self._apart:
            self._apart -= 1
        elif tag in _CELLS and self._given is not None:
            self._end_cell(self._given, "".join(self._texts or []))
            self._given = self._texts = None
        elif tag == "table:table-row":
            self._end_row()

    def _end_cell(self, given: dict[str, str], text: str) -> None:
        again = _count(given, "table:number-columns-repeated")
        value = _value(given, text)
        place = self._row, self._column
        if "table:formula" in given and "office:value-type" not in given and not self._paragraphs:
            self._formulas.append((self._column, again))
            value = "\0"  # keeps the row; taken out again below
        down, right = _count(given, "table:number-rows-spanned"), _count(given, "table:number-columns-spanned")
        if down * right > 1:
            self.merges.append((*place, place[0] + down - 1, place[1] + right - 1))
            check_size(self.sheet, merges=len(self.merges))
        self._column += again
        if value == "":
            return
        self._columns = max(self._columns, self._column)
        check_size(self.sheet, self._row + self._again, self._columns)
        self._cells += [""] * (self._column - again - len(self._cells)) + [value] * again

    def _end_row(self) -> None:
        if self._cells:
            self.rows += [[] for _ in range(self._row - len(self.rows))]
            for column, again in self._formulas:
                self._cells[column : column + again] = [""] * again
                check_size(self.sheet, uncalculated=len(self.uncalculated) + again * self._again)
                rows = range(self._row, self._row + self._again)
                self.uncalculated |= {(row, c) for row in rows for c in range(column, column + again)}
            self.rows += [self._cells] * self._again
        self._row += self._again
        self._cells = []


def _count(given: dict[str, str], name: str) -> int:
    """A number of repetitions: at least one, and no larger than is refused in any case."""
    text = given.get(name, "1")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise SourceChanged(f"{_CONTENT} in the file says {name} {text[:20]!r}")
    return max(int(text), 1)


def _value(given: dict[str, str], text: str) -> Cell:
    """What stands in a cell, by its declared type; an error is the text that is shown."""
    kind = given.get("office:value-type", "")
    if given.get("calcext:value-type") == "error" or (text.startswith("#") and kind != "string"):
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
        raise SourceChanged(f"{_CONTENT} in the file holds a {kind} that is none: {text[:40]!r}") from error
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
