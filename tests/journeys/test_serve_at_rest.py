"""``hub serve`` while nothing is due."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from tests.journeys.served import rests, serving, until
from tests.journeys.world import World


@pytest.mark.slow
def test_at_rest_it_takes_little(world: World, tmp_path: Path) -> None:
    world.json_of("status")
    with serving(world, tmp_path / "log", "--now", "2026-11-06T01:00") as hub:
        until(lambda: rests(hub, tmp_path / "log"), "a hub at rest")
        process = psutil.Process(hub.pid)
        before = sum(process.cpu_times()[:2])
        time.sleep(30)
        used = sum(process.cpu_times()[:2]) - before
        assert process.children() == []
        assert process.memory_info().rss < 200 * 2**20
        assert used < 0.3  # one in a hundred
