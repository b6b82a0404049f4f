from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl
import pytest

from hub_core.errors import StateError
from hub_core.model.org_unit import OrgUnit, Validity
from hub_core.model.period import Period
from hub_core.model.scope import Scope
from hub_core.stages.aggregate import FIGURES, aggregate
from tests.hub_core.stages.small_country import (
    CATALOGUE,
    ORG_UNITS,
    SCOPES,
    SHOWN,
    UNITS,
    Row,
    frame,
    indicator,
    lent,
    obs,
    released,
    shown,
)

# The same in examples that a person can check


def test_a_sum_of_all_children_is_complete() -> None:
    rows = [
        obs("FLOW", unit, value)
        for unit, value in (("p1", "1"), ("p2", "2"), ("p3", "3"), ("p4", "4"))
    ]
    assert shown(rows, "FLOW") == {
        "p1": "1 A",
        "p2": "2 A",
        "p3": "3 A",
        "p4": "4 A",
        "k1": "6 A 3/3",
        "k2": "7 A 2/2",
        "vn": "10 A 4/4",
    }


def test_a_sum_without_some_children_says_how_many_are_in_and_is_preliminary() -> None:
    rows = [obs("FLOW", "p1", "1"), obs("FLOW", "p3", "3", status="F")]
    assert shown(rows, "FLOW") == {
        "p1": "1 A",
        "p3": "3 F",
        "k1": "4 F 2/3",
        "k2": "3 F 1/2",
        "vn": "4 F 2/4",
    }
    assert shown([obs("FLOW", "p3", "3")], "FLOW")["k2"] == "3 P 1/2"


def test_what_is_incomplete_below_is_incomplete_above() -> None:
    rows = [obs("FLOW", "c11", "1"), obs("FLOW", "p2", "2"), obs("FLOW", "p3", "3")]
    assert shown(rows, "FLOW") == {
        "p1": "1 P 1/2",
        "p2": "2 A",
        "p3": "3 A",
        "k1": "6 P 3/3",
        "k2": "3 P 1/2",
        "vn": "6 P 3/4",
    }


def test_a_figure_reported_at_a_level_wins_over_the_sum() -> None:
    rows = [
        obs("FLOW", "c11", "1"),
        obs("FLOW", "c12", "1"),
        obs("FLOW", "p1", "5"),
        obs("FLOW", "k1", "100"),
    ]
    assert shown(rows, "FLOW") == {"p1": "5 A", "k1": "100 A", "vn": "5 P 1/4"}


def test_org_units_and_members_are_those_of_the_periods_last_day() -> None:
    rows = [
        obs("FLOW", "p-gone", "1000"),
        obs("FLOW", "p-later", "1000"),
        obs("FLOW", "c22", "1000"),
        obs("FLOW", "p1", "1"),
    ]
    assert shown(rows, "FLOW") == {"p1": "1 A", "k1": "1 P 1/3", "vn": "1 P 1/4"}


def test_sums_of_what_provinces_may_share_are_estimates() -> None:
    rows = [obs("SHARED", unit, "1") for unit in ("p1", "p2", "p3", "p4")]
    figures = shown(rows, "SHARED")
    assert figures["p1"] == "1.000000 A"
    assert figures["vn"] == "4.000000 E 4/4"


@pytest.mark.parametrize(
    ("statuses", "status"),
    [("AAAA", "A"), ("AAPA", "P"), ("AFPA", "F"), ("EFPA", "E"), ("AAAF", "F")],
)
def test_a_result_is_as_weak_as_its_weakest_input(statuses: str, status: str) -> None:
    rows = [obs("FLOW", f"p{n}", "1", status=each) for n, each in enumerate(statuses, 1)]
    assert shown(rows, "FLOW")["vn"] == f"4 {status} 4/4"


def test_months_make_a_quarter_only_when_all_are_there() -> None:
    months = [obs("FLOW", "p1", "1", "2025-M04"), obs("FLOW", "p1", "2", "2025-M05", status="E")]
    assert shown(months, "FLOW") == {}
    whole = [*months, obs("FLOW", "p1", "4", "2025-M06")]
    assert shown(whole, "FLOW")["p1"] == "7 E"
    assert shown([*whole, obs("FLOW", "p1", "100")], "FLOW")["p1"] == "100 A"


def test_a_stock_is_that_of_the_last_part() -> None:
    months = [obs("STOCK", "p1", "1", "2025-M04"), obs("STOCK", "p1", "2", "2025-M05")]
    assert shown(months, "STOCK") == {}
    assert shown([*months, obs("STOCK", "p1", "4", "2025-M06")], "STOCK")["p1"] == "4.00 A"


