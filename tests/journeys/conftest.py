from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.world import NIGHT, World, gone_on, lived_once, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path / "world") as made:
        yield made


@pytest.fixture(scope="session")
def night_lived(for_all: Path) -> Path:
    """A world that lived through a night."""
    return lived_once(for_all / "night", lambda world: world.night(NIGHT))


@pytest.fixture
def morning(night_lived: Path, tmp_path: Path) -> Iterator[World]:
    """A world the morning after a night: its own copy, which a test may change."""
    with gone_on(night_lived, tmp_path / "world") as world:
        yield world
