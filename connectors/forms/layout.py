"""The layout that the form's writer and its reader agree on: sheets, columns, words, version."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.workbook.grid import letters
from hub_core import SourceChanged

if TYPE_CHECKING:
    from hub_core import Form

FORMAT, VERSION = "lienthong-form", 1
SHEET, HIDDEN = "Biểu", "lienthong"
NIL_ROW, HEADING_ROW, FIRST_ROW = 4, 6, 7  # from 0
NIL_LABEL = "Kỳ này đơn vị không phát sinh số liệu nào: chọn x ở ô bên và để trống cột Số liệu"
NIL = "x"
CODE, NAME, ORG_UNIT, ORG_UNIT_NAME, UNIT, FIGURE, STATUS, NOTE = range(1, 9)
COLUMNS = (
    ("STT", "No.", 40),
    ("Mã chỉ tiêu", "Code", 88),
    ("Chỉ tiêu", "Indicator", 318),
    ("Mã đơn vị", "Org unit id", 142),
    ("Đơn vị", "Org unit", 150),
    ("Đơn vị tính", "Unit", 128),
    ("Số liệu", "Figure", 136),
    ("Trạng thái", "Status", 104),
    ("Ghi chú", "Note", 180),
)  # their Vietnamese and English words, and pixels
STATUSES = {"Chính thức": "A", "Sơ bộ": "P", "Ước tính": "E", "Thiếu": "M"}

_FACTS = ("format", "dataflow", "province", "provision", "provider", "period", "calendar")
_TABLE = ("row", "indicator", "org_unit", "units")
# row of the hidden sheet, from 0: after the facts, the digest and the headings
_FIRST_LINE = len(_FACTS) + 2
_NO_FORM = "this is not a form of the hub, or its hidden sheet was changed; get a new one with hub template"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a form: its row on the sheet, what it asks for, and the units it allows.

    ``row`` counts from 0.
    """

    row: int
    indicator: str
    org_unit: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The facts and the lines of a form, as its hidden sheet records them."""

    facts: dict[str, str]
    lines: tuple[Line, ...]

    @property
    def digest(self) -> str:
        """The sha256 over the facts and the lines."""
        content = [
            self.facts,
            [[line.row, line.indicator, line.org_unit, *line.units] for line in self.lines],
        ]
        return hashlib.sha256(
            json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
        ).hexdigest()

    def rows(self) -> list[list[str]]:
        """Return the rows of the hidden sheet: facts, digest, headings, then one row for each line.

        Each unit of a line has a cell of its own.
        """
        lines = [
            [str(line.row + 1), line.indicator, line.org_unit, *line.units] for line in self.lines
        ]
        return [
            *([name, self.facts[name]] for name in _FACTS),
            ["digest", self.digest],
            list(_TABLE),
            *lines,
        ]

    def units_of(self, index: int) -> str:
        """Return, as a formula, the range of the hidden sheet that holds the units of a line."""
        row = _FIRST_LINE + index + 1
        last_column = letters(len(_TABLE) - 2 + len(self.lines[index].units))
        return f"={HIDDEN}!${letters(len(_TABLE) - 1)}${row}:${last_column}${row}"


def manifest(form: Form) -> Manifest:
    """Return what the hidden sheet of a form is to hold."""
    facts = {name: getattr(form, name) for name in _FACTS if name != "format"}
    lines = (
        Line(row, line.indicator, line.org_unit, line.units)
        for row, line in enumerate(form.lines, start=FIRST_ROW)
    )
    return Manifest({"format": f"{FORMAT} {VERSION}", **facts}, tuple(lines))


def parse(rows: Sequence[Sequence[str]], part: str) -> Manifest:
    """Read the manifest that a hidden sheet holds.

    Raises SourceChanged where it is not as the hub wrote it.
    """
    cells = [[text for text in row if text] for row in rows]  # no cell of it is empty
    _check_version(cells, part)
    facts = {row[0]: row[1] for row in cells[: len(_FACTS) + 1] if len(row) == 2}
    digest = facts.pop("digest", "")
    try:
        lines = tuple(
            Line(int(row[0]) - 1, row[1], row[2], tuple(row[3:]))
            for row in cells[_FIRST_LINE:]
            if row
        )
    except (ValueError, IndexError) as error:
        raise SourceChanged(_NO_FORM, part=part) from error
    parsed = Manifest(facts, lines)
    if set(facts) != set(_FACTS) or parsed.digest != digest:
        raise SourceChanged(_NO_FORM, part=part)
    return parsed


def _check_version(cells: list[list[str]], part: str) -> None:
    match = re.fullmatch(
        rf"{FORMAT} ([1-9][0-9]{{0,5}})", cells[0][1] if cells and len(cells[0]) == 2 else ""
    )
    if not match:
        raise SourceChanged(_NO_FORM, part=part)
    if int(match[1]) > VERSION:
        why = f"a newer hub made this form ({match[0]}); this one reads up to {FORMAT} {VERSION}"
        raise SourceChanged(why, part=part)


def no_form(part: str) -> SourceChanged:
    """Return the error for a workbook that holds no form of the hub."""
    return SourceChanged(_NO_FORM, part=part)
