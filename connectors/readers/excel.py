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
    """The rows that are data rows: those whose cell in this column matches as a whole."""

    column: str
    pattern: str = Field(alias="is")


class ExcelSettings(Settings):
    """The place of the table in its sheet.

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
        if in_both := sorted(set(self.columns) & set(self.pairs)):
            raise ValueError(
                f"columns: {in_both[0]!r} is the letter of a figure under pairs; give it another name"
            )

    def _check_letters(self) -> None:
        for letter in self.headings:
            column_of(letter)
        used_columns = [*map(column_of, self.columns.values()), *map(column_of, self.pairs)]
        if repeated := sorted(
            {letters(column) for column in used_columns if used_columns.count(column) > 1}
        ):
            raise ValueError(f"column {', '.join(repeated)} is used twice")
        names_and_values = set(map(column_of, self.pairs)) & set(
            map(column_of, self.pairs.values())
        )
        if names_and_values:
            raise ValueError(f"pairs: {letters(min(names_and_values))} is both a name and a value")
        ignored = self.ignored
        if used_and_ignored := sorted(self.used & ignored):
            raise ValueError(
                f"column {', '.join(map(letters, used_and_ignored))} is both used and ignored"
            )

    @cached_property
    def ignored(self) -> frozenset[int]:
        """The columns left alone, from 0."""
        columns = set[int]()
        for letters_or_span in self.ignore:
            first, _, last = letters_or_span.partition(":")
            span = range(column_of(first), column_of(last or first) + 1)
            if not span:
                raise ValueError(f"ignore: {letters_or_span} ends before it starts")
            columns.update(span)
        return frozenset(columns)

    @cached_property
    def used(self) -> frozenset[int]:
        """The columns that columns, pairs and where name, from 0."""
        column_letters = [*self.columns.values(), *self.pairs, *self.pairs.values()]
        return frozenset(
            map(column_of, [*column_letters, self.where.column] if self.where else column_letters)
        )


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
        """Yield one frame, or none where the sheet has no row of data.

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
        """Return ``Sheet!C14`` and the text there, a number as its shortest decimal.

        Where no column is given, the row. Raises SourceChanged where there is no such row or
        column.
        """
        located = self.locate_all(part, [(row, column)])
        if not located:
            raise SourceChanged(
                f"the sheet has no such row or no column {column}", part=part.name, row=row
            )
        return located[row, column]

    def locate_all(
        self, part: PayloadPart, places: list[tuple[int, str | None]]
    ) -> dict[tuple[int, str | None], tuple[str, str]]:
        """Locate each place that is there; the others are left out.

        The book is opened once for all of them.
        """
        table = _Table(part, self.settings)
        located = {}
        for row, column in places:
            index = None if column is None else table.column(column)
            if row < len(table.grid.rows) and index is not None:
                located[row, column] = (table.grid.place(row, index), table.texts.at(row, index))
            elif row < len(table.grid.rows) and column is None:
                located[row, column] = (f"{table.grid.sheet}!{row + 1}:{row + 1}", "")
        return located


