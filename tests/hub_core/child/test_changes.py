from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.child.changes import count_changes
from hub_core.model.observation import INDEXED, MEASURES, SCHEMA, STATUSES, packed
from hub_core.stages.validate import Codes

Figures = dict[tuple[str, ...], tuple[Any, str]]
KNOWN = {
    "indicator": ["A", "B"],
    "org_unit": ["x", "y"],
    "measure": list(MEASURES),
    "dims": ["", "d=1"],
}
GONE = "Z"  # what the catalogue, or the payload's dimensions, do not have any more

keys = st.tuples(
    st.sampled_from(["A", "B", GONE]),
    st.sampled_from(["x", "y", GONE]),
    st.sampled_from(MEASURES),
    st.sampled_from(["", "d=1", "d=2"]),
)
values = st.sampled_from([None, Decimal(0), Decimal(1), Decimal("1.000001")])
figures = st.dictionaries(keys, st.tuples(values, st.sampled_from(STATUSES)), max_size=12)


@pytest.mark.parametrize("key", [packed, lambda _: None], ids=["packs", "does not pack"])
@given(before=figures, after=figures)
def test_two_sets_of_figures_are_compared_key_by_key(
    key: Any, before: Figures, after: Figures
) -> None:
    after = {
        k: told
        for k, told in after.items()
        if all(c in KNOWN[n] for n, c in zip(INDEXED, k, strict=True))
    }
    fixed = {"period": "2026-M10", "calendar": "S", "part": 0, "row": 0, "column": None}
    was = [
        dict(zip(INDEXED, key, strict=True)) | fixed | {"value": value, "status": status}
        for key, (value, status) in before.items()
    ]
    now = [
        {name: KNOWN[name].index(text) for name, text in zip(INDEXED, key, strict=True)}
        | {"value": value, "status": STATUSES.index(status)}
        for key, (value, status) in after.items()
    ]
    schema = {**dict.fromkeys(INDEXED, pl.UInt32), "value": SCHEMA["value"], "status": pl.UInt32}
    shared = before.keys() & after.keys()
    unchanged = sum(before[key] == after[key] for key in shared)
    with mock.patch("hub_core.child.changes.packed", key):
        found = count_changes(
            pl.LazyFrame(was, schema=SCHEMA), pl.DataFrame(now, schema=schema), Codes("S", KNOWN)
        )
    assert found == {
        "new": len(after.keys() - before.keys()),
        "changed": len(shared) - unchanged,
        "unchanged": unchanged,
        "withdrawn": len(before.keys() - after.keys()),
    }
