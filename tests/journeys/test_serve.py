"""``hub serve`` as a process of its own, on sample systems; its clock is set, and runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest

from hub_core.store.nights import Nights
from hub_core.store.store import Store
from tests.journeys.conftest import HUB, World, make_world

EVE, DAY = "2026-11-06T01:59", date(2026, 11, 6)


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


@contextmanager
def serving(world: World, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen([*HUB, "serve", *words], env=world.environment, stdout=file, stderr=file)
    try:
        yield process
    finally:
        if process.poll() is None:
            for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                each.kill()
            process.wait()


def nights(world: World) -> dict[date, str]:
    store = Store(f"sqlite:///{world.home}/hub.db")
    try:
        return {each.business_date: each.state for each in Nights(store).all()}
    finally:
        store.close()


def runs(world: World) -> list[dict[str, Any]]:
    store = Store(f"sqlite:///{world.home}/hub.db")
    try:
        return store.runs(limit=None)
    finally:
        store.close()


def begun(log: Path) -> bool:
    return "begun" in log.read_text(encoding="utf-8")


def test_the_night_runs_at_its_hour_once_and_the_hub_goes_when_told(world: World, tmp_path: Path) -> None:
    log = tmp_path / "log"
    world.told("status")  # the database is there
    with serving(world, log, "--now", "2026-11-06T01:59") as hub:
        time.sleep(3)
        assert not begun(log)
    toml = world.home / "config" / "hub.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + "\n[schedule]\nnight = 01:58:00\n", encoding="utf-8")
    with serving(world, log, "--now", EVE) as hub:
        until(lambda: nights(world) == {DAY: "done"}, "the night")
        other = subprocess.run([*HUB, "serve"], env=world.environment, capture_output=True, text=True, check=False)
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
        time.sleep(4)
        assert not begun(log)  # it is done for this day


def test_told_to_stop_in_mid_night_it_gives_back_what_it_holds_within_ten_seconds(tmp_path: Path) -> None:
    with make_world(tmp_path / "quiet") as quiet:
        quiet.night("2026-11-06T02:00")
        right = quiet.state()
    with make_world(tmp_path / "world") as world:
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
            gone, alive = psutil.wait_procs(children, timeout=2)
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


def test_two_hubs_on_one_database_run_no_provision_twice(tmp_path: Path) -> None:
    with make_world(tmp_path / "quiet") as quiet:
        quiet.night("2026-11-06T02:00")
        right = quiet.state()
    with make_world(tmp_path / "world") as world:
        toml = world.home / "config" / "hub.toml"
        shared = toml.read_text(encoding="utf-8")
        shared = shared.replace('"sqlite:///hub.db"', f'"sqlite:///{world.home}/hub.db"')
        toml.write_text(shared.replace('"landing"', f'"{world.home}/landing"'), encoding="utf-8")
        other = tmp_path / "other"
        shutil.copytree(world.home / "config", other / "config")
        world.told("status")
        command = [*HUB, "night", "--now", "2026-11-06T02:00", "--json", "--home"]
        environment = {**os.environ, **world.environment}
        both = [
            subprocess.Popen([*command, str(home)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for home in (world.home, other)
        ]
        ended = [each.communicate(timeout=120) for each in both]
        assert [each.returncode for each in both] == [0, 0], ended
        asked = [run for run in runs(world) if run["kind"] == "gather"]
        assert {run["outcome"] for run in asked} == {"done"}
        assert len(asked) == len({(run["province"], run["provision"]) for run in asked})
        world.night("2026-11-06T02:00")  # whoever was first could not know all
        assert [each[:4] for each in world.state()["submissions"]] == [each[:4] for each in right["submissions"]]
        assert world.state()["effects"] == len(world.state()["ledger"])


@pytest.mark.slow
def test_at_rest_it_takes_little(world: World, tmp_path: Path) -> None:
    world.told("status")
    with serving(world, tmp_path / "log", "--now", "2026-11-06T01:00") as hub:
        until(lambda: "serving" in (tmp_path / "log").read_text(encoding="utf-8"), "it serves")
        time.sleep(2)
        process = psutil.Process(hub.pid)
        before = sum(process.cpu_times()[:2])
        time.sleep(30)
        used = sum(process.cpu_times()[:2]) - before
        assert process.children() == []
        assert process.memory_info().rss < 200 * 2**20
        assert used < 0.3  # one in a hundred