class _Table:
    """A sheet, and the settings that say where its table is."""

    def __init__(self, part: PayloadPart, settings: ExcelSettings) -> None:
        self.settings = settings
        self.grid = open_sheet(part, settings.sheet)
        self.texts = Texts(self.grid, settings.encoding)
        first, last = settings.header or (1, 0)
        named_columns = [*settings.used, *map(column_of, settings.headings)]
        self.width = max(
            [*map(len, self.grid.rows), *(column + 1 for column in named_columns)], default=0
        )
        try:
            heading_columns = set(range(self.width)) - settings.ignored | set(
                map(column_of, settings.headings)
            )
            self.headings = self.texts.headings(first - 1, last - 1, heading_columns, self.width)
        except SourceChanged as error:
            error.located(part=part.name)
            raise

    def frame(self) -> pl.DataFrame:
        """Return the data rows, wide or long.

        Raises SourceChanged where the sheet is not as the settings say.
        """
        self._check_guards()
        rows = self._rows()
        kept_columns = set(range(self.width)) - self.settings.ignored
        first, last = self.settings.header or (1, 0)
        self._check_calculated({*rows, *range(first - 1, last)}, kept_columns)
        named = self._named(rows)
        frame = self._long(rows, named) if self.settings.pairs else self._wide(rows, named)
        self.texts.check()
        return frame

    def column(self, name: str) -> int | None:
        """Return the index of the column of that name in a frame; None where there is none.

        With pairs, also of the letter of a figure.
        """
        name = unicodedata.normalize("NFC", name.removesuffix(NUMBER))
        settings = self.settings
        for declared_name, letter in settings.columns.items():
            if unicodedata.normalize("NFC", declared_name) == name:
                return column_of(letter)
        if settings.pairs:
            return column_of(name) if name in settings.pairs else None
        if not settings.columns:
            matches = [
                index
                for index, heading in enumerate(self.headings)
                if heading == name and index not in settings.ignored
            ]
            return matches[0] if matches else None
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
        """Return the rows of data, from 0.

        Raises SourceChanged where ``where`` matches none, or a formula that decides it has no
        result.
        """
        settings, grid = self.settings, self.grid
        first = settings.header[1] if settings.header else 0
        last = len(grid.rows)
        if settings.rows:
            first = max(first, settings.rows[0] - 1)
            last = min(last, settings.rows[1]) if len(settings.rows) > 1 else last
        kept_columns = [column for column in range(self.width) if column not in settings.ignored]
        candidates = range(first, max(first, last))
        filled = [row for row in candidates if not self._is_empty(row, kept_columns)]
        if settings.where is None:
            self._check_calculated(candidates, kept_columns)
            return filled
        column, pattern = column_of(settings.where.column), re.compile(settings.where.pattern)
        self._check_calculated(candidates, [column])
        matches = [row for row in filled if pattern.fullmatch(self.texts.at(row, column).strip())]
        if filled and not matches:
            where = f"{grid.place(first, column)} to {letters(column)}{last}"
            raise SourceChanged(
                f"no cell from {where} matches {settings.where.pattern!r}: the table has moved"
            )
        return matches

    def _is_empty(self, row: int, columns: list[int]) -> bool:
        cells = self.grid.rows[row]
        return all(is_blank(cells[column]) for column in columns if column < len(cells))

    def _check_calculated(self, rows: Container[int], columns: Container[int]) -> None:
        for row, column in sorted(self.grid.uncalculated):
            if row in rows and column in columns:
                raise _uncalculated(self.grid.place(row, column))

    def _named(self, rows: list[int]) -> dict[str, int]:
        """Return the columns that are no pair's, by name.

        Raises SourceChanged for each column that nobody has named.
        """
        settings, sheet = self.settings, self.grid.sheet
        declared = bool(settings.columns or settings.pairs)
        unused_columns = [
            column
            for column in range(self.width)
            if column not in settings.ignored and not (declared and column in settings.used)
        ]
        filled_columns = [
            column
            for column in unused_columns
            if self.headings[column]
            or not all(is_blank(self.grid.cell(row, column)) for row in rows)
        ]
        if declared:
            stray_columns = [
                f"{letters(column)} {self.headings[column]!r}"
                if self.headings[column]
                else letters(column)
                for column in filled_columns
            ]
            if stray_columns:
                raise SourceChanged(
                    f"column {', '.join(stray_columns)} of sheet {sheet} is neither named nor ignored"
                )
            return {name: column_of(letter) for name, letter in settings.columns.items()}
        return self._headed(filled_columns)

    def _headed(self, columns: list[int]) -> dict[str, int]:
        """Return the columns by their headings.

        Raises SourceChanged where a heading is missing, is no name, or is that of two columns.
        """
        sheet = self.grid.sheet
        named: dict[str, int] = {}
        for column in columns:
            name = self.headings[column]
            if not name or name in _OWN or "#" in name:
                problem = (
                    f"is headed {name!r}, which is no name"
                    if name
                    else "holds something, and has no heading"
                )
                raise SourceChanged(f"column {letters(column)} of sheet {sheet} {problem}")
            if name in named:
                raise SourceChanged(
                    f"columns {letters(named[name])} and {letters(column)} of sheet {sheet} are both {name!r}"
                )
            named[name] = column
        return named

    def _wide(self, rows: list[int], named: dict[str, int]) -> pl.DataFrame:
        all_series = [
            series
            for name, index in named.items()
            for series in self.texts.series(name, rows, index)
        ]
        return pl.DataFrame([*all_series, pl.Series("row", rows, dtype=pl.UInt64)])

    def _long(self, rows: list[int], named: dict[str, int]) -> pl.DataFrame:
        shared = self._wide(rows, named)
        frames = []
        for letter, name_letter in self.settings.pairs.items():
            column = column_of(letter)
            all_series = [
                *self.texts.series("name", rows, column_of(name_letter)),
                *self.texts.series("value", rows, column),
            ]
            frame = pl.DataFrame(all_series).hstack(shared)
            frames.append(
                frame.with_columns(heading=pl.lit(self.headings[column]), column=pl.lit(letter))
            )
        return pl.concat(frames, how="diagonal").sort("row", maintain_order=True)


def _uncalculated(place: str) -> SourceChanged:
    return SourceChanged(
        f"the book was never calculated: {place} is a formula without a result; open, save and send it"
    )
