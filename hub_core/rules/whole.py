"""The rules of scope submission and history: figures beside one another, and the period before.

They see figures by indices into code lists, as the row rules do: numbers to join and add up, not
texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from hub_core.model.catalogue import Catalogue, Edges, Indicator
from hub_core.model.observation import INDEXED, MEASURES, VALUE, packed, plain
from hub_core.model.scope import LEVELS
from hub_core.rules.rule import SubmissionView, Violations

_TIMES = 10  # an order of magnitude
_KEYS = list(INDEXED)
_HALF = Decimal("0.5")
_WIDE = pl.Decimal(38, 12)  # a figure by its weight, exact
_YTD = MEASURES.index("ytd")
_SUM_AND_PARTS = (pl.col("value").sum().alias("sum"), pl.len().alias("parts"))


def part_above_whole(submission: SubmissionView) -> Violations | None:
    """Find figures above the one that their indicator's range names as the limit (V007)."""
    indicators = _indicators(submission)
    limit_of = {n: submission.indicator(i.limits[0]) for n, i in indicators.items() if i.limits}
    limits = {part: limit for part, limit in limit_of.items() if limit in indicators}
    if not limits:
        return None
    figures = submission.figures.lazy()
    bounds = figures.filter(pl.col("indicator").is_in(list(limits.values())))
    bounds = bounds.select(pl.col("indicator").alias("limit"), *_KEYS[1:], bound=pl.col("value"))
    parts = figures.filter(pl.col("indicator").is_in(list(limits))).with_columns(
        limit=_mapped("indicator", limits)
    )
    beyond = parts.join(bounds, on=["limit", *_KEYS[1:]]).filter(pl.col("value") > pl.col("bound"))
    return Violations(
        _collect(beyond),
        pl.format("{} > {} {}", plain(), _code(submission, "limit"), plain("bound")),
    )


def parts_and_sum(submission: SubmissionView) -> Violations | None:
    """Find reported totals that are not the sum of their reported parts (V008).

    Parts are org units, indicators or a breakdown. A difference counts where it is more than
    rounding explains: half a unit of the indicator's last decimal for each part and for the total,
    or the dataflow's ``parts_percent`` of the total.
    """
    indicators = _indicators(submission)
    added = [n for n, i in indicators.items() if i.agg_space.startswith("sum")]
    figures = submission.figures.lazy().filter(
        pl.col("indicator").is_in(added), pl.col("value").is_not_null()
    )
    mismatches = [
        _collect(_mismatches(submission, totals, sums))
        for totals, sums in _sums(submission, figures, indicators)
    ]
    if not mismatches:
        return None
    return Violations(
        pl.concat(mismatches), pl.format("{} ≠ {} ({})", plain(), plain("sum"), plain("apart"))
    )


def _sums(
    submission: SubmissionView, figures: pl.LazyFrame, indicators: dict[int, Indicator]
) -> Iterator[tuple[pl.LazyFrame, pl.LazyFrame]]:
    """Yield totals, and the sums of their parts under the same key: by units, indicators and dims.

    Sums have ``sum``, ``parts`` (how many), ``complete`` (whether those are all), and perhaps
    ``ever`` (the sum with parts that are none on the period's last day).
    """
    yield from _sums_of_units(submission, figures)
    yield from _sums_of_indicators(submission, figures, indicators)
    yield from _sums_of_breakdowns(submission, figures)


def _sums_of_units(
    submission: SubmissionView, figures: pl.LazyFrame
) -> Iterator[tuple[pl.LazyFrame, pl.LazyFrame]]:
    edges, child_counts = _edges(submission)
    if not edges:
        return
    above = pl.LazyFrame(
        edges,
        schema={"org_unit": pl.UInt32, "above": pl.UInt32, "now": pl.Boolean},
        orient="row",
    )
    now = pl.col("now")
    grouped = figures.join(above, on="org_unit").group_by("indicator", "above", "measure", "dims")
    sums = grouped.agg(
        sum=pl.col("value").filter(now).sum(), parts=now.sum(), ever=pl.col("value").sum()
    )
    sums = sums.rename({"above": "org_unit"}).filter(pl.col("parts") > 0)
    yield figures, sums.with_columns(complete=pl.col("parts") == _mapped("org_unit", child_counts))


