"""Aggregation against a naive implementation, on observations by chance."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_core.model.catalogue import Indicator
from hub_core.model.observation import KEY
from hub_core.model.period import Calendar, Period
from hub_core.stages.aggregate import FIGURES, aggregate
from tests.hub_core.stages.small_country import (
    CATALOGUE,
    CHILDREN,
    INDICATORS,
    REPORTING,
    SCOPES,
    SHOWN,
    UNITS,
    WEAKEST_FIRST,
    Key,
    Row,
    frame,
    lent,
    obs,
)

# A naive implementation, from the words of design section 9


@dataclass(frozen=True)
class Figure:
    """A figure on its way: numerator and denominator where it is a quotient."""

    value: Decimal | None
    status: str
    method: str
    covered: int | None = None
    expected: int | None = None
    bottom: Decimal = Decimal(1)

    @property
    def whole(self) -> bool:
        return self.covered is None or self.covered == self.expected


def weakest(*statuses: str) -> str:
    return min(statuses, key=WEAKEST_FIRST.index)


def naive(label: str, rows: list[Row], components: list[Row]) -> dict[Key, Figure]:
    with localcontext(prec=60):
        return _naive(Period.parse(label), rows, components)


def _naive(period: Period, rows: list[Row], components: list[Row]) -> dict[Key, Figure]:
    reported: dict[Key, dict[str, Row]] = {}
    for row in rows:
        if row.get("calendar", "S") == "S":
            key = (
                row["indicator"],
                row["org_unit"],
                row.get("measure", "actual"),
                row.get("dims", ""),
            )
            reported.setdefault(key, {})[row["period"]] = row
    known = {
        key: figure
        for key, by_period in reported.items()
        if (figure := _in_time(period, key, by_period))
    }
    borrowed: dict[Key, tuple[int, Figure]] = {}
    for row in components:
        key = (row["indicator"], row["org_unit"], row.get("measure", "actual"), row.get("dims", ""))
        age = row.get("age", 0)
        if row["value"] is not None and (key not in borrowed or age < borrowed[key][0]):
            borrowed[key] = age, Figure(row["value"], row.get("status", "A"), "lent")
    children = CHILDREN[period.days(Calendar.STATISTICAL)[1]]
    kinds = sorted({(key[2], key[3]) for key in [*known, *borrowed]})

    def part(key: Key) -> Figure | None:
        """A component: the period's own figure, else the latest that was lent."""
        own = known.get(key)
        if own is not None and own.value is not None:
            return own
        return borrowed[key][1] if key in borrowed else None

    def total(key: Key) -> Figure | None:
        own = known.get(key)
        if own is not None and own.value is not None:
            return own
        return _added(
            [total((key[0], child, *key[2:])) for child in children.get(key[1], [])], "sum"
        )

    def pair(key: Key) -> Figure | None:
        this = CATALOGUE.indicators[key[0]]
        top = part((this.numerator or this.code, *key[1:]))
        bottom = part((this.denominator or this.weight, *key[1:]))
        method = "weighted average" if this.weight else "ratio"
        if top and bottom:
            value = top.value * bottom.value if this.weight else top.value  # type: ignore[operator]
            return Figure(
                value, weakest(top.status, bottom.status), method, bottom=bottom.value or Decimal(0)
            )
        return _added(
            [pair((key[0], child, *key[2:])) for child in children.get(key[1], [])], method
        )

    found: dict[Key, Figure] = {}
    for this in (each for each in INDICATORS if each.dataflow == "F"):
        for unit in SHOWN:
            for kind in kinds:
                key = (this.code, unit, *kind)
                figure = known.get(key)
                if figure is None and this.agg_space in ("sum", "sum*"):
                    figure = total(key)
                    if figure is not None and this.agg_space == "sum*":
                        figure = replace(figure, status=weakest(figure.status, "E"))
                if figure is None and (this.agg_space == "ratio" or this.weight):
                    figure = _quotient(this, pair(key))
                if figure is not None:
                    found[key] = replace(
                        figure, value=_rounded(this, figure.value), bottom=Decimal(1)
                    )
    return found


def _in_time(period: Period, key: Key, by_period: dict[str, Row]) -> Figure | None:
    """As reported for the period, else from the coarsest finer periods that are all there."""
    if str(period) in by_period:
        row = by_period[str(period)]
        return Figure(row["value"], row.get("status", "A"), "reported")
    rule = CATALOGUE.indicators[key[0]].agg_time
    for frequency in "SQM":
        labels = [str(each) for each in period.parts(frequency)]
        there = [
            by_period[each]
            for each in labels
            if each in by_period and by_period[each]["value"] is not None
        ]
        if rule == "last" and labels and there and there[-1]["period"] == labels[-1]:
            return Figure(there[-1]["value"], there[-1].get("status", "A"), f"last of {frequency}")
        if rule in ("sum", "avg") and labels and len(there) == len(labels):
            value = sum((row["value"] for row in there), Decimal(0))
            status = weakest(*(row.get("status", "A") for row in there))
            if rule == "sum":
                return Figure(value, status, f"sum of {frequency}")
            return Figure(value / len(labels), status, f"average of {frequency}")
    return None


def _added(parts: list[Figure | None], method: str) -> Figure | None:
    there = [each for each in parts if each is not None]
    if not there:
        return None
    status = weakest(*(each.status for each in there))
    if len(there) < len(parts) or not all(each.whole for each in there):
        status = weakest(status, "P")
    value = sum((each.value for each in there if each.value is not None), Decimal(0))
    return Figure(
        value,
        status,
        method,
        len(there),
        len(parts),
        sum((each.bottom for each in there), Decimal(0)),
    )


