"""Gathers in which a service says that what it sent before still stands.

Nothing is sent, and nothing is missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hub_core.landing.layout import OBSERVATIONS
from hub_core.store.revisions import current
from tests.journeys.world import World, make_world, opened

KEY, PERIOD = "thanh_hoa/telecom", "2026-M10"
NIGHTS = [f"2026-11-{day:02}T02:00" for day in range(6, 12)]


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world of one province after its first gather.

    The tests are the next ones, one after another.
    """
    with make_world(tmp_path_factory.mktemp("journey") / "world", ("thanh_hoa",)) as world:
        service = world.systems.servers[KEY]
        service.page_size, service.validators = 3, "etag"
        assert gather(world, 0)["outcome"] == "done"
        yield world


def gather(world: World, n: int, *words: str) -> Any:
    """The nth night's gather; the service counts anew."""
    service = world.systems.servers[KEY]
    service.requests = service.not_modified = service.sent = 0
    [report] = world.json_of("gather", "--now", NIGHTS[n], *words)["gathers"]
    return report


def runs(world: World) -> list[str]:
    """The gathers of all runs, the last one first."""
    with opened(world) as hub:
        return [run["gather"] for run in hub.runs.all() if run["kind"] == "gather"]


def figures(world: World) -> dict[str, str]:
    """What is current for the period, by indicator."""
    with opened(world) as hub:
        stands = current(hub.store.submissions([PERIOD], province="thanh_hoa", provision="telecom"))
        assert stands is not None
        frame = pl.read_parquet(hub.zone.root / stands.path / OBSERVATIONS)
    return {
        row["indicator"]: f"{row['value'].normalize():f}" for row in frame.iter_rows(named=True)
    }


def landing(world: World, gather: str) -> Any:
    return json.loads((folder(world) / "gathers" / gather / "landing.json").read_text())


def folder(world: World) -> Path:
    return world.home / "landing" / "thanh_hoa" / "telecom"


def parts(world: World) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder(world) / "parts").iterdir())}


def submissions(world: World) -> list[Path]:
    return sorted(folder(world).glob("submissions/*/*"))


@pytest.mark.slow
def test_a_gather_that_is_sent_nothing_is_unchanged_and_can_be_replayed(after: World) -> None:
    service, kept, sealed, ran = (
        after.systems.servers[KEY],
        parts(after),
        submissions(after),
        runs(after),
    )
    report = gather(after, 1)
    assert (report["outcome"], report["error"], report["revisions"]) == ("unchanged", None, {})
    assert report["counts"]["unchanged"] == report["counts"]["admitted"] > 0
    assert (service.sent, service.not_modified) == (0, service.requests)
    assert service.requests > 3
    assert (parts(after), submissions(after), runs(after)) == (
        kept,
        sealed,
        [report["gather"], *ran],
    )
    mine = landing(after, report["gather"])
    assert mine["complete"]
    assert [part["digest"] for part in mine["parts"]] == [
        p["digest"] for p in landing(after, ran[0])["parts"]
    ]
    replayed = after.json_of("replay", "thanh_hoa", "telecom", report["gather"], "--now", NIGHTS[1])
    assert (replayed["outcome"], replayed["counts"]["unchanged"]) == (
        "unchanged",
        report["counts"]["unchanged"],
    )


def test_one_page_that_changed_is_sent_alone_and_its_figure_is_the_new_one(after: World) -> None:
    service, row, before = after.systems.servers[KEY], after.rows(KEY, PERIOD)[4], figures(after)
    row["gia_tri"] = "1.345"
    report = gather(after, 2)
    assert (report["outcome"], report["counts"]["changed"], report["revisions"]) == (
        "done",
        1,
        {PERIOD: 2},
    )
    assert service.not_modified == service.requests - 1 > 2
    assert service.sent == len(service.page(PERIOD, 2))
    assert sorted(figures(after).items() - before.items()) == [
        (row["ma_chi_tieu"].replace("-", "."), "1345")
    ]


def test_bytes_that_are_gone_or_damaged_are_sent_again_and_put_in_their_place(after: World) -> None:
    service, kept = after.systems.servers[KEY], parts(after)
    now = [part["digest"] for part in landing(after, runs(after)[0])["parts"]]
    gone, damaged = (folder(after) / "parts" / f"{digest}.zst" for digest in now[:2])
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    report = gather(after, 3)
    assert (report["outcome"], report["error"]) == ("unchanged", None)
    assert service.requests == service.not_modified + 2
    assert parts(after) == kept


def test_a_gather_of_the_whole_lets_the_service_say_nothing(after: World) -> None:
    assert gather(after, 4, "--whole")["outcome"] == "unchanged"
    assert after.systems.servers[KEY].not_modified == 0


def test_a_source_may_be_told_to_ask_for_all(after: World) -> None:
    path = after.home / "config" / "hub.toml"
    head = "[sources.thanh_hoa.telecom]"
    path.write_text(path.read_text().replace(head, f"{head}\nvalidators = false"))
    assert gather(after, 5)["outcome"] == "unchanged"
    assert after.systems.servers[KEY].not_modified == 0
