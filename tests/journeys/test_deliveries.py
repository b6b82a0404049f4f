"""One recipient of two dataflows, each sent where its own delivery says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub_core.testing.ministry import SampleMinistry
from tests.journeys.world import NIGHT, World

PERIODS = ("--period", "2026-M10", "--period", "2025")


def delivery(url: str, dataflow: str, dates: str = "") -> str:
    return (
        f'[[delivery]]\ndataflow = "{dataflow}"\nrecipient = "G06"\nrecipient_name = "Bộ Khoa học và Công nghệ"\n'
        f'sink = {{ kind = "rest", url = "{url}" }}\n{dates}\n'
    )


def write(world: World, *deliveries: str) -> Path:
    path = world.home / "config" / "deliveries" / "ministry.toml"
    path.write_text("".join(deliveries), encoding="utf-8")
    return path


def flows(ministry: SampleMinistry) -> set[str]:
    return {entry["dataflow"] for entry in ministry.ledger}


@pytest.mark.slow
def test_each_dataflow_goes_where_its_own_delivery_says(world: World) -> None:
    with SampleMinistry() as other:
        write(world, delivery(other.url, "DENOMINATORS"), delivery(world.ministry.url, "TELECOM"))
        world.night(NIGHT, *PERIODS)
        assert (flows(other), flows(world.ministry)) == ({"DENOMINATORS"}, {"TELECOM"})


def test_what_waits_goes_where_it_is_said_to_go_today(world: World) -> None:
    """The ministry moved while it was down."""
    with SampleMinistry() as before, SampleMinistry() as later:
        before.mode = "down"
        old = delivery(before.url, "TELECOM", 'valid_to = "2026-11-06"')
        write(
            world,
            old.replace('"2026-11-06"', "2026-11-06"),
            delivery(later.url, "TELECOM", "valid_from = 2026-11-07"),
        )
        world.night("2026-11-06T02:00", "--period", "2026-M10")
        assert not before.ledger
        before.mode = "accept"
        [sent] = world.json_of("delivery", "send", "--now", "2026-11-07T08:00")
        assert sent["state"] == "accepted"
        assert (flows(before), flows(later)) == (set(), {"TELECOM"})


@pytest.mark.slow
def test_what_nobody_says_where_to_send_waits_and_says_so(world: World) -> None:
    world.ministry.mode = "down"
    world.night(NIGHT, "--period", "2026-M10")
    write(world, delivery(world.ministry.url, "DENOMINATORS"))
    world.ministry.mode = "accept"
    done = world.run("delivery", "send", "--now", "2026-11-07T08:00")
    assert "sends TELECOM to no recipient G06 any more" in done.stdout
    assert not flows(world.ministry)
