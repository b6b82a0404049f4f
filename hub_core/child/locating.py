"""Locating in a child: where cells of one landed part are, what they hold, and in which rows."""

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
_HUB_COLUMNS = {"row", "column", "part", "#refused"}  # the hub's own columns in a reader's frame


def locate_places(reader: Reader, part: PayloadPart, order: LocateOrder) -> list[Located]:
    """Read what is at an order's places.

    The answer holds the first of them, at least one, for which it has room and time.
    """
    cells = _cells(reader, part, {row for row, _ in order.places}) if order.cells else {}
    located_places: list[Located] = []
    room, deadline, step = _ANSWER, time.monotonic() + _SECONDS, 1
    while (
        len(located_places) < len(order.places)
        and room > 0
        and (not located_places or time.monotonic() < deadline)
    ):
        places = order.places[len(located_places) : len(located_places) + step]
        by_place = _locate_together(reader, part, places)
        for row, column in places:
            located = by_place.get((row, column)) or _locate_alone(
                reader, part, order, (row, column)
            )
            located_places.append(
                located.model_copy(
                    update={"cells": cells.get((row, column)) or cells.get((row, None), {})}
                )
            )
            room -= (
                _PLACE
                + len(located.locator)
                + len(located.text)
                + _length(located_places[-1].cells)
            )
            if room <= 0:
                break
        # what one pass finds together is cheaper; what takes its time for each is stopped in time
        step *= 4
    return located_places


def _locate_together(
    reader: Reader, part: PayloadPart, places: list[Where]
) -> dict[Where, Located]:
    """Locate the places that the reader finds in one pass; none where it fails."""
    try:
        located = reader.locate_all(part, places)
    except Exception:  # noqa: BLE001 - an edge: a reader may be anybody's code; each place is then asked by itself
        return {}
    return {
        place: Located(locator=_cut(locator), text=_cut(text))
        for place, (locator, text) in located.items()
    }


def _locate_alone(reader: Reader, part: PayloadPart, order: LocateOrder, place: Where) -> Located:
    """Locate one place by itself; an error is told in the place of its text."""
    try:
        locator, text = reader.locate(part, *place)
        return Located(locator=_cut(locator), text=_cut(text))
    except HubError as error:
        return Located.unread(order.part, *place, _cut(error.message))
    except Exception as error:  # noqa: BLE001 - an edge, as above
        return Located.unread(
            order.part, *place, _cut(f"the reader raised {type(error).__name__}: {error}")
        )


def _cells(reader: Reader, part: PayloadPart, row_numbers: set[int]) -> dict[Where, Cells]:
    """Read rows as they came, by row and, where the reader says so, by the figure's column.

    Reading ends when all have been read.
    """
    import polars as pl

    rows: dict[Where, Cells] = {}
    missing, row_list = set(row_numbers), pl.Series(sorted(row_numbers), dtype=pl.UInt64).implode()
    try:
        for frame in reader.read(part):
            for row in frame.filter(pl.col("row").cast(pl.UInt64).is_in(row_list)).iter_rows(
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
    """Return a row's cells as text by column, without the empty ones and the hub's own."""
    cells: Cells = {}
    room = _ROW
    for column, value in row.items():
        if value is None or column in _HUB_COLUMNS:
            continue
        name, text = _cut(column.removesuffix(_NUMBER)), _cut(_plain(value))
        room -= len(name) + len(text)
        if room < 0:
            break
        cells[name] = text
    return cells


def _plain(value: object) -> str:
    """Return a cell as text; a number as the shortest plain decimal that gives it back."""
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _length(cells: Cells) -> int:
    return sum(len(name) + len(text) for name, text in cells.items())


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