def test_a_year_is_made_of_the_coarsest_parts_that_are_all_there() -> None:
    halves_ = [obs("FLOW", "p1", "1", "2025-S1"), obs("FLOW", "p1", "1", "2025-S2")]
    quarters = [obs("FLOW", "p1", "10", f"2025-Q{n}") for n in range(1, 5)]
    months = [obs("FLOW", "p1", "100", f"2025-M{n:02d}") for n in range(1, 13)]
    assert shown([*halves_, *quarters, *months], "FLOW", label="2025")["p1"] == "2 A"
    assert shown([*halves_[1:], *quarters, *months], "FLOW", label="2025")["p1"] == "40 A"
    assert shown([*halves_[1:], *quarters[1:], *months], "FLOW", label="2025")["p1"] == "1200 A"
    assert shown([*halves_[1:], *quarters[1:], *months[1:]], "FLOW", label="2025") == {}


def test_an_average_is_of_all_parts() -> None:
    months = [
        obs("MEAN", "p1", value, f"2025-M{n:02d}") for n, value in ((4, "1"), (5, "2"), (6, "4"))
    ]
    assert shown(months, "MEAN")["p1"] == "2.33 A"
    assert shown(months[1:], "MEAN") == {}


def test_an_average_is_rounded_once() -> None:
    """0.014999 / 3 is 0.00499966..., which is 0.00 to two decimals.

    By way of six decimals it would be 0.01.
    """
    months = [
        obs("MEAN", "p1", value, f"2025-M{n:02d}")
        for n, value in ((4, "0.004999"), (5, "0.005"), (6, "0.005"))
    ]
    assert shown(months, "MEAN")["p1"] == "0.00 A"


def test_averages_are_added_before_they_are_rounded() -> None:
    """A third of 0.004, of 0.004 and of 0.007 is 0.005 together, so 0.01.

    Each rounded it would be 0.004999.
    """
    rows = [
        obs("MEAN", unit, value if n == 4 else "0", f"2025-M{n:02d}")
        for unit, value in (("p1", "0.004"), ("p2", "0.004"), ("p3", "0.007"))
        for n in (4, 5, 6)
    ]
    assert shown(rows, "MEAN")["k1"] == "0.01 A 3/3"


def test_averages_of_nine_months_are_added_before_they_are_rounded_too() -> None:
    """A ninth of 0.015001, of 0.015001 and of 0.014998 is 0.005 together."""
    rows = [
        obs("MEAN", unit, value if n == 1 else "0", f"2025-M{n:02d}")
        for unit, value in (("p1", "0.015001"), ("p2", "0.015001"), ("p3", "0.014998"))
        for n in range(1, 10)
    ]
    scope = Scope.of(CATALOGUE, "F", Period.parse("2025-N1"))
    found = aggregate(scope, frame(rows), lent([]))
    assert found.filter(pl.col("org_unit") == "k1")["value"].to_list() == [Decimal("0.01")]


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        ("2.345", "2.35"),
        ("-2.345", "-2.35"),
        ("0.005", "0.01"),
        ("0.004999", "0.00"),
        ("-0.005", "-0.01"),
    ],
)
def test_figures_are_rounded_half_up_away_from_zero(value: str, cents: str) -> None:
    assert shown([obs("STOCK", "p1", value)], "STOCK")["p1"] == f"{cents} A"


def test_rounding_happens_after_adding() -> None:
    rows = [obs("STOCK", unit, "0.004") for unit in ("p1", "p2", "p3")]
    assert shown(rows, "STOCK")["k1"] == "0.01 A 3/3"


def test_a_ratio_is_recomputed_with_those_that_have_both() -> None:
    rows = [obs("STOCK", "p1", "50"), obs("STOCK", "p2", "30"), obs("STOCK", "p3", "1000")]
    heads = [
        obs("HEADS", "p1", "100", "2024"),
        obs("HEADS", "p2", "300", "2024"),
        obs("HEADS", "p4", "7", "2024"),
    ]
    assert shown(rows, "PER_HEAD", heads) == {
        "p1": "50.00 A",
        "p2": "10.00 A",
        "k1": "20.00 P 2/3",
        "vn": "20.00 P 2/4",
    }


def test_a_component_of_another_dataflow_is_the_latest_and_gives_its_status() -> None:
    heads = [
        obs("HEADS", "p1", "100", "2023", age=1),
        obs("HEADS", "p1", "200", "2024", age=0, status="E"),
        obs("HEADS", "p2", "50", "2023", age=1),
        obs("HEADS", "p2", None, "2024", age=0),
    ]
    figures = shown([obs("STOCK", "p1", "50"), obs("STOCK", "p2", "50")], "PER_HEAD", heads)
    assert (figures["p1"], figures["p2"]) == ("25.00 E", "100.00 A")


