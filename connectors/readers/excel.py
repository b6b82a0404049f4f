"""Excel reader: tables in xls, xlsx and ods, whose layout is declared in ten keys."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator
from functools import cached_property
from typing import Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from connectors.workbook.grid import cell_of, collapsed, column_of, is_blank, letters
from connectors.workbook.open import open_sheet
from connectors.workbook.texts import NUMBER, Texts
from hub_core import PayloadPart, Reader, Settings, SourceChanged

_LAST_ROW = 1_048_576
_OWN = {"row", "column", "part"}  # what the hub calls its own columns


class Where(Settings):
    """Which rows are data rows: those whose cell in this column matches as a whole."""

    column: str
    pattern: str = Field(alias="is")


class ExcelSettings(Settings):
    """How the table lies in its sheet.

    Rows count from 1 and columns are letters, as a spreadsheet shows them.
    """

    sheet: str | None = Field(default=None, min_length=1)
    header: tuple[int, int] | None = None
    where: Where | None = None
    columns: dict[str, str] = Field(default={})
    pairs: dict[str, str] = Field(default={})
    expect: dict[str, str] = Field(default={})
    headings: dict[str, str] = Field(default={})
    rows: tuple[int] | tuple[int, int] | None = None
    ignore: tuple[str, ...] = ()
    encoding: Literal["tcvn3", "vni", "windows-1258"] | None = None

    @field_validator("header", "rows")
    @classmethod
    def _in_order(cls, rows: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if rows and not 1 <= rows[0] <= rows[-1] <= _LAST_ROW:
            raise ValueError(f"{list(rows)} are no rows: first and last, from 1 to {_LAST_ROW}")
        return rows

    @field_validator("expect")
    @classmethod
    def _cells(cls, expect: dict[str, str]) -> dict[str, str]:
        for cell in expect:
            cell_of(cell)
        return expect

    @model_validator(mode="after")
    def _consistent(self) -> ExcelSettings:
        patterns = [
            *self.expect.values(),
            *self.headings.values(),
            *([self.where.pattern] if self.where else []),
        ]
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no pattern: {error}") from error
        if self.header is None and (self.headings or self.pairs or not self.columns):
            raise ValueError(
                "header is missing: headings, pairs and columns named by their headings need its rows"
            )
        if self.header and self.rows and self.rows[-1] <= self.header[1] and len(self.rows) > 1:
            raise ValueError("rows end before the header does")
        self._check_names()
        self._check_letters()
        return self

    def _check_names(self) -> None:
        taken = _OWN | ({"name", "heading", "value"} if self.pairs else set())
        for name in self.columns:
            if not name.strip() or name in taken or "#" in name:
                raise ValueError(f"columns: {name!r} is empty, has a #, or is the hub's own word")
        if same := sorted(set(self.columns) & set(self.pairs)):
            raise ValueError(
                f"columns: {same[0]!r} is the letter of a figure under pairs; give it another name"
            )

    def _check_letters(self) -> None:
        for each in self.headings:
            column_of(each)
        used = [*map(column_of, self.columns.values()), *map(column_of, self.pairs)]
        if twice := sorted({letters(each) for each in used if used.count(each) > 1}):
            raise ValueError(f"column {', '.join(twice)} is used twice")
        both = set(map(column_of, self.pairs)) & set(map(column_of, self.pairs.values()))
        if both:
            raise ValueError(f"pairs: {letters(min(both))} is both a name and a value")
        ignored = self.ignored
        if lost := sorted(self.used & ignored):
            raise ValueError(f"column {', '.join(map(letters, lost))} is both used and ignored")

    @cached_property
    def ignored(self) -> frozenset[int]:
        """The columns left alone, from 0."""
        found = set[int]()
        for each in self.ignore:
            first, _, last = each.partition(":")
            span = range(column_of(first), column_of(last or first) + 1)
            if not span:
                raise ValueError(f"ignore: {each} ends before it starts")
            found.update(span)
        return frozenset(found)

    @cached_property
    def used(self) -> frozenset[int]:
        """The columns that columns, pairs and where name, from 0."""
        named = [*self.columns.values(), *self.pairs, *self.pairs.values()]
        return frozenset(map(column_of, [*named, self.where.column] if self.where else named))


class ExcelReader(Reader):
    """Reads the data rows of one sheet.

    Wide, a frame has the columns that ``columns`` or the header names. With ``pairs`` it is long:
    ``name, heading, value, column`` (the figure's letter) and what ``columns`` names, one row for
    each data row and pair. Cells are texts as they stand, null where blank; numbers are plain
    decimal text in ``name#number``; dates are ISO 8601; errors such as ``#REF!`` are texts. ``row``
    is the sheet's row from 0.
    """

    kind = "excel"
    Settings = ExcelSettings
    settings: ExcelSettings

    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        """One frame, or none where the sheet has no row of data.

        Raises SourceChanged where the file is no workbook or over a limit, a guard of ``expect`` or
        ``headings`` does not hold, a column is neither named nor ignored, ``where`` finds no row, a
        formula was never calculated, or the texts are not in the declared encoding.
        """
        try:
            frame = _Table(part, self.settings).frame()
        except SourceChanged as error:
            error.located(part=part.name)
            raise
        if frame.height:
            yield frame

    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        """``Sheet!C14`` and the text there, a number as its shortest decimal.

        The row where no column is given.
        """
        found = self.locate_all(part, [(row, column)])
        if not found:
            raise SourceChanged(
                f"the sheet has no such row or no column {column}", part=part.name, row=row
            )
        return found[row, column]

    def locate_all(
        self, part: PayloadPart, places: list[tuple[int, str | None]]
    ) -> dict[tuple[int, str | None], tuple[str, str]]:
        """What ``locate`` says of each place that is there.

        The book is opened once for all of them.
        """
        table = _Table(part, self.settings)
        found = {}
        for row, column in places:
            at = None if column is None else table.column(column)
            if row < len(table.grid.rows) and at is not None:
                found[row, column] = (table.grid.place(row, at), table.texts.at(row, at))
            elif row < len(table.grid.rows) and column is None:
                found[row, column] = (f"{table.grid.sheet}!{row + 1}:{row + 1}", "")
        return found


class _Table:
    """A sheet and the settings that say how its table lies."""

    def __init__(self, part: PayloadPart, settings: ExcelSettings) -> None:
        self.settings = settings
        self.grid = open_sheet(part, settings.sheet)
        self.texts = Texts(self.grid, settings.encoding)
        first, last = settings.header or (1, 0)
        used = [*settings.used, *map(column_of, settings.headings)]
        self.width = max([*map(len, self.grid.rows), *(each + 1 for each in used)], default=0)
        try:
            read = set(range(self.width)) - settings.ignored | set(
                map(column_of, settings.headings)
            )
            self.headings = self.texts.headings(first - 1, last - 1, read, self.width)
        except SourceChanged as error:
            error.located(part=part.name)
            raise

    def frame(self) -> pl.DataFrame:
        """The data rows; raises SourceChanged."""
        self._check_guards()
        rows = self._rows()
        kept = set(range(self.width)) - self.settings.ignored
        first, last = self.settings.header or (1, 0)
        self._check_calculated({*rows, *range(first - 1, last)}, kept)
        named = self._named(rows)
        frame = self._long(rows, named) if self.settings.pairs else self._wide(rows, named)
        self.texts.check()
        return frame

    def column(self, name: str) -> int | None:
        """The column of that name in a frame; with pairs also the letter of a figure."""
        name = unicodedata.normalize("NFC", name.removesuffix(NUMBER))
        settings = self.settings
        for each, letter in settings.columns.items():
            if unicodedata.normalize("NFC", each) == name:
                return column_of(letter)
        if settings.pairs:
            return column_of(name) if name in settings.pairs else None
        if not settings.columns:
            found = [
                at
                for at, each in enumerate(self.headings)
                if each == name and at not in settings.ignored
            ]
            return found[0] if found else None
        return None

    def _check_guards(self) -> None:
        for name, pattern in self.settings.expect.items():
            row, column = cell_of(name)
            text = collapsed(self.texts.at(row, column))
            if (row, column) in self.grid.uncalculated:
                raise _uncalculated(self.grid.place(row, column))
            if not re.search(pattern, text):
                raise SourceChanged(
                    f"{self.grid.place(row, column)} should hold {pattern!r}, and holds {text!r}"
                )
        for name, pattern in self.settings.headings.items():
            heading = self.headings[column_of(name)]
            if not re.search(pattern, heading):
                where = f"{self.grid.sheet}!{name}"
                raise SourceChanged(
                    f"the heading of {where} should hold {pattern!r}, and is {heading!r}"
                )

    def _rows(self) -> list[int]:
        """The rows of data, from 0."""
        settings, grid = self.settings, self.grid
        first = settings.header[1] if settings.header else 0
        last = len(grid.rows)
        if settings.rows:
            first = max(first, settings.rows[0] - 1)
            last = min(last, settings.rows[1]) if len(settings.rows) > 1 else last
        kept = [at for at in range(self.width) if at not in settings.ignored]
        whole = range(first, max(first, last))
        filled = [row for row in whole if not self._is_empty(row, kept)]
        if settings.where is None:
            self._check_calculated(whole, kept)
            return filled
        at, pattern = column_of(settings.where.column), re.compile(settings.where.pattern)
        self._check_calculated(whole, [at])
        found = [row for row in filled if pattern.fullmatch(self.texts.at(row, at).strip())]
        if filled and not found:
            where = f"{grid.place(first, at)} to {letters(at)}{last}"
            raise SourceChanged(
                f"no cell from {where} matches {settings.where.pattern!r}: the table has moved"
            )
        return found

    def _is_empty(self, row: int, columns: list[int]) -> bool:
        cells = self.grid.rows[row]
        return all(is_blank(cells[at]) for at in columns if at < len(cells))

    def _check_calculated(self, rows: Container[int], columns: Container[int]) -> None:
        for row, column in sorted(self.grid.uncalculated):
            if row in rows and column in columns:
                raise _uncalculated(self.grid.place(row, column))

    def _named(self, rows: list[int]) -> dict[str, int]:
        """The columns that are no pair's, by name.

        Raises SourceChanged for each column that nobody has named.
        """
        settings, sheet = self.settings, self.grid.sheet
        declared = bool(settings.columns or settings.pairs)
        kept = [
            at
            for at in range(self.width)
            if at not in settings.ignored and not (declared and at in settings.used)
        ]
        held = [
            at
            for at in kept
            if self.headings[at] or not all(is_blank(self.grid.cell(row, at)) for row in rows)
        ]
        if declared:
            stray = [
                f"{letters(at)} {self.headings[at]!r}" if self.headings[at] else letters(at)
                for at in held
            ]
            if stray:
                raise SourceChanged(
                    f"column {', '.join(stray)} of sheet {sheet} is neither named nor ignored"
                )
            return {name: column_of(each) for name, each in settings.columns.items()}
        named: dict[str, int] = {}
        for at in held:
            name = self.headings[at]
            if not name or name in _OWN or "#" in name:
                what = (
                    f"is headed {name!r}, which is no name"
                    if name
                    else "holds something, and has no heading"
                )
                raise SourceChanged(f"column {letters(at)} of sheet {sheet} {what}")
            if name in named:
                raise SourceChanged(
                    f"columns {letters(named[name])} and {letters(at)} of sheet {sheet} are both {name!r}"
                )
            named[name] = at
        return named

    def _wide(self, rows: list[int], named: dict[str, int]) -> pl.DataFrame:
        columns = [
            column for name, at in named.items() for column in self.texts.series(name, rows, at)
        ]
        return pl.DataFrame([*columns, pl.Series("row", rows, dtype=pl.UInt64)])

    def _long(self, rows: list[int], named: dict[str, int]) -> pl.DataFrame:
        shared = self._wide(rows, named)
        pieces = []
        for letter, of in self.settings.pairs.items():
            at = column_of(letter)
            cells = [
                *self.texts.series("name", rows, column_of(of)),
                *self.texts.series("value", rows, at),
            ]
            piece = pl.DataFrame(cells).hstack(shared)
            pieces.append(
                piece.with_columns(heading=pl.lit(self.headings[at]), column=pl.lit(letter))
            )
        return pl.concat(pieces, how="diagonal").sort("row", maintain_order=True)


def _uncalculated(place: str) -> SourceChanged:
    return SourceChanged(
        f"the book was never calculated: {place} is a formula without a result; open, save and send it"
    )
