"""A hub that is killed at random moments of a night that is not its first; see ``killed``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.killed import at_a_random_moment, seeds
from tests.journeys.world import gone_on


@pytest.mark.parametrize("seed", seeds()[1::2])
def test_killed_at_a_random_moment(
    seed: int, eve_lived: Path, tmp_path: Path, two_quiet_nights: dict[str, Any]
) -> None:
    at_a_random_moment(gone_on(eve_lived, tmp_path / "world"), seed, two_quiet_nights)
