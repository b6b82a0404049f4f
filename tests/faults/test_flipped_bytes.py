"""A flipped byte in what the hub keeps.

Whoever would use it says which file it is, and what is to be done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub_core.model.period import Period
from hub_core.pipeline.publish import publish
from tests.faults.homes import NIGHT, NOW, PERIOD, copy_of, figures, left, said
from tests.journeys.world import World, opened

NEXT = "2026-11-07T02:00"
PROVISION = "landing/thanh_hoa/telecom"
RELEASE = "TELECOM/2026-M10"
BACKUP = "bring it back from a backup (hub restore into another folder)"


def the(world: World, pattern: str) -> Path:
    return min(world.home.glob(f"{PROVISION}/{pattern}"))


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def observations(world: World) -> Path:
    """A byte in the middle of the figures."""
    path = the(world, "submissions/*/*/observations.parquet")
    flip(path, path.stat().st_size // 3)
    return path


def file_digest(world: World) -> Path:
    """A digit of a digest in the manifest."""
    path = the(world, "submissions/*/*/manifest.json")
    flip(path, path.read_bytes().index(b'"observations.parquet": "') + 30)
    return path.with_name("observations.parquet")


def content_digest(world: World) -> Path:
    path = the(world, "submissions/*/*/manifest.json")
    flip(path, path.read_bytes().index(b'"content": "') + 20)
    return path.parent


def brace(world: World) -> Path:
    """The manifest is no JSON any more."""
    path = the(world, "submissions/*/*/manifest.json")
    flip(path, 0)
    return path


SEALED = [observations, file_digest, content_digest, brace]


@pytest.fixture(scope="module")
def after(before: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same with its release, which waits for a ministry that is down."""
    with copy_of(before, tmp_path_factory.mktemp("after") / "home") as world:
        world.ministry.mode = "down"
        world.night(NIGHT, *PERIOD)
        yield world


@pytest.mark.parametrize("harm", SEALED)
def test_whatever_is_damaged_of_a_revision_it_is_in_no_release(
    before: World, tmp_path: Path, harm: Callable[[World], Path]
) -> None:
    with copy_of(before, tmp_path / "home") as world:
        damaged = harm(world)
        with opened(world) as hub:
            answer = publish(hub, "TELECOM", Period.parse("2026-M10"), NOW, at_once=True)
            assert (answer.state, hub.releases.all()) == ("failed", [])
        assert str(damaged) in str(answer.error)
        assert left(world) == {"digest": 1}


def test_a_damaged_revision_is_named_and_a_night_puts_another_in_its_place(
    before: World, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    with copy_of(before, tmp_path / "home") as world:
        damaged = observations(world)
        answer = world.json_of("publish", "TELECOM", "2026-M10", "--now", NIGHT)["release"]
        assert (world.codes["publish"], answer["state"]) == (1, "failed")
        for words in (
            str(damaged),
            BACKUP,
            "hub replay thanh_hoa telecom 20250101-",
            "period 2026-M10",
        ):
            assert words in answer["error"]
        answer = world.gathers(world.night(NIGHT, *PERIOD))["thanh_hoa/telecom"]
        assert (answer["outcome"], answer["revisions"]) == ("done", {"2026-M10": 2})
        assert figures(world) == undisturbed
        assert left(world) == {"digest": 1}  # what was is for the operator to bring back


def test_a_replay_makes_another_revision_of_what_is_damaged(
    before: World, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    with copy_of(before, tmp_path / "home") as world:
        observations(world)
        answer = world.json_of("replay", "thanh_hoa", "telecom", "--now", NIGHT)
        assert (answer["outcome"], answer["revisions"], answer["error"]) == (
            "done",
            {"2026-M10": 2},
            None,
        )
        assert world.run("publish", "TELECOM", "2026-M10", "--now", NIGHT).returncode == 0
        assert figures(world) == undisturbed


def test_other_releases_go_on_beside_one_that_is_damaged(before: World, tmp_path: Path) -> None:
    with copy_of(before, tmp_path / "home") as world:
        observations(world)
        world.systems.servers["thanh_hoa/telecom"].fault = "500"  # no other revision comes
        try:
            night = world.night(NIGHT, *PERIOD, "--period", "2026-Q3")
        finally:
            world.systems.servers["thanh_hoa/telecom"].fault = None
        assert world.codes["night"] == 1
        states = {each["period"]: (each["state"], each["error"]) for each in night["releases"]}
        assert (states["2026-M10"][0], BACKUP in states["2026-M10"][1]) == ("failed", True)
        assert states["2026-Q3"] == ("frozen", None)
        assert [each["state"] for each in night["deliveries"]] == ["accepted"]


@pytest.mark.parametrize(
    "words", [["trace", RELEASE, "VT.03", "cluster-5"], ["release", "verify", RELEASE]]
)
def test_a_damaged_revision_is_not_followed(after: World, tmp_path: Path, words: list[str]) -> None:
    with copy_of(after, tmp_path / "home") as world:
        damaged = observations(world)
        done = world.run(*words)
        words_said = said(done)
        assert (
            done.returncode,
            f"{damaged} is not the file that was sealed" in words_said,
            BACKUP in words_said,
        ) == (
            1,
            True,
            True,
        )


def test_a_damaged_part_is_named_by_replay_and_trace_and_comes_again_with_the_next_night(
    after: World, tmp_path: Path
) -> None:
    with copy_of(after, tmp_path / "home") as world:
        cell = world.trace(RELEASE, "VT.03", "vn-thanh-hoa")["cell"]
        part = the(world, f"parts/{cell['part']['digest']}.zst")
        flip(part, part.stat().st_size // 2)
        answer = world.json_of("replay", "thanh_hoa", "telecom", "--now", NEXT)
        assert (answer["outcome"], world.codes["replay"]) == ("failed", 1)
        assert f"{part} " in answer["error"]
        assert "bring it back from a backup, or ask the department again" in answer["error"]
        unread = world.trace(RELEASE, "VT.03", "vn-thanh-hoa")["cell"]
        assert f"{part} " in unread["locator"] + unread["text"], unread
        assert cell["text"] not in unread["text"]
        assert left(world) == {"digest": 2, "delivery": 1}  # of both gathers
        world.night(NEXT, *PERIOD)
        assert left(world) == {}
        answer = world.json_of("replay", "thanh_hoa", "telecom", "--now", NEXT)
        assert (answer["outcome"], answer["error"]) == ("unchanged", None)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        (
            "update figure set value = '1' || value where indicator = 'VT.03'",
            "its figures are not those",
        ),
        (
            "update release set manifest = replace(manifest, 'THANH_HOA', 'THANH_HOE')",
            "its manifest is not the one",
        ),
    ],
)
def test_a_release_that_was_changed_is_not_sent(
    after: World, tmp_path: Path, sql: str, what: str
) -> None:
    with copy_of(after, tmp_path / "home") as world:
        with closing(sqlite3.connect(world.home / "hub.db")) as connection, connection:
            assert connection.execute(sql).rowcount > 0
        world.ministry.mode = "accept"
        sent = world.json_of("delivery", "send", "--now", NEXT)
        [delivery] = sent["deliveries"] if isinstance(sent, dict) else sent
        assert (what in delivery["error"], BACKUP in delivery["error"]) == (True, True), delivery
        assert world.ministry.ledger == []
        exported = world.run("release", "export", RELEASE, str(tmp_path))
        assert (exported.returncode, what in said(exported)) == (1, True)
        assert list(tmp_path.glob("TELECOM*")) == []
        assert left(world)["release"] == 1
