"""March: no night that was missed is made up for; see ``quarter``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.quarter import MARCH, filled_in, lived, nights_of

pytestmark = pytest.mark.slow(seconds=15)


def test_every_obligation_ends_as_it_must(tmp_path: Path) -> None:
    lived_through = lived(tmp_path, MARCH)
    assert lived_through.found == lived_through.right
    assert {"met", "late", "nil", "missing"} <= set(lived_through.found.values())
    assert sorted(lived_through.nights) == MARCH.days
    assert {day for day, state in lived_through.nights.items() if state == "done"} == {
        day for day, _ in nights_of(MARCH)
    }
    assert lived_through.after == filled_in(MARCH, lived_through.found) != lived_through.found
    assert lived_through.asked == [
        sum(lived_through.after[name] != state for name, state in lived_through.found.items()),
        0,
    ]
