"""V007 to V011 against what a naive reading of their words finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.model.catalogue import Catalogue, Dataflow, Indicator, Unit
from hub_core.model.finding import Finding
from hub_core.model.observation import MEASURES, SCHEMA, STATUSES, VALUE
from hub_core.model.org_unit import Membership, OrgUnit, Validity
from hub_core.model.period import Calendar, Period
from hub_core.rules import RULES, SubmissionView
from hub_core.stages.validate import INDICES, Codes, apply_submission_rules, indexed

Row = dict[str, Any]
Marks = list[tuple[str, str, str, str, str]]  # indicator, org unit, measure, dims, text

UNITS = {
    "whole": Unit("whole", "", 0, 1, "", Decimal(1)),
    "cents": Unit("cents", "", 2, 1, "", Decimal(1)),
    "percent": Unit("percent", "", 2, 100, "", Decimal(1)),
    "exact": Unit("exact", "", 6, 1, "", Decimal(1)),
}


def indicator(
    code: str, unit: str, kind: str = "stock", allowed: str = ">=0", **more: Any
) -> Indicator:
    space = more.pop(
        "agg_space", "ratio" if kind == "ratio" else "none" if kind in ("rank", "index") else "sum"
    )
    top, bottom = more.pop("of", ("", ""))
    return Indicator(
        code,
        "F",
        code,
        code,
        unit,
        kind,
        space,
        "last",
        top,
        bottom,
        ("M", "Q", "A"),
        allowed,
        **more,
    )


INDICATORS = [
    indicator("AA.ALL", "whole", parts=("AA.ONE", "AA.TWO")),
    indicator("AA.ONE", "whole"),
    indicator("AA.TWO", "whole"),
    indicator("AA.NET", "whole", allowed="any"),
    indicator("AA.CENT", "cents", "flow"),
    indicator("AA.PART", "whole", allowed="<=AA.ONE"),
    indicator("AA.LESS", "whole", allowed="<=AA.PART"),
    indicator("AA.SHARE", "percent", "ratio", "0..100", of=("AA.PART", "AA.ONE")),
    indicator("AA.EACH", "exact", "ratio", "any", of=("AA.NET", "AA.TWO")),
    indicator("AA.RANK", "whole", "rank", "any"),
    indicator("AA.INDEX", "cents", "index", "any", agg_space="weighted_avg(AA.ONE)"),
]
ORG_UNITS = [
    OrgUnit("vn", "country", "", Validity()),
    OrgUnit("k", "cluster", "", Validity()),
    OrgUnit("p1", "province", "vn", Validity()),
    OrgUnit("p2", "province", "vn", Validity()),
    OrgUnit("p3", "province", "vn", Validity()),
    OrgUnit("p-old", "province", "vn", Validity(None, date(2025, 5, 31))),
    OrgUnit("p-new", "province", "vn", Validity(date(2025, 6, 1), None)),
]
MEMBERS = (Membership("k", "p1", Validity()), Membership("k", "p2", Validity()))
DATAFLOW = Dataflow(
    "F", "", "", Calendar.STATISTICAL, ("M", "Q", "A"), ("vn",), "none", 1, Decimal(5), Decimal(20)
)
CATALOGUE = Catalogue(
    {"F": DATAFLOW},
    {i.code: i for i in INDICATORS},
    UNITS,
    {u.id: u for u in ORG_UNITS},
    MEMBERS,
    (),
    "",
)
CHILDREN = {"vn": ["p1", "p2", "p3", "p-new"], "k": ["p1", "p2"]}  # on the last day of 2025-Q2


def obs(code: str, value: str | None, unit: str = "p1", **more: Any) -> Row:
    figure = (
        {"value": None, "status": "M"}
        if value is None
        else {"value": Decimal(value), "status": "A"}
    )
    return {"indicator": code, "org_unit": unit, "measure": "actual", "dims": "", **figure, **more}


def coded(rows: Iterable[Row], label: str, dims: list[str]) -> pl.DataFrame:
    """Rows as they are when they are sealed: by indices into the code lists."""
    placed = [{"part": 0, "column": "gt", "row": n, **row} for n, row in enumerate(rows)]
    lists = codes_of(label, dims).lists
    indices = {
        name: [lists[name].index(row.get(name, label)) for row in placed] for name in INDICES
    }
    return pl.DataFrame(
        {
            **indices,
            **{name: [row[name] for row in placed] for name in ("value", "part", "row", "column")},
        },
        schema={
            **dict.fromkeys(INDICES, pl.UInt32),
            "value": VALUE,
            "part": pl.UInt32,
            "row": pl.UInt64,
            "column": pl.String,
        },
    )


def codes_of(label: str, dims: list[str]) -> Codes:
    lists = {
        "indicator": CATALOGUE.indicator_codes,
        "org_unit": CATALOGUE.org_unit_ids,
        "period": [label],
    }
    return Codes("S", {**lists, "measure": list(MEASURES), "dims": dims, "status": list(STATUSES)})


def frame(rows: Iterable[Row], period: str) -> pl.DataFrame:
    """Rows as they are lent: a frame of format 1."""
    fixed = {"period": period, "calendar": "S", "part": 0, "column": "gt"}
    return pl.DataFrame([{**fixed, "row": n, **each} for n, each in enumerate(rows)], schema=SCHEMA)


def whole(
    rows: Iterable[Row], before: Iterable[Row] | None = None, label: str = "2025-Q2", **limits: Any
) -> SubmissionView:
    """A submission as it is sealed, beside the period before as it is lent."""
    rows = list(rows)
    period, flow = Period.parse(label), replace(DATAFLOW, **limits)
    dims = ["", *sorted({row["dims"] for row in rows} - {""})]
    lent = None
    if before is not None:
        lent = indexed(frame(before, str(period.shift(-1))).lazy(), codes_of(label, dims))
    return SubmissionView(
        CATALOGUE, flow, period, flow.calendar, dims, coded(rows, label, dims), lent
    )


def asked(rule: str, view: SubmissionView) -> Marks:
    """What a rule says of a submission: the key and the words of each figure that breaks it."""
    find_violations = RULES[rule].find_violations
    assert find_violations is not None
    found = find_violations(view)
    if found is None:
        return []
    rows = found.rows.with_columns(text=found.text).rows(named=True)
    units, indicators = CATALOGUE.org_unit_ids, CATALOGUE.indicator_codes
    return sorted(
        (
            indicators[r["indicator"]],
            units[r["org_unit"]],
            MEASURES[r["measure"]],
            view.dims[r["dims"]],
            r["text"],
        )
        for r in rows
    )


def held(rows: Iterable[Row], **limits: Any) -> tuple[pl.DataFrame, pl.DataFrame, list[Finding]]:
    """What stays, what leaves and what is said, when all rules are asked."""
    view = whole(rows, **limits)
    codes = codes_of("2025-Q2", view.dims)
    return apply_submission_rules(
        view.figures, codes, lambda figures: replace(view, figures=figures), RULES
    )


def plain(value: Decimal) -> str:
    return f"{value.normalize() + 0:f}"


def mark(row: Row, text: str) -> tuple[str, str, str, str, str]:
    return row["indicator"], row["org_unit"], row["measure"], row["dims"], text


def beside(row: Row, code: str, rows: Iterable[Row]) -> Row | None:
    """The row of another indicator under the same key, with a value."""
    rest = ("org_unit", "measure", "dims")
    found = [r for r in rows if r["indicator"] == code and all(r[k] == row[k] for k in rest)]
    return next((r for r in found if r["value"] is not None), None)


def by_key(rows: Iterable[Row]) -> list[Row]:
    return list(
        {(r["indicator"], r["org_unit"], r["measure"], r["dims"]): r for r in rows}.values()
    )


small = st.integers(-2, 12).map(Decimal)
cents = st.integers(-200, 1200).map(lambda n: Decimal(n).scaleb(-2))
values = small | small | cents


@st.composite
def rows_of(
    draw: st.DrawFn,
    codes: list[str],
    units: tuple[str, ...] = ("p1",),
    dims: tuple[str, ...] = ("",),
    measures: tuple[str, ...] = ("actual",),
) -> list[Row]:
    """Rows with different keys, in any order, some of them without a value."""
    keys = [(c, u, m, d) for c in codes for u in units for m in measures for d in dims]
    chosen = draw(st.lists(st.sampled_from(keys), max_size=14, unique=True))
    rows = []
    for code, unit, measure, dim in chosen:
        value = draw(st.none() | values | values | values)
        status = "M" if value is None else "A"
        row = {
            "indicator": code,
            "org_unit": unit,
            "measure": measure,
            "dims": dim,
            "value": value,
            "status": status,
        }
        rows.append(row)
    return rows


# V007


@given(
    rows_of(
        ["AA.ONE", "AA.PART", "AA.LESS", "AA.TWO"], ("p1", "p2"), ("", "AREA=U"), ("actual", "plan")
    )
)
def test_v007_finds_each_part_above_the_whole_of_its_own_key(rows: list[Row]) -> None:
    expected = []
    for row in rows:
        limit = {"AA.PART": "AA.ONE", "AA.LESS": "AA.PART"}.get(row["indicator"])
        bound = beside(row, limit, rows) if limit else None
        if bound and row["value"] is not None and row["value"] > bound["value"]:
            expected.append(mark(row, f"{plain(row['value'])} > {limit} {plain(bound['value'])}"))
    assert asked("V007", whole(rows)) == sorted(expected)


def test_v007_a_part_may_be_its_whole() -> None:
    assert asked("V007", whole([obs("AA.PART", "5"), obs("AA.ONE", "5")])) == []
    assert asked("V007", whole([obs("AA.PART", "5.000001"), obs("AA.ONE", "5")])) == [
        ("AA.PART", "p1", "actual", "", "5.000001 > AA.ONE 5")
    ]


@pytest.mark.parametrize(
    "other",
    [{"org_unit": "p2"}, {"measure": "plan"}, {"dims": "AREA=U"}, {"value": None, "status": "M"}],
)
def test_v007_another_key_and_a_missing_whole_bound_nothing(other: Row) -> None:
    assert asked("V007", whole([obs("AA.PART", "5"), obs("AA.ONE", "1") | other])) == []


def test_v007_a_part_leaves_and_what_it_was_compared_with_stays() -> None:
    stays, left, said = held([obs("AA.ONE", "4"), obs("AA.PART", "5", column="c")])
    assert stays["row"].to_list() == [0]
    [row] = left.rows(named=True)
    assert (row["code"], row["field"], row["text"]) == ("V007", "value", "5 > AA.ONE 4")
    assert (row["indicator"], row["org_unit"], row["part"], row["row"], row["column"]) == (
        "AA.PART",
        "p1",
        0,
        1,
        "c",
    )
    assert said == []


def test_what_left_is_no_part_of_what_the_other_rules_are_asked_about() -> None:
    """The share is reported from a part that cannot be.

    With the part gone there is no formula to hold it to.
    """
    rows = [obs("AA.ONE", "4"), obs("AA.PART", "5"), obs("AA.SHARE", "50")]
    _, left, said = held(rows)
    assert (left["code"].to_list(), said) == (["V007"], [])
    _, left, said = held([rows[0], obs("AA.PART", "3"), rows[2]])
    assert (left["code"].to_list(), [each.code for each in said]) == ([], ["V009"])


def test_of_two_figures_from_one_cell_only_the_one_that_broke_a_rule_leaves() -> None:
    """A prepare may make several figures of one cell, and name no column for them."""
    cell: Row = {"row": 0, "column": None}
    rows = [
        obs("AA.ONE", "4", **cell),
        obs("AA.PART", "5", **cell),
        obs("AA.ALL", "19"),
        obs("AA.TWO", "4"),
    ]
    stays, left, said = held(rows)
    assert (left["indicator"].to_list(), stays.height) == (["AA.PART"], 3)
    assert [each.text for each in said] == [
        "19 ≠ 8 (11)"
    ]  # with AA.ONE gone too there would be nothing to add up


# V009


@given(
    rows_of(
        ["AA.SHARE", "AA.EACH", "AA.ONE", "AA.PART", "AA.NET", "AA.TWO"],
        ("p1", "p2"),
        ("", "AREA=U"),
    )
)
def test_v009_holds_a_ratio_against_its_formula(rows: list[Row]) -> None:
    expected = []
    for row in rows:
        this = CATALOGUE.indicators[row["indicator"]]
        if this.kind != "ratio" or row["value"] is None:
            continue
        top, bottom = (beside(row, code, rows) for code in (this.numerator, this.denominator))
        if not top or not bottom or not bottom["value"]:
            continue
        made = Fraction(top["value"]) * UNITS[this.unit].per / Fraction(bottom["value"])
        if abs(Fraction(row["value"]) - made) > Fraction(1, 10 ** UNITS[this.unit].decimals):
            expected.append(mark(row, "")[:4])
    found = asked("V009", whole(rows))
    assert [each[:4] for each in found] == sorted(expected)


@pytest.mark.parametrize(
    ("value", "warned"),
    [("33.33", False), ("33.34", False), ("33.35", True), ("33.32", True), ("0.3333", True)],
)
def test_v009_one_in_the_last_decimal_is_no_difference(value: str, warned: bool) -> None:
    found = asked("V009", whole([obs("AA.SHARE", value), obs("AA.PART", "1"), obs("AA.ONE", "3")]))
    shown = ("AA.SHARE", "p1", "actual", "", f"{value} ≠ AA.PART / AA.ONE = 33.333333")
    assert found == ([shown] if warned else [])


@pytest.mark.parametrize("bottom", ["0", None])
def test_v009_what_cannot_be_divided_is_no_formula(bottom: str | None) -> None:
    assert (
        asked("V009", whole([obs("AA.SHARE", "50"), obs("AA.PART", "1"), obs("AA.ONE", bottom)]))
        == []
    )


def test_v009_divides_the_largest_figures_that_there_can_be() -> None:
    most = str(Decimal(10) ** 26 - Decimal("0.000001"))
    rows = [obs("AA.SHARE", "50"), obs("AA.PART", most), obs("AA.ONE", most)]
    assert asked("V009", whole(rows)) == [
        ("AA.SHARE", "p1", "actual", "", "50 ≠ AA.PART / AA.ONE = 100")
    ]


# V010


@given(
    rows_of(["AA.ONE", "AA.CENT", "AA.SHARE", "AA.RANK"], ("p1", "p2"), ("", "AREA=U")),
    rows_of(["AA.ONE", "AA.CENT", "AA.SHARE", "AA.RANK"], ("p1", "p2"), ("", "AREA=U")),
)
def test_v010_finds_each_flow_or_stock_that_is_ten_times_or_a_tenth(
    now: list[Row], was: list[Row]
) -> None:
    expected = []
    for row in now:
        then = beside(row, row["indicator"], was)
        if (
            then is None
            or not row["value"]
            or not then["value"]
            or row["indicator"] in ("AA.SHARE", "AA.RANK")
        ):
            continue
        one, other = abs(row["value"]), abs(then["value"])
        if one >= 10 * other or other >= 10 * one:
            expected.append(mark(row, f"{plain(row['value'])}; kỳ trước {plain(then['value'])}"))
    assert asked("V010", whole(now, was)) == sorted(expected)
    with mock.patch(
        "hub_core.rules.whole.packed", return_value=None
    ):  # too many codes for one number
        assert asked("V010", whole(now, was)) == sorted(expected)


@pytest.mark.parametrize(
    ("now", "was", "warned"),
    [
        *(
            ("50", "5", True),
            ("5", "50", True),
            ("49.999999", "5", False),
            ("5", "49.999999", False),
        ),
        *(("-50", "5", True), ("0", "5", False), ("5", "0", False), ("0", "0", False)),
        *((None, "5", False), ("5", None, False), ("0.000001", "0.00001", True), ("5", "5", False)),
        ("9" * 26, "9" * 25, True),
        ("9" * 26, "9" * 26, False),
    ],
)
def test_v010_exactly_ten_times_counts_and_nothing_and_zero_never_do(
    now: str | None, was: str | None, warned: bool
) -> None:
    assert bool(asked("V010", whole([obs("AA.ONE", now)], [obs("AA.ONE", was)]))) is warned


@pytest.mark.parametrize("rule", ["V010", "V011"])
def test_without_a_period_before_there_is_no_history(rule: str) -> None:
    rows = [obs("AA.ONE", "500"), obs("AA.ONE", "5", measure="ytd")]
    assert asked(rule, whole(rows)) == []
    assert asked(rule, whole(rows, [])) == []


# V011


@given(
    rows_of(
        ["AA.ONE", "AA.NET", "AA.SHARE"], ("p1", "p2"), measures=("ytd", "ytd", "actual", "plan")
    ),
    rows_of(
        ["AA.ONE", "AA.NET", "AA.SHARE"], ("p1", "p2"), measures=("ytd", "ytd", "actual", "plan")
    ),
    st.sampled_from(["2025-M01", "2025-M02", "2025-M12", "2025-Q1", "2025-Q2", "2025"]),
)
def test_v011_finds_each_cumulative_figure_that_falls_within_a_year(
    now: list[Row], was: list[Row], label: str
) -> None:
    first_of_its_year = label in ("2025-M01", "2025-Q1", "2025")
    now, was = by_key(now), by_key(was)
    expected = []
    for row in now:
        then = beside(row, row["indicator"], was)
        if first_of_its_year or row["measure"] != "ytd" or then is None or row["value"] is None:
            continue
        if row["value"] < then["value"]:
            expected.append(mark(row, f"{plain(row['value'])}; kỳ trước {plain(then['value'])}"))
    assert asked("V011", whole(now, was, label)) == sorted(expected)


@pytest.mark.parametrize(
    ("label", "now", "warned"),
    [
        *(("2025-M02", "4.999999", True), ("2025-M02", "5", False), ("2025-M12", "0", True)),
        *(
            ("2026-M01", "0", False),
            ("2026-Q1", "0", False),
            ("2025-Q4", "0", True),
            ("2025-S2", "4", True),
        ),
    ],
)
def test_v011_december_to_january_is_no_fall(label: str, now: str, warned: bool) -> None:
    found = asked(
        "V011",
        whole([obs("AA.ONE", now, measure="ytd")], [obs("AA.ONE", "5", measure="ytd")], label),
    )
    assert bool(found) is warned


@pytest.mark.parametrize("measure", ["actual", "plan"])
def test_v011_what_is_not_cumulative_may_fall(measure: str) -> None:
    view = whole(
        [obs("AA.ONE", "4", measure=measure)], [obs("AA.ONE", "5", measure=measure)], "2025-M02"
    )
    assert asked("V011", view) == []


def test_what_is_asked_of_the_whole_leaves_or_warns_as_its_severity_says() -> None:
    said = {code: rule.text.severity.value for code, rule in RULES.items() if rule.find_violations}
    warnings = ("V008", "V009", "V010", "V011", "V025")
    assert said == {"V007": "error", **dict.fromkeys(warnings, "warning")}
