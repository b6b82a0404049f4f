"""``hub serve`` as a process of its own, and what it has done."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from hub_core.store.nights import Nights
from hub_core.store.runs import Runs
from hub_core.store.store import Store
from tests.command import HUB
from tests.journeys.world import World

EVE, DAY = "2026-11-06T01:59", date(2026, 11, 6)


def until(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Wait for a condition; the bound is for what will never be."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@contextmanager
def serving(world: World, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*HUB, "serve", *words], env=world.environment, stdout=file, stderr=file
        )
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
        return Runs(store).all(limit=None)
    finally:
        store.close()


def rests(hub: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether a hub that says that it serves has nothing to do: half a second long it takes no time."""
    if "serving" not in log.read_text(encoding="utf-8"):
        return False
    process = psutil.Process(hub.pid)
    before = process.cpu_times()[:2]
    time.sleep(0.5)
    return process.cpu_times()[:2] == before and process.status() == psutil.STATUS_SLEEPING


def begun(log: Path) -> bool:
    return "begun" in log.read_text(encoding="utf-8")
