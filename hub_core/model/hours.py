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
        """What ``22:00-05:00`` says. Raises ValueError for any other text."""
        match = _HOURS.fullmatch(text)
        opens, closes = (
            (time(int(match[n]), int(match[n + 1])) for n in (1, 3)) if match else (time(), time())
        )
        if opens == closes:
            raise ValueError(f"not hours of a day: {text!r} (example: 22:00-05:00)")
        return cls(opens, closes)

    def holds(self, at: time) -> bool:
        """Whether a time of day is among them."""
        if self.opens < self.closes:
            return self.opens <= at < self.closes
        return at >= self.opens or at < self.closes

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"
