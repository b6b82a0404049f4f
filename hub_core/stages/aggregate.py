"""Aggregate.

Figures of the level above, each indicator by its own rule, along the calendar and up the org tree.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from hub_core.aggregation.along import along_calendar, carried_forward
from hub_core.aggregation.figures import DIGITS, UNIT, coded, method, times, weakest
from hub_core.aggregation.formulas import by_formula, ranked
from hub_core.aggregation.quotients import divided, pairs_of, quotients
from hub_core.aggregation.up import edges_of, up
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
    """Figures for the scope's period and org units, in the order of their keys, rounded once.

    ``observations``: frames of format 1 of the period and of the finer periods within it;
    ``present``, where it is given, are all the periods that they are of. ``components``: the same
    of other dataflows and of earlier, coarser periods, with ``age`` (0 the latest), for numerators,
    denominators and weights that the period itself does not have.
    """
    reported = coded(scope, observations)
    known = along_calendar(scope, reported, present)
    if carried is not None:
        known = pl.concat([known, carried_forward(coded(scope, carried), known)])
    known = known.with_columns(covered=pl.lit(None, pl.UInt32), expected=pl.lit(None, pl.UInt32))
    edges = edges_of(scope)
    additive = [i.code for i in scope.indicators if i.agg_space in ("sum", "sum*")]
    doubtful = [i.code for i in scope.indicators if i.agg_space == "sum*"]
    totals = up(known.filter(pl.col("indicator").is_in(additive)), edges, ("value",))
    totals = totals.with_columns(rank=weakest(pl.col("rank"), doubtful))
    wanted = pl.col("org_unit").is_in(list(scope.org_units))
    columns = [*UNIT, "value", "rank", "covered", "expected", "method"]
    found = [each.filter(wanted).select(columns) for each in (known, totals)]
    for weighted in (False, True):
        if quotients(scope, weighted=weighted):
            pairs = pairs_of(scope, known, coded(scope, components), weighted=weighted)
            pairs = pl.concat([pairs, up(pairs, edges, ("num", "den"))])
            found.append(divided(scope, pairs.filter(wanted)).select(columns))
    found.append(_missing(scope, reported.filter(wanted)).select(columns))
    table = _first(found)  # what was reported comes first
    if any(each.terms for each in scope.indicators):
        table = _first([table, by_formula(scope, table).select(columns)])
        table = _first([table, ranked(scope, table).select(columns)])
    return _finished(scope, table)


def _first(found: list[pl.DataFrame]) -> pl.DataFrame:
    """Of figures with one key the first."""
    return pl.concat(found).unique(list(UNIT), keep="first", maintain_order=True)


def _missing(scope: Scope, reported: pl.LazyFrame) -> pl.DataFrame:
    """What was reported as missing (status M); it stands where there is no figure otherwise."""
    here = (pl.col("period") == str(scope.period)) & pl.col("calendar").is_in(scope.calendars)
    return (
        reported.filter(here & pl.col("value").is_null())
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


def _finished(scope: Scope, found: pl.DataFrame) -> pl.DataFrame:
    """Rounded by the indicator's decimals, half up, and in the order of the six keys."""
    return (
        found.with_columns(
            pl.col(*UNIT).cast(pl.String),
            _rounded(scope, found),
            status=pl.col("rank").replace_strict(dict(enumerate(STATUSES)), return_dtype=pl.String),
            period=pl.lit(str(scope.period)),
            calendar=pl.lit(scope.calendar.value),
        )
        .select(FIGURES.names())
        .cast(FIGURES)
        .sort(*KEY)
    )


def _rounded(scope: Scope, found: pl.DataFrame) -> pl.Series:
    """The values of figures by their indicators' decimals.

    What is carried several times over is divided first.
    """
    catalogue, codes = scope.catalogue, [str(code) for code in found["indicator"].unique()]
    by_decimals: dict[int, list[str]] = {}
    for code in codes:
        by_decimals.setdefault(catalogue.decimals(code), []).append(code)
    if found.is_empty():
        return found["value"]
    rounded = pl.coalesce(
        pl.when(pl.col("indicator").is_in(alike)).then(half_up(pl.col("value"), places))
        for places, alike in by_decimals.items()
    )
    values = found.select(value=rounded).to_series()
    parted = [code for code in codes if times(catalogue.indicators[code]) != 1]
    if not parted:
        return values
    places = found.select(
        (pl.col("indicator").is_in(parted) & pl.col("value").is_not_null()).arg_true()
    ).to_series()
    with localcontext(prec=DIGITS):
        divided = [
            (value / times(catalogue.indicators[code])).quantize(
                Decimal(1).scaleb(-catalogue.decimals(code)), ROUND_HALF_UP
            )
            for code, value in found[places].select("indicator", "value").iter_rows()
        ]
    return values.scatter(places, pl.Series(divided, dtype=VALUE))
