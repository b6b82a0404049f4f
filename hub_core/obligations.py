"""Obligations: who owes what for which period by when, and whether it came."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub_core.calendar.due_rules import DueRule
from hub_core.calendar.working_days import next_working_day
from hub_core.config.operator import Config, Obligation
from hub_core.errors import PluginError, StateError
from hub_core.model.period import Calendar, Period
from hub_core.store.revisions import Submission, current

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")  # the business date is Vietnam's
NIGHT = timedelta(hours=6)  # what the night after the due date pulls was ready in time


@dataclass(frozen=True, slots=True)
class Due:
    """An obligation for one period, and what became of it.

    ``state``: met, late, nil, held, missing; open while it is neither in nor overdue.
    """

    obligation: Obligation
    period: Period
    calendar: Calendar
    due: date
    state: str
    came_at: datetime | None
    provisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportingScope:
    """What a sender may say: the org units and indicators that its obligation speaks for."""

    org_units: Collection[str]
    indicators: Collection[str]


def business_date(now: datetime) -> date:
    """The date in Vietnam."""
    return now.astimezone(ZONE).date()


def owed(config: Config, dataflow: str, period: Period) -> list[Obligation]:
    """The obligations for a period: those that hold on its last day."""
    last = period.days(config.catalogue.dataflows[dataflow].calendar)[1]
    return [
        duty
        for duty in config.obligations
        if duty.dataflow == dataflow and _holds(duty, period, last)
    ]


def owes(config: Config, province: str, provider: str, dataflow: str, period: Period) -> bool:
    """Whether a provider owes a dataflow for a period."""
    last = period.days(config.catalogue.dataflows[dataflow].calendar)[1]
    return any(
        _holds(duty, period, last) for duty in config.duties.get((province, provider, dataflow), ())
    )


def _holds(duty: Obligation, period: Period, last: date) -> bool:
    return period.frequency in duty.frequencies and duty.valid.holds(last)


def due_day(config: Config, duty: Obligation, period: Period) -> date:
    """The day by whose end a report for a period is due."""
    last = period.days(config.catalogue.dataflows[duty.dataflow].calendar)[1]
    rule = next(text for frequency, text in duty.due.items() if frequency == period.frequency)
    day = DueRule.parse(rule).day(last, config.announced)
    return next_working_day(day, config.announced) if duty.when_closed == "next" else day


def of_dataflow(config: Config, dataflow: str, period: Period) -> Period:
    """A period that a dataflow is reported by.

    Raises StateError where it is of another frequency.
    """
    flow = config.catalogue.dataflows.get(dataflow)
    if flow and period.frequency not in flow.frequencies:
        raise StateError(
            f"{dataflow} is reported by {', '.join(flow.frequencies)}, and {period} is none of these"
        )
    return period


def due(
    config: Config, dataflow: str, period: Period, submissions: Iterable[Submission], now: datetime
) -> list[Due]:
    """What each obligation for a period came to, from all submissions of the dataflow and period."""
    calendar = config.catalogue.dataflows[dataflow].calendar
    calendars = config.catalogue.dataflows[dataflow].calendars
    there: dict[tuple[str, str], list[Submission]] = {}
    for each in submissions:
        if (each.dataflow, each.period) == (dataflow, str(period)) and each.calendar in calendars:
            there.setdefault((each.province, each.provider), []).append(each)
    found = []
    for duty in owed(config, dataflow, period):
        mine = there.get((duty.province, duty.provider), [])
        day = due_day(config, duty, period)
        over = datetime.combine(day, time(), ZONE) + timedelta(days=1)
        came = min((_counts_from(each) for each in mine if not each.held), default=None)
        state = _state(mine, came, over, now)
        found.append(
            Due(
                duty, period, calendar, day, state, came, tuple(sorted({s.provision for s in mine}))
            )
        )
    return found


def _counts_from(submission: Submission) -> datetime:
    """When a submission began to count: admitted, or accepted where it was held."""
    return submission.accepted_at or submission.admitted_at


def _state(mine: list[Submission], came: datetime | None, over: datetime, now: datetime) -> str:
    provisions = {each.provision for each in mine}
    standing = [current(s for s in mine if s.provision == p) for p in provisions]
    if came is None or not any(standing):
        if any(each.held for each in mine):
            return "held"
        return "missing" if now >= over else "open"
    if all(each.nil for each in standing if each):
        return "nil"
    return "met" if came < over + NIGHT else "late"


def reporting_scope_of(config: Config, name: str, provider: str, dataflow: str) -> ReportingScope:
    """What a provider may say in a dataflow, by its obligations.

    Raises PluginError where it has none.
    """
    duties = config.duties.get((name, provider, dataflow))
    if not duties:
        raise PluginError(
            f"config/obligations has no duty of {provider} to report {dataflow}", province=name
        )
    units = config.catalogue.subtree(tuple(unit for duty in duties for unit in duty.speaks_for))
    indicators = {code for duty in duties for code in duty.indicators}
    if any(not duty.indicators for duty in duties):
        indicators |= {each.code for each in config.catalogue.of_dataflow(dataflow)}
    return ReportingScope(units, indicators)
