from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.journeys.world import NIGHT, World, gone_on, lived_once

settings.register_profile(
    "hub",
    deadline=None,  # it and the health check would measure the machine
    max_examples=60,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hub")

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(
            f"{SHARED} is not there: the real files of the ministries are kept beside the repository"
        )
    return SHARED


@pytest.fixture(scope="session")
def for_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what is made once for all tests of a run, whichever process they are in."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "lived"


@pytest.fixture(scope="session")
def night_lived(for_all: Path) -> Path:
    """A world that lived through a night."""
    return lived_once(for_all / "night", lambda world: world.night(NIGHT))


@pytest.fixture
def morning(night_lived: Path, tmp_path: Path) -> Iterator[World]:
    """A world the morning after a night: its own copy, which a test may change."""
    with gone_on(night_lived, tmp_path / "world") as world:
        yield world
