"""Frames of small parts put together, so that what is done with each costs as much as its rows."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

BATCH = 100_000  # rows mapped at once


def batches(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield frames put together where they are alike, up to BATCH rows.

    Many small ones would cost more than their rows.
    """
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        if waiting and frame.schema != waiting[0].schema:
            yield pl.concat(waiting)
            waiting = []
        waiting.append(frame)
        if sum(held_frame.height for held_frame in waiting) >= BATCH:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)