def _sums_of_indicators(
    submission: SubmissionView, figures: pl.LazyFrame, indicators: dict[int, Indicator]
) -> Iterator[tuple[pl.LazyFrame, pl.LazyFrame]]:
    parts = {
        n: [submission.indicator(part) for part in i.parts]
        for n, i in indicators.items()
        if i.parts
    }
    pairs = [
        (part, total) for total, below in parts.items() for part in below if part in indicators
    ]
    if not pairs:
        return
    above = pl.LazyFrame(pairs, schema={"indicator": pl.UInt32, "above": pl.UInt32}, orient="row")
    sums = (
        figures.join(above, on="indicator")
        .group_by("above", "org_unit", "measure", "dims")
        .agg(*_SUM_AND_PARTS)
    )
    counts = _mapped("indicator", {total: len(below) for total, below in parts.items()})
    yield (
        figures,
        sums.rename({"above": "indicator"}).with_columns(complete=pl.col("parts") == counts),
    )


def _sums_of_breakdowns(
    submission: SubmissionView, figures: pl.LazyFrame
) -> Iterator[tuple[pl.LazyFrame, pl.LazyFrame]]:
    dimensions = {
        n: text.partition("=")[0]
        for n, text in enumerate(submission.dims)
        if text and ";" not in text
    }
    if not dimensions or "" not in submission.dims:
        return
    no_dims = submission.dims.index("")
    names = sorted(set(dimensions.values()))
    dimension_of = {n: names.index(name) for n, name in dimensions.items()}
    single = figures.filter(pl.col("dims").is_in(list(dimension_of))).with_columns(
        dimension=_mapped("dims", dimension_of)
    )
    sums = single.group_by("indicator", "org_unit", "measure", "dimension").agg(*_SUM_AND_PARTS)
    sums = sums.with_columns(dims=pl.lit(no_dims, pl.UInt32), complete=pl.col("parts") > 1)
    yield figures.filter(pl.col("dims") == no_dims), sums


def _edges(submission: SubmissionView) -> tuple[list[tuple[int, int, bool]], dict[int, int]]:
    """List the edges between units that both have figures, and count each parent's children.

    An edge is (child, parent, whether it is one on the period's last day); the children counted are
    those of that day.
    """
    children = submission.catalogue.children(submission.period.days(submission.calendar)[1])
    edges, child_counts = submission.catalogue.cached(
        ("places", children), lambda: _places(submission.catalogue, children)
    )
    reporting = set(submission.figures["org_unit"].unique())
    return [edge for edge in edges if edge[0] in reporting and edge[1] in reporting], child_counts


def _places(
    catalogue: Catalogue, children: Edges
) -> tuple[list[tuple[int, int, bool]], dict[int, int]]:
    """List all edges that there ever were, by the units' indices, and count each parent's children.

    An edge is (child, parent, whether it is one of ``children``); only those are counted.
    """
    index = {unit: n for n, unit in enumerate(catalogue.org_unit_ids)}
    now = {(index[child], index[parent]) for child, parent in children}
    ever = {(index[u.id], index[u.parent]) for u in catalogue.org_units.values() if u.parent} | now
    return [(child, parent, (child, parent) in now) for child, parent in sorted(ever)], Counter(
        parent for _, parent in now
    )


def _mismatches(
    submission: SubmissionView, totals: pl.LazyFrame, sums: pl.LazyFrame
) -> pl.LazyFrame:
    """Find totals that are further from the sum of their parts than rounding explains.

    A unit that was merged within the period may be in the total or not: a total that agrees with
    either sum is right.
    """
    catalogue, indicators = submission.catalogue, _indicators(submission)
    half_decimal = _mapped(
        "indicator",
        {n: _HALF.scaleb(-catalogue.decimals(i.code)) for n, i in indicators.items()},
        VALUE,
    )
    signed = [n for n, i in indicators.items() if i.range not in (">=0", ">0")]
    both = totals.join(sums, on=_KEYS).with_columns(apart=pl.col("value") - pl.col("sum"))
    if "ever" not in sums.collect_schema():
        both = both.with_columns(ever=pl.col("sum"))
    rounding = half_decimal * (pl.col("parts") + 1).cast(VALUE)
    percent = pl.lit(submission.dataflow.parts_percent, dtype=VALUE)

    def is_wide(gap: pl.Expr) -> pl.Expr:
        return (gap.abs() > rounding) & (gap.abs() * 100 > pl.col("value").abs() * percent)

    shared = [
        n for n, i in indicators.items() if i.agg_space == "sum*"
    ]  # parts may count the same things
    counts = pl.col("complete") & ((pl.col("apart") > 0) | ~pl.col("indicator").is_in(shared))
    counts |= (pl.col("apart") < 0) & ~pl.col("indicator").is_in([*signed, *shared])
    mismatches = both.filter(
        counts, is_wide(pl.col("apart")), is_wide(pl.col("value") - pl.col("ever"))
    )
    return mismatches.select(*submission.figures.columns, "sum", "apart")


