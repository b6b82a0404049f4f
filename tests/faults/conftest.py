from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.homes import EVE, NIGHT, PERIOD, quiet_world
from tests.journeys.world import World

ROOT = Path(__file__).parent.parent.parent
PACKAGES = next(Path(path) for path in sys.path if path.endswith("site-packages"))


def python_beside(base: str | Path, folder: Path, *more: Path) -> str:
    """A Python in a folder of its own, made from another of this version, with this project, its packages and more."""
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    site = folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (site / "here.pth").write_text(
        "".join(f"{path}\n" for path in (*more, PACKAGES, ROOT)), encoding="utf-8"
    )
    return str(folder / "bin" / "python")


def watched(process: subprocess.Popen[str], peak: list[float]) -> None:
    """Note the largest size in MB of any one process below, until it ends."""
    while process.poll() is None:
        try:
            for each in psutil.Process(process.pid).children(recursive=True):
                info = each.memory_info()
                peak[0] = max(peak[0], (info.rss - info.shared) / 2**20)
        except psutil.Error:
            pass
        time.sleep(0.05)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with figures, and no release yet."""
    with quiet_world(tmp_path_factory.mktemp("before") / "world") as world:
        world.night(EVE, *PERIOD)
        yield world


@pytest.fixture(scope="module")
def two_quiet_nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a world is like after two nights in which nothing happened."""
    with quiet_world(tmp_path_factory.mktemp("undisturbed") / "world") as world:
        world.night(EVE, *PERIOD)
        world.night(NIGHT, *PERIOD)
        state = world.state()
        assert [r[0] for r in state["releases"]] == ["TELECOM/2026-M10/v1"]
        assert state["effects"] == 1
        return state
