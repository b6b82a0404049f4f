"""The walk of one figure.

From a department's cell to the ministry's receipt, and what a changed cell does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.journeys.world import World


TUESDAY, WEDNESDAY, THURSDAY = "2026-11-06T02:00", "2026-11-07T02:00", "2026-11-08T02:00"
CELL = ("VT.03", "cluster-5")


def cell_of(figure: Any, province: str) -> Any:
    """The one cell of a province in a path."""
    if figure["cell"]:
        return figure["cell"] if figure["cell"]["province"] == province else None
    return next((found for each in figure["below"] if (found := cell_of(each, province))), None)


def test_a_night_brings_figures_from_two_provinces_to_the_ministry(world: World) -> None:
    night = world.night(TUESDAY)
    assert world.codes["night"] == 0
    gathers = world.gathers(night)
    assert {name: each["outcome"] for name, each in gathers.items()} == {
        "quang_tri/telecom": "done",
        "thanh_hoa/telecom": "done",
        "tong_cuc_thong_ke/communes": "done",
        "tong_cuc_thong_ke/population": "done",
    }
    assert gathers["thanh_hoa/telecom"]["counts"]["new"] == 22
    assert gathers["quang_tri/telecom"]["counts"]["quarantined"] == 1
    assert gathers["quang_tri/telecom"]["no_data"] == ["2025"]
    frozen = {r["release"]: r["reporters"] for r in night["releases"] if r["state"] == "frozen"}
    assert set(frozen) == {"DENOMINATORS/2025/v1", "TELECOM/2026-M10/v1", "TELECOM/2026-Q3/v1"}
    assert frozen["TELECOM/2026-M10/v1"] == {
        "THANH_HOA.SKHCN": "in",
        "QUANG_TRI.SKHCN": "in",
        "NGHE_AN.SKHCN": "missing",
        "HA_TINH.SKHCN": "missing",
        "HUE.SKHCN": "missing",
    }
    assert [d["state"] for d in night["deliveries"]] == ["accepted"] * 3
    assert [(e["dataflow"], e["period"], e["version"]) for e in world.ministry.ledger] == [
        ("DENOMINATORS", "2025", 1),
        ("TELECOM", "2026-Q3", 1),
        ("TELECOM", "2026-M10", 1),
    ]
    figures = world.figures("TELECOM/2026-M10")
    assert figures[CELL] == "5104448"
    assert figures["VT.06", "cluster-5"] == "83.32"  # (2861950 + 1391020) / 5104448
    assert figures["VT.08", "vn-thanh-hoa"] == "22.39"  # 842310 / 3761200
    quarter = world.json_of("release", "show", "TELECOM/2026-Q3")["figures"]
    speed = next(f for f in quarter if (f["indicator"], f["org_unit"]) == ("VT.17", "cluster-5"))
    assert (speed["value"], speed["status"], speed["coverage"]) == ("145.59", "E", "2/5")
    [bad] = world.json_of("finding", "quarantine")
    assert (bad["code"], bad["text"], bad["locator"]) == (
        "V002",
        "6l",
        "telecom-2026-Q3.csv line 14 column Giá trị",
    )


@pytest.mark.slow
def test_a_changed_cell_is_a_second_revision_and_a_second_version(morning: World) -> None:
    world = morning
    before, old = world.figures("TELECOM/2026-M10"), world.trace("TELECOM/2026-M10", *CELL)
    assert cell_of(old, "thanh_hoa")["text"] == "3.402.118"

    row = next(
        r for r in world.rows("thanh_hoa/telecom", "2026-M10") if r["ma_chi_tieu"] == "VT-03"
    )
    row["gia_tri"] = "3.402.218"
    night = world.night(WEDNESDAY)
    report = world.gathers(night)["thanh_hoa/telecom"]
    assert report["revisions"] == {"2026-M10": 2}
    assert {
        name: report["counts"][name] for name in ("new", "changed", "unchanged", "withdrawn")
    } == {
        "new": 0,
        "changed": 1,
        "unchanged": 21,
        "withdrawn": 0,
    }
    [released] = [r for r in night["releases"] if r["state"] == "frozen"]
    assert released["release"] == "TELECOM/2026-M10/v2"
    after, new = world.figures("TELECOM/2026-M10"), world.trace("TELECOM/2026-M10", *CELL)
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {
        CELL,
        ("VT.03", "vn-thanh-hoa"),
    }  # the ratios over it do not change in two decimals
    assert (before[CELL], after[CELL]) == ("5104448", "5104548")
    cell = cell_of(new, "thanh_hoa")
    assert (cell["text"], cell["revision"]) == ("3.402.218", 2)
    assert cell["locator"].endswith("/gia_tri")
    last = world.ministry.ledger[-1]
    assert (last["dataflow"], last["period"], last["version"]) == ("TELECOM", "2026-M10", 2)
    assert last["figures_digest"] != world.ministry.ledger[-2]["figures_digest"]
    superseded = cell_of(world.trace("TELECOM/2026-M10/v1", *CELL), "thanh_hoa")
    assert (superseded["text"], superseded["revision"]) == ("3.402.118", 1)


@pytest.mark.slow
def test_nothing_changed_is_a_run_and_no_revision_and_no_delivery(morning: World) -> None:
    world = morning
    before = world.state()
    night = world.night(WEDNESDAY)
    assert {each["outcome"] for each in night["gathers"]} == {"unchanged"}
    assert night["deliveries"] == []
    assert {r["state"] for r in night["releases"]} == {"unchanged", "no data"}
    assert world.state() == before
    runs = world.json_of("status")["runs"]
    assert [r["outcome"] for r in runs[:4]] == ["unchanged"] * 4


@pytest.mark.slow
def test_a_stopped_system_is_missing_and_the_others_stand(world: World) -> None:
    world.systems.servers["thanh_hoa/telecom"].stop()
    night = world.night(TUESDAY)
    assert world.codes["night"] == 3
    gathers = world.gathers(night)
    assert gathers["thanh_hoa/telecom"]["outcome"] == "failed"
    assert gathers["thanh_hoa/telecom"]["error"].startswith("http://127.0.0.1")
    assert gathers["quang_tri/telecom"]["outcome"] == "done"
    [released] = [r for r in night["releases"] if r["release"] == "TELECOM/2026-M10/v1"]
    assert released["reporters"]["THANH_HOA.SKHCN"] == "missing"
    assert released["reporters"]["QUANG_TRI.SKHCN"] == "in"
    assert world.figures("TELECOM/2026-M10")[CELL] == "1702330"
    assert len(world.ministry.ledger) == 3


@pytest.mark.slow
def test_a_system_that_stops_later_leaves_its_figures_standing(morning: World) -> None:
    world = morning
    before = world.state()
    world.systems.servers["thanh_hoa/telecom"].stop()
    night = world.night(WEDNESDAY)
    assert world.gathers(night)["thanh_hoa/telecom"]["outcome"] == "failed"
    assert world.state() == before


@pytest.mark.slow
def test_a_late_province_makes_a_new_complete_version(world: World) -> None:
    server = world.systems.servers["thanh_hoa/telecom"]
    server.fault = "500"
    world.night(TUESDAY)
    server.fault = None
    world.night(WEDNESDAY)
    [release] = [
        r for r in world.json_of("release", "list") if r["release"] == "TELECOM/2026-M10/v2"
    ]
    assert release["reason"] == "late"
    assert world.figures("TELECOM/2026-M10")[CELL] == "5104448"
    states = {
        (o["period"], o["provider"]): o["state"]
        for o in world.json_of("obligation", "list", "--now", THURSDAY)
    }
    assert states["2026-M10", "THANH_HOA.SKHCN"] == "late"
    assert states["2026-M10", "QUANG_TRI.SKHCN"] == "met"


@pytest.mark.slow
def test_a_release_waits_for_the_due_date_and_not_longer(world: World) -> None:
    early = world.night("2026-11-03T02:00")
    waiting = {r["period"]: r["state"] for r in early["releases"] if r["dataflow"] == "TELECOM"}
    assert waiting["2026-M10"] == "waiting"
    late = world.night(TUESDAY)
    assert {r["period"]: r["state"] for r in late["releases"] if r["dataflow"] == "TELECOM"}[
        "2026-M10"
    ] == "frozen"


@pytest.mark.slow
def test_trace_lists_the_choices_where_it_does_not_know(morning: World) -> None:
    world = morning
    no_unit = world.run("trace", "TELECOM/2026-M10", "VT.03", "vn-nghe-an")
    assert no_unit.returncode == 1
    assert "there are: cluster-5, vn-quang-tri-2025, vn-thanh-hoa" in no_unit.stderr
    no_release = world.run("trace", "TELECOM/2026-M09", "VT.03", "cluster-5")
    assert "TELECOM/2026-M10/v1" in no_release.stderr
