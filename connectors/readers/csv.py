"""CSV reader: text tables in a declared encoding, each cell a text as it stands."""

from __future__ import annotations

import codecs
import csv
import unicodedata
from collections import Counter, deque
from collections.abc import Iterator
from io import BytesIO, StringIO
from itertools import islice
from typing import TYPE_CHECKING, Literal

import polars as pl
from pydantic import Field, model_validator

from connectors.text.vietnamese import check_vietnamese, decoded
from hub_core import PayloadPart, Reader, Settings, SourceChanged

if TYPE_CHECKING:
    from _csv import Reader as Rows

BLOCK = 8 << 20  # bytes that become one frame
COLUMNS = 16_384  # as many as a spreadsheet has
CHUNK = 1000  # rows that stay in the cache
OWN = {"row", "column", "part", "#refused"}  # what the hub calls its own columns
BOM = b"\xef\xbb\xbf"
UTF16 = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
LIMIT = 64 << 20  # bytes of a part that is not UTF-8
PIECE = 1 << 18  # bytes or letters, in whole lines, that are decoded at once


class CsvSettings(Settings):
    """The way the table is written; without a header the columns are named 1, 2 and so on.

    The encoding is taken at its word, never guessed; utf-16 is told by its byte order mark.
    """

    separator: str = Field(default=",", min_length=1, max_length=1)
    header: bool = True
    encoding: Literal[
        "utf-8", "utf-16", "utf-16-le", "utf-16-be", "windows-1258", "tcvn3", "vni"
    ] = "utf-8"
    quote: str = Field(default='"', min_length=1, max_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> CsvSettings:
        marks = self.separator + self.quote
        if not marks.isascii() or len({*marks, "\r", "\n", "\0"}) < 5:
            raise ValueError(
                "separator and quote must be two different ASCII characters, and no line ends"
            )
        return self


class CsvReader(Reader):
    """Reads tables where every row has as many cells as the header.

    An empty cell is null, an empty line is no row. A row may go over several lines where a cell is
    quoted. Lines end with LF or CRLF. Text in UTF-8 is left as it stands; from any other encoding
    it comes in NFC, and is refused where it is not Vietnamese.
    """

    kind = "csv"
    Settings = CsvSettings
    settings: CsvSettings

    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        """Yield frames of some megabytes each; all columns but ``row`` are String."""
        table = _Table(part, self.settings)
        rows_before = 0
        while not table.done:
            frame = table.next_frame()
            row_numbers = pl.int_range(
                rows_before, rows_before + frame.height, dtype=pl.UInt64, eager=True
            )
            rows_before += frame.height
            if frame.height:
                yield frame.with_columns(row_numbers.alias("row"))

    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        """Return the part's name, the line on which the row starts and the column; and the cell.

        The cell comes without its quotes. Raises SourceChanged where there is no such row or
        column.
        """
        located = self.locate_all(part, [(row, column)])
        if not located:
            raise SourceChanged(
                f"the file has no such row or no column {column}", part=part.name, row=row
            )
        return located[row, column]

    def locate_all(
        self, part: PayloadPart, places: list[tuple[int, str | None]]
    ) -> dict[tuple[int, str | None], tuple[str, str]]:
        """Locate many places in one pass; those that are not there are left out."""
        table = _Table(part, self.settings)
        columns_by_name = {
            unicodedata.normalize("NFC", name): (name, index)
            for index, name in enumerate(table.names)
        }
        wanted_columns: dict[int, list[str | None]] = {}
        for row, column in places:
            wanted_columns.setdefault(row, []).append(column)
        located: dict[tuple[int, str | None], tuple[str, str]] = {}
        for row, (line, cells) in enumerate(
            islice(table.rows(), max(wanted_columns, default=-1) + 1)
        ):
            for column in wanted_columns.get(row, ()):
                if column is None:
                    located[row, None] = f"{part.name} line {line}", ""
                elif (
                    named := columns_by_name.get(unicodedata.normalize("NFC", column))
                ) is not None:
                    located[row, column] = (
                        f"{part.name} line {line} column {named[0]}",
                        cells[named[1]],
                    )
        return located


class _Table:
    """A file, and the place in it where reading goes on, in bytes and in lines."""

    def __init__(self, part: PayloadPart, settings: CsvSettings) -> None:
        self._name, self._settings = part.name, settings
        self._content = _in_utf8(part, settings.encoding)
        self.size = len(self._content)
        self._file = BytesIO(self._content)
        self._file.seek(len(BOM) if self._content.startswith(BOM) else 0)
        self._lines = 0
        self.names: list[str] = []
        start = self._file.tell()
        line, first_cells = next(self.rows(), (1, []))
        if settings.header:
            self.names = self._checked_names(line, first_cells)
        else:
            self.names = [str(number) for number in range(1, len(first_cells) + 1)]
            self._file.seek(start)
            self._lines = 0

    @property
    def done(self) -> bool:
        """Tell whether all has been read."""
        return self._file.tell() >= self.size

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row from here on, and the line on which it starts."""
        lines_before, rows = self._lines, self._reader()
        while not self.done:
            line = self._lines + 1
            try:
                cells = next(rows)
            except csv.Error as error:
                why = "a CR by itself ends no line" if "new-line" in str(error) else error
                raise self._source_changed(line, f"does not read as a row: {why}") from error
            except UnicodeDecodeError as error:
                byte_position = self._file.tell() - len(error.object) + error.start
                why = (
                    f"is not UTF-8 at byte {byte_position}: "
                    "is the encoding utf-8, or windows-1258, tcvn3, vni, utf-16?"
                )
                raise self._source_changed(lines_before + rows.line_num + 1, why) from error
            self._lines = lines_before + rows.line_num
            if self.names and cells and len(cells) != len(self.names):
                raise self._source_changed(
                    line, f"has {len(cells)} cells where {len(self.names)} are due"
                )
            if cells:
                yield line, cells

    def next_frame(self) -> pl.DataFrame:
        """Return the next rows, read by polars where the shape of their block is proven.

        It has no row where only empty lines are left.
        """
        start = self._file.tell()
        end = self._content.find(b"\n", start + BLOCK) + 1 or self.size
        frame = self._unquoted_frame(start, end)
        if frame is not None:
            self._file.seek(end)
            self._lines += self._content.count(b"\n", start, end)
            return frame
        frames = [self._quoted_frame()]
        while not self.done and self._file.tell() < end:
            frames.append(self._quoted_frame())
        return pl.concat(frames, rechunk=True)

    def _reader(self) -> Rows:
        settings = self._settings
        csv.field_size_limit(1 << 30)  # what polars reads, this reads as well
        return csv.reader(
            map(bytes.decode, self._file),
            delimiter=settings.separator,
            quotechar=settings.quote,
            strict=True,
        )

    def _quoted_frame(self) -> pl.DataFrame:
        """Read a thousand rows by the standard library.

        Raises SourceChanged where one is no row.
        """
        start, rows = self._file.tell(), self._reader()
        try:
            batch = [cells for cells in islice(rows, CHUNK) if cells]
            is_sound = {len(self.names)}.issuperset(map(len, batch))
        except (csv.Error, UnicodeDecodeError):
            is_sound = False
        if not is_sound:
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

    def _unquoted_frame(self, start: int, end: int) -> pl.DataFrame | None:
        """Read a block of unquoted cells by polars; return None where its shape is not proven.

        polars fills short rows and refuses long ones: where there are as many separators as the
        lines are due, no row is short. It takes an empty line for a row and a BOM for none.
        """
        settings, width = self._settings, len(self.names)
        if self._content.find(settings.quote.encode(), start, end) >= 0:
            return None
        block = self._content[start:end]
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        if block.count(settings.separator.encode()) != lines * (width - 1):
            return None
        if block.startswith(BOM) or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n")):
            return None
        if width == 1 and (
            block.startswith((b"\n", b"\r\n")) or b"\n\n" in block or b"\n\r\n" in block
        ):
            return None
        schema = dict.fromkeys(self.names, pl.String)
        try:
            return pl.read_csv(
                block,
                has_header=False,
                separator=settings.separator,
                quote_char=None,
                schema=schema,
            )
        except pl.exceptions.PolarsError:
            return None

    def _checked_names(self, line: int, names: list[str]) -> list[str]:
        if not names:
            raise self._source_changed(line, "should be a header, and the file is empty")
        if not all(name.strip() for name in names):
            raise self._source_changed(line, "names a column with nothing")
        if len(names) > COLUMNS:
            raise self._source_changed(
                line, f"names {len(names)} columns, and {COLUMNS} are the limit"
            )
        if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
            raise self._source_changed(line, f"names a column twice: {', '.join(repeated)}")
        if own_word := next(
            (name for name in names if name in OWN or name.endswith("#number")), None
        ):
            raise self._source_changed(
                line, f"names a column {own_word}, which is the hub's own word"
            )
        return names

    def _source_changed(self, line: int, why: str) -> SourceChanged:
        return _source_changed(self._name, line, why)


def _source_changed(name: str, line: int, why: str) -> SourceChanged:
    return SourceChanged(f"line {line} {why}", part=name)


def _in_utf8(part: PayloadPart, encoding: str) -> bytes:
    """Return the part in UTF-8, line for line, and in NFC unless it was UTF-8.

    Raises SourceChanged where it has a NUL, is larger than LIMIT, or is not in the encoding.
    """
    content = part.content
    if encoding != "utf-8" and len(content) > LIMIT:
        why = f"has {len(content)} bytes, and in encoding {encoding} at most {LIMIT} are read: send it as UTF-8"
        raise SourceChanged(f"the file {why}", part=part.name)
    if encoding.startswith("utf-16"):
        content = _from_utf16(part, encoding)
    if (nul_position := content.find(b"\0")) >= 0:
        line = content.count(b"\n", 0, nul_position) + 1
        raise _source_changed(
            part.name, line, f"has a NUL byte, which is no text: is the encoding {encoding}?"
        )
    return _from_legacy(part, encoding) if encoding in {"windows-1258", "tcvn3", "vni"} else content


def _from_utf16(part: PayloadPart, encoding: str) -> bytes:
    marked_order = next(
        (order for order, mark in UTF16.items() if part.content.startswith(mark)), None
    )
    if encoding == "utf-16" and marked_order is None:
        why = "has no UTF-16 byte order mark: is the encoding utf-16-le, utf-16-be or another?"
        raise SourceChanged(f"the file {why}", part=part.name)
    if marked_order and encoding not in {"utf-16", marked_order}:
        raise SourceChanged(
            f"the file begins as {marked_order}: is the encoding {encoding}?", part=part.name
        )
    order = marked_order or encoding
    try:
        text = part.content.decode(order)
    except UnicodeDecodeError as error:
        line = part.content[: error.start].decode(order, "ignore").count("\n") + 1
        why = f"is not UTF-16 at byte {error.start}: is the encoding {encoding}?"
        raise _source_changed(part.name, line, why) from error
    lines = StringIO(text, newline="\n")
    recoded = b"".join(
        unicodedata.normalize("NFC", piece).encode()
        for piece in iter(lambda: "".join(lines.readlines(PIECE)), "")
    )
    # eight-bit text taken two by two is Chinese
    return recoded if marked_order else _checked_vietnamese(part, recoded, encoding)


def _from_legacy(part: PayloadPart, encoding: str) -> bytes:
    if not part.content.isascii() and _is_utf8(part.content):
        raise SourceChanged(f"the file is UTF-8: is the encoding {encoding}?", part=part.name)
    file, recoded, lines_before = BytesIO(part.content), bytearray(), 0
    while lines := file.readlines(PIECE):
        recoded += _recoded(part, lines, lines_before, encoding)
        lines_before += len(lines)
    return _checked_vietnamese(part, bytes(recoded), encoding)


def _recoded(part: PayloadPart, lines: list[bytes], lines_before: int, encoding: str) -> bytes:
    """Return legacy lines in UTF-8, decoded together.

    Where they do not decode together, one of them does not by itself; SourceChanged names that
    line.
    """
    try:
        return decoded(b"".join(lines).decode("latin-1"), encoding).encode()
    except ValueError as error:
        if len(lines) == 1:
            raise _source_changed(
                part.name, lines_before + 1, f"is {error}: is that the encoding?"
            ) from error
        return b"".join(
            _recoded(part, [line], lines_before + offset, encoding)
            for offset, line in enumerate(lines)
        )


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _checked_vietnamese(part: PayloadPart, content: bytes, encoding: str) -> bytes:
    try:
        file = BytesIO(content)
        check_vietnamese(iter(lambda: b"".join(file.readlines(PIECE)).decode(), ""))
    except ValueError as error:
        raise SourceChanged(
            f"the file read in encoding {encoding} is {error}", part=part.name
        ) from error
    return content
