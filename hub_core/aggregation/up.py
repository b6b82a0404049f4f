"""Up the org tree: totals level by level, with how many of the children are in them."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from hub_core.aggregation.figures import PRELIMINARY, UNIT, method
from hub_core.model.scope import Scope


def edges_of(scope: Scope) -> list[pl.DataFrame]:
    """(child, parent, number of its children) of the scope's tree, the lowest parents first."""
    return scope.catalogue.keep(("edges", scope.tree), lambda: _edges(scope))


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


def up(known: pl.DataFrame, edges: Iterable[pl.DataFrame], sums: tuple[str, ...]) -> pl.DataFrame:
    """Totals up the tree; what stands at a level wins over the sum of its children.

    ``covered`` of ``expected`` children are in a total; null where a figure stands by itself.
    """
    level, totals = known, [known.clear()]  # each level is added up once, and kept
    for edge in edges:
        whole = pl.col("covered").is_null() | (pl.col("covered") == pl.col("expected"))
        summed = (
            level.lazy()
            .join(edge.lazy(), on="org_unit")
            .group_by("indicator", pl.col("parent").alias("org_unit"), "measure", "dims")
            .agg(
                *(pl.col(name).sum() for name in sums),
                pl.col("rank").min(),
                whole=whole.all(),
                covered=pl.len().cast(pl.UInt32),
                expected=pl.col("children").first(),
            )
            .with_columns(
                method("sum"),
                rank=_incomplete(
                    pl.col("rank"), pl.col("whole") & (pl.col("covered") == pl.col("expected"))
                ),
            )
            .select(known.columns)
            .collect(engine="streaming")
        )
        own = (
            known.lazy()
            .select(UNIT)
            .join(edge.lazy().select(org_unit="parent").unique(), on="org_unit", how="semi")
        )
        totals.append(summed.lazy().join(own, on=list(UNIT), how="anti").collect())
        level = pl.concat([known, *totals])
    return pl.concat(totals)


def _incomplete(rank: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """A rank that is at most preliminary where not all is in."""
    return (
        pl.when(whole).then(rank).otherwise(pl.min_horizontal(rank, pl.lit(PRELIMINARY, pl.UInt8)))
    )
