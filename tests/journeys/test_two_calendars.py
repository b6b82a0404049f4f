"""Provinces that count by two calendars, and figures in units of two times.

Added only where that is said.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.offices import NOW, checked, edited, provision, write
from tests.journeys.world import World, make_world, put_package

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Thanh Hóa, which counts from the 15th to the 14th, and Nghệ An, which counts as the dataflow does."""
    folder = tmp_path_factory.mktemp("two")
    with make_world(folder / "world", ()) as world:
        for name, more in (("thanh_hoa", 'calendar = "A"'), ("nghe_an", "")):
            declared = provision(folder / name, f"{name.upper()}.SKHCN", more=more)
            put_package(world.packages, name, f"{name.upper()}.SKHCN", {"telecom.toml": declared})
        write(folder / "thanh_hoa", "2025-Q3", "Thanh Hóa,2025-Q3,VT.03,100")
        write(folder / "nghe_an", "2025-Q3", "Nghệ An,2025-Q3,VT.03,200")
        yield world


def test_another_calendar_that_is_not_declared_is_refused(two: World) -> None:
    code, says = checked(two)
    mixed = 'dataflows/TELECOM.toml does not say calendars = "mixed"'
    assert code == 2
    assert f"telecom.toml: calendar A is not TELECOM's S, and {mixed}" in " ".join(says.split())
    [refused] = two.json_of(
        "gather", "--now", NOW, "--province", "thanh_hoa", "--period", "2025-Q3"
    )["gathers"]
    assert refused["outcome"] == "failed"
    assert refused["error"].startswith(
        "calendar A is not TELECOM's, and the dataflow does not take both"
    )


def test_figures_of_two_calendars_are_added_as_estimates_and_the_manifest_says_whose_they_are(
    two: World,
) -> None:
    flow = two.home / "config" / "dataflows" / "TELECOM.toml"
    with edited(flow, "look_back   = 1", 'look_back = 1\ncalendars = "mixed"'):
        night = two.night(NOW, "--period", "2025-Q3")
        assert {each["outcome"] for each in night["gathers"]} == {"done"}
        [release] = night["releases"]
        assert {release["reporters"][f"{name}.SKHCN"] for name in ("THANH_HOA", "NGHE_AN")} == {
            "late"
        }
        shown = two.json_of("release", "show", "TELECOM/2025-Q3")
        used = {each["province"]: each["calendar"] for each in shown["manifest"]["submissions"]}
        assert (shown["manifest"]["calendar"], used) == ("S", {"nghe_an": "S", "thanh_hoa": "A"})
        figures = {
            f["org_unit"]: (f["value"], f["status"], f["coverage"]) for f in shown["figures"]
        }
        assert figures == {
            "cluster-5": ("300", "E", "2/5"),
            "vn-nghe-an": ("200", "A", ""),
            "vn-thanh-hoa": ("100", "E", ""),
        }
        write(two.home.parent.parent / "thanh_hoa", "2025-Q3", "Thanh Hóa,2025-Q3,VT.03,101")
        [again] = two.night("2026-02-11T02:00", "--period", "2025-Q3")["releases"]
        assert again["release"] == "TELECOM/2025-Q3/v2"
        reasons = [each["reason"] for each in two.json_of("revision", "list", "thanh_hoa/telecom")]
        assert reasons == ["initial", "correction"]


def test_figures_in_a_unit_of_another_time_are_in_no_release_until_they_are_read_again(
    two: World,
) -> None:
    config = two.home / "config" / "catalogue" / "indicators.csv"
    quarters = [f"2024-Q{n}" for n in (1, 2, 3, 4)]
    for label in quarters:
        rows = [
            f"Nghệ An,{label},{code},{value}" for code, value in (("VT.01", 1000), ("VT.02", 10))
        ]
        write(two.home.parent.parent / "nghe_an", label, *rows)
    asked = [word for label in quarters for word in ("--period", label)]
    two.json_of("gather", "--now", NOW, "--province", "nghe_an", *asked)
    two.json_of("publish", "TELECOM", "2024", "--now", NOW)
    assert two.figures("TELECOM/2024")["VT.01", "vn-nghe-an"] == "4000.0"

    with edited(config, "revenue,triệu đồng", "revenue,tỷ đồng"):
        warning = "nghe_an telecom 2024-Q1 revision 1 has VT.01 in triệu đồng, now tỷ đồng"
        warning += ": let its package say the unit"
        assert warning in checked(two)[1]
        two.json_of("publish", "TELECOM", "2024", "--now", "2026-02-11T02:00")
        assert set(two.figures("TELECOM/2024")) == {("VT.02", "vn-nghe-an"), ("VT.02", "cluster-5")}
        found = [f for f in two.json_of("finding", "list") if f["code"] == "V026"]
        assert {(f["severity"], f["owner"], f["period"]) for f in found} == {
            ("error", "hub", q) for q in quarters
        }
        assert (
            two.json_of("replay", "nghe_an", "telecom", "--now", "2026-02-11T03:00")["outcome"]
            == "unchanged"
        )
        package = two.packages / "nghe_an" / "hub_provinces" / "nghe_an" / "telecom.toml"
        with edited(package, 'number = "en"', 'number = "en", unit = "triệu đồng"'):
            assert (
                two.json_of("replay", "nghe_an", "telecom", "--now", "2026-02-11T04:00")["outcome"]
                == "done"
            )
        two.json_of("publish", "TELECOM", "2024", "--now", "2026-02-11T05:00")
        assert two.figures("TELECOM/2024")["VT.01", "vn-nghe-an"] == "4.0"
    assert two.json_of("release", "verify", "TELECOM/2024/v1")["release"] == "TELECOM/2024/v1"
    assert two.codes["release"] == 0