def test_a_zero_denominator_gives_no_value() -> None:
    rows = [obs("STOCK", "p1", "5"), obs("STOCK", "p2", "5"), obs("STOCK", "p3", "0")]
    heads = [
        obs("HEADS", "p1", "0", "2024"),
        obs("HEADS", "p2", "10", "2024"),
        obs("HEADS", "p3", "10", "2024"),
    ]
    assert shown(rows, "PER_HEAD", heads) == {
        "p2": "50.00 A",
        "p3": "0.00 A",
        "k1": "50.00 A 3/3",
        "k2": "0.00 P 1/2",
        "vn": "50.00 P 3/4",
    }


def test_a_reported_ratio_stands_at_its_level_and_is_never_averaged() -> None:
    rows = [obs("PER_HEAD", "p1", "10"), obs("PER_HEAD", "p2", "30"), obs("STOCK", "p1", "50")]
    heads = [obs("HEADS", "p1", "100", "2024")]
    assert shown(rows, "PER_HEAD", heads) == {
        "p1": "10.00 A",
        "p2": "30.00 A",
        "k1": "50.00 P 1/3",
        "vn": "50.00 P 1/4",
    }


def test_a_weighted_average_weighs_and_is_an_estimate() -> None:
    rows = [
        obs("SPEED", "p1", "10"),
        obs("STOCK", "p1", "1"),
        obs("SPEED", "p2", "20"),
        obs("STOCK", "p2", "3"),
        obs("SPEED", "p3", "1000"),
    ]
    figures = shown(rows, "SPEED")
    assert figures == {
        "p1": "10.00 A",
        "p2": "20.00 A",
        "p3": "1000.00 A",
        "k1": "17.50 E 2/3",
        "vn": "17.50 E 2/4",
    }


def test_ranks_are_not_added() -> None:
    rows = [obs("RANK", unit, "1") for unit in ("p1", "p2", "p3", "c11", "c12")]
    assert shown(rows, "RANK") == {"p1": "1 A", "p2": "1 A", "p3": "1 A"}


def test_a_total_and_its_breakdown_are_never_added() -> None:
    rows = [
        obs("FLOW", "p1", "1"),
        obs("FLOW", "p2", "10", dims="SEX=F"),
        obs("FLOW", "p3", "100", measure="plan"),
    ]
    figures = {key[1:]: row["value"] for key, row in released(rows).items()}
    assert figures["vn", "actual", ""] == 1
    assert figures["vn", "actual", "SEX=F"] == 10
    assert figures["vn", "plan", ""] == 100


# What is missing


def test_a_missing_value_is_shown_and_never_counts() -> None:
    rows = [obs("FLOW", "p3", None), obs("FLOW", "p1", "1"), obs("FLOW", "p2", "2")]
    assert shown(rows, "FLOW") == {
        "p1": "1 A",
        "p2": "2 A",
        "p3": "- M",
        "k1": "3 P 2/3",
        "vn": "3 P 2/4",
    }


def test_nothing_but_missing_values_gives_no_sum() -> None:
    assert shown([obs("FLOW", "p3", None), obs("FLOW", "p4", None)], "FLOW") == {
        "p3": "- M",
        "p4": "- M",
    }


def test_a_missing_month_makes_no_quarter() -> None:
    months = [
        obs("FLOW", "p3", value, f"2025-M{n:02d}") for n, value in ((4, "1"), (5, None), (6, "4"))
    ]
    assert shown(months, "FLOW") == {}


def test_a_missing_value_hides_no_sum_that_is_used_above_it() -> None:
    """What a release shows must add up: the province's communes are in the country's total."""
    rows = [obs("FLOW", "p1", None), obs("FLOW", "c11", "1"), obs("FLOW", "c12", "2")]
    figures = shown(rows, "FLOW")
    assert figures["vn"] == "3 P 1/4"
    assert figures["p1"] == "3 A 2/2"


def test_a_missing_value_hides_no_sum_of_finer_periods() -> None:
    months = [obs("FLOW", "p3", "1", f"2025-M{n:02d}") for n in (4, 5, 6)]
    assert shown([*months, obs("FLOW", "p3", None)], "FLOW")["p3"] == "3 A"


def test_a_missing_ratio_is_recomputed() -> None:
    rows = [obs("PER_HEAD", "p3", None), obs("STOCK", "p3", "50")]
    assert shown(rows, "PER_HEAD", [obs("HEADS", "p3", "100", "2024")])["p3"] == "50.00 A"


# Large figures