def _quotient(this: Indicator, pair: Figure | None) -> Figure | None:
    if pair is None or pair.bottom == 0 or pair.value is None:
        return None
    per = 1 if this.weight else UNITS[this.unit].per
    status = weakest(pair.status, "E") if this.weight else pair.status
    return replace(pair, value=pair.value * per / pair.bottom, status=status)


def _rounded(this: Indicator, value: Decimal | None) -> Decimal | None:
    decimals = UNITS[this.unit].decimals
    return None if value is None else value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


# Random observations

PARTS = {
    "2025-Q2": {"M": ["2025-M04", "2025-M05", "2025-M06"]},
    "2025-M06": {},
    "2025": {
        "S": ["2025-S1", "2025-S2"],
        "Q": [f"2025-Q{n}" for n in range(1, 5)],
        "M": [f"2025-M{n:02d}" for n in range(1, 13)],
    },
}
halves = st.sampled_from(
    [
        Decimal(text)
        for text in ("0.5", "-0.5", "0.005", "-0.005", "1.5", "2.5", "0", "-2.505", "0.000001")
    ]
)
ordinary = halves | st.decimals(-(10**9), 10**9, places=6, allow_nan=False, allow_infinity=False)
large = st.decimals(-(10**20), 10**20, places=6, allow_nan=False, allow_infinity=False)
evenly = st.integers(-(10**6), 10**6).map(
    lambda n: n * Decimal("0.12")
)  # whose averages are exact; see below
statuses = st.sampled_from("AAAAPFE")


@cache
def values(code: str) -> st.SearchStrategy[Decimal]:
    if code in ("MEAN", "SPEED"):
        return evenly
    return large if code == "SHARED" else ordinary


@st.composite
def reports(draw: st.DrawFn, label: str) -> list[Row]:
    """Figures of some keys.

    For the period, for finer periods that are all there or not, or for both.
    """
    places = draw(
        st.lists(
            st.tuples(
                st.sampled_from([each.code for each in INDICATORS if each.dataflow == "F"]),
                st.sampled_from(REPORTING),
                st.sampled_from(["actual", "actual", "plan"]),
                st.sampled_from(["", "", "SEX=F"]),
            ),
            max_size=30,
            unique=True,
        )
    )
    rows = []
    for code, unit, measure, dims in places:
        slot = {"measure": measure, "dims": dims}
        plan = draw(
            st.sampled_from(
                ["whole", "whole", "nothing", "parts", "some parts", "both", "other calendar"]
            )
        )
        labels = [label] if plan in ("whole", "both", "nothing", "other calendar") else []
        if plan in ("parts", "some parts", "both") and PARTS[label]:
            finer = draw(st.sampled_from(sorted(PARTS[label])))
            labels += PARTS[label][finer]
            if plan == "some parts":
                labels = [each for each in labels if draw(st.booleans())]
        for each in labels:
            status = draw(statuses)
            row = obs(code, unit, str(draw(values(code))), each, **slot, status=status)
            alone = unit in ("p3", "p4", "c11", "c12", "c21") and code in (
                "FLOW",
                "STOCK",
                "SHARED",
                "MEAN",
            )
            if plan == "nothing" and alone:
                row = obs(code, unit, None, each, **slot)
            rows.append({**row, "calendar": "A"} if plan == "other calendar" else row)
    return rows


@st.composite
def denominators(draw: st.DrawFn) -> list[Row]:
    rows = []
    for unit in REPORTING:
        for age in draw(st.sets(st.integers(0, 2), max_size=2)):
            code = draw(st.sampled_from(["HEADS", "HEADS", "HEADS", "STOCK"]))
            value = draw(
                st.sampled_from(["0", "1", "-3", "0.000007", "98765.4321"])
                | st.integers(1, 10**8).map(str)
            )
            row = obs(code, unit, value, f"{2024 - age}", age=age, status=draw(statuses))
            rows.append(
                obs(code, unit, None, f"{2024 - age}", age=age)
                if draw(st.integers(0, 9)) == 0
                else row
            )
    return rows


@pytest.mark.parametrize("label", ["2025-Q2", "2025-M06", "2025"])
@settings(max_examples=15)
@given(data=st.data())
def test_a_release_is_what_a_naive_implementation_gives(label: str, data: st.DataObject) -> None:
    rows, components = data.draw(reports(label)), data.draw(denominators())
    expected = naive(label, rows, components)
    found = aggregate(SCOPES[label], frame(rows), lent(components))
    assert found.schema == FIGURES
    made = {
        (r["indicator"], r["org_unit"], r["measure"], r["dims"]): (
            r["value"],
            r["status"],
            r["covered"],
            r["expected"],
            r["method"],
        )
        for r in found.iter_rows(named=True)
    }
    assert len(made) == found.height
    assert made == {
        key: (f.value, f.status, f.covered, f.expected, f.method) for key, f in expected.items()
    }
    assert set(found["period"]) <= {label}
    assert set(found["calendar"]) <= {"S"}
    keys = [tuple(text.encode() for text in key) for key in found.select(KEY).iter_rows()]
    assert keys == sorted(keys)


@settings(max_examples=10)
@given(reports("2025-Q2"), denominators(), st.randoms(use_true_random=False))
def test_a_release_does_not_depend_on_the_order_in_which_rows_come(
    rows: list[Row], components: list[Row], chance: random.Random
) -> None:
    once = aggregate(SCOPES["2025-Q2"], frame(rows), lent(components))
    mixed, others = list(rows), list(components)
    chance.shuffle(mixed)
    chance.shuffle(others)
    cut = chance.randint(0, len(mixed))
    in_two = pl.concat([frame(mixed[:cut]), frame(mixed[cut:])])
    assert aggregate(SCOPES["2025-Q2"], in_two, lent(others)).equals(once)
