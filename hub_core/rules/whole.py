"""The rules of scope submission and history: figures held against one another, and against the period before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from hub_core.model.catalogue import Indicator
from hub_core.model.observation import KEY, VALUE, plain
from hub_core.rules.rule import Whole

_TIMES = 10  # an order of magnitude
_KEYS = ["indicator", "org_unit", "measure", "dims"]
_HALF = Decimal("0.5")


def part_above_whole(whole: Whole) -> pl.DataFrame | None:
    """V007: a figure above the one that its indicator's range names as the limit."""
    said = _indicators(whole)
    limits = {i.code: limit for i in said.values() for limit in i.limits if limit in said and i.range.startswith("<")}
    if not limits:
        return None
    rows = whole.figures.lazy().filter(pl.col("indicator").cast(pl.String).is_in(list(limits)))
    rows = _plainly(rows).with_columns(limit=pl.col("indicator").replace_strict(limits))
    others = _plainly(whole.figures.lazy()).filter(pl.col("indicator").is_in(list(set(limits.values()))))
    others = others.select(limit="indicator", org_unit="org_unit", measure="measure", dims="dims", bound="value")
    beyond = rows.join(others, on=["limit", "org_unit", "measure", "dims"]).filter(pl.col("value") > pl.col("bound"))
    text = pl.format("{} > {} {}", plain(), "limit", plain("bound"))
    return _told(beyond, text)


def parts_and_sum(whole: Whole) -> pl.DataFrame | None:
    """V008: a reported total that is not the sum of its reported parts, by org units, indicators or a breakdown.

    A difference counts where it is more than rounding explains: half a unit of the indicator's last decimal for
    each part, or the dataflow's ``parts_percent`` of the total.
    """
    said = _indicators(whole)
    added = [code for code, each in said.items() if each.agg_space.startswith("sum")]
    rows = _plainly(whole.figures.lazy()).filter(pl.col("indicator").is_in(added), pl.col("value").is_not_null())
    found = [_told(_apart(whole, total, sums), _difference()) for total, sums in _sums(whole, rows, said)]
    found = [each for each in found if each.height]
    return pl.concat(found) if found else None


def _sums(whole: Whole, rows: pl.LazyFrame, said: dict[str, Indicator]) -> Iterator[tuple[pl.LazyFrame, pl.LazyFrame]]:
    """Totals, and the sums of their parts under the same key: ``sum``, ``parts``, ``complete``."""
    units = set(whole.figures["org_unit"].cast(pl.String).unique())
    last = whole.period.days(whole.calendar)[1]
    now = set(whole.catalogue.children(last))
    ever = {(u.id, u.parent) for u in whole.catalogue.org_units.values() if u.parent} | now
    edges = sorted((child, parent) for child, parent in ever if child in units and parent in units)
    if edges:
        above = pl.LazyFrame(edges, schema={"org_unit": pl.String, "parent": pl.String}, orient="row")
        due = {parent: {child for child, other in now if other == parent} for _, parent in edges}
        whole_there = [parent for parent, children in due.items() if children <= units]
        sums = rows.join(above, on="org_unit").group_by("indicator", "parent", "measure", "dims")
        told = sums.agg(sum=pl.col("value").sum(), parts=pl.len()).rename({"parent": "org_unit"})
        yield rows, told.with_columns(complete=pl.col("org_unit").is_in(whole_there))
    totals = [(part, each.code) for each in said.values() for part in each.parts if part in said]
    if totals:
        above = pl.LazyFrame(totals, schema={"indicator": pl.String, "total": pl.String}, orient="row")
        counts = {each.code: len(each.parts) for each in said.values() if each.parts}
        sums = rows.join(above, on="indicator").group_by("total", "org_unit", "measure", "dims")
        told = sums.agg(sum=pl.col("value").sum(), parts=pl.len()).rename({"total": "indicator"})
        yield rows, told.with_columns(complete=pl.col("parts") == pl.col("indicator").replace_strict(counts))
    dims = whole.figures["dims"].cast(pl.String).unique()
    if dims.len() > 1 and (dims == "").any():
        single = rows.filter((pl.col("dims") != "") & ~pl.col("dims").str.contains(";", literal=True))
        by = single.with_columns(dimension=pl.col("dims").str.extract("^([^=]*)="), dims=pl.lit(""))
        told = by.group_by([*_KEYS, "dimension"]).agg(sum=pl.col("value").sum(), parts=pl.len())
        yield rows.filter(pl.col("dims") == ""), told.with_columns(complete=pl.col("parts") > 1)


