"""Aggregate: figures of the levels above, each indicator by its own rule."""

from __future__ import annotations

from collections.abc import Collection
from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from hub_core.aggregation.along import along_calendar, carried_forward
from hub_core.aggregation.figures import (
    DIGITS,
    UNIT,
    cap_at_estimate,
    encode_keys,
    method,
    multiplier,
)
from hub_core.aggregation.formulas import apply_formulas, rank_provinces
from hub_core.aggregation.quotients import divide, pairs_of, quotients
from hub_core.aggregation.up import add_up_tree, edges_of
from hub_core.mapping.numbers import half_up
from hub_core.model.observation import KEY, STATUSES, VALUE
from hub_core.model.scope import Scope

FIGURES = pl.Schema(
    {
        **dict.fromkeys(KEY, pl.String()),
        "value": VALUE,
        "status": pl.String(),
        "covered": pl.UInt32(),
        "expected": pl.UInt32(),
        "method": pl.String(),
    }
)


def aggregate(
    scope: Scope,
    observations: pl.LazyFrame,
    components: pl.LazyFrame,
    present: Collection[str] | None = None,
    carried: pl.LazyFrame | None = None,
) -> pl.DataFrame:
    """Make the figures of the scope's period and org units, in the order of their keys.

    Values are rounded once. ``observations``: frames of format 1 of the period and of the finer
    periods within it; ``present``, where it is given, are all the periods that they are of.
    ``components``: the same of other dataflows and of earlier, coarser periods, with ``age`` (0 the
    latest), for numerators, denominators and weights that the period itself does not have.
    """
    reported = encode_keys(scope, observations)
    figures = along_calendar(scope, reported, present)
    if carried is not None:
        figures = pl.concat([figures, carried_forward(encode_keys(scope, carried), figures)])
    figures = figures.with_columns(
        covered=pl.lit(None, pl.UInt32), expected=pl.lit(None, pl.UInt32)
    )
    edges = edges_of(scope)
    additive = [i.code for i in scope.indicators if i.agg_space in ("sum", "sum*")]
    overlapping = [i.code for i in scope.indicators if i.agg_space == "sum*"]
    totals = add_up_tree(figures.filter(pl.col("indicator").is_in(additive)), edges, ("value",))
    totals = totals.with_columns(rank=cap_at_estimate(pl.col("rank"), overlapping))
    wanted = pl.col("org_unit").is_in(list(scope.org_units))
    columns = [*UNIT, "value", "rank", "covered", "expected", "method"]
    pieces = [piece.filter(wanted).select(columns) for piece in (figures, totals)]
    for weighted in (False, True):
        if quotients(scope, weighted=weighted):
            pairs = pairs_of(scope, figures, encode_keys(scope, components), weighted=weighted)
            pairs = pl.concat([pairs, add_up_tree(pairs, edges, ("num", "den"))])
            pieces.append(divide(scope, pairs.filter(wanted)).select(columns))
    pieces.append(_missing(scope, reported.filter(wanted)).select(columns))
    table = _first_of_key(pieces)  # what was reported comes first
    if any(i.terms for i in scope.indicators):
        table = _first_of_key([table, apply_formulas(scope, table).select(columns)])
        table = _first_of_key([table, rank_provinces(scope, table).select(columns)])
    return _finished(scope, table)


def _first_of_key(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Keep the first of the figures with one key."""
    return pl.concat(tables).unique(list(UNIT), keep="first", maintain_order=True)


def _missing(scope: Scope, reported: pl.LazyFrame) -> pl.DataFrame:
    """Give what was reported as missing (status M); it counts where there is no other figure."""
    of_period = (pl.col("period") == str(scope.period)) & pl.col("calendar").is_in(scope.calendars)
    return (
        reported.filter(of_period & pl.col("value").is_null())
        .select(
            *UNIT,
            "value",
            "rank",
            covered=pl.lit(None, pl.UInt32),
            expected=pl.lit(None, pl.UInt32),
            method=method("reported"),
        )
        .collect(engine="streaming")
    )


def _finished(scope: Scope, table: pl.DataFrame) -> pl.DataFrame:
    """Round by the indicator's decimals, half up, and sort by the six keys."""
    return (
        table.with_columns(
            pl.col(*UNIT).cast(pl.String),
            _rounded(scope, table),
            status=pl.col("rank").replace_strict(dict(enumerate(STATUSES)), return_dtype=pl.String),
            period=pl.lit(str(scope.period)),
            calendar=pl.lit(scope.calendar.value),
        )
        .select(FIGURES.names())
        .cast(FIGURES)
        .sort(*KEY)
    )


def _rounded(scope: Scope, table: pl.DataFrame) -> pl.Series:
    """Round the values of figures to their indicators' decimals.

    Values that were multiplied while they were added up are divided first.
    """
    catalogue, codes = scope.catalogue, [str(code) for code in table["indicator"].unique()]
    by_decimals: dict[int, list[str]] = {}
    for code in codes:
        by_decimals.setdefault(catalogue.decimals(code), []).append(code)
    if table.is_empty():
        return table["value"]
    rounded = pl.coalesce(
        pl.when(pl.col("indicator").is_in(alike)).then(half_up(pl.col("value"), places))
        for places, alike in by_decimals.items()
    )
    values = table.select(value=rounded).to_series()
    multiplied = [code for code in codes if multiplier(catalogue.indicators[code]) != 1]
    if not multiplied:
        return values
    rows = table.select(
        (pl.col("indicator").is_in(multiplied) & pl.col("value").is_not_null()).arg_true()
    ).to_series()
    with localcontext(prec=DIGITS):
        divided = [
            (value / multiplier(catalogue.indicators[code])).quantize(
                Decimal(1).scaleb(-catalogue.decimals(code)), ROUND_HALF_UP
            )
            for code, value in table[rows].select("indicator", "value").iter_rows()
        ]
    return values.scatter(rows, pl.Series(divided, dtype=VALUE))
