"""February: of the nights that were missed the last is made up for; see ``quarter``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.quarter import FEBRUARY, filled_in, lived, nights_of

pytestmark = pytest.mark.slow(seconds=15)


def test_every_obligation_ends_as_it_must(tmp_path: Path) -> None:
    lived_through = lived(tmp_path, FEBRUARY)
    assert lived_through.found == lived_through.right
    assert {"met", "late", "nil", "missing"} <= set(lived_through.found.values())
    assert sorted(lived_through.nights) == FEBRUARY.days
    assert {day for day, state in lived_through.nights.items() if state == "done"} == {
        day for day, _ in nights_of(FEBRUARY)
    }
    assert lived_through.after == filled_in(FEBRUARY, lived_through.found) != lived_through.found
    assert lived_through.asked == [
        sum(lived_through.after[name] != state for name, state in lived_through.found.items()),
        0,
    ]
