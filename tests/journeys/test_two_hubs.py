"""Two homes on one database and one landing zone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command import HUB
from tests.journeys.served import runs
from tests.journeys.world import World, make_world

pytestmark = pytest.mark.slow


def test_two_hubs_on_one_database_run_no_provision_twice(morning: World, tmp_path: Path) -> None:
    right = morning.state()  # after a night of one hub alone
    with make_world(tmp_path / "shared") as world:
        toml = world.home / "config" / "hub.toml"
        shared = toml.read_text(encoding="utf-8")
        shared = shared.replace('"sqlite:///hub.db"', f'"sqlite:///{world.home}/hub.db"')
        toml.write_text(shared.replace('"landing"', f'"{world.home}/landing"'), encoding="utf-8")
        other = tmp_path / "other"
        shutil.copytree(world.home / "config", other / "config")
        world.json_of("status")
        command = [*HUB, "night", "--now", "2026-11-06T02:00", "--json", "--home"]
        environment = {**os.environ, **world.environment}
        both = [
            subprocess.Popen(
                [*command, str(home)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for home in (world.home, other)
        ]
        ended = [each.communicate(timeout=300) for each in both]
        assert [each.returncode for each in both] == [0, 0], ended
        asked = [run for run in runs(world) if run["kind"] == "gather"]
        assert {run["outcome"] for run in asked} == {"done"}
        assert len(asked) == len({(run["province"], run["provision"]) for run in asked})
        world.night("2026-11-06T02:00")  # whoever was first could not know all
        assert [each[:4] for each in world.state()["submissions"]] == [
            each[:4] for each in right["submissions"]
        ]
        assert world.state()["effects"] == len(world.state()["ledger"])
