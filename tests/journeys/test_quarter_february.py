"""February: of the nights that were missed the last is made up for; see ``quarter``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.quarter import FEBRUARY, filled_in, lived, nights_of


@pytest.mark.slow
def test_every_obligation_ends_as_it_must(tmp_path: Path) -> None:
    told = lived(tmp_path, FEBRUARY)
    assert told.found == told.right
    assert {"met", "late", "nil", "missing"} <= set(told.found.values())
    assert sorted(told.nights) == FEBRUARY.days
    assert {day for day, state in told.nights.items() if state == "done"} == {
        day for day, _ in nights_of(FEBRUARY)
    }
    assert told.after == filled_in(FEBRUARY, told.found) != told.found
    assert told.asked == [sum(told.after[name] != state for name, state in told.found.items()), 0]
