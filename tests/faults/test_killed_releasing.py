"""A hub that is killed while it freezes and delivers; see ``killed``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.killed import RELEASING, at_a_border, chosen
from tests.journeys.world import gone_on


@pytest.mark.parametrize("where", chosen(RELEASING))
def test_killed_at_a_border(
    where: str, eve_lived: Path, tmp_path: Path, two_quiet_nights: dict[str, Any]
) -> None:
    at_a_border(gone_on(eve_lived, tmp_path / "world"), where, two_quiet_nights)
