"""``hub serve`` as a process of its own, on sample systems; its clock is set, and runs."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from hub_core.store.store import Store
from tests.command import HUB
from tests.journeys.served import DAY, EVE, begun, nights, rests, runs, serving, until
from tests.journeys.world import World, make_world

pytestmark = pytest.mark.slow


def test_the_night_runs_at_its_hour_once_and_the_hub_goes_when_told(
    world: World, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    world.json_of("status")  # the database is there
    with serving(world, log, "--now", "2026-11-06T01:59") as hub:
        until(lambda: rests(hub, log), "a hub that has looked what is due, and rests")
        assert not begun(log)
    toml = world.home / "config" / "hub.toml"
    toml.write_text(
        toml.read_text(encoding="utf-8") + "\n[schedule]\nnight = 01:58:00\n", encoding="utf-8"
    )
    with serving(world, log, "--now", EVE) as hub:
        until(lambda: nights(world) == {DAY: "done"}, "the night")
        other = subprocess.run(
            [*HUB, "serve"], env=world.environment, capture_output=True, text=True, check=False
        )
        assert (other.returncode, "another hub serves" in other.stderr) == (1, True)
        until(lambda: "ended with" in log.read_text(encoding="utf-8"), "its end")
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(10) == 0
    text = log.read_text(encoding="utf-8")
    assert "night --date 2026-11-06: begun" in text
    assert "told to stop by SIGTERM" in text
    asked = [run for run in runs(world) if run["kind"] == "gather"]
    assert len(asked) == len({(run["province"], run["provision"]) for run in asked}) > 2
    with serving(world, log, "--now", EVE) as hub:
        until(lambda: rests(hub, log), "a hub that has looked what is due, and rests")
        assert not begun(log)  # it is done for this day


def test_told_to_stop_in_mid_night_it_gives_back_what_it_holds_within_ten_seconds(
    morning: World, tmp_path: Path
) -> None:
    right = morning.state()  # after a night that nothing disturbed
    with make_world(tmp_path / "stopped") as world:
        gateway = world.systems.servers["thanh_hoa/telecom"]
        gateway.fault = "drip"
        log = tmp_path / "log"
        with serving(world, log, "--now", "2026-11-06T02:00") as hub:
            until(lambda: begun(log) and gateway.requests > 0, "a gather under way")
            children = psutil.Process(hub.pid).children(recursive=True)
            assert len(children) >= 2
            since = time.monotonic()
            hub.send_signal(signal.SIGTERM)
            assert hub.wait(10) == 0
            assert time.monotonic() - since < 10
            gone, alive = psutil.wait_procs(children, timeout=60)
            assert (len(gone), alive) == (len(children), [])
        assert "ended with 143" in log.read_text(encoding="utf-8")
        store = Store(f"sqlite:///{world.home}/hub.db")
        with store.read() as connection:
            assert connection.exec_driver_sql("select count(*) from lease").scalar() == 0
        store.close()
        assert nights(world) == {DAY: "running"}
        assert {run["outcome"] for run in runs(world)} & {"running"} == set()
        gateway.fault = None
        with serving(world, log, "--now", "2026-11-06T02:00"):
            until(lambda: nights(world) == {DAY: "done"}, "the night, taken again")
        assert world.state() == right
