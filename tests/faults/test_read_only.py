"""Folders of a home that the hub may not write: each named, with what the operator can do.

Nothing lost.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.command import HUB
from tests.faults.homes import NIGHT, PERIOD, copy_of, figures, left, mended, said
from tests.journeys.world import World

NEXT = "2026-11-07T02:00"
AS_OTHERS: list[
    str
] = []  # what lets a hub obey modes as everybody must, where the tests run as root
if os.geteuid() == 0:
    AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.fixture(scope="module", autouse=True)
def _as_others() -> None:
    if AS_OTHERS and (
        shutil.which("setpriv") is None
        or subprocess.run([*AS_OTHERS, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("root writes everywhere, and there is no setpriv that may take that from a hub")


@pytest.fixture(scope="module")
def undisturbed(before: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with copy_of(before, tmp_path_factory.mktemp("undisturbed") / "home") as world:
        world.systems.servers["thanh_hoa/telecom"].rows["2026-M10"][0]["gia_tri"] = "1"  # type: ignore[call-overload]
        world.night(NIGHT, *PERIOD)
        return figures(world)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder in which nothing can be made, moved or removed, nor below it."""
    found = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    modes = {path: path.stat().st_mode & 0o7777 for path in found}
    for path in found:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def as_others(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*AS_OTHERS, *HUB, *words]
    return subprocess.run(
        command, env=world.environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("landing", "landing zone"),
        ("scratch", "scratch"),
        (".", "hub.db"),
    ],
)
def test_what_cannot_be_written_is_named_and_the_next_night_makes_up_for_it(
    before: World, undisturbed: dict[str, Any], tmp_path: Path, where: str, words: str
) -> None:
    with copy_of(before, tmp_path / "home") as world:
        with read_only(world.home / where):
            night = as_others(world, "night", "--now", NIGHT, *PERIOD)
            words_said = said(night)
            assert (night.returncode, words in words_said) == (1, True), words_said
            if where == "landing":
                assert "Permission denied: give it to the hub's user" in words_said
                again = as_others(world, "night", "--now", NIGHT, *PERIOD)
                assert (again.returncode, words in said(again)) == (1, True)
        mended(world)
        landed = len(list((world.home / "landing").glob("*/*/gathers/*/landing.json")))
        assert (
            landed == {"landing": 6, "scratch": 2, ".": 2}[where]
        )  # what was received was not thrown away
        world.night(NEXT, *PERIOD)
        assert figures(world) == undisturbed
        assert left(world) == {}


def test_whatever_the_system_refuses_is_said_with_its_place_and_no_traceback(
    before: World, tmp_path: Path
) -> None:
    with copy_of(before, tmp_path / "home") as world:
        lock = world.home / "hub.lock"
        lock.unlink()
        lock.mkdir()
        night = world.run("night", "--now", NIGHT, *PERIOD)
        assert (night.returncode, said(night)) == (1, f"StoreError: {lock}: Is a directory")
        lock.rmdir()
        assert world.run("night", "--now", NIGHT, *PERIOD).returncode == 0
