"""A disk that is full: under the whole home, a child's scratch folder, or the landing zone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.disks import filled, small_disk
from tests.faults.homes import EVE, NIGHT, PERIOD, copy_of, figures, left, mended, quiet_world, said
from tests.journeys.world import World, opened

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="file systems in memory are Linux's"
)
KIB = 1 << 10


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with quiet_world(tmp_path_factory.mktemp("fresh") / "world") as world:
        yield world


def again(world: World, undisturbed: dict[str, Any]) -> None:
    """With room again, one night makes of a home what it would have been."""
    mended(world)
    world.night(NIGHT, *PERIOD)
    assert figures(world) == undisturbed
    assert left(world) == {}


@pytest.mark.parametrize(
    ("free", "words"),
    [  # what is in the way of a night whose home has so much room
        (0, "hub.db: disk I/O error: its disk is full, or failing"),
        (160 * KIB, "hub.db: database or disk is full: free some room on its disk"),  # admission
        (
            272 * KIB,
            "hub.db: database or disk is full: free some room on its disk",
        ),  # freezing, delivery
    ],
)
def test_a_home_without_room(
    fresh: World, undisturbed: dict[str, Any], tmp_path: Path, free: int, words: str
) -> None:
    with small_disk(tmp_path / "disk") as disk, copy_of(fresh, disk / "home") as world:
        with filled(disk, free):
            night = world.run("night", "--now", NIGHT, *PERIOD)
            assert (night.returncode, words in said(night)) == (1, True), said(night)
        again(world, undisturbed)


@pytest.mark.parametrize("free", [0, 20 * KIB])  # the first part, the sealed figures
def test_a_scratch_folder_without_room_is_not_the_package_s_fault(
    fresh: World, undisturbed: dict[str, Any], tmp_path: Path, free: int
) -> None:
    with copy_of(fresh, tmp_path / "home") as world, small_disk(world.home / "scratch") as disk:
        if disk != world.home / "scratch":
            (world.home / "scratch").rmdir()
            (world.home / "scratch").symlink_to(disk)
        with filled(disk, free):
            night = world.night(NIGHT, *PERIOD)
            assert world.codes["night"] == 1
            failed = [each for each in night["gathers"] if each["outcome"] == "failed"]
            assert failed
            assert all(
                "No space left on device: free some room on its disk" in each["error"]
                for each in failed
            )
            with opened(world) as hub:
                assert {run["error"]["error"] for run in hub.runs.all() if run["error"]} == {
                    "StoreError"
                }
        again(world, undisturbed)


@pytest.mark.parametrize("free", [4 * KIB, 28 * KIB])  # its landing.json, a submission
def test_a_landing_zone_without_room_loses_nothing_that_was_received(
    fresh: World, undisturbed: dict[str, Any], tmp_path: Path, free: int
) -> None:
    with copy_of(fresh, tmp_path / "home") as world, small_disk(tmp_path / "zone") as disk:
        toml = world.home / "config" / "hub.toml"
        text = toml.read_text(encoding="utf-8")
        toml.write_text(
            text.replace('landing  = "landing"', f'landing  = "{disk / "landing"}"'),
            encoding="utf-8",
        )
        with filled(disk, free):
            night = world.night(NIGHT, *PERIOD)
            failed = [each for each in night["gathers"] if each["outcome"] == "failed"]
            assert failed
            for each in failed:
                assert f"landing zone {disk}" in each["error"]
                assert "No space left on device: free some room on its disk" in each["error"]
            said(
                world.run("night", "--now", NIGHT, *PERIOD)
            )  # nothing is in the way of the next but the same
        mended(world)
        landed = {
            path.parent.name for path in (disk / "landing").glob("*/*/gathers/*/landing.json")
        }
        assert {each["gather"] for each in failed} <= landed
        again(world, undisturbed)


def test_a_release_that_no_room_was_left_for_is_made_by_the_next_night(
    fresh: World, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """The figures are there, and the second night has nothing to write but its release."""
    with small_disk(tmp_path / "disk") as disk, copy_of(fresh, disk / "home") as world:
        world.night(EVE, *PERIOD)
        before = figures(world)["submissions"]
        with filled(disk, 128 * KIB):
            night = world.run("night", "--now", NIGHT, *PERIOD)
            assert (night.returncode, "free some room on its disk" in said(night)) == (1, True), (
                said(night)
            )
        mended(world)
        world.night(NIGHT, *PERIOD)
        assert figures(world)["submissions"] == before
        assert figures(world) == undisturbed
        assert left(world) == {}
