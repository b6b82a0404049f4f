"""A child that is killed while it reads; see ``killed``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.homes import quiet_world
from tests.faults.killed import READING, at_a_border, chosen


@pytest.mark.parametrize("where", chosen(READING))
def test_killed_at_a_border(where: str, tmp_path: Path, two_quiet_nights: dict[str, Any]) -> None:
    at_a_border(quiet_world(tmp_path / "world"), where, two_quiet_nights)
