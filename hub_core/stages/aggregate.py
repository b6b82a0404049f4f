"""Aggregate: figures of the level above, each indicator by its own rule, along the calendar and up the org tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from hub_core.model.catalogue import Indicator
from hub_core.model.observation import KEY, MEASURES, STATUSES, VALUE
from hub_core.model.scope import Scope

WIDE = pl.Decimal(38, 12)  # products of a figure and its weight, exact
_DIGITS = 60  # in which quotients and roundings are exact
_UNIT = ("indicator", "org_unit", "measure", "dims")
_RANK = pl.Enum(STATUSES)
_ESTIMATE, _PRELIMINARY = STATUSES.index("E"), STATUSES.index("P")
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
    scope: Scope, observations: pl.LazyFrame, components: pl.LazyFrame, present: Collection[str] | None = None
) -> pl.DataFrame:
    """Figures for the scope's period and org units, in the order of their keys, rounded once.

    ``observations``: frames of format 1 of the period and of the finer periods within it; ``present``, where it
    is given, are all the periods that they are of.
    ``components``: the same of other dataflows and of earlier, coarser periods, with ``age`` (0 the
    latest), for numerators, denominators and weights that the period itself does not have.
    """
    coded = _coded(scope, observations)
    known = _along_calendar(scope, coded.filter(pl.col("value").is_not_null()), present).with_columns(
        covered=pl.lit(None, pl.UInt32), expected=pl.lit(None, pl.UInt32)
    )
    edges = edges_of(scope)
    additive = [i.code for i in scope.indicators if i.agg_space in ("sum", "sum*")]
    doubtful = [i.code for i in scope.indicators if i.agg_space == "sum*"]
    totals = _up(known.filter(pl.col("indicator").is_in(additive)), edges, ("value",))
    totals = totals.with_columns(rank=_weakest(pl.col("rank"), doubtful))
    wanted = pl.col("org_unit").is_in(list(scope.org_units))
    columns = [*_UNIT, "value", "rank", "covered", "expected", "method"]
    found = [pl.concat([each.filter(wanted).select(columns) for each in (known, totals)]).collect(engine="streaming")]
    for weighted in (False, True):
        if not _quotients(scope, weighted=weighted):
            continue
        pairs = _pairs(scope, known, _coded(scope, components), weighted=weighted).collect(engine="streaming").lazy()
        pairs = pl.concat([pairs, _up(pairs, edges, ("num", "den"))])
        found.append(_divided(scope, pairs.filter(wanted).collect(engine="streaming")).select(columns))
    found.append(_missing(scope, coded.filter(wanted)).select(columns))
    table = pl.concat(found).unique(list(_UNIT), keep="first", maintain_order=True)  # what was reported comes first
    return _finished(scope, table)


def _missing(scope: Scope, coded: pl.LazyFrame) -> pl.DataFrame:
    """What was reported as missing (status M); it stands where there is no figure otherwise."""
    here = (pl.col("period") == str(scope.period)) & (pl.col("calendar") == scope.calendar.value)
    return (
        coded.filter(here & pl.col("value").is_null())
        .select(
            *_UNIT,
            "value",
            rank=pl.lit(STATUSES.index("M"), pl.UInt8),
            covered=pl.lit(None, pl.UInt32),
            expected=pl.lit(None, pl.UInt32),
            method=pl.lit("reported"),
        )
        .collect(engine="streaming")
    )


def _times(indicator: Indicator) -> int:
    """How many times a figure is carried: averages over time as thirty-sixths, to be divided once, at the end."""
    return 36 if indicator.agg_time == "avg" else 1


def _coded(scope: Scope, frames: pl.LazyFrame) -> pl.LazyFrame:
    """Frames with indicators and org units as codes of the catalogue: numbers to join and group by, not texts."""
    indicators, org_units = pl.Enum(scope.catalogue.indicator_codes), pl.Enum(scope.catalogue.org_unit_ids)
    averages = [i.code for i in scope.catalogue.indicators.values() if _times(i) != 1]
    known = pl.col("indicator").is_in(scope.catalogue.indicator_codes)  # what the catalogue dropped is not released
    known &= pl.col("org_unit").is_in(scope.catalogue.org_unit_ids)
    return frames.filter(known).with_columns(
        pl.col("indicator").cast(indicators),
        pl.col("org_unit").cast(org_units),
        pl.col("measure").cast(pl.Enum(MEASURES)),
        pl.col("dims").cast(pl.Categorical),
        pl.when(pl.col("indicator").is_in(averages)).then(pl.col("value") * 36).otherwise("value").cast(VALUE),
    )


def _along_calendar(scope: Scope, observations: pl.LazyFrame, present: Collection[str] | None) -> pl.LazyFrame:
    """Figures of the period: as reported, else from the finer periods that make it up where all of them are there."""
    label = str(scope.period)
    keyed = observations.filter(pl.col("calendar") == scope.calendar.value).select(
        *_UNIT,
        "period",
        "value",
        rank=pl.col("status").cast(_RANK).to_physical().cast(pl.UInt8),
    )
    direct = keyed.filter(pl.col("period") == label).drop("period").with_columns(method=pl.lit("reported"))
    found = [direct]
    by_time = {rule: [i.code for i in scope.indicators if i.agg_time == rule] for rule in ("sum", "last", "avg")}
    for frequency in ("S", "Q", "M"):  # the coarsest first
        parts = [str(p) for p in scope.parts(frequency)]
        if not parts or (present is not None and not set(parts) <= set(present)):
            continue
        finer = keyed.filter(pl.col("period").is_in(parts))
        whole = (
            finer.group_by(*_UNIT)
            .agg(pl.col("value").sum(), pl.col("rank").min(), n=pl.len())
            .filter(pl.col("n") == len(parts))
        )
        summed = whole.filter(pl.col("indicator").is_in(by_time["sum"])).with_columns(
            method=pl.lit(f"sum of {frequency}")
        )
        averaged = whole.filter(pl.col("indicator").is_in(by_time["avg"])).with_columns(
            value=(pl.col("value") / pl.col("n")).cast(VALUE),  # exact: they are thirty-sixths
            method=pl.lit(f"average of {frequency}"),
        )
        last = (
            finer.filter(pl.col("indicator").is_in(by_time["last"]) & (pl.col("period") == parts[-1]))
            .drop("period")
            .with_columns(method=pl.lit(f"last of {frequency}"))
        )
        derived = pl.concat([each.select(direct.collect_schema().names()) for each in (summed, averaged, last)])
        found.append(derived.join(pl.concat(found).select(_UNIT), on=list(_UNIT), how="anti"))
    return pl.concat(found)


def edges_of(scope: Scope) -> list[pl.DataFrame]:
    """(child, parent, number of its children) of the tree on the period's last day, the lowest parents first."""
    day = scope.period.days(scope.calendar)[1]
    pairs = scope.catalogue.children(day)
    children: dict[str, list[str]] = {}
    for child, parent in pairs:
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


