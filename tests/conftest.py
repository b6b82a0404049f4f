from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
