from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.homes import EVE, NIGHT, PERIOD, figures
from tests.journeys.world import World, gone_on, lived_once

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


def an_eve(world: World) -> None:
    """A night with figures, and no release yet."""
    world.night(EVE, *PERIOD)


def two_nights(world: World) -> None:
    """Two nights in which nothing happened."""
    world.night(EVE, *PERIOD)
    world.night(NIGHT, *PERIOD)


@pytest.fixture(scope="session")
def eve_lived(for_all: Path) -> Path:
    """A world with figures, and no release yet."""
    return lived_once(for_all / "eve", an_eve)


@pytest.fixture(scope="module")
def before(eve_lived: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with figures, and no release yet."""
    with gone_on(eve_lived, tmp_path_factory.mktemp("before") / "world") as world:
        yield world


@pytest.fixture(scope="module")
def quiet(for_all: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world after two nights in which nothing happened."""
    lived = lived_once(for_all / "two_quiet_nights", two_nights)
    with gone_on(lived, tmp_path_factory.mktemp("quiet") / "world") as world:
        yield world


@pytest.fixture(scope="module")
def two_quiet_nights(quiet: World) -> dict[str, Any]:
    """What a world is like after two nights in which nothing happened."""
    state = quiet.state()
    assert [r[0] for r in state["releases"]] == ["TELECOM/2026-M10/v1"]
    assert state["effects"] == 1
    return state


@pytest.fixture(scope="module")
def undisturbed(quiet: World) -> dict[str, Any]:
    """What a world that was disturbed must have in common with one that was not."""
    return figures(quiet)