def _up(known: pl.LazyFrame, edges: Iterable[pl.DataFrame], sums: tuple[str, ...]) -> pl.LazyFrame:
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
        own = known.filter(pl.col("org_unit").is_in(parents)).select(_UNIT)
        total = summed.join(own, on=list(_UNIT), how="anti")
        totals.append(total.collect(engine="streaming").lazy())
        level = pl.concat([known, *totals])
    return pl.concat(totals)


def _incomplete(rank: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """A rank that is at most preliminary where not all is in."""
    return pl.when(whole).then(rank).otherwise(pl.min_horizontal(rank, pl.lit(_PRELIMINARY, pl.UInt8)))


def _weakest(rank: pl.Expr, estimated: list[str]) -> pl.Expr:
    """A rank that is at most an estimate for these indicators."""
    weak = pl.min_horizontal(rank, pl.lit(_ESTIMATE, pl.UInt8))
    return pl.when(pl.col("indicator").is_in(estimated)).then(weak).otherwise(rank)


def _quotients(scope: Scope, *, weighted: bool) -> list[Indicator]:
    """The ratios, or the weighted averages, that the period's reports have."""
    owed = [i for i in scope.indicators if scope.period.frequency in i.frequencies]
    return [i for i in owed if (i.weight if weighted else i.agg_space == "ratio")]


def _pairs(scope: Scope, known: pl.LazyFrame, components: pl.LazyFrame, *, weighted: bool) -> pl.LazyFrame:
    """(numerator, denominator) of each ratio, or of each weighted average, at the org units that have both."""
    quotients = _quotients(scope, weighted=weighted)
    needed = sorted({code for i in quotients for code in (*i.components, *([i.code] if weighted else []))})
    here = known.filter(pl.col("indicator").is_in(needed)).select(*_UNIT, "value", "rank")
    there = components.filter(pl.col("indicator").is_in(needed) & pl.col("value").is_not_null()).sort("age")
    before = there.unique(list(_UNIT), keep="first", maintain_order=True).select(
        *_UNIT,
        "value",
        rank=pl.col("status").cast(_RANK).to_physical().cast(pl.UInt8),
    )
    latest = pl.concat([here, before.join(here, on=list(_UNIT), how="anti")]).collect(engine="streaming").lazy()
    codes = pl.Enum(scope.catalogue.indicator_codes)
    roles = pl.LazyFrame(
        [(i.code, i.numerator or i.code, i.denominator or i.weight) for i in quotients],
        schema={"quotient": codes, "top": codes, "bottom": codes},
        orient="row",
    )
    bottom = latest.rename({"indicator": "bottom", "value": "den", "rank": "den_rank"})
    both = latest.join(roles, left_on="indicator", right_on="top").join(
        bottom, on=["bottom", "org_unit", "measure", "dims"]
    )
    product = (pl.col("value").cast(WIDE) * pl.col("den").cast(WIDE)).cast(WIDE)
    return both.select(
        pl.col("quotient").alias("indicator"),
        "org_unit",
        "measure",
        "dims",
        num=product if weighted else pl.col("value"),
        den="den",
        rank=pl.min_horizontal("rank", "den_rank"),
        covered=pl.lit(None, pl.UInt32),
        expected=pl.lit(None, pl.UInt32),
        method=pl.lit("weighted average" if weighted else "ratio"),
    )


def _divided(scope: Scope, pairs: pl.DataFrame) -> pl.DataFrame:
    """Quotients of what was summed, divided once; where the denominator is zero there is none."""
    rows = pairs.filter(pl.col("den") != 0)
    catalogue = scope.catalogue
    values = []
    with localcontext(prec=_DIGITS):
        for code, num, den in rows.select("indicator", "num", "den").iter_rows():
            indicator = catalogue.indicators[code]
            per = catalogue.units[indicator.unit].per
            if indicator.weight:  # a sum of products, over a sum of weights
                exact = num / (den * _times(indicator))
            else:
                over, under = catalogue.indicators[indicator.numerator], catalogue.indicators[indicator.denominator]
                exact = num * per * _times(under) / (den * _times(over))
            rounded = exact.quantize(Decimal(1).scaleb(-catalogue.decimals(code)), ROUND_HALF_UP)
            values.append(rounded * _times(indicator))
    weighted = [i.code for i in scope.indicators if i.weight]
    return rows.with_columns(
        pl.Series("value", values, dtype=VALUE),
        rank=_weakest(pl.col("rank"), weighted),
        method=pl.when(pl.col("indicator").is_in(weighted)).then(pl.lit("weighted average")).otherwise(pl.lit("ratio")),
    )


def _finished(scope: Scope, found: pl.DataFrame) -> pl.DataFrame:
    """Rounded by the indicator's decimals, half up, and in the order of the six keys."""
    catalogue = scope.catalogue
    decimals = {code: Decimal(1).scaleb(-catalogue.decimals(code)) for code in catalogue.indicators}
    with localcontext(prec=_DIGITS):
        rounded = [
            None
            if value is None
            else (value / _times(catalogue.indicators[code])).quantize(decimals[code], ROUND_HALF_UP)
            for code, value in found.select("indicator", "value").iter_rows()
        ]
    return (
        found.with_columns(
            pl.col(*_UNIT).cast(pl.String),
            pl.Series("value", rounded, dtype=VALUE),
            status=pl.col("rank").replace_strict(dict(enumerate(STATUSES)), return_dtype=pl.String),
            period=pl.lit(str(scope.period)),
            calendar=pl.lit(scope.calendar.value),
        )
        .select(FIGURES.names())
        .cast(FIGURES)
        .sort(*KEY)
    )
