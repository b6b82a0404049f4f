"""Working days in Vietnam: weekends, public holidays, and days exchanged for one another."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from hub_core.errors import ConfigurationError

_SATURDAY = 5
_COLUMNS = ["date", "kind", "what", "legal_act"]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Announced:
    """Single days that the operator states; they override what the package ``holidays`` says."""

    holidays: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()  # make-up days


NOTHING = Announced()


def is_working_day(day: date, announced: Announced = NOTHING) -> bool:
    """Tell whether offices work on a day.

    By the Labour Code 2019, article 112, and the Government's exchanges of days.
    """
    if day in announced.holidays or day in announced.working:
        return day in announced.working
    holidays, make_up = _of_year(day.year)
    return day in make_up or (day.weekday() < _SATURDAY and day not in holidays)


def next_working_day(day: date, announced: Announced = NOTHING) -> date:
    """Return the day itself where it is a working day, else the first one after it."""
    while not is_working_day(day, announced):
        day += _DAY
    return day


def add_working_days(day: date, count: int, announced: Announced = NOTHING) -> date:
    """Return the day that is ``count`` working days after a day, or before it if negative.

    Returns the day itself where ``count`` is 0.
    """
    step = _DAY if count > 0 else -_DAY
    for _ in range(abs(count)):
        day += step
        while not is_working_day(day, announced):
            day += step
    return day


def read(text: str, name: str) -> Announced:
    """Read a table of days, which has the columns date, kind, what and legal_act.

    The kind is ``holiday`` or ``working``. Raises ConfigurationError naming the line.
    """
    reader = csv.DictReader(io.StringIO(text), strict=True)
    days: dict[date, str] = {}
    try:
        if reader.fieldnames != _COLUMNS:
            raise ValueError(f"the columns are {','.join(_COLUMNS)}")
        for row in reader:
            if None in row or None in row.values():
                raise ValueError("the line is too long or too short")
            day, kind = date.fromisoformat(row["date"]), row["kind"]
            if kind not in ("holiday", "working"):
                raise ValueError(f"kind {kind!r} is neither holiday nor working")
            if day in days:
                raise ValueError(f"{day} stands there twice")
            days[day] = kind
    except (ValueError, csv.Error) as error:
        raise ConfigurationError(f"{name}, line {max(reader.line_num, 1)}: {error}") from error
    return Announced(_of_kind(days.items(), "holiday"), _of_kind(days.items(), "working"))


def _of_kind(days: Iterable[tuple[date, str]], wanted: str) -> frozenset[date]:
    return frozenset(day for day, kind in days if kind == wanted)


@lru_cache(maxsize=64)
def _of_year(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Return a year's public holidays with their days in lieu, and its make-up days.

    They are those of the package ``holidays``, which knows 1901 to 2100; in other years there are
    weekends only. Exchanges of days are announced a year ahead at most, so those of later years are
    in no package.
    """
    from holidays.countries.vietnam import Vietnam

    holidays = Vietnam(years=year)  # type: ignore[no-untyped-call]  # its constructor states no types
    return frozenset(holidays), frozenset(
        day for day in holidays.weekend_workdays if day.year == year
    )
