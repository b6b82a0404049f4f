"""Reads the sheets of an xls: its records are walked and counted.

python-calamine is given a copy to read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import pack, unpack_from

from connectors.workbook.compound import Compound, compound
from connectors.workbook.grid import Cell, Grid, Merge, SheetEntry, check_size, choose_sheet
from connectors.workbook.limits import RECORDS, STRINGS_BYTES
from connectors.workbook.typed import typed_rows
from hub_core import SourceChanged

_BOF, _EOF, _CONTINUE, _FILEPASS, _BOUNDSHEET, _CODEPAGE, _SST = (
    0x809,
    0x0A,
    0x3C,
    0x2F,
    0x85,
    0x42,
    0xFC,
)
_GLOBALS = {_BOF, _CODEPAGE, 0x22, 0x41E, 0xE0, _SST}  # with DATEMODE, FORMAT and XF
_FORMULA, _BOOLERR, _MULRK, _MERGED, _RESULT = 0x06, 0x205, 0xBD, 0xE5, 0x207
# with NUMBER, LABEL, RSTRING, RK, LABELSST
_CELLS = {0x203, 0x204, 0xD6, 0x27E, 0xFD, _BOOLERR, _FORMULA, _MULRK}
_ENDS = {_BOF, _EOF}
_OF_BOOK = frozenset(_GLOBALS | {_FILEPASS, _BOUNDSHEET})
_OF_SHEET = frozenset(_CELLS | {_BOF, _MERGED, _RESULT})
_ERRORS = {
    0: "#NULL!",
    7: "#DIV/0!",
    15: "#VALUE!",
    23: "#REF!",
    29: "#NAME?",
    36: "#NUM!",
    42: "#N/A",
}
_BIFF8 = 0x600

Record = tuple[int, bytes]


@dataclass(slots=True)
class _SheetRecords:
    """The records of a sheet that calamine is given, and what they say."""

    records: list[bytes] = field(default_factory=list)
    rows: int = 0
    columns: int = 0
    merges: list[Merge] = field(default_factory=list)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def read_xls(content: bytes, name: str | None) -> Grid:
    """Read the sheet of that name, or the only visible one.

    Raises SourceChanged.
    """
    file = Compound(content)
    if {"EncryptedPackage", "EncryptionInfo"} & file.names:
        raise SourceChanged("the workbook has a password: send it without one")
    book = file.stream("Workbook", "Book")
    if book is None:
        raise SourceChanged(
            "the file is no workbook: it is of another office program, such as Word"
        )
    try:
        head, sheets = _globals(book)
        sheet = choose_sheet(sheets, name)
        sheet_records = _walk(sheet.name, book, sheet.handle)
    except (struct.error, IndexError) as error:
        raise SourceChanged(
            "the workbook is damaged or was cut off: a record is too short"
        ) from error
    check_size(sheet.name, sheet_records.rows, sheet_records.columns)
    rows = typed_rows(compound("Workbook", _copy_of(head, sheet_records.records)), sheet.name)
    for (row, column), text in sheet_records.errors.items():  # calamine gives them as nothing
        _put(rows, row, column, text)
    return Grid(sheet.name, rows, tuple(sheet_records.merges))


def _records(book: bytes, offset: int, where: str, kinds: frozenset[int]) -> Iterator[Record]:
    """Yield the records of these kinds, and what continues them, from a place on.

    The walk ends with the part of the book that begins there. Raises SourceChanged where it is cut
    off or has too many records.
    """
    end, depth, continued_kind = len(book), 0, 0
    for _ in range(RECORDS):
        if offset + 4 > end:
            raise SourceChanged(f"the workbook was cut off in {where}")
        kind, size = unpack_from("<HH", book, offset)
        if offset + 4 + size > end:
            raise SourceChanged(f"the workbook was cut off in {where}")
        if kind in _ENDS:
            depth += 1 if kind == _BOF else -1  # a chart in a sheet is a part within the part
            if depth <= 0:
                return
        continued_kind = kind if kind != _CONTINUE else continued_kind
        if continued_kind in kinds and depth == 1:
            yield kind, book[offset + 4 : offset + 4 + size]
        offset += 4 + size
    raise SourceChanged(f"{where} has more than {RECORDS} records")


def _globals(book: bytes) -> tuple[list[bytes], list[SheetEntry[int]]]:
    """Return the records before the first sheet that matter for reading one, and the sheets.

    The entry of a sheet says where it starts.
    """
    head: list[bytes] = []
    sheets: list[SheetEntry[int]] = []
    version, encoding, continued_kind, strings_bytes = _BIFF8, "cp1252", 0, 0
    for kind, data in _records(book, 0, "its list of sheets", _OF_BOOK):
        if kind == _BOF:
            (version,) = unpack_from("<H", data)
        elif kind == _FILEPASS:
            raise SourceChanged("the workbook has a password: send it without one")
        elif kind == _CODEPAGE:
            encoding = f"cp{unpack_from('<H', data)[0]}"
        elif kind == _BOUNDSHEET and data[5] == 0:
            start, hidden = unpack_from("<IB", data)
            sheets.append(SheetEntry(_name(data[6:], version, encoding), not hidden & 3, start))
        continued_kind = kind if kind != _CONTINUE else continued_kind
        if continued_kind in _GLOBALS:
            head.append(pack("<HH", kind, len(data)) + data)
        if continued_kind == _SST and (strings_bytes := strings_bytes + len(data)) > STRINGS_BYTES:
            raise SourceChanged(f"the workbook's texts take more than {STRINGS_BYTES} bytes")
    return head, sheets


def _name(data: bytes, version: int, encoding: str) -> str:
    """Return a sheet's name.

    It has one or two bytes a letter since Excel 97, and is in the code page before.
    """
    if version == _BIFF8:
        return (
            data[2 : 2 + 2 * data[0]].decode("utf-16-le", "replace")
            if data[1] & 1
            else data[2 : 2 + data[0]].decode("latin-1")
        )
    try:
        return data[1 : 1 + data[0]].decode(encoding, "replace")
    except LookupError:
        return data[1 : 1 + data[0]].decode("cp1252", "replace")


def _walk(sheet: str, book: bytes, start: int) -> _SheetRecords:
    sheet_records = _SheetRecords()
    continued_kind = 0
    for kind, content in _records(book, start, f"sheet {sheet}", _OF_SHEET):
        data, continued_kind = content, kind if kind != _CONTINUE else continued_kind
        if kind in _CELLS:
            row, column = unpack_from("<HH", data)
            if kind == _MULRK:
                column += (len(data) - 6) // 6 - 1
            sheet_records.rows = max(sheet_records.rows, row + 1)
            sheet_records.columns = max(sheet_records.columns, column + 1)
            if kind == _FORMULA:
                data = _formula(sheet_records, (row, column), data)
            elif kind == _BOOLERR and data[7]:
                sheet_records.errors[row, column] = _ERRORS.get(data[6], "#ERROR!")
                continue
        elif kind == _MERGED:
            (count,) = unpack_from("<H", data)
            for offset in range(2, 2 + 8 * count, 8):
                top, bottom, left, right = unpack_from("<4H", data, offset)
                sheet_records.merges.append((top, left, bottom, right))
            check_size(sheet, merges=len(sheet_records.merges))
        if continued_kind in _CELLS or continued_kind in {_BOF, _RESULT}:
            sheet_records.records.append(pack("<HH", kind, len(data)) + data)
    return sheet_records


def _formula(sheet_records: _SheetRecords, place: tuple[int, int], data: bytes) -> bytes:
    """Return the record without the formula itself.

    Only its result, which there always is in an xls, is read.
    """
    value = data[6:14]
    if value[6:] == b"\xff\xff" and value[0] == 2:
        sheet_records.errors[place] = _ERRORS.get(value[2], "#ERROR!")
        # an empty text instead, as calamine refuses an error it does not know
        value = b"\3" + bytes(5) + b"\xff\xff"
    return data[:6] + value + bytes(8)


def _copy_of(head: list[bytes], records: list[bytes]) -> bytes:
    """Return a book of that one sheet."""
    entry = pack("<IBB", 0, 0, 0) + b"\1\0S"
    if unpack_from("<H", head[0], 4)[0] != _BIFF8:
        entry = pack("<IBB", 0, 0, 0) + b"\1S"
    end = pack("<HH", _EOF, 0)
    sheet_start = sum(map(len, head)) + 4 + len(entry) + len(end)
    sheet_list = pack("<HH", _BOUNDSHEET, len(entry)) + pack("<I", sheet_start) + entry[4:]
    return b"".join([*head, sheet_list, end, *records, end])


def _put(rows: list[list[Cell]], row: int, column: int, text: str) -> None:
    while len(rows) <= row:
        rows.append([])
    if len(rows[row]) <= column:
        rows[row] += [""] * (column + 1 - len(rows[row]))
    rows[row][column] = text
