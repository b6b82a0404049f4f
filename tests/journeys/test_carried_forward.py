"""A reporter that is missing.

Its last stocks stand for it where the dataflow says so, marked, and traced.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.world import World

pytestmark = pytest.mark.slow

SEPTEMBER, NOVEMBER = "2026-10-06T02:00", "2026-11-06T07:00"


@pytest.fixture
def carrying(world: World) -> World:
    """A world whose telecom report carries forward.

    Thanh Hóa has reported September, and nothing for October.
    """
    flow = world.home / "config" / "dataflows" / "TELECOM.toml"
    flow.write_text('gap = "carry forward"\n' + flow.read_text(encoding="utf-8"), encoding="utf-8")
    rows: Any = world.systems.servers["thanh_hoa/telecom"].rows
    rows["2026-M09"] = [{**row, "ky": "09/2026"} for row in rows.pop("2026-M10")]
    world.night(SEPTEMBER, "--period", "2026-M09")
    return world


def test_the_last_stocks_stand_for_who_is_missing_and_flows_do_not(carrying: World) -> None:
    carrying.night(NOVEMBER, "--period", "2026-M10")
    shown = carrying.json_of("release", "show", "TELECOM/2026-M10")
    mine = {f["indicator"]: f for f in shown["figures"] if f["org_unit"] == "vn-thanh-hoa"}
    assert (mine["VT.03"]["value"], mine["VT.03"]["status"], mine["VT.03"]["method"]) == (
        "3402118",
        "E",
        "carried forward",
    )
    assert "VT.01" not in mine  # a flow of September says nothing of October
    states = {r["provider"]: r["state"] for r in shown["manifest"]["reporters"]}
    assert states["THANH_HOA.SKHCN"] == "carried forward"
    assert shown["manifest"]["coverage"]["reporters"] == "1/5"
    total = next(
        f for f in shown["figures"] if (f["indicator"], f["org_unit"]) == ("VT.03", "cluster-5")
    )
    assert (total["status"], total["coverage"]) == ("E", "2/5")
    step = carrying.trace("TELECOM/2026-M10", "VT.03", "vn-thanh-hoa")
    assert step["method"] == "carried forward"
    [below] = step["below"]
    assert (below["period"], below["cell"]["text"]) == ("2026-M09", "3.402.118")
    assert (
        carrying.json_of("release", "verify", "TELECOM/2026-M10")["release"]
        == "TELECOM/2026-M10/v1"
    )
    assert carrying.codes["release"] == 0


def test_what_comes_late_takes_the_place_of_what_was_carried(carrying: World) -> None:
    carrying.night(NOVEMBER, "--period", "2026-M10")
    rows: Any = carrying.systems.servers["thanh_hoa/telecom"].rows
    rows["2026-M10"] = [{**row, "ky": "10/2026"} for row in rows["2026-M09"]]
    carrying.night("2026-11-07T07:00", "--period", "2026-M10")
    shown = carrying.json_of("release", "show", "TELECOM/2026-M10")
    assert (shown["manifest"]["version"], shown["manifest"]["reason"]) == (2, "late")
    mine = {
        f["indicator"]: f["method"] for f in shown["figures"] if f["org_unit"] == "vn-thanh-hoa"
    }
    assert mine["VT.03"] == mine["VT.01"] == "reported"
