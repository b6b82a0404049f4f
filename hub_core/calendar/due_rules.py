"""Due rules: on which day a report for a period is due, in the few forms that circulars use."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from hub_core.calendar.working_days import NOTHING, Announced, add_working_days

_COUNTED = re.compile(r"([+-])([0-9]{1,3}) (working )?days?")
_DATED = re.compile(r"day ([0-9]{1,2})(?: of month ([+-])([1-9]|1[0-9]|2[0-4]))?")
_FORMS = '"+5 days", "-10 days", "+2 working days", "day 15", "day 25 of month -1"'


@dataclass(frozen=True, slots=True)
class DueRule:
    """One rule: so many days or working days from a period's last day, or a day of a month.

    ``number`` days are counted (before the last day where it is negative), or it is the day of the
    month; ``month`` counts from the period's last month, which is 0.
    """

    form: Literal["days", "working days", "day"]
    number: int
    month: int = 0

    @classmethod
    def parse(cls, text: str) -> DueRule:
        """Return the rule that a text states.

        Raises ValueError, which lists the forms that there are.
        """
        if match := _COUNTED.fullmatch(text):
            number = int(match[1] + match[2])
            if not match[3]:
                return cls("days", number)
            if number:
                return cls("working days", number)
        if (match := _DATED.fullmatch(text)) and 1 <= int(match[1]) <= 31:
            return cls("day", int(match[1]), int((match[2] or "") + (match[3] or "0")))
        raise ValueError(f"{text!r} is no due rule; the forms are {_FORMS}")

    def day(self, last: date, announced: Announced = NOTHING) -> date:
        """Return the due day for a period with this last day, be it a working day or not.

        Where the month has no such day it is the month's last (Civil Code 2015, article 148.3).
        """
        if self.form == "days":
            return last + timedelta(days=self.number)
        if self.form == "working days":
            return add_working_days(last, self.number, announced)
        year, month = divmod(last.year * 12 + last.month - 1 + self.month, 12)
        return date(year, month + 1, min(self.number, monthrange(year, month + 1)[1]))
