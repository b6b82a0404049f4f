"""``hub serve`` while nothing is due."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from tests.journeys.conftest import World
from tests.journeys.served import serving, until


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
