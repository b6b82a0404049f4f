"""The texts of a sheet as they are read.

They are decoded where the font was one of before Unicode; headings are stacked.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import product

import polars as pl

from connectors.text.vietnamese import check_vietnamese, decoded
from connectors.workbook.grid import Cell, Grid, collapsed, plain_decimal, text_of
from hub_core import SourceChanged

NUMBER = "#number"
_NUMBERS = {int, float}


class Texts:
    """A grid's cells as texts; those that were read are remembered, to be judged together."""

    def __init__(self, grid: Grid, encoding: str | None) -> None:
        self.grid = grid
        self._encoding = encoding
        self._decoded: dict[str, str] = {}

    def at(self, row: int, column: int) -> str:
        """Return the text of a cell, decoded; empty where the cell is."""
        cell = self.grid.cell(row, column)
        return self._decoded_text(cell, row, column) if isinstance(cell, str) else text_of(cell)

    def check(self) -> None:
        """Raise SourceChanged where an encoding is declared and the texts are no Vietnamese.

        The texts are all that were read so far.
        """
        if self._encoding:
            try:
                check_vietnamese(self._decoded.values())
            except ValueError as error:
                raise SourceChanged(
                    f"sheet {self.grid.sheet} is not in {self._encoding}: {error}"
                ) from error

    def headings(self, first: int, last: int, columns: Collection[int], width: int) -> list[str]:
        """Return the stacked heading of each of these columns, empty for others.

        Texts come from top to bottom, a merged range's once in each of its columns; what such a
        range covers does not count.
        """
        covered: dict[tuple[int, int], tuple[int, int] | None] = {}
        cells_left = max(last + 1 - first, 0) * width
        for top, left, bottom, right in self.grid.merges:
            area = [
                range(max(top, first), min(bottom, last) + 1),
                range(left, min(right + 1, width)),
            ]
            if (cells_left := cells_left - len(area[0]) * len(area[1])) < 0:
                raise SourceChanged(
                    f"merged ranges in the header of sheet {self.grid.sheet} overlap"
                )
            for row, column in product(*area):
                covered[row, column] = (top, left) if row == top else None
        stacked = []
        for column in range(width):
            rows = range(first, last + 1) if column in columns else ()
            places = [covered.get((row, column), (row, column)) for row in rows]
            stacked.append(collapsed(" ".join(self.at(*place) for place in places if place)))
        return stacked

    def series(self, name: str, rows: list[int], column: int) -> list[pl.Series]:
        """Return a column of these rows: its texts, and its numbers beside them where it has any.

        The numbers are plain decimal text under ``name#number``.
        """
        cells = self._cells(rows, column)
        kinds = set(map(type, cells))
        if kinds <= _NUMBERS:
            texts = pl.Series(name, [None], dtype=pl.String).new_from_index(0, len(cells))
        else:
            values = [
                self._text_or_none(cell, row, column) for row, cell in zip(rows, cells, strict=True)
            ]
            texts = pl.Series(name, values, dtype=pl.String)
        if not kinds & _NUMBERS:
            return [texts]
        return [
            texts,
            _numbers(name + NUMBER, [cell if type(cell) in _NUMBERS else None for cell in cells]),
        ]

    def _cells(self, rows: list[int], column: int) -> list[Cell]:
        cells_by_row = [self.grid.rows[row] for row in rows]
        try:
            return [row_cells[column] for row_cells in cells_by_row]
        except IndexError:  # rows are as long as what stands in them
            return [
                row_cells[column] if column < len(row_cells) else "" for row_cells in cells_by_row
            ]

    def _text_or_none(self, cell: Cell, row: int, column: int) -> str | None:
        """Return a cell's text, or None where it has none: a blank or a number."""
        if isinstance(cell, str):
            return self._decoded_text(cell, row, column) if cell.strip() else None
        return None if type(cell) in _NUMBERS else text_of(cell)

    def _decoded_text(self, text: str, row: int, column: int) -> str:
        if self._encoding is None:
            return text
        if text not in self._decoded:
            try:
                self._decoded[text] = decoded(text, self._encoding)
            except ValueError as error:
                place = self.grid.place(row, column)
                raise SourceChanged(f"{place} is not in {self._encoding}: {error}") from error
        return self._decoded[text]


def _numbers(name: str, cells: list[Cell | None]) -> pl.Series:
    """Return the numbers as ``plain_decimal`` writes them.

    Floats are written by polars, whose texts are the shortest too.
    """
    if int in set(map(type, cells)):
        return pl.Series(
            name, [None if cell is None else text_of(cell) for cell in cells], dtype=pl.String
        )
    numbers = pl.Series(name, cells, dtype=pl.Float64)
    texts = numbers.cast(pl.String)
    # 1e16, NaN, -0.0
    to_rewrite = (texts.str.contains("[eEnN]") | (numbers == 0)).fill_null(value=False)
    texts = texts.str.strip_suffix(".0")
    return (
        texts.scatter(
            to_rewrite.arg_true(), [plain_decimal(number) for number in numbers.filter(to_rewrite)]
        )
        if to_rewrite.any()
        else texts
    )
