"""What changed between the submission that stands and the one that is being sealed."""

from __future__ import annotations

import polars as pl

from hub_core.model.observation import INDEXED, STATUSES, packed
from hub_core.stages.validate import Codes


def changes(before: pl.LazyFrame, after: pl.DataFrame, codes: Codes) -> dict[str, int]:
    """How many keys are new, changed, unchanged and withdrawn between two sets of figures of one period.

    ``before``: figures of format 1; ``after``: rows with their key and status as indices into
    ``codes``.
    """
    keys = [
        pl.col(name).cast(pl.Enum(codes.lists[name]), strict=False).to_physical()
        for name in INDEXED
    ]
    was = before.select(
        *(key.cast(pl.UInt32) for key in keys),
        "value",
        status=pl.col("status").cast(pl.Enum(STATUSES)).to_physical().cast(pl.UInt32),
    )
    now, on = after.lazy().select(*INDEXED, "value", "status"), list(INDEXED)
    if (key := packed(codes.sizes)) is not None:
        was, now = (each.select("value", "status", key=key) for each in (was, now))
        on = ["key"]
    same = pl.col("value").eq_missing(pl.col("value_right")) & (
        pl.col("status") == pl.col("status_right")
    )
    told = was.join(now, on=on, how="left").select(
        there=pl.len(), shared=pl.col("status_right").is_not_null().sum(), unchanged=same.sum()
    )
    there, shared, unchanged = (int(n or 0) for n in told.collect().row(0))
    return {
        "new": after.height - shared,
        "changed": shared - unchanged,
        "unchanged": unchanged,
        "withdrawn": there - shared,
    }
