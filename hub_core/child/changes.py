"""What changed between the submission that stands and the one that is being sealed."""

from __future__ import annotations

import polars as pl

from hub_core.model.observation import INDEXED, STATUSES, packed
from hub_core.stages.validate import Codes


def count_changes(before: pl.LazyFrame, after: pl.DataFrame, codes: Codes) -> dict[str, int]:
    """Count the keys that are new, changed, unchanged and withdrawn.

    Two sets of figures of one period are compared. ``before``: figures of format 1; ``after``: rows
    with their key and status as indices into ``codes``.
    """
    keys = [
        pl.col(name).cast(pl.Enum(codes.lists[name]), strict=False).to_physical()
        for name in INDEXED
    ]
    before_rows = before.select(
        *(key.cast(pl.UInt32) for key in keys),
        "value",
        status=pl.col("status").cast(pl.Enum(STATUSES)).to_physical().cast(pl.UInt32),
    )
    after_rows, join_columns = after.lazy().select(*INDEXED, "value", "status"), list(INDEXED)
    if (key := packed(codes.sizes)) is not None:
        before_rows, after_rows = (
            figures.select("value", "status", key=key) for figures in (before_rows, after_rows)
        )
        join_columns = ["key"]
    is_same = pl.col("value").eq_missing(pl.col("value_right")) & (
        pl.col("status") == pl.col("status_right")
    )
    matched_counts = before_rows.join(after_rows, on=join_columns, how="left").select(
        before_count=pl.len(),
        shared=pl.col("status_right").is_not_null().sum(),
        unchanged=is_same.sum(),
    )
    before_count, shared, unchanged = (int(n or 0) for n in matched_counts.collect().row(0))
    return {
        "new": after.height - shared,
        "changed": shared - unchanged,
        "unchanged": unchanged,
        "withdrawn": before_count - shared,
    }