@pytest.mark.parametrize("code", ["FLOW", "STOCK", "SHARED", "RANK"])
def test_the_largest_figure_is_released_as_it_was_reported(code: str) -> None:
    value = {0: "9" * 26, 2: "9" * 26 + ".99", 6: "9" * 26 + ".999999"}[
        UNITS[CATALOGUE.indicators[code].unit].decimals
    ]
    assert shown([obs(code, "p3", value)], code)["p3"] == f"{value} A"


def test_sums_of_the_largest_figures_are_exact() -> None:
    """|value| < 10^26; a country of a thousand communes still adds up exactly."""
    communes = [OrgUnit(f"c{n:04d}", "commune", "p1", Validity()) for n in range(1000)]
    units = {each.id: each for each in [*ORG_UNITS, *communes] if each.id not in ("c11", "c12")}
    catalogue = replace(CATALOGUE, org_units=units)
    largest = "9" * 26 + ".999999"
    rows = [obs("SHARED", each.id, largest) for each in communes]
    found = aggregate(Scope.of(catalogue, "F", Period.parse("2025-Q2")), frame(rows), lent([]))
    figures = {row["org_unit"]: row["value"] for row in found.iter_rows(named=True)}
    with localcontext(prec=60):
        assert figures["p1"] == figures["vn"] == Decimal(largest) * 1000


@pytest.mark.parametrize("largest", ["9" * 25, "9" * 26])
def test_a_ratio_of_the_largest_figures_is_exact(largest: str) -> None:
    rows = [obs("STOCK", unit, largest) for unit in ("p1", "p2", "p3", "p4")]
    heads = [obs("HEADS", unit, largest, "2024") for unit in ("p1", "p2", "p3", "p4")]
    assert set(shown(rows, "PER_HEAD", heads).values()) == {
        *("100.00 A", "100.00 A 3/3", "100.00 A 2/2", "100.00 A 4/4"),
    }


def test_a_weighted_average_of_large_figures_is_exact() -> None:
    rows = [obs("SPEED", "p1", "1000000000.123456"), obs("STOCK", "p1", "98765432109.123456")]
    rows += [obs("SPEED", "p2", "1"), obs("STOCK", "p2", "1")]
    with localcontext(prec=60):
        top = Decimal("1000000000.123456") * Decimal("98765432109.123456") + 1
        mean = (top / Decimal("98765432110.123456")).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert shown(rows, "SPEED")["k1"] == f"{mean} E 2/3"


# Calendars

ADMINISTRATIVE = replace(
    CATALOGUE,
    indicators={
        "G.1": replace(
            indicator("G.1", "whole", "sum", "sum", flow="G"), frequencies=("M", "Q", "S", "A")
        )
    },
)


def administrative(label: str, rows: list[Row]) -> dict[str, Decimal]:
    scope = Scope.of(ADMINISTRATIVE, "G", Period.parse(label))
    found = aggregate(scope, frame([{**row, "calendar": "A"} for row in rows]), lent([]))
    return {row["org_unit"]: row["value"] for row in found.iter_rows(named=True)}


def test_an_administrative_year_is_made_of_quarters() -> None:
    quarters = [obs("G.1", "p1", "1", f"2025-Q{n}") for n in range(1, 5)]
    assert administrative("2025", quarters)["p1"] == 4
    assert administrative("2025-S1", quarters)["p1"] == 2
    assert administrative("2025-N1", quarters)["p1"] == 3


def test_cumulative_half_years_are_never_added_to_a_year() -> None:
    """In the administrative calendar the second half-year counts from 15 December too (Decree 09/2019)."""
    rows = [obs("G.1", "p1", "10", "2025-S1"), obs("G.1", "p1", "25", "2025-S2")]
    assert administrative("2025", rows).get("p1") != 35


def test_the_cumulative_second_half_is_not_the_sum_of_its_last_two_quarters() -> None:
    rows = [obs("G.1", "p1", "1", "2025-Q3"), obs("G.1", "p1", "1", "2025-Q4")]
    assert administrative("2025-S2", rows) == {}


# The scope


def test_a_scope_shows_the_dataflows_units_down_to_provinces_that_live_on_the_last_day() -> None:
    assert sorted(SCOPES["2025-Q2"].org_units) == sorted(SHOWN)
    assert "p-gone" in Scope.of(CATALOGUE, "F", Period.parse("2025-Q1")).org_units


def test_a_dataflow_that_is_not_there_has_no_scope() -> None:
    with pytest.raises(StateError, match="no dataflow X; there are D, F, G"):
        Scope.of(CATALOGUE, "X", Period.parse("2025"))


def test_nothing_gives_nothing() -> None:
    found = aggregate(SCOPES["2025"], frame([]), lent([]))
    assert found.height == 0
    assert found.schema == FIGURES
