"""Submissions of several provinces held against one another, after they are admitted."""

from __future__ import annotations

import pytest

from tests.journeys.world import NIGHT, World, put_package

pytestmark = pytest.mark.slow

PROVISION = """
dataflow = "TELECOM"
provider = "CUM_5.THU_KY"

[source]
kind    = "folder"
path    = "{folder}"
pattern = "{{period}}.csv"

[reader]
kind = "csv"

[map]
org_unit  = {{ fixed = "cluster-5" }}
period    = {{ column = "ky" }}
indicator = {{ column = "ma", codes = {{ "VT03" = "VT.03" }} }}
value     = {{ column = "gia_tri", number = "en" }}
status    = {{ fixed = "A" }}
"""
DUTY = """
[[obligation]]
dataflow    = "TELECOM"
provider    = "CUM_5.THU_KY"
province    = "cum_5"
speaks_for  = ["cluster-5"]
indicators  = ["VT.03"]
frequencies = ["M"]
due         = { M = "+5 days" }
legal       = "invented for a test"
"""


def secretary(world: World, total: str) -> None:
    """The cluster's secretary reports a total of its own for October."""
    folder = world.home.parent / "thu_ky"
    folder.mkdir()
    (folder / "2026-M10.csv").write_text(
        f"ky,ma,gia_tri\n2026-M10,VT03,{total}\n", encoding="utf-8"
    )
    put_package(
        world.packages, "cum_5", "CUM_5.THU_KY", {"telecom.toml": PROVISION.format(folder=folder)}
    )
    duties = world.home / "config" / "obligations" / "telecom.toml"
    duties.write_text(duties.read_text(encoding="utf-8") + DUTY, encoding="utf-8")


def members(world: World) -> int:
    """The sum of what the members report, before anybody reports a total."""
    figures = world.figures("TELECOM/2026-M10")
    return sum(int(figures["VT.03", unit]) for unit in ("vn-thanh-hoa", "vn-quang-tri-2025"))


@pytest.mark.parametrize("less", [0, 1000])
def test_a_total_that_is_less_than_what_others_report_of_its_parts_is_named(
    world: World, less: int
) -> None:
    world.night(NIGHT, "--period", "2026-M10")
    there = members(world)
    secretary(world, str(there - less))
    report = world.night(NIGHT, "--period", "2026-M10")
    assert report["broken"] == {}
    assert world.figures("TELECOM/2026-M10")["VT.03", "cluster-5"] == str(
        there - less
    )  # what was reported stands
    found = [each for each in world.json_of("finding", "list") if each["code"] == "V027"]
    if not less:
        assert found == []
        return
    [each] = found
    assert (each["severity"], each["owner"], each["province"]) == ("warning", "hub", "cum_5")
    assert each["text"] == f"{there - less} ≠ {there} (-{less})"
    place = each["place"]
    assert (place["indicator"], place["org_unit"], place["period"]) == (
        "VT.03",
        "cluster-5",
        "2026-M10",
    )
