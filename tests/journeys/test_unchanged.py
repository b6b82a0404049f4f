"""A night that brings what the one before brought.

Nothing is read, nothing is made, and nothing is missed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.world import World, gone_on, lived_once, make_world

pytestmark = pytest.mark.slow(seconds=25)

FIRST, SECOND, THIRD = "2026-11-06T02:00", "2026-11-07T02:00", "2026-11-08T02:00"
KEY, PERIOD = "thanh_hoa/telecom", "2026-M10"
REFUSING = '''"""A package's own code that lets nothing through."""


def refuse(frame):
    raise RuntimeError("it was read")
'''
AFTER_ONE = """
import os, pathlib, signal, sys
from datetime import datetime
from hub_core.engine.engine import local
from hub_core.home import Hub
from hub_core.obligations import ZONE
from hub_core.pipeline.night import night
from hub_core.store.store import Store

enter = Store.add_submission

def once(*args):
    "Enters a submission; the hub is killed where the gather's next one comes."
    Store.add_submission = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    return enter(*args)

Store.add_submission = once
hub = Hub.open(pathlib.Path(sys.argv[1]), local())
now = datetime.fromisoformat(sys.argv[2]).replace(tzinfo=ZONE)
with hub.alone(now):
    night(hub, now, lambda *_: None, provinces=["quang_tri"])
"""


def in_small_pages(world: World) -> None:
    """A first night of one province; its gateway gives pages of three rows."""
    world.systems.servers[KEY].page_size = 3
    first = world.gathers(world.night(FIRST))[KEY]
    assert (first["outcome"], first["counts"]["unchanged"]) == ("done", 0)


@pytest.fixture
def after(for_all: Path, tmp_path: Path) -> Iterator[World]:
    """A world after its first night; the gateway gives pages of three rows."""
    with gone_on(
        lived_once(for_all / "in_small_pages", in_small_pages, "thanh_hoa"), tmp_path / "world"
    ) as world:
        world.systems.servers[KEY].page_size = 3
        yield world


def night(world: World, now: str = SECOND) -> Any:
    return world.gathers(world.night(now))[KEY]


def package(world: World) -> Path:
    return world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa"


def test_the_same_parts_are_not_read_again_and_count_as_they_did(after: World) -> None:
    before = after.state()
    report = night(after)
    assert (report["outcome"], report["revisions"], report["error"]) == ("unchanged", {}, None)
    counts = report["counts"]
    assert (counts["new"], counts["changed"], counts["withdrawn"]) == (0, 0, 0)
    assert counts["unchanged"] == counts["admitted"] > 0
    assert (
        counts["rows"]
        == counts["admitted"] + counts["quarantined"] + counts["ignored"] + counts["absent"]
    )
    assert after.state() == before


def test_it_is_landed_all_the_same_and_nothing_is_sealed(after: World) -> None:
    folder = after.home / "landing" / "thanh_hoa" / "telecom"
    sealed = sorted(folder.glob("submissions/*/*"))
    assert night(after)["outcome"] == "unchanged"
    assert len(list((folder / "gathers").iterdir())) == 2
    assert sorted(folder.glob("submissions/*/*")) == sealed != []


@pytest.mark.parametrize("place", [0, 4, -1])
def test_one_changed_row_on_any_page_is_found(after: World, place: int) -> None:
    rows = after.rows(KEY, PERIOD)
    rows[place]["gia_tri"] = "12.345"
    report = night(after)
    assert (report["outcome"], report["counts"]["changed"], report["revisions"]) == (
        "done",
        1,
        {PERIOD: 2},
    )


def test_a_page_less_is_found(after: World) -> None:
    rows = after.rows(KEY, PERIOD)
    del rows[-1]
    assert night(after)["counts"]["withdrawn"] == 1


def test_another_mapping_reads_again(after: World) -> None:
    (package(after) / "refusing.py").write_text(REFUSING, encoding="utf-8")
    toml = package(after) / "telecom.toml"
    toml.write_text(
        'prepare = "hub_provinces.thanh_hoa.refusing:refuse"\n' + toml.read_text(encoding="utf-8")
    )
    report = night(after)
    assert (report["outcome"], "it was read" in report["error"]) == ("failed", True)


def test_another_catalogue_reads_again(after: World) -> None:
    assert night(after)["outcome"] == "unchanged"
    units = after.home / "config" / "catalogue" / "aliases.csv"
    units.write_text(
        units.read_text(encoding="utf-8") + "org_unit,Tỉnh Thanh,vn-thanh-hoa,,\n", encoding="utf-8"
    )
    report = night(after, THIRD)
    assert (report["outcome"], report["revisions"]) == ("unchanged", {})


def test_a_replay_always_reads(after: World) -> None:
    answer = after.json_of("replay", "thanh_hoa", "telecom")
    assert (answer["outcome"], answer["counts"]["unchanged"]) == (
        "unchanged",
        answer["counts"]["admitted"],
    )


def test_what_came_between_is_not_forgotten(after: World) -> None:
    """A correction and its taking back.

    The parts are those of the first night, and not of the last.
    """
    rows = after.rows(KEY, PERIOD)
    before = dict(rows[0])
    rows[0]["gia_tri"] = "12.345"
    assert night(after)["revisions"] == {PERIOD: 2}
    rows[0].update(before)
    report = night(after, THIRD)
    assert (report["outcome"], report["revisions"], report["counts"]["changed"]) == (
        "done",
        {PERIOD: 3},
        1,
    )


def test_a_release_of_the_same_is_not_made_again(after: World) -> None:
    after.night(SECOND)
    [report] = [
        r
        for r in after.night(THIRD)["releases"]
        if (r["dataflow"], r["period"]) == ("TELECOM", PERIOD)
    ]
    assert (report["state"], report["figures"] > 0) == ("unchanged", True)


def test_a_period_that_said_the_same_is_not_said_to_be_missing_afterwards(after: World) -> None:
    """Of two periods one is corrected.

    The next night brings both again, and says of neither that it is not there.
    """
    both = night(after, FIRST)
    assert (both["outcome"], both["no_data"]) == ("unchanged", ["2025"])
    after.rows(KEY, PERIOD)[0]["gia_tri"] = "12.345"
    corrected, third = night(after), night(after, THIRD)
    assert (corrected["revisions"], corrected["no_data"]) == ({PERIOD: 2}, ["2025"])
    assert (third["outcome"], third["no_data"]) == ("unchanged", ["2025"])
    same = {
        name: third["counts"][name]
        for name in ("rows", "admitted", "quarantined", "ignored", "absent")
    }
    assert same == {name: corrected["counts"][name] for name in same}
    assert third["counts"]["unchanged"] == third["counts"]["admitted"]


def test_what_a_night_that_was_cut_off_had_not_admitted_is_not_passed_over(
    morning: World, tmp_path: Path
) -> None:
    """The parts are those of the gather that was cut off, one of its submissions stands, and the other must come."""
    right = sorted(each for each in morning.state()["submissions"] if each[0] == "quang_tri")
    assert len(right) > 1
    with make_world(tmp_path / "cut_off") as world:
        words = [sys.executable, "-c", AFTER_ONE, str(world.home), FIRST]
        cut = subprocess.run(
            words, env=world.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert cut.returncode == -signal.SIGKILL, cut.stderr
        assert len([each for each in world.state()["submissions"] if each[0] == "quang_tri"]) == 1
        world.night(FIRST)
        assert (
            sorted(each for each in world.state()["submissions"] if each[0] == "quang_tri") == right
        )


def test_many_small_parts_are_landed_once_each_and_nothing_is_left_over(tmp_path: Path) -> None:
    """Parts are taken over while their child still reads.

    The end of the gather finds them there.
    """
    with make_world(tmp_path / "world") as world:
        world.systems.servers[KEY].page_size = 1
        assert night(world, FIRST)["outcome"] == "done"
        folder = world.home / "landing" / "thanh_hoa" / "telecom"
        [landing] = folder.glob("gathers/*/landing.json")
        named = [part["digest"] for part in json.loads(landing.read_bytes())["parts"]]
        assert len(named) > 16
        assert {path.name for path in (folder / "parts").iterdir()} == {
            f"{digest}.zst" for digest in named
        }
        assert list((world.home / "scratch").iterdir()) == []
        assert world.json_of("doctor", "--deep")["found"] == []
        assert night(world)["outcome"] == "unchanged"
