"""What is due when: nights at their hour, missed nights by their rule, retries, and deliveries.

A retry is a later run.

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

# A delivery is sent again after one, two, four... minutes, and at the least every six hours.
# A night that was cut off is taken again at once, then after one, two, four... minutes
FIRST_WAIT = timedelta(minutes=1)
LONGEST_DELIVERY_WAIT = timedelta(hours=6)
LONGEST_NIGHT_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Journey:
    """Something to carry out.

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
                return [
                    "night",
                    *(word for provision in self.provisions for word in ("--again", provision)),
                ]
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
    """Return what is due at a moment."""
    today = business_date(now)
    nights_to_run, skipped = (
        ([], []) if NIGHTS in ledger.brakes else _nights(schedule, ledger.nights, now)
    )
    journeys = [
        Journey("night", day) for day in nights_to_run if not _must_wait(ledger.nights, day, now)
    ]
    provisions = _provisions_to_retry(schedule, ledger, now)
    if provisions and not nights_to_run:  # a night asks everybody
        journeys.append(Journey("again", today, provisions))
    if (
        not journeys
        and DELIVERIES not in ledger.brakes
        and any(_is_to_send(row, now) for row in ledger.outbox)
    ):
        journeys.append(Journey("deliver", today))
    return Plan(journeys, skipped)


def _nights(
    schedule: Schedule, nights: Iterable[Night], now: datetime
) -> tuple[list[date], list[date]]:
    """Return the business dates whose night is to run now, and those whose night is given up."""
    states = {night.business_date: night.state for night in nights}
    today = business_date(now)
    first = min(states, default=today)
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    owed = [
        day
        for day in days
        if night_begins(schedule, day) <= now and states.get(day, "running") == "running"
    ]
    grace = timedelta(minutes=schedule.grace_minutes)
    match schedule.missed:
        case "run_each":
            return owed, []
        case "run_latest":
            return owed[-1:], owed[:-1]
    late = [day for day in owed if now - night_begins(schedule, day) > grace]
    return [day for day in owed if day not in late], late


def _must_wait(nights: Iterable[Night], day: date, now: datetime) -> bool:
    """Tell whether a night was cut off again and again, and must not be begun again so soon.

    A full disk may cut it off.
    """
    retried = [night for night in nights if night.business_date == day and night.attempts > 1]
    return any(
        not _has_passed(
            n.began_at, min(LONGEST_NIGHT_WAIT, FIRST_WAIT * 2 ** min(n.attempts - 2, 20)), now
        )
        for n in retried
    )


def _has_passed(since: datetime, wait: timedelta, now: datetime) -> bool:
    """Tell whether so much time has passed.

    A moment that lies ahead was told by a clock that has jumped back since.
    """
    return not timedelta(0) <= now - since < wait


def night_begins(schedule: Schedule, day: date) -> datetime:
    """Return when the night of a business date begins."""
    return datetime.combine(day, schedule.night, ZONE)


def _provisions_to_retry(schedule: Schedule, ledger: Ledger, now: datetime) -> tuple[str, ...]:
    """List the provisions that are to be tried again now.

    They were cut off or could not be reached.
    """
    by_provision: dict[str, list[dict[str, Any]]] = {}
    for run in sorted(ledger.runs, key=lambda row: int(row["id"])):
        if run["kind"] == "gather" and run["province"] not in ledger.brakes:
            by_provision.setdefault(f"{run['province']}/{run['provision']}", []).append(run)
    names = []
    for name, runs in by_provision.items():
        tries = 0
        for run in reversed(runs):
            if not _is_retryable(run):
                break
            tries += 1
        ended = runs[-1]["ended_at"] or runs[-1]["started_at"]
        minutes = schedule.retry_minutes[tries - 1 : tries] if tries else []
        if minutes and _has_passed(ended, timedelta(minutes=minutes[0]), now):
            names.append(name)
    return tuple(sorted(names))


def _is_retryable(run: Mapping[str, Any]) -> bool:
    """Tell whether a run failed by what may be over later."""
    return run["outcome"] == "interrupted" or (
        run["outcome"] == "failed"
        and run["error"] is not None
        and from_dict(run["error"]).retryable
    )


def _is_to_send(row: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether the time has come to send a delivery, or to ask about it again."""
    if row["sent_at"] is None:
        return row["error"] is None
    if row["error"] is not None and not from_dict(row["error"]).retryable:
        return False  # the operator must act
    return _has_passed(
        row["sent_at"],
        min(LONGEST_DELIVERY_WAIT, FIRST_WAIT * 2 ** min(row["attempts"] - 1, 20)),
        now,
    )
