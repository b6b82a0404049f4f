"""CSV reader: text tables in UTF-8, each cell a text as it stands."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Literal

import polars as pl
from pydantic import Field, model_validator

from hub_core import PayloadPart, Reader, Settings, SourceChanged

if TYPE_CHECKING:
    from _csv import Reader as Rows

BLOCK = 8 << 20  # bytes that become one frame
CHUNK = 1000  # rows that stay in the cache
BOM = b"\xef\xbb\xbf"


class CsvSettings(Settings):
    """How the table is written; without a header the columns are named 1, 2 and so on."""

    separator: str = Field(default=",", min_length=1, max_length=1)
    header: bool = True
    encoding: Literal["utf-8"] = "utf-8"
    quote: str = Field(default='"', min_length=1, max_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> CsvSettings:
        marks = self.separator + self.quote
        if not marks.isascii() or len({*marks, "\r", "\n", "\0"}) < 5:
            raise ValueError("separator and quote must be two different ASCII characters, and no line ends")
        return self


class CsvReader(Reader):
    """Reads tables where every row has as many cells as the header; an empty cell is null, an empty line is no row.

    A row may go over several lines where a cell is quoted. Lines end with LF or CRLF.
    """

    kind = "csv"
    Settings = CsvSettings
    settings: CsvSettings

    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        """Frames of some megabytes each; all columns are String."""
        table = _Table(part, self.settings)
        count = 0
        while not table.done:
            frame = table.next_frame()
            row = pl.int_range(count, count + frame.height, dtype=pl.UInt64, eager=True)
            count += frame.height
            if frame.height:
                yield frame.with_columns(row.alias("row"))

    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        """The part's name, the line on which the row starts, and the column; the cell without its quotes."""
        table = _Table(part, self.settings)
        line, cells = next(islice(table.rows(), row, None), (0, []))
        if not cells or (column is not None and column not in table.names):
            raise SourceChanged(f"the file has no such row or no column {column}", part=part.name, row=row)
        if column is None:
            return f"{part.name} line {line}", ""
        return f"{part.name} line {line} column {column}", cells[table.names.index(column)]


class _Table:
    """A file and the place in it that comes next, in bytes and in lines."""

    def __init__(self, part: PayloadPart, settings: CsvSettings) -> None:
        self._part, self._settings = part, settings
        self.size = len(part.content)
        if (nul := part.content.find(b"\0")) >= 0:
            raise self._changed(part.content.count(b"\n", 0, nul) + 1, "has a NUL byte")
        self._file = BytesIO(part.content)
        self._file.seek(len(BOM) if part.content.startswith(BOM) else 0)
        self._lines = 0
        self.names: list[str] = []
        start = self._file.tell()
        line, first = next(self.rows(), (1, []))
        if settings.header:
            self.names = self._checked(line, first)
        else:
            self.names = [str(k) for k in range(1, len(first) + 1)]
            self._file.seek(start)
            self._lines = 0

    @property
    def done(self) -> bool:
        """Whether all has been read."""
        return self._file.tell() >= self.size

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row from here on, and the line on which it starts."""
        before, rows = self._lines, self._reader()
        while not self.done:
            line = self._lines + 1
            try:
                cells = next(rows)
            except csv.Error as error:
                raise self._changed(line, f"does not read as a row: {error}") from error
            except UnicodeDecodeError as error:
                byte = self._file.tell() - len(error.object) + error.start
                raise self._changed(before + rows.line_num + 1, f"is not UTF-8 at byte {byte}") from error
            self._lines = before + rows.line_num
            if self.names and cells and len(cells) != len(self.names):
                raise self._changed(line, f"has {len(cells)} cells where {len(self.names)} are due")
            if cells:
                yield line, cells

    def next_frame(self) -> pl.DataFrame:
        """The next rows, by polars where its shape is proven; no row where only empty lines are left."""
        start = self._file.tell()
        end = self._part.content.find(b"\n", start + BLOCK) + 1 or self.size
        frame = self._plain(start, end)
        if frame is not None:
            self._file.seek(end)
            self._lines += self._part.content.count(b"\n", start, end)
            return frame
        frames = [self._quoted()]
        while not self.done and self._file.tell() < end:
            frames.append(self._quoted())
        return pl.concat(frames, rechunk=True)

    def _reader(self) -> Rows:
        marks = self._settings
        return csv.reader(map(bytes.decode, self._file), delimiter=marks.separator, quotechar=marks.quote, strict=True)

    def _quoted(self) -> pl.DataFrame:
        """A thousand rows, by the standard library."""
        start, rows = self._file.tell(), self._reader()
        try:
            batch = [cells for cells in islice(rows, CHUNK) if cells]
            sound = {len(self.names)}.issuperset(map(len, batch))
        except (csv.Error, UnicodeDecodeError):
            sound = False
        if not sound:
            self._file.seek(start)
            deque(self.rows(), maxlen=0)  # says what is wrong, and where
        self._lines += rows.line_num
        columns = list(zip(*batch, strict=True)) or [()] * len(self.names)
        return pl.DataFrame(
            [
                pl.Series(name, [cell or None for cell in cells], dtype=pl.String)
                for name, cells in zip(self.names, columns, strict=True)
            ]
        )

    def _plain(self, start: int, end: int) -> pl.DataFrame | None:
        """The rows of a block of unquoted cells, or None where that is not proven.

        polars fills short rows and refuses long ones: where there are as many separators as the lines are due, no
        row is short. It takes an empty line for a row and a BOM for none.
        """
        marks, width = self._settings, len(self.names)
        if self._part.content.find(marks.quote.encode(), start, end) >= 0:
            return None
        block = self._part.content[start:end]
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        if block.count(marks.separator.encode()) != lines * (width - 1):
            return None
        if block.startswith(BOM) or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n")):
            return None
        if width == 1 and (block.startswith((b"\n", b"\r\n")) or b"\n\n" in block or b"\n\r\n" in block):
            return None
        schema = dict.fromkeys(self.names, pl.String)
        try:
            return pl.read_csv(block, has_header=False, separator=marks.separator, quote_char=None, schema=schema)
        except pl.exceptions.PolarsError:
            return None

    def _checked(self, line: int, names: list[str]) -> list[str]:
        if not names:
            raise self._changed(line, "should be a header, and the file is empty")
        if not all(name.strip() for name in names):
            raise self._changed(line, "names a column with nothing")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise self._changed(line, f"names a column twice: {', '.join(twice)}")
        if "row" in names:
            raise self._changed(line, "names a column row, which is the hub's own word")
        return names

    def _changed(self, line: int, what: str) -> SourceChanged:
        return SourceChanged(f"line {line} {what}", part=self._part.name)
