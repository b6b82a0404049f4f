"""A clock that jumps a day back or ahead while a hub serves.

Nobody is asked twice, nothing is made twice.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from hub_core.obligations import ZONE
from hub_core.serving import Serving
from hub_core.store.leases import Leases
from hub_core.store.nights import Nights
from tests.faults.homes import figures, left
from tests.journeys.world import World, make_world, opened

FIRST = datetime(2026, 11, 6, 2, tzinfo=ZONE)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


class Clock:
    """A clock that is set, and a hub that goes by it."""

    def __init__(self, world: World, now: datetime) -> None:
        self.now = now
        self.heard: list[str] = []
        self.hub = Serving(world.home, lambda: self.now, self.heard.append, rehearsal=True)

    def at(self, now: datetime) -> list[str]:
        """What the hub sets out on when its clock shows this, and at the next look."""
        self.now, before = now, len(self.heard)
        self.hub.turn()
        self.hub.turn()
        begun = [each for each in self.heard[before:] if each.endswith(": begun")]
        return [each.removesuffix(": begun") for each in begun]


def asked(world: World) -> Counter[tuple[str, str]]:
    """How often each provision was asked."""
    with opened(world) as hub:
        return Counter((run["province"], run["provision"]) for run in hub.runs.all(limit=None))


def test_a_clock_that_jumps_makes_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_world(tmp_path / "world") as world:
        for name, text in world.systems.environment.items():
            monkeypatch.setenv(name, text)
        clock = Clock(world, FIRST)
        assert clock.at(FIRST) == ["night --date 2026-11-06"]
        once, right = asked(world), figures(world)
        assert set(once.values()) == {1}
        for now in (
            FIRST - DAY,
            FIRST - DAY + 3 * MINUTE,
            FIRST - 2 * MINUTE,
            FIRST + MINUTE,
        ):  # back, and on again
            assert clock.at(now) == []
        assert (asked(world), figures(world)) == (once, right)
        assert clock.at(FIRST + DAY + MINUTE) == ["night --date 2026-11-07"]  # a day ahead
        twice = asked(world)
        assert set(twice.values()) == {2}
        for now in (
            FIRST + 2 * MINUTE,
            FIRST + DAY,
            FIRST + DAY + 5 * MINUTE,
        ):  # set right; and the day comes
            assert clock.at(now) == []
        assert (asked(world), figures(world)) == (
            twice,
            right,
        )  # the same figures are no new version
        with opened(world) as hub:
            nights = {
                each.business_date: (each.state, each.attempts) for each in Nights(hub.store).all()
            }
            assert nights == {date(2026, 11, 6): ("done", 1), date(2026, 11, 7): ("done", 1)}
            assert {release.version for release in hub.releases.all()} == {1}
        assert left(world) == {}


def test_what_was_noted_by_a_clock_ahead_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery and a retry that were last tried tomorrow are tried now."""
    with make_world(tmp_path / "world", ("thanh_hoa",)) as world:
        for name, text in world.systems.environment.items():
            monkeypatch.setenv(name, text)
        world.ministry.mode = "down"
        gateway = world.systems.servers["thanh_hoa/telecom"]
        clock = Clock(world, FIRST)
        clock.at(FIRST + DAY)
        gateway.fault = "500"
        world.night("2026-11-07T03:00", "--province", "thanh_hoa")
        world.ministry.mode, gateway.fault = "accept", None
        assert clock.at(FIRST + MINUTE)[0] == "night --again thanh_hoa/telecom"
        assert {entry["state"] for entry in world.ministry.ledger} == {"accepted"}
        assert left(world) == {}


def test_a_lease_goes_by_the_database_s_clock_whatever_a_hub_s_own_shows(tmp_path: Path) -> None:
    with make_world(tmp_path / "world", ("thanh_hoa",)) as world, opened(world) as hub:
        other = Leases(hub.store, "another home")
        assert other.take("gather thanh_hoa/telecom")
        for now in ("2026-11-07T02:00", "2026-11-05T02:00"):
            [report] = world.night(now, "--period", "2026-M10")["gathers"]
            assert (report["outcome"], report["gather"]) == ("elsewhere", "")
        assert hub.leases.holder_of("gather thanh_hoa/telecom") == "another home"
        other.close()
        [report] = world.night("2026-11-05T02:00", "--period", "2026-M10")["gathers"]
        assert report["outcome"] == "done"
