"""An SQLite database that is locked, removed, replaced or overwritten.

Said by name, and no new one in its place.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hub_core.config.operator import load
from hub_core.obligations import ZONE
from hub_core.serving import Serving
from hub_core.store.nights import Nights
from hub_core.upkeep import doctor
from tests.faults.homes import NIGHT, PERIOD, Struck, copy_of, figures, left, mended, said
from tests.journeys.world import World, opened

BACKUP = "bring it back from a backup (hub restore into another folder)"


def removed(home: Path) -> None:
    for path in home.glob("hub.db*"):
        path.unlink()


def emptied(home: Path) -> None:
    removed(home)
    (home / "hub.db").touch()


def replaced(home: Path) -> None:
    removed(home)
    (home / "hub.db").write_bytes(b"no database at all\n" * 1000)


def overwritten(home: Path) -> None:
    with (home / "hub.db").open("r+b") as file:
        file.write(b"garbage!" * 4096)


HARM = [
    (removed, "hub.db is gone, and the landing zone is not"),
    (emptied, "hub.db is empty, and the landing zone is not"),
    (replaced, "hub.db: file is not a database"),
    (overwritten, "hub.db: "),
]


@pytest.mark.parametrize(("harm", "words"), HARM)
def test_a_lost_database_is_named_and_no_other_takes_its_place(
    before: World,
    undisturbed: dict[str, Any],
    tmp_path: Path,
    harm: Callable[[Path], None],
    words: str,
) -> None:
    with copy_of(before, tmp_path / "home") as world:
        harm(world.home)
        night = world.run("night", "--now", NIGHT, *PERIOD)
        words_said = said(night)
        assert (night.returncode, words in words_said, BACKUP in words_said) == (1, True, True), (
            words_said
        )
        assert [each.harmless for each in doctor.database(load(world.home))] == [False]
        if harm is removed:
            removed(world.home)
            shutil.copyfile(before.home / "hub.db", world.home / "hub.db")
            world.night(NIGHT, *PERIOD)
            assert figures(world) == undisturbed
            assert left(world) == {}


@pytest.mark.parametrize("harm", [removed, replaced])
def test_a_night_whose_database_is_taken_away_releases_nothing(
    before: World, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    served = before.systems.servers["thanh_hoa/telecom"]
    rows = served.rows
    with copy_of(before, tmp_path / "home") as world:
        served.rows = Struck(rows, lambda: harm(world.home))
        night = world.run("night", "--now", NIGHT, *PERIOD)
        served.rows = rows
        words_said = said(night)
        assert (
            night.returncode,
            "was removed or replaced while the hub was at work" in words_said,
        ) == (
            1,
            True,
        ), words_said
        assert world.ministry.ledger == []


def test_a_database_that_another_program_holds_is_waited_for_and_then_named(
    before: World, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    with copy_of(before, tmp_path / "home") as world:
        with closing(sqlite3.connect(world.home / "hub.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            night = world.process("night", "--now", NIGHT, *PERIOD)
        words_said = said(night)
        assert (
            night.returncode,
            "database is locked" in words_said,
            "another program holds it" in words_said,
        ) == (1, True, True)
        mended(world)
        world.night(NIGHT, *PERIOD)
        assert figures(world) == undisturbed
        assert left(world) == {}


def test_a_hub_that_serves_makes_no_new_database_and_goes_on_with_the_one_that_is_brought_back(
    before: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in before.systems.environment.items():
        monkeypatch.setenv(name, text)
    heard: list[str] = []
    with copy_of(before, tmp_path / "home") as world:
        hub = Serving(
            world.home,
            lambda: datetime.fromisoformat(NIGHT).replace(tzinfo=ZONE),
            heard.append,
            rehearsal=True,
        )
        removed(world.home)
        hub.turn()
        hub.turn()
        assert (len(heard), "hub.db is gone" in heard[0], list(world.home.glob("hub.db"))) == (
            1,
            True,
            [],
        )
        shutil.copyfile(before.home / "hub.db", world.home / "hub.db")
        hub.turn()
        assert heard[1:] == [
            "that is over",
            "night --date 2026-11-06: begun",
            "night --date 2026-11-06: ended with 0",
        ]
        with opened(world) as opened_hub:
            assert [each.state for each in Nights(opened_hub.store).all()] == ["done"]