def formula(submission: SubmissionView) -> Violations | None:
    """Find figures that differ from their formula by more than one in the last decimal (V009).

    It is asked of ratios, and of weighted sums such as the digital transformation index (Decision
    922/QD-BTTTT).
    """
    violations = [v for v in (_ratios(submission), _weighted(submission)) if v is not None]
    columns = [*submission.figures.columns, "text"]
    rows = [v.rows.with_columns(text=v.text).select(columns) for v in violations]
    return Violations(pl.concat(rows), pl.col("text")) if rows else None


def _weighted(submission: SubmissionView) -> Violations | None:
    indicators, catalogue = _indicators(submission), submission.catalogue
    weighted = {
        n: i
        for n, i in indicators.items()
        if i.formula and all(submission.indicator(c) in indicators for c, _ in i.formula)
    }
    if not weighted:
        return None
    terms = [
        (submission.indicator(code), n, weight)
        for n, i in weighted.items()
        for code, weight in i.formula
    ]
    weights = pl.LazyFrame(
        terms, schema={"indicator": pl.UInt32, "of": pl.UInt32, "weight": _WIDE}, orient="row"
    )
    weighted_terms = (
        submission.figures.lazy()
        .filter(pl.col("value").is_not_null())
        .join(weights, on="indicator")
    )
    product = (pl.col("value").cast(_WIDE) * pl.col("weight")).cast(_WIDE)
    sums = (
        weighted_terms.group_by("of", *_KEYS[1:])
        .agg(made=product.sum(), n=pl.len())
        .rename({"of": "indicator"})
    )
    both = submission.figures.lazy().join(sums, on=_KEYS)
    complete = pl.col("n") == _mapped("indicator", {n: len(i.formula) for n, i in weighted.items()})
    last_decimal = _mapped(
        "indicator",
        {n: Decimal(1).scaleb(-catalogue.decimals(i.code)) for n, i in weighted.items()},
        _WIDE,
    )
    off = (pl.col("value").cast(_WIDE) - pl.col("made")).abs() > last_decimal
    return Violations(
        _collect(both.filter(complete & off)), pl.format("{} ≠ {}", plain(), plain("made"))
    )


def _ratios(submission: SubmissionView) -> Violations | None:
    indicators, catalogue = _indicators(submission), submission.catalogue
    ratios = {
        n: (submission.indicator(i.numerator), submission.indicator(i.denominator), i)
        for n, i in indicators.items()
        if i.kind == "ratio"
    }
    ratios = {n: r for n, r in ratios.items() if r[0] in indicators and r[1] in indicators}
    if not ratios:
        return None
    figures = submission.figures.lazy().filter(pl.col("value").is_not_null())
    reported = figures.filter(pl.col("indicator").is_in(list(ratios))).with_columns(
        num=_mapped("indicator", {n: over for n, (over, _, _) in ratios.items()}),
        den=_mapped("indicator", {n: under for n, (_, under, _) in ratios.items()}),
    )
    for name in ("num", "den"):
        others = figures.select(
            pl.col("indicator").alias(name), *_KEYS[1:], pl.col("value").alias(f"{name}_value")
        )
        reported = reported.join(others, on=[name, *_KEYS[1:]])
    per = {n: Decimal(catalogue.units[i.unit].per) for n, (_, _, i) in ratios.items()}
    last_decimal = {
        n: Decimal(1).scaleb(-catalogue.decimals(i.code)) for n, (_, _, i) in ratios.items()
    }
    quotient = pl.col("num_value") * _mapped("indicator", per, VALUE) / pl.col("den_value")
    off = (pl.col("value") - pl.col("made")).abs() > _mapped("indicator", last_decimal, VALUE)
    wrong = reported.filter(pl.col("den_value") != 0).with_columns(made=quotient).filter(off)
    codes = _code(submission, "num"), _code(submission, "den")
    return Violations(
        _collect(wrong), pl.format("{} ≠ {} / {} = {}", plain(), *codes, plain("made"))
    )


