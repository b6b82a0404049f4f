"""Totals up the org tree, level by level, with how many of the children are in them."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from hub_core.aggregation.figures import PRELIMINARY, UNIT, method
from hub_core.model.scope import Scope


def edges_of(scope: Scope) -> list[pl.DataFrame]:
    """List the edges of the scope's tree, one frame a height, the lowest parents first.

    Each frame has ``org_unit`` (the child), ``parent`` and ``children`` (how many the parent has).
    """
    return scope.catalogue.cached(("edges", scope.tree), lambda: _edges(scope))


def _edges(scope: Scope) -> list[pl.DataFrame]:
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


def add_up_tree(
    figures: pl.DataFrame, edges: Iterable[pl.DataFrame], sums: tuple[str, ...]
) -> pl.DataFrame:
    """Add the columns ``sums`` up the tree; a parent's own figure wins over the children's sum.

    ``covered`` of ``expected`` children are in a total; null where a figure stands by itself.
    """
    level, totals = figures, [figures.clear()]  # each level is added up once, and kept
    for edge in edges:
        is_complete = pl.col("covered").is_null() | (pl.col("covered") == pl.col("expected"))
        summed = (
            level.lazy()
            .join(edge.lazy(), on="org_unit")
            .group_by("indicator", pl.col("parent").alias("org_unit"), "measure", "dims")
            .agg(
                *(pl.col(name).sum() for name in sums),
                pl.col("rank").min(),
                whole=is_complete.all(),
                covered=pl.len().cast(pl.UInt32),
                expected=pl.col("children").first(),
            )
            .with_columns(
                method("sum"),
                rank=_cap_incomplete(
                    pl.col("rank"), pl.col("whole") & (pl.col("covered") == pl.col("expected"))
                ),
            )
            .select(figures.columns)
            .collect(engine="streaming")
        )
        reported_parents = (
            figures.lazy()
            .select(UNIT)
            .join(edge.lazy().select(org_unit="parent").unique(), on="org_unit", how="semi")
        )
        totals.append(summed.lazy().join(reported_parents, on=list(UNIT), how="anti").collect())
        level = pl.concat([figures, *totals])
    return pl.concat(totals)


def _cap_incomplete(rank: pl.Expr, complete: pl.Expr) -> pl.Expr:
    """Lower a rank to at most preliminary where not all is in."""
    return (
        pl.when(complete)
        .then(rank)
        .otherwise(pl.min_horizontal(rank, pl.lit(PRELIMINARY, pl.UInt8)))
    )
