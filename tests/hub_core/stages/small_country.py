"""A catalogue of a few provinces and indicators of every rule, and its releases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from hub_core.model.catalogue import Catalogue, Dataflow, Indicator, Unit
from hub_core.model.observation import SCHEMA
from hub_core.model.org_unit import Membership, OrgUnit, Validity
from hub_core.model.period import Calendar, Period
from hub_core.model.scope import Scope
from hub_core.stages.aggregate import aggregate

Key = tuple[str, str, str, str]  # indicator, org unit, measure, dims
Row = dict[str, Any]
WEAKEST_FIRST = "MEFPA"


def indicator(
    code: str, unit: str, space: str, time: str, top: str = "", bottom: str = "", flow: str = "F"
) -> Indicator:
    kind = "ratio" if space == "ratio" else "stock"
    return Indicator(
        code, flow, code, code, unit, kind, space, time, top, bottom, ("M", "Q", "A"), "any"
    )


def dataflow(code: str, calendar: Calendar = Calendar.STATISTICAL) -> Dataflow:
    return Dataflow(
        code,
        "",
        "",
        calendar,
        ("M", "Q", "A"),
        ("vn", "k1", "k2"),
        "none",
        1,
        Decimal(5),
        Decimal(20),
    )


INDICATORS = [
    indicator("FLOW", "whole", "sum", "sum"),
    indicator("STOCK", "cents", "sum", "last"),
    indicator("SHARED", "exact", "sum*", "sum"),
    indicator("MEAN", "cents", "sum", "avg"),
    indicator("PER_HEAD", "percent", "ratio", "recompute", "STOCK", "HEADS"),
    indicator("OWN_RATIO", "exact", "ratio", "recompute", "FLOW", "STOCK"),
    indicator("SPEED", "cents", "weighted_avg(STOCK)", "avg"),
    indicator("RANK", "whole", "none", "none"),
    indicator("HEADS", "whole", "sum", "last", flow="D"),
]
UNITS = {
    "whole": Unit("whole", "", 0, 1, "", Decimal(1)),
    "cents": Unit("cents", "", 2, 1, "", Decimal(1)),
    "exact": Unit("exact", "", 6, 1, "", Decimal(1)),
    "percent": Unit("percent", "", 2, 100, "", Decimal(1)),
}
ORG_UNITS = [
    OrgUnit("vn", "country", "", Validity()),
    OrgUnit("k1", "cluster", "", Validity()),
    OrgUnit("k2", "cluster", "", Validity()),
    OrgUnit("p1", "province", "vn", Validity()),
    OrgUnit("p2", "province", "vn", Validity()),
    OrgUnit("p3", "province", "vn", Validity(date(2020, 1, 1), None)),
    OrgUnit("p4", "province", "vn", Validity(None, date(2030, 1, 1))),
    OrgUnit("p-gone", "province", "vn", Validity(None, date(2025, 3, 31))),
    OrgUnit("p-later", "province", "vn", Validity(date(2026, 1, 1), None)),
    OrgUnit("c11", "commune", "p1", Validity()),
    OrgUnit("c12", "commune", "p1", Validity()),
    OrgUnit("c21", "commune", "p2", Validity()),
    OrgUnit("c22", "commune", "p2", Validity(None, date(2025, 5, 31))),
]
MEMBERS = [
    *(Membership("k1", unit, Validity()) for unit in ("p1", "p2", "p3")),
    *(Membership("k2", unit, Validity()) for unit in ("p3", "p4")),
    Membership("k2", "p1", Validity(None, date(2025, 3, 31))),
    Membership("k2", "p2", Validity(date(2026, 1, 1), None)),
    Membership("k1", "p-gone", Validity()),
]
CATALOGUE = Catalogue(
    {"F": dataflow("F"), "D": dataflow("D"), "G": dataflow("G", Calendar.ADMINISTRATIVE)},
    {each.code: each for each in INDICATORS},
    UNITS,
    {each.id: each for each in ORG_UNITS},
    tuple(MEMBERS),
    (),
    "",
)
CHILDREN = {  # on 2025-06-30 and on 2025-12-31, by reading the tables above
    date(2025, 6, 30): {
        "vn": ["p1", "p2", "p3", "p4"],
        "k1": ["p1", "p2", "p3"],
        "k2": ["p3", "p4"],
        "p1": ["c11", "c12"],
        "p2": ["c21"],
    },
}
CHILDREN[date(2025, 12, 31)] = CHILDREN[date(2025, 6, 30)]
SHOWN = ["vn", "k1", "k2", "p1", "p2", "p3", "p4"]
REPORTING = [*SHOWN, "c11", "c12", "c21"]
SCOPES = {
    label: Scope.of(CATALOGUE, "F", Period.parse(label))
    for label in ("2025-Q2", "2025-M06", "2025")
}


def frame(rows: list[Row]) -> pl.LazyFrame:
    fixed = {
        "calendar": "S",
        "measure": "actual",
        "dims": "",
        "status": "A",
        "part": 0,
        "column": None,
    }
    return pl.DataFrame(
        [{**fixed, "row": n, **each} for n, each in enumerate(rows)], schema=SCHEMA
    ).lazy()


def lent(rows: list[Row]) -> pl.LazyFrame:
    ages = pl.Series("age", [each.get("age", 0) for each in rows], dtype=pl.Int32)
    return (
        frame([{k: v for k, v in each.items() if k != "age"} for each in rows])
        .collect()
        .with_columns(ages)
        .lazy()
    )


def obs(
    indicator: str, org_unit: str, value: str | None, period: str = "2025-Q2", **more: Any
) -> Row:
    figure = {"value": None, "status": "M"} if value is None else {"value": Decimal(value)}
    return {"indicator": indicator, "org_unit": org_unit, "period": period, **figure, **more}


def released(
    rows: list[Row], components: list[Row] | None = None, label: str = "2025-Q2"
) -> dict[Key, Row]:
    found = aggregate(SCOPES[label], frame(rows), lent(components or []))
    return {
        (r["indicator"], r["org_unit"], r["measure"], r["dims"]): r
        for r in found.iter_rows(named=True)
    }


def shown(
    rows: list[Row], code: str, components: list[Row] | None = None, label: str = "2025-Q2"
) -> dict[str, str]:
    """A release's figures of one indicator: value, status and coverage by org unit, as text."""
    figures = {}
    for (indicator, unit, _, _), row in released(rows, components, label).items():
        if indicator == code:
            coverage = f" {row['covered']}/{row['expected']}" if row["covered"] is not None else ""
            value = (
                "-"
                if row["value"] is None
                else f"{row['value']:.{UNITS[CATALOGUE.indicators[code].unit].decimals}f}"
            )
            figures[unit] = f"{value} {row['status']}{coverage}"
    return figures