def zero_denominator(submission: SubmissionView) -> Violations | None:
    """Find zeros by which a ratio is divided, at org units of which a release gives it (V025)."""
    indicators, catalogue = _indicators(submission), submission.catalogue
    ratios: dict[str, list[str]] = {}
    for indicator in catalogue.indicators.values():
        if indicator.denominator and submission.period.frequency in indicator.frequencies:
            ratios.setdefault(indicator.denominator, []).append(indicator.code)
    words = {
        n: ", ".join(sorted(ratios[i.code])) for n, i in indicators.items() if i.code in ratios
    }
    if not words:
        return None
    units = [
        n
        for n, unit in enumerate(catalogue.org_unit_ids)
        if catalogue.org_units[unit].level in LEVELS
    ]
    zero = (
        (pl.col("value") == 0)
        & pl.col("indicator").is_in(list(words))
        & pl.col("org_unit").is_in(units)
    )
    ratio = pl.col("indicator").replace_strict(words, default=None, return_dtype=pl.String)
    return Violations(
        _collect(submission.figures.lazy().filter(zero)),
        pl.format("{} = 0: {}", _code(submission, "indicator"), ratio),
    )


def jump(submission: SubmissionView) -> Violations | None:
    """Find flows and stocks ten times, or a tenth of, what they were the period before (V010)."""
    counted = [n for n, i in _indicators(submission).items() if i.kind in ("flow", "stock")]
    if submission.before is None or not counted:
        return None
    now, was = pl.col("value").abs(), pl.col("was").abs()
    both = _with_before(submission).filter(
        pl.col("indicator").is_in(counted), pl.col("measure") != _YTD, now > 0, was > 0
    )
    return Violations(
        _collect(both.filter((now >= was * _TIMES) | (was >= now * _TIMES))), _COMPARED
    )


def cumulative_falls(submission: SubmissionView) -> Violations | None:
    """Find figures counted from the start of the year that fell from the period before (V011)."""
    if submission.before is None or submission.period.shift(-1).year != submission.period.year:
        return None
    if not (submission.figures["measure"] == _YTD).any():
        return None
    fallen = _with_before(submission).filter(
        pl.col("measure") == _YTD, pl.col("value") < pl.col("was")
    )
    return Violations(_collect(fallen), _COMPARED)


_COMPARED = pl.format("{}; kỳ trước {}", plain(), plain("was"))


def _with_before(submission: SubmissionView) -> pl.LazyFrame:
    """Join figures with what they were the period before, as ``was``."""
    assert submission.before is not None
    sizes = (
        len(submission.catalogue.indicator_codes),
        len(submission.catalogue.org_unit_ids),
        len(MEASURES),
        len(submission.dims),
    )
    now, was, on = submission.figures.lazy(), submission.before, _KEYS
    if (key := packed(sizes)) is not None:
        now, was, on = now.with_columns(key=key), was.with_columns(key=key), ["key"]
    return now.join(was.select(*on, was=pl.col("value")), on=on)


def _indicators(submission: SubmissionView) -> dict[int, Indicator]:
    """Return the indicators that the submission has a figure of, by their index."""
    codes = submission.catalogue.indicator_codes
    return {
        n: submission.catalogue.indicators[codes[n]]
        for n in submission.figures["indicator"].unique().sort()
    }


def _mapped(
    column: str, table: dict[int, int] | dict[int, Decimal], kind: pl.DataType | None = None
) -> pl.Expr:
    """Replace a column of indices by what a table has for them; null for others."""
    return pl.col(column).replace_strict(table, default=None, return_dtype=kind or pl.UInt32)


def _code(submission: SubmissionView, column: str) -> pl.Expr:
    return pl.lit(pl.Series(submission.catalogue.indicator_codes, dtype=pl.String)).gather(
        pl.col(column)
    )


def _collect(rows: pl.LazyFrame) -> pl.DataFrame:
    return rows.collect(engine="streaming")
