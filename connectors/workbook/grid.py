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

Cell = (
    str | float | bool | date | time | datetime | timedelta
)  # int counts as float; "" is an empty cell
Merge = tuple[int, int, int, int]  # first row, first column, last row, last column, from 0

LAST_COLUMN = 16_384  # XFD
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
Handle = TypeVar("Handle")


@dataclass(frozen=True, slots=True)
class Grid:
    """A sheet from A1 to its last filled cell.

    ``uncalculated`` are formulas whose result was never stored.
    """

    sheet: str
    rows: Sequence[Sequence[Cell]] = field(repr=False)
    merges: tuple[Merge, ...] = ()
    uncalculated: frozenset[tuple[int, int]] = frozenset()

    def cell(self, row: int, column: int) -> Cell:
        """The cell at a row and column from 0; empty beyond the last."""
        cells = self.rows[row] if row < len(self.rows) else ()
        return cells[column] if column < len(cells) else ""

    def place(self, row: int, column: int) -> str:
        """The place as its sender names it: ``Sheet!C14``."""
        return f"{self.sheet}!{letters(column)}{row + 1}"


@dataclass(frozen=True, slots=True)
class Listed(Generic[Handle]):
    """A sheet in the book's list, and the way to it."""

    name: str
    visible: bool
    handle: Handle


def chosen(sheets: Sequence[Listed[Handle]], name: str | None) -> Listed[Handle]:
    """The sheet of that exact name, or the only visible one.

    Raises SourceChanged that lists the names.
    """
    if len(sheets) > SHEETS:
        raise SourceChanged(f"the book has {len(sheets)} sheets, and {SHEETS} are the limit")
    named = (
        ", ".join(sheet.name + ("" if sheet.visible else " (hidden)") for sheet in sheets) or "none"
    )
    if name is None:
        visible = [sheet for sheet in sheets if sheet.visible]
        if len(visible) != 1:
            raise SourceChanged(
                f"the book has {len(visible)} visible sheets and none is named in `sheet`: {named}"
            )
        return visible[0]
    wanted = unicodedata.normalize("NFC", name)
    found = [sheet for sheet in sheets if unicodedata.normalize("NFC", sheet.name) == wanted]
    if len(found) != 1:
        raise SourceChanged(
            f"the book has {len(found) or 'no'} sheet {name}; its sheets are: {named}"
        )
    return found[0]


def check_size(
    sheet: str, rows: int = 0, columns: int = 0, *, merges: int = 0, uncalculated: int = 0
) -> None:
    """Raises SourceChanged where a sheet of so many rows and columns, or of something else, is over the limits."""
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
    """A column from 0 as its letters."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def column_of(text: str) -> int:
    """Letters A to XFD as a column from 0; raises ValueError."""
    if not re.fullmatch("[A-Z]{1,3}", text):
        raise ValueError(f"{text!r} is no column: letters from A to XFD")
    number = 0
    for letter in text:
        number = number * 26 + ord(letter) - 64
    if number > LAST_COLUMN:
        raise ValueError(f"{text!r} is no column: letters from A to XFD")
    return number - 1


def cell_of(text: str) -> tuple[int, int]:
    """A cell such as C14 as row and column from 0; raises ValueError."""
    found = _CELL.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no cell, such as C14")
    return int(found[2]) - 1, column_of(found[1])


def is_blank(cell: Cell) -> bool:
    """Whether nothing but blanks stands in a cell."""
    return isinstance(cell, str) and not cell.strip()


def is_number(cell: Cell) -> bool:
    """Whether the cell is a number; true and false are none."""
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def plain(number: float) -> str:
    """The shortest decimal that gives the stored number, without exponent.

    A whole one without ``.0``.
    """
    text = repr(number)
    if "e" in text:
        text = format(Decimal(text), "f")
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def text_of(cell: Cell) -> str:
    """What stands in a cell, as text.

    Numbers as plain decimals, dates and times in ISO 8601, true and false.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return plain(cell)
    if isinstance(cell, timedelta):
        return _duration(cell)
    return cell.isoformat()


def collapsed(text: str) -> str:
    """The text in NFC with every run of blanks, no-break spaces and line ends as one blank."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(abs(span), timedelta(minutes=1))
    sign = "-" if span < timedelta(0) else ""
    return f"{sign}PT{minutes // 60}H{minutes % 60}M{plain(seconds.total_seconds())}S"
