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
NIGHT = timedelta(hours=6)  # what is gathered in the night after the due date was ready in time


@dataclass(frozen=True, slots=True, kw_only=True)
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
    """What a sender may report: the org units and indicators that its obligations speak for."""

    org_units: Collection[str]
    indicators: Collection[str]


def business_date(now: datetime) -> date:
    """Return the date in Vietnam."""
    return now.astimezone(ZONE).date()


def owed(config: Config, dataflow: str, period: Period) -> list[Obligation]:
    """List the obligations for a period: those that hold on its last day."""
    last = period.days(config.catalogue.dataflows[dataflow].calendar)[1]
    return [
        duty
        for duty in config.obligations
        if duty.dataflow == dataflow and _holds(duty, period, last)
    ]


def owes(config: Config, province: str, provider: str, dataflow: str, period: Period) -> bool:
    """Tell whether a provider owes a dataflow for a period."""
    last = period.days(config.catalogue.dataflows[dataflow].calendar)[1]
    return any(
        _holds(duty, period, last) for duty in config.duties.get((province, provider, dataflow), ())
    )


def _holds(duty: Obligation, period: Period, last: date) -> bool:
    return period.frequency in duty.frequencies and duty.valid.holds(last)


def due_day(config: Config, duty: Obligation, period: Period) -> date:
    """Return the day by whose end a report for a period is due."""
    last = period.days(config.catalogue.dataflows[duty.dataflow].calendar)[1]
    rule = next(text for frequency, text in duty.due.items() if frequency == period.frequency)
    day = DueRule.parse(rule).day(last, config.announced)
    return next_working_day(day, config.announced) if duty.when_closed == "next" else day


def check_frequency(config: Config, dataflow: str, period: Period) -> Period:
    """Return the period, having checked that the dataflow is reported by its frequency.

    Raises StateError where it is not.
    """
    flow = config.catalogue.dataflows.get(dataflow)
    if flow and period.frequency not in flow.frequencies:
        raise StateError(
            f"{dataflow} is reported by {', '.join(flow.frequencies)}, "
            f"and {period} is none of these"
        )
    return period


def due(
    config: Config, dataflow: str, period: Period, submissions: Iterable[Submission], now: datetime
) -> list[Due]:
    """Tell what became of each obligation for a period.

    ``submissions``: all of the dataflow and period; others are passed over.
    """
    calendar = config.catalogue.dataflows[dataflow].calendar
    calendars = config.catalogue.dataflows[dataflow].calendars
    by_provider: dict[tuple[str, str], list[Submission]] = {}
    for s in submissions:
        if (s.dataflow, s.period) == (dataflow, str(period)) and s.calendar in calendars:
            by_provider.setdefault((s.province, s.provider), []).append(s)
    dues = []
    for duty in owed(config, dataflow, period):
        own = by_provider.get((duty.province, duty.provider), [])
        day = due_day(config, duty, period)
        end_of_day = datetime.combine(day, time(), ZONE) + timedelta(days=1)
        came_at = min((_counts_from(s) for s in own if not s.held), default=None)
        state = _state(own, came_at, end_of_day, now)
        dues.append(
            Due(
                obligation=duty,
                period=period,
                calendar=calendar,
                due=day,
                state=state,
                came_at=came_at,
                provisions=tuple(sorted({s.provision for s in own})),
            )
        )
    return dues


def _counts_from(submission: Submission) -> datetime:
    """Return when a submission began to count: admitted, or accepted where it was held."""
    return submission.accepted_at or submission.admitted_at


def _state(
    submissions: list[Submission], came_at: datetime | None, end_of_day: datetime, now: datetime
) -> str:
    provisions = {s.provision for s in submissions}
    current_ones = [current(s for s in submissions if s.provision == p) for p in provisions]
    if came_at is None or not any(current_ones):
        if any(s.held for s in submissions):
            return "held"
        return "missing" if now >= end_of_day else "open"
    if all(s.nil for s in current_ones if s):
        return "nil"
    return "met" if came_at < end_of_day + NIGHT else "late"


def reporting_scope_of(config: Config, name: str, provider: str, dataflow: str) -> ReportingScope:
    """Return what a provider may report in a dataflow, by its obligations.

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
        indicators |= {i.code for i in config.catalogue.of_dataflow(dataflow)}
    return ReportingScope(units, indicators)
