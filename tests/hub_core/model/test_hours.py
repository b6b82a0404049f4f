from __future__ import annotations

from datetime import time

import pytest

from hub_core.model.hours import Hours


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22:00-05:00", ["22:00", "23:59", "00:00", "04:59"], ["05:00", "12:00", "21:59"]),
        ("01:30-04:00", ["01:30", "03:59"], ["00:00", "01:29", "04:00", "23:00"]),
    ],
)
def test_hours_hold_their_first_minute_and_not_their_last(
    text: str, inside: list[str], outside: list[str]
) -> None:
    hours = Hours.parse(text)
    assert str(hours) == text
    assert [at for at in [*inside, *outside] if hours.holds(time.fromisoformat(at))] == inside


@pytest.mark.parametrize(
    "text", ["", "22-05", "22:00", "24:00-05:00", "22:60-05:00", "05:00-05:00", "22:00-05:00 "]
)
def test_anything_else_is_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="not hours of a day"):
        Hours.parse(text)
