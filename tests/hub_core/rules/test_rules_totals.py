"""V008: a total against the parts that make it up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hub_core.rules.test_rules_whole import (
    CATALOGUE,
    CHILDREN,
    INDICATORS,
    UNITS,
    Marks,
    Row,
    asked,
    held,
    mark,
    obs,
    plain,
    rows_of,
    values,
    whole,
)

# V008


def naive_sums(rows: list[Row], percent: Decimal) -> Marks:
    """Every total against every sum that should make it up, from the words of the rule."""
    there = {(r["indicator"], r["org_unit"], r["measure"], r["dims"]): r["value"] for r in rows}
    added = [i for i in INDICATORS if i.agg_space == "sum"]
    found = []

    def hold(row: Row, parts: list[Decimal | None], *, due: int) -> None:
        value = row["value"]
        known = [each for each in parts if each is not None]
        if value is None or not known:
            return
        this = CATALOGUE.indicators[row["indicator"]]
        apart = value - sum(known)
        rounding = Decimal("0.5").scaleb(-UNITS[this.unit].decimals) * (len(known) + 1)
        whole_there = len(known) == due
        if not whole_there and not (apart < 0 and this.range == ">=0"):
            return
        if (
            abs(apart) > rounding
            and Fraction(abs(apart)) > Fraction(abs(value)) * Fraction(percent) / 100
        ):
            found.append(
                mark(row, f"{plain(value)} ≠ {plain(sum(known, Decimal(0)))} ({plain(apart)})")
            )

    for row in rows:
        code, unit, measure, dims = (row[k] for k in ("indicator", "org_unit", "measure", "dims"))
        this = CATALOGUE.indicators[code]
        if this not in added:
            continue
        children = CHILDREN.get(unit, [])
        if children:
            hold(
                row,
                [there.get((code, child, measure, dims)) for child in children],
                due=len(children),
            )
        if this.parts:
            hold(
                row,
                [there.get((part, unit, measure, dims)) for part in this.parts],
                due=len(this.parts),
            )
        if dims == "":
            single = {d for _, _, _, d in there if d and ";" not in d}
            for dimension in sorted({d.split("=")[0] for d in single}):
                parts = [
                    there.get((code, unit, measure, d))
                    for d in sorted(single)
                    if d.startswith(dimension + "=")
                ]
                known = [each for each in parts if each is not None]
                hold(row, parts, due=len(known) if len(known) > 1 else len(known) + 1)
    return sorted(found)


percents = st.sampled_from(["0", "0.001", "10", "50"]).map(Decimal)


@given(
    rows_of(["AA.ALL", "AA.ONE", "AA.TWO"], dims=("", "AREA=U"), measures=("actual", "plan")),
    percents,
)
def test_v008_holds_a_total_against_the_indicators_that_make_it_up(
    rows: list[Row], percent: Decimal
) -> None:
    assert asked("V008", whole(rows, parts_percent=percent)) == naive_sums(rows, percent)


BREAKDOWN = ("", "AREA=U", "AREA=R", "SEX=F", "SEX=M", "AREA=U;SEX=F", "AREA=R;SEX=F")


@given(rows_of(["AA.ONE", "AA.CENT", "AA.NET", "AA.INDEX", "AA.RANK"], dims=BREAKDOWN), percents)
def test_v008_holds_a_total_against_each_breakdown_of_it(rows: list[Row], percent: Decimal) -> None:
    assert asked("V008", whole(rows, parts_percent=percent)) == naive_sums(rows, percent)


@given(
    st.sets(st.sampled_from(["vn", "k", "p1", "p2", "p3", "p-new"]), min_size=1),
    st.sampled_from(["AA.ONE", "AA.CENT", "AA.NET", "AA.RANK"]),
    st.lists(values, min_size=6, max_size=6),
    percents,
)
def test_v008_holds_a_country_and_a_cluster_against_their_provinces(
    units: set[str], code: str, numbers: list[Decimal], percent: Decimal
) -> None:
    rows = [
        obs(code, str(value), unit) for unit, value in zip(sorted(units), numbers, strict=False)
    ]
    assert asked("V008", whole(rows, parts_percent=percent)) == naive_sums(rows, percent)


def test_v008_a_total_of_the_yearbook_that_is_two_off_is_told() -> None:
    """Vietnam's books have such lines: 1.839 where the parts are 1.051 and 790."""
    rows = [obs("AA.ALL", "1839"), obs("AA.ONE", "1051"), obs("AA.TWO", "790")]
    assert asked("V008", whole(rows)) == [("AA.ALL", "p1", "actual", "", "1839 ≠ 1841 (-2)")]


def test_v008_warns_and_the_total_stays_beside_its_parts() -> None:
    stays, left, said = held([obs("AA.ALL", "9"), obs("AA.ONE", "1"), obs("AA.TWO", "1")])
    assert (stays.height, left.is_empty()) == (3, True)
    assert [(each.code, each.rows, each.text, each.row) for each in said] == [
        ("V008", 1, "9 ≠ 2 (7)", 0)
    ]


