"""Rules asked of a whole submission in a child.

What leaves, what stays with a remark, and the period before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl
import pytest

from hub_core.landing.layout import OBSERVATIONS

if TYPE_CHECKING:
    from tests.hub_core.child.conftest import Desk

Made = Callable[..., dict[str, str | None]]
Q1, Q2, Q3 = "2025-Q1", "2025-Q2", "2025-Q3"


# What leaves and what stays


def test_v007_a_part_above_its_whole_goes_to_the_quarantine_with_key_and_place(
    desk: Desk, row: Made
) -> None:
    gone = desk.gather([row(), row(ct="AA.2", gt="5", dv="vn")], [row(ct="AA.4", gt="1,5")])
    assert gone.figures(Q2) == [("AA.2", "5"), ("AA.2", "1")]
    [left] = gone.quarantine(Q2)
    assert left == {
        "code": "V007",
        "field": "value",
        "text": "1.5 > AA.2 1",
        "indicator": "AA.4",
        "org_unit": "vn-a",
        "period": Q2,
        "calendar": "S",
        "measure": "actual",
        "dims": "",
        "part": 1,
        "row": 0,
        "column": "gt",
    }
    assert gone.findings(Q2) == [("V007", "error", 1, "1.5 > AA.2 1", 0)]
    assert (gone.manifest(Q2).rows, gone.manifest(Q2).quarantined) == (2, 1)


def test_v007_counts_towards_the_share_of_rows_that_holds_a_submission(
    desk: Desk, row: Made
) -> None:
    desk.dataflow = desk.dataflow.replace("quarantined_percent = 100", "quarantined_percent = 5")
    gone = desk.gather([row(), row(ct="AA.4", gt="2")])
    assert gone.manifest(Q2).blocked == ["V016"]


def test_v008_a_total_that_is_not_its_parts_stays_and_is_remarked(desk: Desk, row: Made) -> None:
    parts = [row(ct="AA.2", gt="1.051"), row(ct="AA.3", gt="790")]
    gone = desk.gather([row(ct="AA.1", gt="1.839"), *parts])
    assert gone.figures(Q2) == [("AA.1", "1839"), ("AA.2", "1051"), ("AA.3", "790")]
    assert gone.findings(Q2) == [("V008", "warning", 1, "1839 ≠ 1841 (-2)", 0)]
    assert gone.quarantine(Q2) == []
    assert (gone.manifest(Q2).quarantined, gone.manifest(Q2).blocked) == (0, [])


def test_v008_a_total_off_by_its_parts_and_by_its_provinces_is_one_row_of_its_finding(
    desk: Desk, row: Made
) -> None:
    provinces = [row(ct="AA.1", dv=unit, gt="10") for unit in ("vn-a", "vn-b")]
    country = [
        row(ct="AA.1", dv="vn", gt="90"),
        *(row(ct=code, dv="vn", gt="40") for code in ("AA.2", "AA.3")),
    ]
    [(code, severity, rows, text, place)] = desk.gather([*country, *provinces]).findings(Q2)
    assert (code, severity, rows, place) == ("V008", "warning", 1, 0)
    assert text in ("90 ≠ 20 (70)", "90 ≠ 80 (10)")


def test_v009_a_ratio_that_its_formula_does_not_give_stays_and_is_remarked(
    desk: Desk, row: Made
) -> None:
    gone = desk.gather([row(ct="AA.2", gt="8"), row(ct="AA.4", gt="6"), row(ct="AA.5", gt="74,98")])
    assert gone.figures(Q2)[-1] == ("AA.5", "74.98")
    assert gone.findings(Q2) == [("V009", "warning", 1, "74.98 ≠ AA.4 / AA.2 = 75", 2)]


# The period before


def test_v010_what_the_hub_lends_is_the_period_before(desk: Desk, row: Made) -> None:
    lent = desk.gather([row(ky=Q1, gt="7"), row(ky=Q1, ct="AA.3", gt="7")], asked=(Q1,)).folders
    gone = desk.gather([row(gt="70"), row(ct="AA.3", gt="69,999999")], baseline=lent)
    assert gone.figures(Q2) == [("AA.2", "70"), ("AA.3", "69.999999")]
    assert gone.findings(Q2) == [("V010", "warning", 1, "70; kỳ trước 7", 0)]


def test_v011_a_cumulative_figure_that_falls_stays_and_is_remarked(desk: Desk, row: Made) -> None:
    lent = desk.gather([row(ky=Q1, do="ytd", gt="7")], asked=(Q1,)).folders
    gone = desk.gather([row(do="ytd", gt="6,5")], baseline=lent)
    assert gone.findings(Q2) == [("V011", "warning", 1, "6.5; kỳ trước 7", 0)]
    assert gone.figures(Q2) == [("AA.2", "6.5")]


def test_without_a_period_before_nothing_is_said_of_history(desk: Desk, row: Made) -> None:
    assert desk.gather([row(gt="70"), row(ct="AA.3", do="ytd", gt="0")]).findings(Q2) == []


def test_the_period_before_is_that_of_the_same_payload_where_it_holds_both(
    desk: Desk, row: Made
) -> None:
    """What is lent for it is what stood until now; the payload says what stands after it."""
    lent = desk.gather([row(ky=Q1, gt="7")], asked=(Q1,)).folders
    gone = desk.gather([row(gt="70"), row(ky=Q1, gt="50")], asked=(Q1, Q2), baseline=lent)
    assert gone.findings(Q2) == []
    told = desk.gather([row(gt="500"), row(ky=Q1, gt="50")], asked=(Q1, Q2), baseline=lent)
    assert told.findings(Q2) == [("V010", "warning", 1, "500; kỳ trước 50", 0)]
    assert told.manifest(Q2).lent == [told.manifest(Q1).digests.content]


@pytest.mark.parametrize("order", [(Q1, Q2, Q3), (Q3, Q2, Q1), (Q2, Q3, Q1)])
def test_periods_of_one_payload_are_compared_in_the_order_of_time_however_they_come(
    desk: Desk, row: Made, order: tuple[str, ...]
) -> None:
    values = {Q1: "1", Q2: "10", Q3: "100"}
    gone = desk.gather(
        [row(ky=period, gt=values[period], dv="vn") for period in order], asked=order
    )
    assert {period: [text for _, _, _, text, _ in gone.findings(period)] for period in values} == {
        Q1: [],
        Q2: ["10; kỳ trước 1"],
        Q3: ["100; kỳ trước 10"],
    }


def test_a_figure_that_left_the_period_before_is_not_compared_with(desk: Desk, row: Made) -> None:
    part = [row(ky=Q1, ct="AA.4", gt="2"), row(ky=Q1, gt="1")]
    gone = desk.gather([*part, row(ct="AA.4", gt="20"), row(gt="20")], asked=(Q1, Q2))
    assert [code for code, *_ in gone.findings(Q1)] == ["V007"]
    assert [text for _, _, _, text, _ in gone.findings(Q2)] == ["20; kỳ trước 1"]


def test_a_manifest_names_what_was_lent_by_content_digest(desk: Desk, row: Made) -> None:
    before = desk.gather([row(ky=Q1, gt="7")], asked=(Q1,))
    current = desk.gather([row(gt="8")])
    gone = desk.gather([row(gt="9")], baseline={**before.folders, **current.folders})
    digests = [
        each.manifest(period).digests.content for each, period in ((current, Q2), (before, Q1))
    ]
    assert gone.manifest(Q2).lent == digests
    assert gone.manifest(Q2).predecessor == digests[0]
    assert gone.manifest(Q2).counts == {"new": 0, "changed": 1, "unchanged": 0, "withdrawn": 0}
    only_before = desk.gather([row(gt="9")], baseline=before.folders).manifest(Q2)
    assert (only_before.lent, only_before.predecessor) == ([digests[1]], None)
    assert desk.gather([row(gt="9")]).manifest(Q2).lent == []


def test_a_replay_gives_the_same_figures_and_findings(desk: Desk, row: Made) -> None:
    lent = desk.gather([row(ky=Q1, gt="7")], asked=(Q1,)).folders
    rows = [row(gt="70"), row(ct="AA.4", gt="71"), row(ct="AA.1", gt="900"), row(ct="AA.3", gt="1")]
    gone = desk.gather(rows, baseline=lent)
    again = desk.gather(baseline=lent, again=True)
    assert [code for code, *_ in gone.findings(Q2)] == ["V007", "V008", "V010"]
    assert again.findings(Q2) == gone.findings(Q2)
    assert again.manifest(Q2).digests == gone.manifest(Q2).digests
    assert again.manifest(Q2).lent == gone.manifest(Q2).lent
    assert again.folders[Q2] != gone.folders[Q2]


def test_the_quarter_before_is_no_month_and_no_year(desk: Desk, row: Made) -> None:
    others = ("2025-M03", "2025-M06", "2024", "2024-Q4")
    lent = desk.gather([row(ky=label, gt="1") for label in others], asked=others).folders
    assert sorted(lent) == sorted(others)
    gone = desk.gather(
        [row(ky=Q1, gt="10"), row(ky="2025", gt="10")], asked=(Q1, "2025"), baseline=lent
    )
    assert [text for _, _, _, text, _ in gone.findings(Q1)] == ["10; kỳ trước 1"]
    assert [text for _, _, _, text, _ in gone.findings("2025")] == ["10; kỳ trước 1"]
    alone = desk.gather([row(gt="10")], baseline={k: v for k, v in lent.items() if k != "2024-Q4"})
    assert alone.findings(Q2) == []


# Row rules that look at more than the row


def test_v013_an_org_unit_that_did_not_live_in_the_period_leaves(desk: Desk, row: Made) -> None:
    gone = desk.gather([row(), row(dv="vn-b", gt="2"), row(dv="vn-c", gt="3")])
    assert gone.figures(Q2) == [("AA.2", "1"), ("AA.2", "2")]
    assert [(r["code"], r["field"], r["text"], r["org_unit"]) for r in gone.quarantine(Q2)] == [
        ("V013", "org_unit", "vn-c", "vn-c")
    ]


def test_v013_a_period_that_comes_late_in_the_payload_is_held_to_its_own_days(
    desk: Desk, row: Made
) -> None:
    first = [row(dv=unit) for unit in ("vn-a", "vn-b")]
    later = [row(dv=unit, ky=Q3) for unit in ("vn-a", "vn-b", "vn-c")]
    gone = desk.gather(
        first, [row(ky="2025", dv=unit) for unit in ("vn-b", "vn-c")], later, asked=(Q2, Q3, "2025")
    )
    assert {
        period: [r["org_unit"] for r in gone.quarantine(period)] for period in (Q2, Q3, "2025")
    } == {
        Q2: [],
        Q3: ["vn-b"],
        "2025": [],
    }


def test_v013_counts_the_days_of_the_provisions_own_calendar(desk: Desk, row: Made) -> None:
    """2025-Q3 begins on 15 June by the administrative calendar, and on 1 July by the statistical one."""
    assert [
        r["code"] for r in desk.gather([row(dv="vn-b", ky=Q3)], asked=(Q3,)).quarantine(Q3)
    ] == ["V013"]
    desk.more = 'calendar = "A"'
    assert desk.gather([row(dv="vn-b", ky=Q3)], asked=(Q3,)).quarantine(Q3) == []


def test_v014_a_share_above_all_of_it_leaves(desk: Desk, row: Made) -> None:
    gone = desk.gather([row(ct="AA.5", gt="100"), row(ct="AA.5", gt="100,01", dv="vn-b")])
    assert [(r["code"], r["text"]) for r in gone.quarantine(Q2)] == [("V014", "100,01")]


def test_v019_a_row_that_its_reader_does_not_vouch_for_leaves_with_the_reason(
    desk: Desk, row: Made
) -> None:
    refused = {"#refused": "dòng 7: mã chỉ tiêu đã bị sửa"}
    gone = desk.gather([row(**{"#refused": None}), row(ct="AA.3", **refused)])
    assert gone.figures(Q2) == [("AA.2", "1")]
    [left] = gone.quarantine(Q2)
    assert (left["code"], left["field"], left["text"]) == ("V019", "refused", refused["#refused"])
    assert (left["indicator"], left["part"], left["row"]) == ("AA.3", 0, 1)
    assert gone.findings(Q2) == [("V019", "error", 1, refused["#refused"], 1)]


def test_v019_a_reader_may_vouch_for_some_parts_by_saying_nothing(desk: Desk, row: Made) -> None:
    gone = desk.gather([row()], [row(ct="AA.3", **{"#refused": "x"})], [row(ct="AA.4", gt="0,5")])
    assert gone.figures(Q2) == [("AA.2", "1"), ("AA.4", "0.5")]
    assert [(r["code"], r["part"]) for r in gone.quarantine(Q2)] == [("V019", 1)]


def test_what_is_sealed_is_of_format_1_whatever_left(desk: Desk, row: Made) -> None:
    from hub_core.model.observation import SCHEMA, of_format_1, scan_figures

    gone = desk.gather([row(), row(ct="AA.4", gt="2"), row(ct="AA.3", gt="3")])
    path = gone.folders[Q2] / OBSERVATIONS
    frame = scan_figures(path).collect()
    assert of_format_1(pl.scan_parquet(path).collect_schema())
    assert frame.schema == SCHEMA
    assert frame["indicator"].to_list() == ["AA.2", "AA.3"]
