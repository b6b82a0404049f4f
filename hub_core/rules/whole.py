"""The rules of scope submission and history: figures held against one another, and against the period before.

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


def part_above_whole(whole: SubmissionView) -> Violations | None:
    """V007: a figure above the one that its indicator's range names as the limit."""
    said = _indicators(whole)
    above = {n: whole.indicator(i.limits[0]) for n, i in said.items() if i.limits}
    limits = {part: limit for part, limit in above.items() if limit in said}
    if not limits:
        return None
    figures = whole.figures.lazy()
    bounds = figures.filter(pl.col("indicator").is_in(list(limits.values())))
    bounds = bounds.select(pl.col("indicator").alias("limit"), *_KEYS[1:], bound=pl.col("value"))
    parts = figures.filter(pl.col("indicator").is_in(list(limits))).with_columns(
        limit=_mapped("indicator", limits)
    )
    beyond = parts.join(bounds, on=["limit", *_KEYS[1:]]).filter(pl.col("value") > pl.col("bound"))
    return Violations(
        _hits(beyond), pl.format("{} > {} {}", plain(), _code(whole, "limit"), plain("bound"))
    )


def parts_and_sum(whole: SubmissionView) -> Violations | None:
    """V008: a reported total that is not the sum of its reported parts, by org units, indicators or a breakdown.

    A difference counts where it is more than rounding explains: half a unit of the indicator's last
    decimal for each part and for the total, or the dataflow's ``parts_percent`` of the total.
    """
    said = _indicators(whole)
    added = [n for n, each in said.items() if each.agg_space.startswith("sum")]
    figures = whole.figures.lazy().filter(
        pl.col("indicator").is_in(added), pl.col("value").is_not_null()
    )
    hits = [_hits(_apart(whole, totals, sums)) for totals, sums in _sums(whole, figures, said)]
    if not hits:
        return None
    return Violations(
        pl.concat(hits), pl.format("{} ≠ {} ({})", plain(), plain("sum"), plain("apart"))
    )


def _sums(
    whole: SubmissionView, figures: pl.LazyFrame, said: dict[int, Indicator]
) -> Iterator[tuple[pl.LazyFrame, pl.LazyFrame]]:
    """Totals, and the sums of their parts under the same key.

    ``sum``, ``parts``, ``complete``, perhaps ``ever``.
    """
    added = (pl.col("value").sum().alias("sum"), pl.len().alias("parts"))
    edges, due = _edges(whole)
    if edges:
        above = pl.LazyFrame(
            edges,
            schema={"org_unit": pl.UInt32, "above": pl.UInt32, "now": pl.Boolean},
            orient="row",
        )
        now = pl.col("now")
        sums = figures.join(above, on="org_unit").group_by("indicator", "above", "measure", "dims")
        told = sums.agg(
            sum=pl.col("value").filter(now).sum(), parts=now.sum(), ever=pl.col("value").sum()
        )
        told = told.rename({"above": "org_unit"}).filter(pl.col("parts") > 0)
        yield figures, told.with_columns(complete=pl.col("parts") == _mapped("org_unit", due))
    parts = {
        n: [whole.indicator(part) for part in each.parts] for n, each in said.items() if each.parts
    }
    pairs = [(part, total) for total, below in parts.items() for part in below if part in said]
    if pairs:
        above = pl.LazyFrame(
            pairs, schema={"indicator": pl.UInt32, "above": pl.UInt32}, orient="row"
        )
        told = (
            figures.join(above, on="indicator")
            .group_by("above", "org_unit", "measure", "dims")
            .agg(*added)
        )
        counts = _mapped("indicator", {total: len(below) for total, below in parts.items()})
        yield (
            figures,
            told.rename({"above": "indicator"}).with_columns(complete=pl.col("parts") == counts),
        )
    dimensions = {
        n: text.partition("=")[0] for n, text in enumerate(whole.dims) if text and ";" not in text
    }
    if dimensions and "" in whole.dims:
        plainly = whole.dims.index("")
        names = sorted(set(dimensions.values()))
        of = {n: names.index(name) for n, name in dimensions.items()}
        single = figures.filter(pl.col("dims").is_in(list(of))).with_columns(
            dimension=_mapped("dims", of)
        )
        told = single.group_by("indicator", "org_unit", "measure", "dimension").agg(*added)
        told = told.with_columns(dims=pl.lit(plainly, pl.UInt32), complete=pl.col("parts") > 1)
        yield figures.filter(pl.col("dims") == plainly), told


def _edges(whole: SubmissionView) -> tuple[list[tuple[int, int, bool]], dict[int, int]]:
    """(child, parent, whether it is one on the period's last day) of units that both have figures, and how many
    children each parent has that day.
    """
    children = whole.catalogue.children(whole.period.days(whole.calendar)[1])
    edges, due = whole.catalogue.cached(
        ("places", children), lambda: _places(whole.catalogue, children)
    )
    there = set(whole.figures["org_unit"].unique())
    return [edge for edge in edges if edge[0] in there and edge[1] in there], due


