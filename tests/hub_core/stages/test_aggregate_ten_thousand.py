"""Aggregation of ten thousand random figures.

Exact, in any order, in any grouping of rows and of org units.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_core.model.catalogue import Catalogue, Dataflow, Indicator, Unit
from hub_core.model.observation import SCHEMA, content_digest
from hub_core.model.org_unit import OrgUnit, Validity
from hub_core.model.period import Calendar, Period
from hub_core.model.scope import Scope
from hub_core.stages.aggregate import aggregate

MONTHS = ("2025-M04", "2025-M05", "2025-M06")
DIMS = ("", "SEX=F", "SEX=M")
PROVINCES = [f"p{n:02d}" for n in range(34)]
COMMUNES = {f"{province}-{n}": province for province in PROVINCES for n in range(8)}
ROWS = 10_000
RULES = {  # space, time, numerator, denominator; every unit has all six decimals
    "FLOW": ("sum", "sum", "", ""),
    "STOCK": ("sum", "last", "", ""),
    "SHARED": ("sum*", "sum", "", ""),
    "MEAN": ("sum", "avg", "", ""),
    "SPEED": ("weighted_avg(STOCK)", "avg", "", ""),
    "SHARE": ("ratio", "recompute", "FLOW", "STOCK"),
}
REPORTED = [code for code in RULES if code != "SHARE"]


@dataclass(frozen=True)
class Row:
    """A commune's figure of a month."""

    indicator: str
    org_unit: str
    period: str
    dims: str
    value: Decimal


def catalogue(above: dict[str, str]) -> Catalogue:
    """34 provinces of 8 communes; ``above``.

    What stands between some of the provinces and the country.
    """
    regions = sorted(set(above.values()))
    org_units = [
        OrgUnit("vn", "country", "", Validity()),
        *(OrgUnit(r, "cluster", "vn", Validity()) for r in regions),
    ]
    org_units += [OrgUnit(p, "province", above.get(p, "vn"), Validity()) for p in PROVINCES]
    org_units += [OrgUnit(c, "commune", p, Validity()) for c, p in COMMUNES.items()]
    indicators = [
        Indicator(code, "F", code, code, "six", "flow", space, time, top, bottom, ("M", "Q"), "any")
        for code, (space, time, top, bottom) in RULES.items()
    ]
    flow = Dataflow(
        "F", "", "", Calendar.STATISTICAL, ("M", "Q"), ("vn",), "none", 1, Decimal(5), Decimal(20)
    )
    units = {"six": Unit("six", "", 6, 100, "", Decimal(1))}
    ids = {each.id: each for each in org_units}
    return Catalogue({"F": flow}, {each.code: each for each in indicators}, units, ids, (), (), "")


FLAT = catalogue({})


def ten_thousand(seed: int) -> list[Row]:
    """Figures of either sign, of six decimals and up to a thousand million, at most one a key."""
    chance = random.Random(seed)
    keys = [(i, c, m, d) for i in REPORTED for c in COMMUNES for m in MONTHS for d in DIMS]
    return [
        Row(*key, Decimal(chance.randint(-(10**15), 10**15)).scaleb(-6))
        for key in chance.sample(keys, ROWS)
    ]


def frame(rows: list[Row]) -> pl.LazyFrame:
    fixed = {
        "calendar": "S",
        "measure": "actual",
        "status": "A",
        "part": 0,
        "row": 0,
        "column": None,
    }
    return pl.DataFrame([{**vars(each), **fixed} for each in rows], schema=SCHEMA).lazy()


def added(rows: list[pl.LazyFrame], structures: Catalogue = FLAT) -> pl.DataFrame:
    scope = Scope.of(structures, "F", Period.parse("2025-Q2"))
    lent = pl.LazyFrame(schema={**SCHEMA, "age": pl.Int32})
    return aggregate(scope, pl.concat(rows), lent)


def by_hand(rows: list[Row]) -> dict[tuple[str, str, str], Decimal]:
    """The country's and provinces' figures of the quarter, by adding up Decimals.

    None where a divisor is zero.
    """
    told = {(r.indicator, r.org_unit, r.dims, r.period): r.value for r in rows}
    sums: dict[tuple[str, str, str], list[Decimal]] = {}

    def quarter(code: str, commune: str, dims: str) -> Decimal | None:
        months = [told.get((code, commune, dims, month)) for month in MONTHS]
        if RULES[code][1] == "last":
            return months[-1]
        there = [each for each in months if each is not None]
        if len(there) < len(months):
            return None
        return sum(there, Decimal(0)) / (len(months) if RULES[code][1] == "avg" else 1)

    for commune, province in COMMUNES.items():
        for dims in DIMS:
            own = {code: quarter(code, commune, dims) for code in REPORTED}
            parts = {code: (own[code], Decimal(1)) for code in ("FLOW", "STOCK", "SHARED", "MEAN")}
            flow, stock, speed = own["FLOW"], own["STOCK"], own["SPEED"]
            if flow is not None and stock is not None:
                parts["SHARE"] = flow, stock
            if speed is not None and stock is not None:
                parts["SPEED"] = speed * stock, stock
            for code, (top, bottom) in parts.items():
                for unit in (province, "vn"):
                    if top is not None:
                        pair = sums.setdefault((code, unit, dims), [Decimal(0), Decimal(0)])
                        pair[0] += top
                        pair[1] += bottom
    made = {}
    for key, (top, bottom) in sums.items():
        divisor = bottom if key[0] in ("SHARE", "SPEED") else Decimal(1)
        if divisor:
            exact = top * (100 if key[0] == "SHARE" else 1) / divisor
            made[key] = exact.quantize(Decimal("0.000001"), ROUND_HALF_UP)
    return made


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_exact_to_the_last_of_six_decimals(seed: int) -> None:
    rows = ten_thousand(seed)
    found = added([frame(rows)])
    with localcontext(prec=80):
        right = by_hand(rows)
    assert {
        (r["indicator"], r["org_unit"], r["dims"]): r["value"] for r in found.iter_rows(named=True)
    } == right
    assert {code for code, _, _ in right} == set(RULES)
    assert any(
        value != value.quantize(Decimal("0.00001")) for value in right.values()
    )  # all six are used


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_rows_in_any_order_and_grouping_give_one_figures_digest(seed: int) -> None:
    rows, chance = ten_thousand(0), random.Random(seed)
    once = content_digest(added([frame(rows)]))
    chance.shuffle(rows)
    cuts = sorted(chance.sample(range(1, ROWS), chance.randint(1, 12)))
    groups = [frame(rows[a:b]) for a, b in zip([0, *cuts], [*cuts, ROWS], strict=True)]
    assert content_digest(added(groups)) == once


@settings(max_examples=10)
@given(st.lists(st.sampled_from(["", "r1", "r2", "r3", "r4"]), min_size=34, max_size=34))
def test_provinces_in_any_grouping_give_the_country_one_figures_digest(regions: list[str]) -> None:
    above = {
        province: region for province, region in zip(PROVINCES, regions, strict=True) if region
    }
    rows = [frame(ten_thousand(1))]
    country = pl.col("org_unit") == "vn"
    grouped = added(rows, catalogue(above)).filter(country)
    assert content_digest(grouped) == content_digest(added(rows).filter(country))
    assert set(grouped["indicator"]) == set(RULES)
