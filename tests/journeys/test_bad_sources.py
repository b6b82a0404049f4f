"""What a province's system may do wrong.

Each its own named error, nothing lost, the old figures stand.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.journeys.world import NEXT, NIGHT, World, make_world

pytestmark = pytest.mark.slow(seconds=20)

FAULTS = [
    ("500", "SourceUnavailable", True),
    ("401", "SourceRefused", True),
    ("truncated", "SourceUnavailable", True),
    ("html", "SourceChanged", True),
    ("repeat", "SourceChanged", True),
    ("same bytes", "SourceChanged", True),
    ("empty", "SourceChanged", True),
]


@pytest.mark.parametrize(("fault", "error", "landed"), FAULTS)
def test_a_faulty_answer_is_named_and_landed_and_changes_nothing(
    morning: World, fault: str, error: str, landed: bool
) -> None:
    world = morning
    before = world.state()
    server = world.systems.servers["thanh_hoa/telecom"]
    server.fault, server.fault_from = fault, 2  # type: ignore[assignment]  # a Fault
    night = world.night(NEXT, "--province", "thanh_hoa", "--period", "2026-Q3")
    report = world.gathers(night)["thanh_hoa/telecom"]
    assert (report["outcome"], report["revisions"]) == ("failed", {})
    [run] = world.json_of("status", "--runs", "1")["runs"]
    assert run["error"]["error"] == error, run["error"]
    assert run["error"]["place"]["province"] == "thanh_hoa"
    after = world.state()
    assert after == before
    folder = world.home / "landing" / "thanh_hoa" / "telecom"
    landing = json.loads((folder / "gathers" / report["gather"] / "landing.json").read_text())
    assert len(landing["parts"]) >= 1
    for part in landing["parts"]:
        assert (folder / "parts" / f"{part['digest']}.zst").exists()


def test_a_system_that_hangs_is_ended_at_the_time_limit(tmp_path: Path) -> None:
    with make_world(tmp_path / "world", seconds=6) as world:
        world.systems.servers["thanh_hoa/telecom"].fault = "drip"
        night = world.night(NIGHT)
        report = world.gathers(night)["thanh_hoa/telecom"]
        assert report["outcome"] == "failed"
        assert "6 s" in report["error"]
        assert world.gathers(night)["quang_tri/telecom"]["outcome"] == "done"


def test_an_empty_payload_is_no_data_reported(world: World) -> None:
    world.rows("thanh_hoa/telecom", "2026-M10").clear()
    world.rows("thanh_hoa/telecom", "2026-Q3").clear()
    report = world.gathers(world.night(NIGHT))["thanh_hoa/telecom"]
    assert (report["outcome"], report["revisions"]) == ("no data", {})
    assert report["no_data"] == ["2025", "2026-M10", "2026-Q3"]


def test_figures_of_another_province_are_held_and_in_no_release(world: World) -> None:
    for row in world.rows("thanh_hoa/telecom", "2026-M10")[:2]:
        row["don_vi"] = "Nghệ An"
    table = world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "telecom.toml"
    text = table.read_text(encoding="utf-8")
    table.write_text(
        text.replace(
            '"Thanh Hóa" = "vn-thanh-hoa"', '"Thanh Hóa" = "vn-thanh-hoa", "Nghệ An" = "vn-nghe-an"'
        )
    )
    night = world.night(NIGHT)
    assert world.codes["night"] == 1
    assert world.gathers(night)["thanh_hoa/telecom"]["outcome"] == "held"
    [held] = world.json_of("status")["held"]
    assert held["blocked"] == ["V015", "V016"]
    assert ("VT.04", "vn-thanh-hoa") not in world.figures("TELECOM/2026-M10")
    accepted = world.run("admit", "--accept", str(held["id"]), "--reason", "đã kiểm tra")
    assert accepted.returncode == 0, accepted.stderr
    world.night(NEXT)
    figures = world.figures("TELECOM/2026-M10")
    assert ("VT.04", "vn-thanh-hoa") in figures
    assert not any(
        unit == "vn-nghe-an" for _, unit in figures
    )  # accepting never admits what was outside


def test_a_reading_that_failed_is_landed_whole_and_can_be_replayed(world: World) -> None:
    for row in world.rows("thanh_hoa/telecom", "2026-M10"):
        row["cot_moi"] = "?"
    night = world.night(NIGHT, "--period", "2026-M10", "--province", "thanh_hoa")
    report = world.gathers(night)["thanh_hoa/telecom"]
    assert "cot_moi is neither mapped nor ignored" in report["error"]
    toml = world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "telecom.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text.replace('"ghi_chu"]', '"ghi_chu", "cot_moi"]'), encoding="utf-8")
    world.systems.servers["thanh_hoa/telecom"].stop()  # a replay asks nobody
    replayed = world.json_of("replay", "thanh_hoa", "telecom", report["gather"], "--now", NEXT)
    assert (replayed["outcome"], replayed["revisions"]) == ("done", {"2026-M10": 1})
    again = world.json_of("replay", "thanh_hoa", "telecom", report["gather"], "--now", NEXT)
    assert (again["outcome"], again["revisions"]) == ("unchanged", {})


def test_a_landing_that_was_cut_off_is_never_sealed(world: World) -> None:
    server = world.systems.servers["thanh_hoa/telecom"]
    server.fault, server.fault_from = "500", 2
    report = world.gathers(world.night(NIGHT, "--province", "thanh_hoa"))["thanh_hoa/telecom"]
    replayed = world.json_of("replay", "thanh_hoa", "telecom", report["gather"])
    assert "cut off" in replayed["error"]
    assert world.state()["submissions"] == []


def test_a_secret_that_is_not_set_is_named_and_the_others_go_on(world: World) -> None:
    world.systems.environment.clear()
    night = world.night(NIGHT)
    assert (
        "HUB_SECRET_THANH_HOA__GATEWAY_TOKEN" in world.gathers(night)["thanh_hoa/telecom"]["error"]
    )
    assert world.gathers(night)["quang_tri/telecom"]["outcome"] == "done"


def test_the_ministry_takes_a_delivery_once_though_its_answer_is_lost(world: World) -> None:
    world.ministry.mode = "lose answer"
    world.night(NIGHT)
    assert world.codes["night"] == 3
    world.ministry.mode = "accept"
    world.night(NEXT)
    assert {d["state"] for d in world.json_of("status")["deliveries"]} == {"accepted"}
    assert [e["resent"] for e in world.ministry.ledger] == [0, 0, 0]


def test_a_ministry_that_is_down_gets_the_release_the_next_night(world: World) -> None:
    world.ministry.mode = "down"
    world.night(NIGHT)
    assert world.ministry.ledger == []
    assert {d["state"] for d in world.json_of("status")["deliveries"]} == {"sent"}
    world.ministry.mode = "accept"
    night = world.night(NEXT)
    assert [d["state"] for d in night["deliveries"]] == ["accepted"] * 3
    assert len(world.ministry.ledger) == 3


def test_a_figure_that_the_ministry_rejects_is_a_finding_before_its_province(world: World) -> None:
    world.ministry.mode = "reject"
    world.ministry.reject_figures = [
        {"indicator": "VT.03", "org_unit": "cluster-5", "message": "cao bất thường"}
    ]
    world.night(NIGHT)
    found = [f for f in world.json_of("finding", "list") if f["owner"] == "ministry"]
    assert {(f["province"], f["text"]) for f in found} == {
        ("thanh_hoa", "cao bất thường"),
        ("quang_tri", "cao bất thường"),
    }
    assert all(f["place"]["locator"] for f in found)
    assert "rejected" in {d["state"] for d in world.json_of("status")["deliveries"]}


def test_a_system_is_asked_in_its_hours_only(world: World) -> None:
    toml = world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "telecom.toml"
    toml.write_text('hours = "22:00-01:30"\n' + toml.read_text(encoding="utf-8"), encoding="utf-8")
    server = world.systems.servers["thanh_hoa/telecom"]
    report = world.gathers(world.night("2026-11-06T02:00"))["thanh_hoa/telecom"]
    assert (report["outcome"], report["retryable"], server.requests) == ("failed", True, 0)
    assert "its system may be asked from 22:00-01:30 only (hours)" in report["error"]
    assert world.gathers(world.night("2026-11-06T23:00"))["thanh_hoa/telecom"]["outcome"] == "done"
