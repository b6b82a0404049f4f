"""Up the org tree: totals level by level, with how many of the children are in them."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from hub_core.aggregation.figures import PRELIMINARY, UNIT
from hub_core.model.scope import Scope


def edges_of(scope: Scope) -> list[pl.DataFrame]:
    """(child, parent, number of its children) of the scope's tree, the lowest parents first."""
    children: dict[str, list[str]] = {}
    for child, parent in scope.tree:
        children.setdefault(parent, []).append(child)

    heights: dict[str, int] = {}

    def height(unit: str) -> int:
        if unit not in heights:
            heights[unit] = 1 + max((height(child) for child in children.get(unit, ())), default=-1)
        return heights[unit]

    levels: dict[int, list[tuple[str, str, int]]] = {}
    for parent, below in children.items():
        levels.setdefault(height(parent), []).extend((child, parent, len(below)) for child in below)
    codes = pl.Enum(scope.catalogue.org_unit_ids)
    schema = pl.Schema({"org_unit": codes, "parent": codes, "children": pl.UInt32()})
    return [pl.DataFrame(levels[n], schema=schema, orient="row") for n in sorted(levels)]


def up(known: pl.LazyFrame, edges: Iterable[pl.DataFrame], sums: tuple[str, ...]) -> pl.LazyFrame:
    """Totals up the tree; what stands at a level wins over the sum of its children.

    ``covered`` of ``expected`` children are in a total; null where a figure stands by itself.
    """
    columns = known.collect_schema().names()
    level, totals = known, [known.clear()]  # each level is added up once, and kept
    for edge in edges:
        whole = pl.col("covered").is_null() | (pl.col("covered") == pl.col("expected"))
        children, parents = edge["org_unit"].unique().to_list(), edge["parent"].unique().to_list()
        summed = (
            level.filter(pl.col("org_unit").is_in(children))
            .with_columns(whole=whole)
            .drop("covered", "expected", "method", strict=False)
            .join(edge.lazy(), on="org_unit")
            .group_by("indicator", pl.col("parent").alias("org_unit"), "measure", "dims")
            .agg(
                *(pl.col(name).sum() for name in sums),
                pl.col("rank").min(),
                whole=pl.col("whole").all(),
                covered=pl.len().cast(pl.UInt32),
                expected=pl.col("children").first(),
            )
            .with_columns(
                rank=_incomplete(pl.col("rank"), pl.col("whole") & (pl.col("covered") == pl.col("expected"))),
                method=pl.lit("sum"),
            )
            .select(columns)
        )
        own = known.filter(pl.col("org_unit").is_in(parents)).select(UNIT)
        total = summed.join(own, on=list(UNIT), how="anti")
        totals.append(total.collect(engine="streaming").lazy())
        level = pl.concat([known, *totals])
    return pl.concat(totals)


def _incomplete(rank: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """A rank that is at most preliminary where not all is in."""
    return pl.when(whole).then(rank).otherwise(pl.min_horizontal(rank, pl.lit(PRELIMINARY, pl.UInt8)))