def _places(
    catalogue: Catalogue, children: Edges
) -> tuple[list[tuple[int, int, bool]], dict[int, int]]:
    """(child, parent, whether it is one among these) of all units by their places, and how many each has of these."""
    place = {unit: n for n, unit in enumerate(catalogue.org_unit_ids)}
    now = {(place[child], place[above]) for child, above in children}
    ever = {(place[u.id], place[u.parent]) for u in catalogue.org_units.values() if u.parent} | now
    return [(child, above, (child, above) in now) for child, above in sorted(ever)], Counter(
        above for _, above in now
    )


def _apart(whole: SubmissionView, totals: pl.LazyFrame, sums: pl.LazyFrame) -> pl.LazyFrame:
    """Totals that are further from the sum of their parts than rounding explains.

    A unit that was merged within the period may be in the total or not: neither sum is a
    difference.
    """
    catalogue, said = whole.catalogue, _indicators(whole)
    last = _mapped(
        "indicator", {n: _HALF.scaleb(-catalogue.decimals(i.code)) for n, i in said.items()}, VALUE
    )
    signed = [n for n, each in said.items() if each.range not in (">=0", ">0")]
    both = totals.join(sums, on=_KEYS).with_columns(apart=pl.col("value") - pl.col("sum"))
    if "ever" not in sums.collect_schema():
        both = both.with_columns(ever=pl.col("sum"))
    rounding = last * (pl.col("parts") + 1).cast(VALUE)
    percent = pl.lit(whole.dataflow.parts_percent, dtype=VALUE)

    def wide(apart: pl.Expr) -> pl.Expr:
        return (apart.abs() > rounding) & (apart.abs() * 100 > pl.col("value").abs() * percent)

    shared = [
        n for n, each in said.items() if each.agg_space == "sum*"
    ]  # parts may count the same things
    counts = pl.col("complete") & ((pl.col("apart") > 0) | ~pl.col("indicator").is_in(shared))
    counts |= (pl.col("apart") < 0) & ~pl.col("indicator").is_in([*signed, *shared])
    found = both.filter(counts, wide(pl.col("apart")), wide(pl.col("value") - pl.col("ever")))
    return found.select(*whole.figures.columns, "sum", "apart")


def formula(whole: SubmissionView) -> Violations | None:
    """V009: a reported figure that is not what its formula gives, by more than one in its last decimal.

    Asked of ratios, and of weighted sums such as the digital transformation index (Decision
    922/QD-BTTTT).
    """
    found = [each for each in (_ratios(whole), _weighted(whole)) if each is not None]
    columns = [*whole.figures.columns, "text"]
    told = [each.rows.with_columns(text=each.text).select(columns) for each in found]
    return Violations(pl.concat(told), pl.col("text")) if told else None


def _weighted(whole: SubmissionView) -> Violations | None:
    said, catalogue = _indicators(whole), whole.catalogue
    made = {
        n: i
        for n, i in said.items()
        if i.formula and all(whole.indicator(c) in said for c, _ in i.formula)
    }
    if not made:
        return None
    terms = [
        (whole.indicator(code), n, weight) for n, i in made.items() for code, weight in i.formula
    ]
    weights = pl.LazyFrame(
        terms, schema={"indicator": pl.UInt32, "of": pl.UInt32, "weight": _WIDE}, orient="row"
    )
    known = whole.figures.lazy().filter(pl.col("value").is_not_null()).join(weights, on="indicator")
    product = (pl.col("value").cast(_WIDE) * pl.col("weight")).cast(_WIDE)
    sums = (
        known.group_by("of", *_KEYS[1:])
        .agg(made=product.sum(), n=pl.len())
        .rename({"of": "indicator"})
    )
    both = whole.figures.lazy().join(sums, on=_KEYS)
    whole_there = pl.col("n") == _mapped("indicator", {n: len(i.formula) for n, i in made.items()})
    last = _mapped(
        "indicator",
        {n: Decimal(1).scaleb(-catalogue.decimals(i.code)) for n, i in made.items()},
        _WIDE,
    )
    off = (pl.col("value").cast(_WIDE) - pl.col("made")).abs() > last
    return Violations(
        _hits(both.filter(whole_there & off)), pl.format("{} ≠ {}", plain(), plain("made"))
    )


