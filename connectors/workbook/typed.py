"""Typed cells from A1 on, by python-calamine, which is given a copy of a book of one sheet."""

from __future__ import annotations

from io import BytesIO
from typing import cast

from connectors.workbook.grid import Cell
from hub_core import SourceChanged


def typed_rows(copy: bytes, sheet: str) -> list[list[Cell]]:
    """Return the cells of the only sheet of an xlsx or xls, row by row.

    Raises SourceChanged where it does not read.
    """
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_filelike(BytesIO(copy)) as book:
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except python_calamine.CalamineError as error:
        raise SourceChanged(f"sheet {sheet} does not read: {error}") from error
    except BaseException as error:  # a panic in Rust comes as an exception that is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise SourceChanged(f"sheet {sheet} does not read: it is damaged") from error
    return cast("list[list[Cell]]", rows)
