"""Nothing to report: said by the source itself, and by nobody where the source is only empty."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.world import World

NIGHT, NEXT = "2026-11-06T02:00", "2026-11-07T02:00"
PERIOD = "2026-M10"
SAYS = "Không phát sinh trong kỳ"
NIL = f"""
[nil]
column = "ghi_chu"
is = "{SAYS}"
"""
NOTHING = hashlib.sha256(b"lienthong-content 1 nil=1\n").hexdigest()


def declaration(world: World) -> Path:
    return world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "telecom.toml"


@pytest.fixture
def can_say_nil(world: World) -> World:
    """The gateway of Thanh Hóa says nil in the note of a row."""
    path = declaration(world)
    path.write_text(path.read_text(encoding="utf-8") + NIL, encoding="utf-8")
    return world


def says(world: World, *, figures: bool = False) -> None:
    """Let the gateway say nil for October, with its figures or without."""
    rows = world.rows("thanh_hoa/telecom", PERIOD)
    said = {**dict.fromkeys(rows[0]), "ky": "10/2026", "ghi_chu": SAYS}
    rows[:] = [said, *rows] if figures else [said]


def gathered(world: World, now: str = NIGHT, *words: str) -> Any:
    """One gather of Thanh Hóa's October."""
    night = world.night(now, "--province", "thanh_hoa", "--period", PERIOD, *words)
    return world.gathers(night)["thanh_hoa/telecom"]


def state(world: World) -> str:
    listed = world.json_of(
        "obligation", "list", "--dataflow", "TELECOM", "--period", PERIOD, "--now", NEXT
    )
    [found] = [each["state"] for each in listed if each["provider"] == "THANH_HOA.SKHCN"]
    assert isinstance(found, str)
    return found


def manifests(world: World, period: str = PERIOD) -> list[dict[str, Any]]:
    """The manifests of what was admitted for a period, in the order of their gathers."""
    folder = world.home / "landing" / "thanh_hoa" / "telecom" / "submissions" / f"S.{period}"
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*/manifest.json"))
    ]


def reporters(world: World, release: str) -> dict[str, str]:
    shown = world.json_of("release", "show", release)
    return {each["provider"]: each["state"] for each in shown["reporters"]}


def test_a_source_that_says_nil_has_met_its_obligation_with_nothing(can_say_nil: World) -> None:
    world = can_say_nil
    says(world)
    night = world.night(NIGHT, "--period", PERIOD)
    report = world.gathers(night)["thanh_hoa/telecom"]
    assert (report["outcome"], report["revisions"], report["no_data"]) == ("done", {PERIOD: 1}, [])
    [manifest] = manifests(world)
    assert (manifest["kind"], manifest["nil"], manifest["rows"], manifest["findings"]) == (
        "nil",
        True,
        0,
        [],
    )
    assert manifest["digests"]["content"] == NOTHING
    assert state(world) == "nil"
    [release] = [each for each in night["releases"] if each["dataflow"] == "TELECOM"]
    assert release["reporters"]["THANH_HOA.SKHCN"] == "nil"
    assert not any(unit == "vn-thanh-hoa" for _, unit in world.figures("TELECOM/2026-M10"))


@pytest.mark.slow
def test_saying_nil_again_is_nothing_new(can_say_nil: World) -> None:
    says(can_say_nil)
    gathered(can_say_nil)
    again = gathered(can_say_nil, NEXT)
    assert (again["outcome"], again["revisions"]) == ("unchanged", {})
    assert state(can_say_nil) == "nil"


@pytest.mark.slow
def test_figures_after_a_nil_return_are_figures(can_say_nil: World) -> None:
    world = can_say_nil
    rows = list(world.rows("thanh_hoa/telecom", PERIOD))
    says(world)
    gathered(world)
    world.rows("thanh_hoa/telecom", PERIOD)[:] = rows
    report = gathered(world, NEXT)
    assert (report["outcome"], report["revisions"]) == ("done", {PERIOD: 2})
    assert state(world) == "met"


def test_nil_with_figures_is_held_until_somebody_decides(can_say_nil: World) -> None:
    world = can_say_nil
    says(world, figures=True)
    report = gathered(world)
    assert (report["outcome"], report["revisions"]) == ("held", {PERIOD: 1})
    assert state(world) == "held"
    found = {
        each["code"]: each for each in world.json_of("finding", "list", "--province", "thanh_hoa")
    }
    assert found["V020"]["severity"] == "blocking"
    [manifest] = manifests(world)
    assert manifest["kind"] == "figures"
    assert manifest["rows"] > 1


@pytest.mark.slow
def test_figures_that_the_operator_accepts_are_figures_though_the_source_said_nil(
    can_say_nil: World,
) -> None:
    world = can_say_nil
    says(world, figures=True)
    gathered(world)
    [held] = world.json_of("status")["held"]
    assert (
        world.run(
            "admit", "--accept", str(held["id"]), "--reason", "Sở xác nhận số liệu", "--now", NIGHT
        ).returncode
        == 0
    )
    assert state(world) in ("met", "late")
    night = world.night(NEXT, "--period", PERIOD)
    assert world.gathers(night)["thanh_hoa/telecom"]["outcome"] == "unchanged"
    assert world.figures("TELECOM/2026-M10")["VT.03", "vn-thanh-hoa"] == "3402118"


def test_an_empty_payload_is_no_nil_return(can_say_nil: World) -> None:
    can_say_nil.rows("thanh_hoa/telecom", PERIOD).clear()
    report = gathered(can_say_nil)
    assert (report["outcome"], report["no_data"]) == ("no data", [PERIOD])
    assert manifests(can_say_nil) == []
    assert state(can_say_nil) == "missing"


def test_a_source_that_fails_is_no_nil_return(can_say_nil: World) -> None:
    says(can_say_nil)
    can_say_nil.systems.servers["thanh_hoa/telecom"].fault = "500"
    assert gathered(can_say_nil)["outcome"] == "failed"
    assert state(can_say_nil) == "missing"


@pytest.mark.slow
def test_a_provision_is_asked_only_for_the_periods_that_it_holds(world: World) -> None:
    path = declaration(world)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        re.sub(r"^provider", 'periods = ["2026-Q3"]\nprovider', text, flags=re.MULTILINE),
        encoding="utf-8",
    )
    server = world.systems.servers["thanh_hoa/telecom"]
    night = world.night(NIGHT)
    report = world.gathers(night)["thanh_hoa/telecom"]
    assert (report["periods"], report["outcome"]) == (["2026-Q3"], "done")
    assert manifests(world) == []
    assert len(manifests(world, "2026-Q3")) == 1
    before = server.requests
    other = world.night(NEXT, "--period", PERIOD)
    assert "thanh_hoa/telecom" not in world.gathers(other)
    assert server.requests == before
    assert "quang_tri/telecom" in world.gathers(other)
    assert state(world) == "missing"
