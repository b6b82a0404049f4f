"""Locating in a child.

Where cells of one landed part stand, what stands there, and in which rows.
"""

from __future__ import annotations

import math
import time
from decimal import Decimal
from typing import TYPE_CHECKING

from hub_core.errors import HubError
from hub_core.model.exchange import Located, LocateOrder

if TYPE_CHECKING:
    from hub_core.contracts import PayloadPart, Reader, Where

Cells = dict[str, str]
_SECONDS = 10.0  # after which no more places are begun
_TEXT = 500  # characters of a text that are told
_ROW = 20_000  # of a row
_ANSWER = 2_000_000  # of an answer, which stays below what the engine takes
_PLACE = 100  # of what is around a place
_NUMBER = "#number"
_OWN = {"row", "column", "part", "#refused"}  # the hub's own columns in a reader's frame


def located(reader: Reader, part: PayloadPart, order: LocateOrder) -> list[Located]:
    """What is at an order's places.

    The first of them, and at least one, for which an answer has room and time.
    """
    cells = _cells(reader, part, {row for row, _ in order.places}) if order.cells else {}
    told: list[Located] = []
    room, until, step = _ANSWER, time.monotonic() + _SECONDS, 1
    while len(told) < len(order.places) and room > 0 and (not told or time.monotonic() < until):
        piece = order.places[len(told) : len(told) + step]
        found = _found(reader, part, piece)
        for row, column in piece:
            one = found.get((row, column)) or _asked(reader, part, order, (row, column))
            told.append(
                one.model_copy(
                    update={"cells": cells.get((row, column)) or cells.get((row, None), {})}
                )
            )
            room -= _PLACE + len(one.locator) + len(one.text) + _length(told[-1].cells)
            if room <= 0:
                break
        # what one pass finds together is cheaper; what takes its time for each is stopped in time
        step *= 4
    return told


def _found(reader: Reader, part: PayloadPart, places: list[Where]) -> dict[Where, Located]:
    """The places that the reader finds together."""
    try:
        found = reader.locate_all(part, places)
    except Exception:  # noqa: BLE001 - an edge: a reader may be anybody's code; each place is then asked by itself
        return {}
    return {
        place: Located(locator=_cut(locator), text=_cut(text))
        for place, (locator, text) in found.items()
    }


def _asked(reader: Reader, part: PayloadPart, order: LocateOrder, place: Where) -> Located:
    """One place by itself; an error of its own says why it could not be read."""
    try:
        locator, text = reader.locate(part, *place)
        return Located(locator=_cut(locator), text=_cut(text))
    except HubError as error:
        return Located.unread(order.part, *place, _cut(error.message))
    except Exception as error:  # noqa: BLE001 - an edge, as above
        return Located.unread(
            order.part, *place, _cut(f"the reader raised {type(error).__name__}: {error}")
        )


def _cells(reader: Reader, part: PayloadPart, wanted: set[int]) -> dict[Where, Cells]:
    """Rows as they came, by row and, where the reader says so, by the figure's column.

    Read until all were seen.
    """
    import polars as pl

    rows: dict[Where, Cells] = {}
    missing, asked = set(wanted), pl.Series(sorted(wanted), dtype=pl.UInt64).implode()
    try:
        for frame in reader.read(part):
            for row in frame.filter(pl.col("row").cast(pl.UInt64).is_in(asked)).iter_rows(
                named=True
            ):
                cells = _row(row)
                rows.setdefault((row["row"], None), cells)
                if row.get("column") is not None:
                    rows[row["row"], row["column"]] = cells
                missing.discard(row["row"])
            if not missing:
                break
    except Exception:  # noqa: BLE001 - an edge, as above; what was read before stands, and locate says what is wrong
        return rows
    return rows


def _row(row: dict[str, object]) -> Cells:
    """A row's cells as text by column, without the empty ones and the hub's own."""
    cells: Cells = {}
    room = _ROW
    for column, value in row.items():
        if value is None or column in _OWN:
            continue
        name, text = _cut(column.removesuffix(_NUMBER)), _cut(_plain(value))
        room -= len(name) + len(text)
        if room < 0:
            break
        cells[name] = text
    return cells


def _plain(value: object) -> str:
    """A cell as text; a number as the shortest plain decimal that gives it back."""
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _length(cells: Cells) -> int:
    return sum(len(name) + len(text) for name, text in cells.items())


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
