"""January: every night that was missed is made up for; see ``quarter``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.journeys.quarter import JANUARY, MONTHS, STORY, filled_in, lived, nights_of


@pytest.mark.slow(seconds=15)
def test_every_obligation_ends_as_it_must(tmp_path: Path) -> None:
    lived_through = lived(tmp_path, JANUARY)
    assert lived_through.found == lived_through.right
    assert {"met", "late", "nil", "missing"} <= set(lived_through.found.values())
    assert sorted(lived_through.nights) == JANUARY.days
    assert {day for day, state in lived_through.nights.items() if state == "done"} == {
        day for day, _ in nights_of(JANUARY)
    }
    assert lived_through.after == filled_in(JANUARY, lived_through.found) != lived_through.found
    assert lived_through.asked == [
        sum(lived_through.after[name] != state for name, state in lived_through.found.items()),
        0,
    ]


def test_the_story_has_everything_in_it() -> None:
    assert len(STORY) == 34
    fates = Counter(each.comes[month] is None for each in STORY for month in MONTHS)
    assert min(fates.values()) >= 5
    assert sum(len(each.nil) for each in STORY) >= 5
    assert sum(bool(each.down) for each in STORY) >= 5
