"""What is due when: nights at their hour, missed nights by their rule, retries as later runs, and deliveries.

Everything is worked out anew from the configuration and the ledger in the database; nothing is
remembered here. So it does not matter how long the hub was away, which of two hubs asks, or whether
the clock jumped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from hub_core.config.settings import Schedule
from hub_core.errors import from_dict
from hub_core.obligations import ZONE, business_date
from hub_core.store.nights import DELIVERIES, NIGHTS, Brake, Night

SOON = timedelta(minutes=1)  # a delivery is sent again after one, two, four... minutes
SELDOM = timedelta(hours=6)  # and at the least so often
LATER = timedelta(
    hours=1
)  # a night that was cut off is taken again at once, after one, two, four... minutes


@dataclass(frozen=True, slots=True)
class Journey:
    """Something to set out on.

    A night of a business date, provisions to ask again, or deliveries to send.
    """

    kind: str  # night, again, deliver
    day: date
    provisions: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The command that does it."""
        match self.kind:
            case "night":
                return ["night", "--date", str(self.day)]
            case "again":
                return ["night", *(word for each in self.provisions for word in ("--again", each))]
        return ["delivery", "send"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the database knows of nights, runs since the last one, the outbox and the brakes."""

    nights: list[Night]
    runs: list[dict[str, Any]]
    outbox: list[dict[str, Any]]
    brakes: Mapping[str, Brake]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due now, in order, and the missed nights that are not made up for."""

    journeys: list[Journey]
    skipped: list[date]


def plan(schedule: Schedule, ledger: Ledger, now: datetime) -> Plan:
    """What is due at a moment."""
    today = business_date(now)
    run, skipped = ([], []) if NIGHTS in ledger.brakes else _nights(schedule, ledger.nights, now)
    journeys = [Journey("night", day) for day in run if not _waits(ledger.nights, day, now)]
    again = _again(schedule, ledger, now)
    if again and not run:  # a night asks everybody
        journeys.append(Journey("again", today, again))
    if (
        not journeys
        and DELIVERIES not in ledger.brakes
        and any(_sends(row, now) for row in ledger.outbox)
    ):
        journeys.append(Journey("deliver", today))
    return Plan(journeys, skipped)


def _nights(
    schedule: Schedule, nights: Iterable[Night], now: datetime
) -> tuple[list[date], list[date]]:
    """The business dates whose night is to run now, and those whose night is given up."""
    known = {each.business_date: each.state for each in nights}
    today = business_date(now)
    first = min(known, default=today)
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    owed = [
        day
        for day in days
        if begins(schedule, day) <= now and known.get(day, "running") == "running"
    ]
    grace = timedelta(minutes=schedule.grace_minutes)
    match schedule.missed:
        case "run_each":
            return owed, []
        case "run_latest":
            return owed[-1:], owed[:-1]
    late = [day for day in owed if now - begins(schedule, day) > grace]
    return [day for day in owed if day not in late], late


def _waits(nights: Iterable[Night], day: date, now: datetime) -> bool:
    """Whether a night was cut off again and again, as by a full disk, and nobody is to be asked so soon."""
    tried = [each for each in nights if each.business_date == day and each.attempts > 1]
    return any(
        not _passed(n.began_at, min(LATER, SOON * 2 ** min(n.attempts - 2, 20)), now) for n in tried
    )


def _passed(since: datetime, wait: timedelta, now: datetime) -> bool:
    """Whether so much time has passed.

    A moment that lies ahead was told by a clock that has jumped back since.
    """
    return not timedelta(0) <= now - since < wait


def begins(schedule: Schedule, day: date) -> datetime:
    """When the night of a business date begins."""
    return datetime.combine(day, schedule.night, ZONE)


def _again(schedule: Schedule, ledger: Ledger, now: datetime) -> tuple[str, ...]:
    """The provisions that were cut off or could not be reached, where the time for another try has come."""
    by_provision: dict[str, list[dict[str, Any]]] = {}
    for run in sorted(ledger.runs, key=lambda each: int(each["id"])):
        if run["kind"] == "gather" and run["province"] not in ledger.brakes:
            by_provision.setdefault(f"{run['province']}/{run['provision']}", []).append(run)
    found = []
    for name, runs in by_provision.items():
        tries = 0
        for run in reversed(runs):
            if not _may_come_right(run):
                break
            tries += 1
        ended = runs[-1]["ended_at"] or runs[-1]["started_at"]
        waits = schedule.retry_minutes[tries - 1 : tries] if tries else []
        if waits and _passed(ended, timedelta(minutes=waits[0]), now):
            found.append(name)
    return tuple(sorted(found))


def _may_come_right(run: Mapping[str, Any]) -> bool:
    """Whether a run failed by what may be over later."""
    return run["outcome"] == "interrupted" or (
        run["outcome"] == "failed"
        and run["error"] is not None
        and from_dict(run["error"]).retryable
    )


def _sends(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether the time has come to send a delivery, or to ask about it again."""
    if row["sent_at"] is None:
        return row["error"] is None
    if row["error"] is not None and not from_dict(row["error"]).retryable:
        return False  # the operator must act
    return _passed(row["sent_at"], min(SELDOM, SOON * 2 ** min(row["attempts"] - 1, 20)), now)
