"""Hours of the day in which a system may be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``opens`` on and before ``closes``, perhaps over midnight."""

    opens: time
    closes: time

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read hours written like ``22:00-05:00``. Raises ValueError for any other text."""
        match = _HOURS.fullmatch(text)
        opens, closes = (
            (time(int(match[n]), int(match[n + 1])) for n in (1, 3)) if match else (time(), time())
        )
        if opens == closes:
            raise ValueError(f"not hours of a day: {text!r} (example: 22:00-05:00)")
        return cls(opens, closes)

    def holds(self, moment: time) -> bool:
        """Tell whether a time of day is within these hours."""
        if self.opens < self.closes:
            return self.opens <= moment < self.closes
        return moment >= self.opens or moment < self.closes

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"
