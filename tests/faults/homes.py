"""Homes that a fault strikes: copies of one on sample systems, and what they must be like afterwards.

What is only looked at, or mended, is done in the test's own process: a hub that starts takes a
second.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from hub_core.obligations import ZONE
from hub_core.testing.ministry import SampleMinistry
from hub_core.upkeep import doctor
from tests.journeys.world import World, make_world, opened

EVE, NIGHT = "2026-11-05T02:00", "2026-11-06T02:00"  # before the reports are due, and after
PERIOD = ("--period", "2026-M10")
NOW = datetime(2026, 11, 6, 3, tzinfo=ZONE)


@contextmanager
def quiet_world(folder: Path) -> Iterator[World]:
    """A world whose database is there."""
    with make_world(folder) as world:
        with opened(world):
            assert (world.home / "hub.db").is_file()
        yield world


@contextmanager
def copy_of(world: World, home: Path) -> Iterator[World]:
    """The same world with a copy of its home, and a ministry that has heard of nothing."""
    shutil.copytree(world.home, home, symlinks=True)
    toml = home / "config" / "deliveries" / "ministry.toml"
    with SampleMinistry() as ministry:
        text = toml.read_text(encoding="utf-8").replace(world.ministry.url, ministry.url)
        toml.write_text(text, encoding="utf-8")
        yield replace(world, home=home, ministry=ministry)


class Struck(dict[str, Any]):
    """What a sample gateway serves; when it is first asked, something happens."""

    def __init__(self, rows: Any, strike: Callable[[], object]) -> None:
        super().__init__(rows)
        self._strike = [strike]

    def get(self, *asked: Any) -> Any:
        if self._strike:
            self._strike.pop()()
        return super().get(*asked)


def left(world: World) -> Counter[str]:
    """What the doctor finds, by its kind."""
    with opened(world) as hub:
        return Counter(each.kind for each in doctor.examine(hub, lambda *_: None, deep=True).found)


def mended(world: World) -> None:
    """After ``--mend`` nothing is left that a hub left.

    What is on its way to the ministry waits for the night.
    """
    with opened(world) as hub:
        found = {each.kind for each in doctor.mend(hub, NOW, lambda *_: None, deep=True).found}
    assert found <= {"delivery"}, found


def said(done: CompletedProcess[str]) -> str:
    """What a command said, which was no traceback."""
    words = done.stdout + done.stderr
    assert "Traceback" not in words, words
    return " ".join(words.split())


def figures(world: World) -> dict[str, Any]:
    """What a world that was disturbed has in common with one that was not, and the ministry with it."""
    with opened(world) as hub:
        releases = hub.releases.all()
        standing = {
            (each.province, each.provision, each.period): (
                each.content_digest,
                each.quarantine_digest,
            )
            for each in hub.store.submissions()
            if not each.held
        }
    ledger = world.ministry.ledger
    assert len({entry["delivery"] for entry in ledger}) == len(ledger) == len(releases)
    return {
        "submissions": standing,
        "releases": {(each.dataflow, each.period): each.figures_digest for each in releases},
        "received": {
            (entry["dataflow"], entry["period"]): entry["figures_digest"] for entry in ledger
        },
    }
