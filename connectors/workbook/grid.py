"""A sheet as a grid of typed cells, and the words for its places and its values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from connectors.workbook.limits import CELLS, FORMULAS, MERGES, SHEETS
from hub_core import SourceChanged

# int counts as float; "" is an empty cell
Cell = str | float | bool | date | time | datetime | timedelta
Merge = tuple[int, int, int, int]  # first row, first column, last row, last column, from 0

LAST_COLUMN = 16_384  # XFD
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
Handle = TypeVar("Handle")


@dataclass(frozen=True, slots=True)
class Grid:
    """A sheet from A1 to its last filled cell.

    ``uncalculated`` are the cells of formulas whose result was never stored.
    """

    sheet: str
    rows: Sequence[Sequence[Cell]] = field(repr=False)
    merges: tuple[Merge, ...] = ()
    uncalculated: frozenset[tuple[int, int]] = frozenset()

    def cell(self, row: int, column: int) -> Cell:
        """Return the cell at a row and column from 0; empty beyond the last."""
        cells = self.rows[row] if row < len(self.rows) else ()
        return cells[column] if column < len(cells) else ""

    def place(self, row: int, column: int) -> str:
        """Return a place as its sender names it: ``Sheet!C14``."""
        return f"{self.sheet}!{letters(column)}{row + 1}"


@dataclass(frozen=True, slots=True)
class SheetEntry(Generic[Handle]):
    """A sheet in the book's list; ``handle`` is what its format finds the sheet by."""

    name: str
    visible: bool
    handle: Handle


def choose_sheet(sheets: Sequence[SheetEntry[Handle]], name: str | None) -> SheetEntry[Handle]:
    """Return the sheet of that exact name, or the only visible one where no name is given.

    Raises SourceChanged that lists the names.
    """
    if len(sheets) > SHEETS:
        raise SourceChanged(f"the book has {len(sheets)} sheets, and {SHEETS} are the limit")
    listed_names = (
        ", ".join(sheet.name + ("" if sheet.visible else " (hidden)") for sheet in sheets) or "none"
    )
    if name is None:
        visible = [sheet for sheet in sheets if sheet.visible]
        if len(visible) != 1:
            raise SourceChanged(
                f"the book has {len(visible)} visible sheets and none is named in `sheet`: {listed_names}"
            )
        return visible[0]
    normal_name = unicodedata.normalize("NFC", name)
    matches = [sheet for sheet in sheets if unicodedata.normalize("NFC", sheet.name) == normal_name]
    if len(matches) != 1:
        raise SourceChanged(
            f"the book has {len(matches) or 'no'} sheet {name}; its sheets are: {listed_names}"
        )
    return matches[0]


def check_size(
    sheet: str, rows: int = 0, columns: int = 0, *, merges: int = 0, uncalculated: int = 0
) -> None:
    """Raise SourceChanged where a sheet is over the limits.

    It is judged by its rows and columns, by its merged ranges, or by its formulas without a result.
    """
    if rows * columns > CELLS:
        corner = f"{sheet}!{letters(columns - 1)}{rows}"
        raise SourceChanged(
            f"the sheet reaches to {corner}: {rows * columns} cells, and {CELLS} are the limit"
        )
    if merges > MERGES:
        raise SourceChanged(f"sheet {sheet} has {merges} merged ranges, and {MERGES} are the limit")
    if uncalculated > FORMULAS:
        raise SourceChanged(
            f"sheet {sheet} was never calculated: more than {FORMULAS} formulas have no result"
        )


def letters(column: int) -> str:
    """Return a column from 0 as its letters."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def column_of(text: str) -> int:
    """Return letters A to XFD as a column from 0; raise ValueError for any other text."""
    if not re.fullmatch("[A-Z]{1,3}", text):
        raise ValueError(f"{text!r} is no column: letters from A to XFD")
    number = 0
    for letter in text:
        number = number * 26 + ord(letter) - 64
    if number > LAST_COLUMN:
        raise ValueError(f"{text!r} is no column: letters from A to XFD")
    return number - 1


def cell_of(text: str) -> tuple[int, int]:
    """Return a cell such as C14 as row and column from 0; raise ValueError for any other text."""
    match = _CELL.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no cell, such as C14")
    return int(match[2]) - 1, column_of(match[1])


def is_blank(cell: Cell) -> bool:
    """Tell whether a cell holds nothing but blanks."""
    return isinstance(cell, str) and not cell.strip()


def is_number(cell: Cell) -> bool:
    """Tell whether the cell is a number; true and false are none."""
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def plain_decimal(number: float) -> str:
    """Return the shortest decimal that gives the stored number, without exponent.

    A whole one comes without ``.0``.
    """
    text = repr(number)
    if "e" in text:
        text = format(Decimal(text), "f")
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def text_of(cell: Cell) -> str:
    """Return a cell as text.

    Numbers are plain decimals, dates and times ISO 8601, truth values ``true`` and ``false``.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return plain_decimal(cell)
    if isinstance(cell, timedelta):
        return _duration(cell)
    return cell.isoformat()


def collapsed(text: str) -> str:
    """Return the text in NFC, each run of blanks, no-break spaces and line ends one blank."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(abs(span), timedelta(minutes=1))
    sign = "-" if span < timedelta(0) else ""
    return f"{sign}PT{minutes // 60}H{minutes % 60}M{plain_decimal(seconds.total_seconds())}S"