@pytest.mark.parametrize(
    ("total", "warned"),
    [("101.5", False), ("101.500001", True), ("98.5", False), ("98.499999", True)],
)
def test_v008_half_a_unit_for_each_part_and_for_the_total_is_rounding(
    total: str, warned: bool
) -> None:
    rows = [obs("AA.ALL", total), obs("AA.ONE", "60"), obs("AA.TWO", "40")]
    assert bool(asked("V008", whole(rows, parts_percent=Decimal(0)))) is warned


@pytest.mark.parametrize(
    ("total", "warned"), [("1000100", False), ("1000101", True), ("999900", True)]
)
def test_v008_a_dataflow_says_how_much_of_a_total_may_be_apart(total: str, warned: bool) -> None:
    """A hundredth of a percent of 1000100 is 100.01, of 999900 it is 99.99."""
    rows = [obs("AA.ALL", total), obs("AA.ONE", "600000"), obs("AA.TWO", "400000")]
    assert bool(asked("V008", whole(rows, parts_percent=Decimal("0.01")))) is warned


def test_v008_a_dataflow_may_allow_less_than_a_millionth() -> None:
    """A hundred-thousandth of a percent of a billion is a hundred."""
    rows = [obs("AA.ALL", "1000000000"), obs("AA.ONE", "999999000"), obs("AA.TWO", "950")]
    assert asked("V008", whole(rows, parts_percent=Decimal("0.00001"))) == []
    assert len(asked("V008", whole(rows, parts_percent=Decimal("0.000001")))) == 1


def test_v008_a_total_of_what_is_not_all_in_is_no_difference_until_it_is_below_its_parts() -> None:
    def country(total: str, code: str = "AA.ONE") -> Marks:
        return asked(
            "V008", whole([obs(code, total, "vn"), obs(code, "60", "p1"), obs(code, "50", "p3")])
        )

    assert country("500") == []
    assert country("109") == []  # within the rounding of three figures
    assert country("100") == [("AA.ONE", "vn", "actual", "", "100 ≠ 110 (-10)")]
    assert country("100", "AA.NET") == []  # what is not in may be negative


def test_v008_a_province_that_says_its_figure_is_missing_is_not_in() -> None:
    """Missing is not zero."""
    rows = [obs("AA.ONE", "100", "vn"), *(obs("AA.ONE", "20", unit) for unit in ("p1", "p2", "p3"))]
    assert asked("V008", whole([*rows, obs("AA.ONE", None, "p-new")])) == []
    assert (
        len(asked("V008", whole([*rows, obs("AA.ONE", "20.2", "p-new"), obs("AA.ONE", "40", "k")])))
        == 1
    )


def test_v008_a_province_that_reports_other_indicators_is_not_in_with_this_one() -> None:
    rows = [obs("AA.ONE", "100", "vn"), *(obs("AA.ONE", "20", unit) for unit in ("p1", "p2", "p3"))]
    assert asked("V008", whole([*rows, obs("AA.TWO", "7", "p-new")])) == []


def test_v008_a_province_and_its_successor_are_not_added_up() -> None:
    """Both lived in the half-year and may report it.

    The tree is that of its last day (design, section 14).
    """
    units = ["p1", "p2", "p3", "p-new"]
    rows = [
        obs("AA.ONE", "80", "vn"),
        *(obs("AA.ONE", "20", unit) for unit in units),
        obs("AA.ONE", "19", "p-old"),
    ]
    assert asked("V008", whole(rows, label="2025-S1")) == []
    assert asked("V008", whole(rows, label="2025")) == []


def test_v008_a_tree_is_that_of_the_periods_own_last_day() -> None:
    rows = [
        obs("AA.ONE", "99", "vn"),
        *(obs("AA.ONE", "20", unit) for unit in ("p1", "p2", "p3", "p-old")),
    ]
    assert asked("V008", whole(rows, label="2025-Q1")) == [
        ("AA.ONE", "vn", "actual", "", "99 ≠ 80 (19)")
    ]


def test_v008_two_breakdowns_of_one_total_are_told_apart() -> None:
    by_area = [obs("AA.ONE", "4", dims="AREA=U"), obs("AA.ONE", "4", dims="AREA=R")]
    by_sex = [obs("AA.ONE", "3", dims="SEX=F"), obs("AA.ONE", "3", dims="SEX=M")]
    marks = asked("V008", whole([obs("AA.ONE", "20"), *by_area, *by_sex]))
    assert [text for *_, text in marks] == ["20 ≠ 6 (14)", "20 ≠ 8 (12)"]


def test_v008_adds_up_the_largest_figures_that_there_can_be() -> None:
    most = Decimal(10) ** 26 - Decimal("0.000001")
    rows = [obs("AA.ALL", "1"), obs("AA.ONE", str(most)), obs("AA.TWO", str(most))]
    [(*_, text)] = asked("V008", whole(rows, parts_percent=Decimal(100)))
    assert text == f"1 ≠ {plain(2 * most)} ({plain(1 - 2 * most)})"
