"""Periods of reporting and the calendars that say which days they cover."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import total_ordering

_LABEL = re.compile(r"([0-9]{4})(?:-(M|Q|S|N)([0-9]{1,2}))?")
_COUNT = {"A": 1, "N": 1, "S": 2, "Q": 4, "M": 12}
_LENGTH = {"A": 12, "N": 9, "S": 6, "Q": 3, "M": 1}  # in months
_THERE_ARE = {
    "A": "a year is written 2025",
    "S": "a year has the half-years S1 and S2",
    "N": "a year has its first nine months only, N1",
    "Q": "a year has the quarters Q1 to Q4",
    "M": "a year has the months M01 to M12",
}
_RANGE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})/P(?:([0-9]{1,2})M|1Y)")
_NTH = ("first", "second", "third", "fourth")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


class Calendar(StrEnum):
    """Which days a label covers.

    ``S`` statistical, first to last day (Circular 04/2022/TT-BTTTT); ``A`` administrative, the 15th
    of the month before to the 14th of the last month (Decree 09/2019/ND-CP, article 12); its
    half-years, nine months and years count from 15 December. The decree speaks of the first
    half-year alone; by the same rule the second is cumulative too, and covers the days of the year.
    """

    STATISTICAL = "S"
    ADMINISTRATIVE = "A"


@total_ordering
@dataclass(frozen=True, slots=True)
class Period:
    """A label of time: a year, a half-year, nine months, a quarter or a month of it."""

    year: int
    frequency: str  # A year, S half-year, N nine months, Q quarter, M month
    number: int = 1

    def __post_init__(self) -> None:
        if self.frequency not in _COUNT:
            there_are = f"frequencies are {', '.join(_COUNT)}"
            raise ValueError(f"no such period: {self.year} {self.frequency} ({there_are})")
        if not 1 <= self.number <= _COUNT[self.frequency]:
            raise ValueError(f"no such period: {self} ({_THERE_ARE[self.frequency]})")
        if not 1900 <= self.year <= 2999:
            raise ValueError(f"no such year: {self.year} (years are 1900 to 2999)")

    @classmethod
    def parse(cls, label: str) -> Period:
        """Read a label: ``2025``, ``2025-S1``, ``2025-Q1``, ``2025-M01`` or ``2025-N1``.

        Raises ValueError for any other text, also for ``2025-M1`` and ``2025-Q01``.
        """
        match = _LABEL.fullmatch(label)
        if not match:
            raise ValueError(
                f"not a period: {label!r} (examples: 2025, 2025-S1, 2025-N1, 2025-Q1, 2025-M01)"
            )
        year, frequency, number = match.groups()
        period = cls(int(year), frequency or "A", int(number or 1))
        if str(period) != label:
            raise ValueError(f"not a period: {label!r} (write {period})")
        return period

    @classmethod
    def from_time_range(cls, text: str) -> tuple[Period, Calendar]:
        """Return the period and calendar of a time range as ``time_range`` writes it.

        Raises ValueError for any other.
        """
        if match := _RANGE.fullmatch(text):
            start, months = date.fromisoformat(match[1]), int(match[2] or 12)
            calendar = Calendar.STATISTICAL if start.day == 1 else Calendar.ADMINISTRATIVE
            month = start.year * 12 + start.month - 1 + (start.day > 1) + months - 1  # the last
            for frequency, length in _LENGTH.items():
                number = month % 12 // length + 1
                if number <= _COUNT[frequency] and 1900 <= month // 12 <= 2999:
                    period = cls(month // 12, frequency, number)
                    if period.time_range(calendar) == text:
                        return period, calendar
        raise ValueError(
            f"not a period's time range: {text!r} (examples: 2025-01-01/P3M, 2024-12-15/P1Y)"
        )

    def __str__(self) -> str:
        if self.frequency == "A":
            return f"{self.year:04d}"
        width = 2 if self.frequency == "M" else 1
        return f"{self.year:04d}-{self.frequency}{self.number:0{width}d}"

    def __lt__(self, other: Period) -> bool:
        return (self._last, -self.months, self.frequency) < (
            other._last,
            -other.months,
            other.frequency,
        )

    @property
    def months(self) -> int:
        """Its length in months."""
        return _LENGTH[self.frequency]

    @property
    def name_en(self) -> str:
        """Its name in English: ``2025-N1`` is *first nine months of 2025*."""
        match self.frequency:
            case "A":
                return str(self.year)
            case "M":
                return f"{_MONTHS[self.number - 1]} {self.year}"
            case "N":
                return f"first nine months of {self.year}"
        part = "half" if self.frequency == "S" else "quarter"
        return f"{_NTH[self.number - 1]} {part} of {self.year}"

    @property
    def _last(self) -> int:
        """The last month, counted from year 0."""
        return self.year * 12 + (self.number - 1) * self.months + self.months - 1

    def days(self, calendar: Calendar) -> tuple[date, date]:
        """Return the first and the last day that the label covers in a calendar."""
        first = self._last - self.months + 1
        if calendar is Calendar.STATISTICAL:
            return _day(first, 1), _day(self._last + 1, 1) - timedelta(days=1)
        if self.frequency in "SNA":  # cumulative from 15 December (Decree 09/2019, article 12)
            first = self.year * 12
        return _day(first - 1, 15), _day(self._last, 14)

    def within(self, other: Period, calendar: Calendar) -> bool:
        """Tell whether each of its days is a day of the other."""
        (first, last), (start, end) = self.days(calendar), other.days(calendar)
        return start <= first and last <= end

    def overlaps(self, other: Period, calendar: Calendar) -> bool:
        """Tell whether the two have a day in common."""
        (first, last), (start, end) = self.days(calendar), other.days(calendar)
        return first <= end and start <= last

    def time_range(self, calendar: Calendar) -> str:
        """Write its days as an SDMX time range: first day and duration, ``2024-12-15/P1Y``.

        The duration is as in ISO 8601. A second half-year of the administrative calendar, which
        covers the year's days, is ``P12M``: it is no year.
        """
        first, last = self.days(calendar)
        months = (last.year - first.year) * 12 + last.month - first.month + (first.day == 1)
        return f"{first}/{'P1Y' if self.frequency == 'A' else f'P{months}M'}"

    def shift(self, steps: int) -> Period:
        """Return the period of the same frequency that many steps later."""
        count = _COUNT[self.frequency]
        year, number = divmod(self.year * count + self.number - 1 + steps, count)
        return Period(year, self.frequency, number + 1)

    def parts(self, frequency: str) -> tuple[Period, ...]:
        """List the periods of a finer frequency that make this one up, in order.

        There are none where they do not make it up.
        """
        length = _LENGTH[frequency]
        if length >= self.months or self.months % length:
            return ()
        first = self._last - self.months + 1
        if first % length or frequency == "N":
            return ()
        return tuple(
            Period(month // 12, frequency, month % 12 // length + 1)
            for month in range(first, self._last + 1, length)
        )


def latest(frequency: str, calendar: Calendar, day: date) -> Period:
    """Return the last period of a frequency that had ended before a day."""
    period = Period(
        day.year, frequency, _COUNT[frequency]
    )  # the next had not ended: none ends after 31 December
    while period.days(calendar)[1] >= day:
        period = period.shift(-1)
    return period


def _day(month: int, day: int) -> date:
    """Return a day of a month; the months are counted from year 0."""
    return date(month // 12, month % 12 + 1, day)
