"""The rows of the bench of aggregation: a country's year in monthly submissions, with every rule that there is.

3,321 communes of 34 provinces tell 84 indicators in three breakdowns for twelve months: ten million
figures. Made by arithmetic, the same ones each time. ``tables`` says the same catalogue as files,
for those who are not the hub.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from hub_core.model.catalogue import Catalogue, Dataflow, Indicator, Unit
from hub_core.model.observation import CODED
from hub_core.model.org_unit import Membership, OrgUnit, Validity
from hub_core.model.period import Calendar, Period
from hub_core.model.scope import Scope

YEAR = 2026
MONTHS = tuple(f"{YEAR}-M{n:02d}" for n in range(1, 13))
PROVINCES, COMMUNES = 34, 3321
DIMS = ("", "SEX=F", "SEX=M")
FULL = 12 * COMMUNES * 84 * len(DIMS)  # 10,042,704
UNITS = {"whole": (0, 1), "cents": (2, 1), "percent": (2, 100), "exact": (6, 1)}  # decimals, per
CLUSTER = ("vn01", "vn07", "vn13", "vn19", "vn34")
OWN = ("vn02", "vn05", "vn34")  # provinces that tell some totals themselves


@dataclass(frozen=True, slots=True)
class Told:
    """An indicator of the bench; ``reported`` by the communes, or made from others."""

    code: str
    dataflow: str
    unit: str
    space: str
    time: str
    top: str = ""
    bottom: str = ""
    reported: bool = True
    formula: tuple[tuple[str, int], ...] = ()  # weights in thousandths
    ranks: str = ""


def indicators() -> list[Told]:
    """84 that communes report by every rule, 2 denominators of another report, and 22 that are made from them."""
    found = [
        Told(f"FLOW.{n:02d}", "ADD", ("whole", "cents", "exact")[n % 3], "sum", "sum")
        for n in range(38)
    ]
    found += [Told(f"SHARED.{n}", "ADD", "whole", "sum*", "sum") for n in range(8)]
    found += [Told(f"STOCK.{n:02d}", "ADD", "cents", "sum", "last") for n in range(20)]
    found += [Told(f"MEAN.{n}", "ADD", "cents", "sum", "avg") for n in range(8)]
    found += [
        Told(f"SPEED.{n}", "ADD", "exact", f"weighted_avg(STOCK.{n:02d})", "avg") for n in range(7)
    ]
    found += [Told(f"PLACE.{n}", "ADD", "whole", "none", "none") for n in range(3)]
    found += [
        Told(f"HEADS.{n}", "PEOPLE", "whole", "sum", "last", reported=False) for n in range(2)
    ]
    for n in range(18):
        bottom = f"HEADS.{n % 2}" if n % 3 == 0 else f"STOCK.{n:02d}"
        found.append(
            Told(
                f"RATIO.{n:02d}",
                "ADD",
                "percent",
                "ratio",
                "recompute",
                f"FLOW.{n:02d}",
                bottom,
                False,
            )
        )
    for n in range(3):
        terms = tuple((f"FLOW.{k:02d}", 125 * (k + 1)) for k in range(n, n + 5))
        found.append(
            Told(f"INDEX.{n}", "ADD", "exact", "none", "none", reported=False, formula=terms)
        )
    return [*found, Told("RANK.0", "ADD", "whole", "none", "none", reported=False, ranks="INDEX.0")]


def provinces() -> list[str]:
    """The ids of the provinces."""
    return [f"vn{n:02d}" for n in range(1, PROVINCES + 1)]


def communes(province: str) -> list[str]:
    """The communes of a province; they are dealt to the provinces in turn."""
    first = int(province[2:]) - 1
    return [f"{province}-{n:03d}" for n in range(len(range(first, COMMUNES, PROVINCES)))]


def catalogue() -> Catalogue:
    """The structures as the hub knows them."""
    flow = Dataflow(
        "ADD",
        "",
        "",
        Calendar.STATISTICAL,
        ("M", "A"),
        ("vn", "cluster"),
        "none",
        1,
        Decimal(5),
        Decimal(20),
    )
    people = Dataflow(
        "PEOPLE", "", "", Calendar.STATISTICAL, ("A",), ("vn",), "none", 1, Decimal(5), Decimal(20)
    )
    units = {
        name: Unit(name, name, decimals, per, "", Decimal(1))
        for name, (decimals, per) in UNITS.items()
    }
    org_units = [
        OrgUnit("vn", "country", "", Validity()),
        OrgUnit("cluster", "cluster", "", Validity()),
    ]
    org_units += [OrgUnit(each, "province", "vn", Validity()) for each in provinces()]
    org_units += [
        OrgUnit(each, "commune", above, Validity())
        for above in provinces()
        for each in communes(above)
    ]
    return Catalogue(
        {"ADD": flow, "PEOPLE": people},
        {each.code: _indicator(each) for each in indicators()},
        units,
        {each.id: each for each in org_units},
        tuple(Membership("cluster", each, Validity()) for each in CLUSTER),
        (),
        "",
    )


def _indicator(told: Told) -> Indicator:
    formula = tuple((code, Decimal(thousandths).scaleb(-3)) for code, thousandths in told.formula)
    return Indicator(
        told.code, told.dataflow, told.code, told.code, told.unit, "flow", told.space, told.time, told.top, told.bottom,
        ("M", "A"), "any", formula=formula, ranks=told.ranks, better="+",
    )  # fmt: skip


def scope() -> Scope:
    """The year's release."""
    return Scope.of(catalogue(), "ADD", Period(YEAR, "A"))