def _apart(whole: Whole, totals: pl.LazyFrame, sums: pl.LazyFrame) -> pl.LazyFrame:
    """Totals that are further from the sum of their parts than rounding explains."""
    catalogue = whole.catalogue
    codes = catalogue.indicator_codes
    half = {code: _HALF.scaleb(-catalogue.decimals(code)) for code in codes}
    lasts = pl.col("indicator").replace_strict(half, return_dtype=VALUE)
    signed = [code for code in codes if catalogue.indicators[code].range not in (">=0", ">0")]
    both = totals.join(sums, on=_KEYS).with_columns(apart=pl.col("value") - pl.col("sum"))
    rounding = lasts * (pl.col("parts") + 1).cast(VALUE)
    share = (pl.col("value").abs() * pl.lit(whole.dataflow.parts_percent / 100, dtype=VALUE)).cast(VALUE)
    counts = pl.col("complete") | ((pl.col("apart") < 0) & ~pl.col("indicator").is_in(signed))
    return both.filter(counts, pl.col("apart").abs() > rounding, pl.col("apart").abs() > share)


def _difference() -> pl.Expr:
    return pl.format("{} ≠ {} ({})", plain(), plain("sum"), plain("apart"))


def formula(whole: Whole) -> pl.DataFrame | None:
    """V009: a reported ratio that is not its numerator by its denominator, by more than one in its last decimal."""
    said = _indicators(whole)
    ratios = {c: i for c, i in said.items() if i.kind == "ratio" and {i.numerator, i.denominator} <= set(said)}
    if not ratios:
        return None
    catalogue = whole.catalogue
    rows = _plainly(whole.figures.lazy())
    told = rows.filter(pl.col("indicator").is_in(list(ratios)), pl.col("value").is_not_null())
    told = told.with_columns(
        pl.col("indicator").replace_strict({c: i.numerator for c, i in ratios.items()}).alias("numerator"),
        pl.col("indicator").replace_strict({c: i.denominator for c, i in ratios.items()}).alias("denominator"),
    )
    for name in ("numerator", "denominator"):
        others = rows.select(pl.col("indicator").alias(name), "org_unit", "measure", "dims", of=pl.col("value"))
        told = told.join(others.rename({"of": f"{name}_value"}), on=[name, "org_unit", "measure", "dims"])
    per = {c: Decimal(catalogue.units[i.unit].per) for c, i in ratios.items()}
    last = {c: Decimal(1).scaleb(-catalogue.decimals(c)) for c in ratios}
    told = told.filter(pl.col("denominator_value") != 0).with_columns(
        made=pl.col("numerator_value")
        * pl.col("indicator").replace_strict(per, return_dtype=VALUE)
        / pl.col("denominator_value")
    )
    off = (pl.col("value") - pl.col("made")).abs() > pl.col("indicator").replace_strict(last, return_dtype=VALUE)
    text = pl.format("{} ≠ {} / {} = {}", plain(), "numerator", "denominator", plain("made"))
    return _told(told.filter(off), text)


def jump(whole: Whole) -> pl.DataFrame | None:
    """V010: a flow or stock ten times, or a tenth of, what it was the period before."""
    if whole.before is None:
        return None
    counted = [c for c, i in _indicators(whole).items() if i.kind in ("flow", "stock")]
    now, was = pl.col("value").abs(), pl.col("was").abs()
    both = _beside(whole).filter(pl.col("indicator").is_in(counted), now > 0, was > 0)
    return _told(both.filter((now >= was * _TIMES) | (was >= now * _TIMES)), _then())


def cumulative_falls(whole: Whole) -> pl.DataFrame | None:
    """V011: a figure counted from the start of the year that is less than it was a period before."""
    label = str(whole.period.shift(-1))
    if whole.before is None or label[:4] != str(whole.period)[:4]:
        return None
    if "ytd" not in whole.figures["measure"].cast(pl.String).unique():
        return None
    fallen = _beside(whole).filter(pl.col("measure") == "ytd", pl.col("value") < pl.col("was"))
    return _told(fallen, _then())


def _then() -> pl.Expr:
    return pl.format("{}; kỳ trước {}", plain(), plain("was"))


def _beside(whole: Whole) -> pl.LazyFrame:
    """Figures with what they were the period before, as ``was``."""
    assert whole.before is not None
    before = _plainly(whole.before).select(*_KEYS, was=pl.col("value"))
    return _plainly(whole.figures.lazy()).join(before, on=_KEYS)


def _indicators(whole: Whole) -> dict[str, Indicator]:
    """The indicators that the submission has a figure of."""
    codes = whole.figures["indicator"].cast(pl.String).unique().sort()
    return {code: whole.catalogue.indicators[code] for code in codes}


def _plainly(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.with_columns(pl.col(*KEY).cast(pl.String))


def _told(rows: pl.LazyFrame, text: pl.Expr) -> pl.DataFrame:
    """Rows that break a rule, with the words for it."""
    return rows.select(*KEY, "value", "part", "row", "column", text=text).collect(engine="streaming")
