"""A hub that is killed at random moments of its first night; see ``killed``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.homes import quiet_world
from tests.faults.killed import at_a_random_moment, seeds


@pytest.mark.parametrize("seed", seeds()[::2])
def test_killed_at_a_random_moment(
    seed: int, tmp_path: Path, two_quiet_nights: dict[str, Any]
) -> None:
    at_a_random_moment(quiet_world(tmp_path / "world"), seed, two_quiet_nights)