def generate(data: Path, count: int = FULL) -> Path:
    """The submissions, and the catalogue as tables beside them, made if not there.

    Fewer than ``FULL`` figures are those of fewer communes, two a province at the least.
    """
    folder = data / f"adding-{count}"
    done = folder / "done"
    if done.exists():
        return folder
    reported = [each.code for each in indicators() if each.reported]
    for province in provinces():
        told = communes(province)
        org_units = told[: max(2, len(told) * count // FULL)] + [province] * (province in OWN)
        for n, month in enumerate(MONTHS):
            rows = _rows(reported, org_units, month, n)
            if province in OWN:
                own = pl.col("indicator").str.ends_with("1") | (pl.col("org_unit") != province)
                rows = rows.filter(own)
            _write(rows, folder / "own" / province / month)
        heads = ["HEADS.0", "HEADS.1"]
        _write(_rows(heads, told, str(YEAR - 1), 99), folder / "lent" / province / str(YEAR - 1))
    _tables(folder)
    done.touch()
    return folder


def rows_in(folder: Path) -> int:
    """How many figures were reported."""
    return int(
        pl.scan_parquet(folder / "own" / "*" / "*" / "*.parquet").select(pl.len()).collect().item()
    )


def _rows(codes: list[str], org_units: list[str], period: str, seed: int) -> pl.LazyFrame:
    """A figure of each indicator, org unit and breakdown.

    One in 500 is not there, one in 300 has no value.
    """
    keys = [
        pl.DataFrame({"indicator": codes}),
        pl.DataFrame({"org_unit": org_units}),
        pl.DataFrame({"dims": DIMS}),
    ]
    table = (
        keys[0]
        .lazy()
        .join(keys[1].lazy(), how="cross")
        .join(keys[2].lazy(), how="cross")
        .with_row_index("row")
    )
    place = pl.col("org_unit").str.extract(r"vn(\d+)").cast(pl.Int64) * 7919 + seed * 104_729
    dice = ((pl.col("row").cast(pl.Int64) + place) * 2_654_435_761 % 4_294_967_291) % 1_000_003
    fine = (
        pl.when(pl.col("indicator").str.contains("FLOW|SPEED"))
        .then(dice * 997)
        .otherwise(dice * 10_000)
    )
    empty = dice % 300 == 7
    return table.filter(dice % 500 != 3).select(
        "indicator",
        "org_unit",
        period=pl.lit(period),
        calendar=pl.lit("S"),
        measure=pl.lit("actual"),
        dims="dims",
        value=pl.when(~empty).then(fine.cast(CODED["value"]) / 1_000_000),
        status=pl.when(empty)
        .then(pl.lit("M"))
        .when(dice % 97 == 5)
        .then(pl.lit("P"))
        .otherwise(pl.lit("A")),
        part=pl.lit(0),
        row="row",
        column=pl.lit("Giá trị"),
    )


def _write(rows: pl.LazyFrame, folder: Path) -> None:
    """As a submission is sealed."""
    folder.mkdir(parents=True, exist_ok=True)
    table = rows.sort("indicator", "org_unit", "dims").cast(CODED)
    table.sink_parquet(folder / "observations.parquet", compression="zstd", compression_level=1)


def _tables(folder: Path) -> None:
    """What SQL must know of the catalogue: indicators, formulas and the tree."""
    told = [
        (
            i.code,
            i.space,
            i.time,
            *UNITS[i.unit],
            i.top or i.code,
            i.bottom or i.space[13:-1],
            i.ranks,
        )
        for i in indicators()
    ]
    columns = ["code", "space", "time", "decimals", "per", "top", "bottom", "ranks"]
    pl.DataFrame(told, schema=columns, orient="row").write_parquet(folder / "indicators.parquet")
    terms = [(i.code, code, thousandths) for i in indicators() for code, thousandths in i.formula]
    pl.DataFrame(terms, schema=["code", "term", "thousandths"], orient="row").write_parquet(
        folder / "terms.parquet"
    )
    edges = [(child, above, 1) for above in provinces() for child in communes(above)]
    edges += [(each, "vn", 2) for each in provinces()] + [(each, "cluster", 2) for each in CLUSTER]
    pl.DataFrame(edges, schema=["child", "parent", "level"], orient="row").write_parquet(
        folder / "tree.parquet"
    )
