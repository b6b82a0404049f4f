from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.calendar.working_days import (
    Announced,
    add_working_days,
    is_working_day,
    next_working_day,
    read,
)
from hub_core.errors import ConfigurationError

DAY = timedelta(days=1)
days = st.dates(date(2019, 1, 1), date(2030, 12, 31))

# Tết and the day of the Hùng Kings (10th of the 3rd lunar month) as the almanacs have them; they
# agree with the
# lunar calendar of Hồ Ngọc Đức, computed from the moon and the sun at 105° east. In 2030 Tết is a
# day before China's.
LUNAR = {
    2019: ("2019-02-05", "2019-04-14"),
    2020: ("2020-01-25", "2020-04-02"),
    2021: ("2021-02-12", "2021-04-21"),
    2022: ("2022-02-01", "2022-04-10"),
    2023: ("2023-01-22", "2023-04-29"),
    2024: ("2024-02-10", "2024-04-18"),
    2025: ("2025-01-29", "2025-04-07"),
    2026: ("2026-02-17", "2026-04-26"),
    2027: ("2027-02-06", "2027-04-16"),
    2028: ("2028-01-26", "2028-04-04"),
    2029: ("2029-02-13", "2029-04-23"),
    2030: ("2030-02-02", "2030-04-12"),
}
# Weekdays off at Tết as the Government announced them for its offices.
TET = {
    2019: ("2019-02-04", "2019-02-08"),
    2020: ("2020-01-23", "2020-01-29"),
    2021: ("2021-02-10", "2021-02-16"),
    2022: ("2022-01-31", "2022-02-04"),
    2023: ("2023-01-20", "2023-01-26"),
    2024: ("2024-02-08", "2024-02-14"),
    2025: ("2025-01-27", "2025-01-31"),
    2026: ("2026-02-16", "2026-02-20"),
}


def between(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + n * DAY for n in range((end - start).days + 1)]


@pytest.mark.parametrize("year", LUNAR)
def test_offices_are_closed_on_the_eve_and_the_first_four_days_of_tet_and_on_the_hung_kings_day(
    year: int,
) -> None:
    tet, kings = (date.fromisoformat(each) for each in LUNAR[year])
    assert not any(is_working_day(tet + n * DAY) for n in (-1, 0, 1, 2, 3))
    assert not is_working_day(kings)
    if kings.weekday() >= 5:  # a day in lieu
        assert next_working_day(kings) > kings + (7 - kings.weekday()) * DAY


@pytest.mark.parametrize("year", TET)
def test_the_weekdays_off_at_tet_are_those_that_were_announced(year: int) -> None:
    off = between(*TET[year])
    assert not any(is_working_day(day) for day in off)
    assert next_working_day(off[0]) == next_working_day(off[-1])
    around = [day for n in range(1, 5) for day in (off[0] - n * DAY, off[-1] + n * DAY)]
    assert all(is_working_day(day) for day in around if day.weekday() < 5)


@pytest.mark.parametrize(
    ("year", "off"),
    [
        (2019, ["09-02"]),
        (2020, ["09-02"]),
        (2021, ["09-02", "09-03"]),  # two days since the Labour Code of 2019
        (2022, ["09-01", "09-02"]),
        (2023, ["09-01", "09-04"]),  # 2 September was a Saturday
        (2024, ["09-02", "09-03"]),
        (2025, ["09-01", "09-02"]),
        (2026, ["08-31", "09-01", "09-02"]),  # Monday exchanged for Saturday 22 August
    ],
)
def test_national_day_is_as_it_was_announced(year: int, off: list[str]) -> None:
    week = between(f"{year}-08-27", f"{year}-09-06")
    assert [f"{day:%m-%d}" for day in week if day.weekday() < 5 and not is_working_day(day)] == off


def test_a_saturday_that_makes_up_for_a_day_off_is_a_working_day() -> None:
    for off, made_up in [
        ("2019-04-29", "2019-05-04"),
        ("2024-04-29", "2024-05-04"),
        ("2025-05-02", "2025-04-26"),
    ]:
        assert not is_working_day(date.fromisoformat(off))
        assert is_working_day(date.fromisoformat(made_up))
    assert is_working_day(date(2026, 8, 22))
    assert is_working_day(date(2019, 1, 5))  # for 31 December of the year before


def test_what_the_operator_states_goes_before_the_package() -> None:
    """2 January 2026 was exchanged for Saturday 10 January; the package has not heard of it."""
    assert is_working_day(date(2026, 1, 2))
    stated = Announced(frozenset({date(2026, 1, 2)}), frozenset({date(2026, 1, 10)}))
    assert not is_working_day(date(2026, 1, 2), stated)
    assert is_working_day(date(2026, 1, 10), stated)
    assert next_working_day(date(2026, 1, 1), stated) == date(2026, 1, 5)
    assert add_working_days(date(2026, 1, 9), 1, stated) == date(2026, 1, 10)


def test_where_the_package_knows_nothing_there_are_weekends() -> None:
    assert is_working_day(date(2500, 9, 2))
    assert not is_working_day(date(2500, 9, 4))


@given(days)
def test_the_next_working_day_is_the_first_that_is_one(day: date) -> None:
    found = next_working_day(day)
    assert is_working_day(found)
    assert not any(is_working_day(day + n * DAY) for n in range((found - day).days))


@given(days, st.integers(-40, 40))
def test_so_many_working_days_are_counted_one_by_one(day: date, n: int) -> None:
    found = add_working_days(day, n)
    first, last = (day + DAY, found) if n > 0 else (found, day - DAY)
    if n == 0:
        assert found == day
        return
    assert is_working_day(found)
    assert sum(is_working_day(first + k * DAY) for k in range((last - first).days + 1)) == abs(n)


@given(days, st.integers(1, 40))
def test_from_a_working_day_and_back_is_the_same_day(day: date, n: int) -> None:
    start = next_working_day(day)
    assert add_working_days(add_working_days(start, n), -n) == start


# The operator's table

HEAD = "date,kind,what,legal_act\n"


def test_a_table_of_days_is_read() -> None:
    found = read(HEAD + "2026-01-02,holiday,x,y\n2026-01-10,working,x,\n", "holidays.csv")
    assert found == Announced(frozenset({date(2026, 1, 2)}), frozenset({date(2026, 1, 10)}))
    assert read(HEAD, "holidays.csv") == Announced()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the columns are date,kind,what,legal_act"),
        ("day,kind,what,legal_act\n", "line 1: the columns are"),
        (HEAD + "02/01/2026,holiday,x,y\n", "line 2: "),
        (HEAD + "2026-01-02,holiday,x\n", "line 2: the line is too long or too short"),
        (HEAD + "2026-01-02,holiday,x,y,z\n", "line 2: the line is too long or too short"),
        (HEAD + "2026-01-02,off,x,y\n", "line 2: kind 'off' is neither holiday nor working"),
        (
            HEAD + "2026-01-02,holiday,x,y\n2026-01-02,working,x,y\n",
            "line 3: 2026-01-02 stands there twice",
        ),
    ],
)
def test_a_table_that_is_wrong_is_refused_by_its_line(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"holidays\.csv, {words}"):
        read(text, "holidays.csv")