def _ratios(whole: SubmissionView) -> Violations | None:
    said, catalogue = _indicators(whole), whole.catalogue
    ratios = {
        n: (whole.indicator(i.numerator), whole.indicator(i.denominator), i)
        for n, i in said.items()
        if i.kind == "ratio"
    }
    ratios = {n: told for n, told in ratios.items() if told[0] in said and told[1] in said}
    if not ratios:
        return None
    figures = whole.figures.lazy().filter(pl.col("value").is_not_null())
    told = figures.filter(pl.col("indicator").is_in(list(ratios))).with_columns(
        num=_mapped("indicator", {n: over for n, (over, _, _) in ratios.items()}),
        den=_mapped("indicator", {n: under for n, (_, under, _) in ratios.items()}),
    )
    for name in ("num", "den"):
        others = figures.select(
            pl.col("indicator").alias(name), *_KEYS[1:], pl.col("value").alias(f"{name}_value")
        )
        told = told.join(others, on=[name, *_KEYS[1:]])
    per = {n: Decimal(catalogue.units[i.unit].per) for n, (_, _, i) in ratios.items()}
    last = {n: Decimal(1).scaleb(-catalogue.decimals(i.code)) for n, (_, _, i) in ratios.items()}
    made = pl.col("num_value") * _mapped("indicator", per, VALUE) / pl.col("den_value")
    off = (pl.col("value") - pl.col("made")).abs() > _mapped("indicator", last, VALUE)
    wrong = told.filter(pl.col("den_value") != 0).with_columns(made=made).filter(off)
    codes = _code(whole, "num"), _code(whole, "den")
    return Violations(_hits(wrong), pl.format("{} ≠ {} / {} = {}", plain(), *codes, plain("made")))


def zero_denominator(whole: SubmissionView) -> Violations | None:
    """V025.

    A zero by which a ratio is divided, at an org unit of which a release gives the ratio.
    """
    said, catalogue = _indicators(whole), whole.catalogue
    ratios: dict[str, list[str]] = {}
    for each in catalogue.indicators.values():
        if each.denominator and whole.period.frequency in each.frequencies:
            ratios.setdefault(each.denominator, []).append(each.code)
    words = {n: ", ".join(sorted(ratios[i.code])) for n, i in said.items() if i.code in ratios}
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
        _hits(whole.figures.lazy().filter(zero)),
        pl.format("{} = 0: {}", _code(whole, "indicator"), ratio),
    )


def jump(whole: SubmissionView) -> Violations | None:
    """V010: a flow or stock ten times, or a tenth of, what it was the period before."""
    counted = [n for n, each in _indicators(whole).items() if each.kind in ("flow", "stock")]
    if whole.before is None or not counted:
        return None
    now, was = pl.col("value").abs(), pl.col("was").abs()
    both = _beside(whole).filter(
        pl.col("indicator").is_in(counted), pl.col("measure") != _YTD, now > 0, was > 0
    )
    return Violations(_hits(both.filter((now >= was * _TIMES) | (was >= now * _TIMES))), _THEN)


def cumulative_falls(whole: SubmissionView) -> Violations | None:
    """V011.

    A figure counted from the start of the year that is less than it was a period before.
    """
    if whole.before is None or whole.period.shift(-1).year != whole.period.year:
        return None
    if not (whole.figures["measure"] == _YTD).any():
        return None
    fallen = _beside(whole).filter(pl.col("measure") == _YTD, pl.col("value") < pl.col("was"))
    return Violations(_hits(fallen), _THEN)


_THEN = pl.format("{}; kỳ trước {}", plain(), plain("was"))


def _beside(whole: SubmissionView) -> pl.LazyFrame:
    """Figures with what they were the period before, as ``was``."""
    assert whole.before is not None
    sizes = (
        len(whole.catalogue.indicator_codes),
        len(whole.catalogue.org_unit_ids),
        len(MEASURES),
        len(whole.dims),
    )
    now, was, on = whole.figures.lazy(), whole.before, _KEYS
    if (key := packed(sizes)) is not None:
        now, was, on = now.with_columns(key=key), was.with_columns(key=key), ["key"]
    return now.join(was.select(*on, was=pl.col("value")), on=on)


def _indicators(whole: SubmissionView) -> dict[int, Indicator]:
    """The indicators that the submission has a figure of, by their index."""
    codes = whole.catalogue.indicator_codes
    return {
        n: whole.catalogue.indicators[codes[n]] for n in whole.figures["indicator"].unique().sort()
    }


def _mapped(
    column: str, table: dict[int, int] | dict[int, Decimal], kind: pl.DataType | None = None
) -> pl.Expr:
    """What a table gives for a column of indices; null for others."""
    return pl.col(column).replace_strict(table, default=None, return_dtype=kind or pl.UInt32)


def _code(whole: SubmissionView, column: str) -> pl.Expr:
    return pl.lit(pl.Series(whole.catalogue.indicator_codes, dtype=pl.String)).gather(
        pl.col(column)
    )


def _hits(rows: pl.LazyFrame) -> pl.DataFrame:
    return rows.collect(engine="streaming")
