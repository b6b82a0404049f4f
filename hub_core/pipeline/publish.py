"""Publish in the hub: aggregate, consolidate, freeze."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from hub_core.home import Hub
from hub_core.landing import observations, with_age
from hub_core.model.exchange import Reporter, Used
from hub_core.model.period import Period
from hub_core.model.scope import Scope
from hub_core.obligations import Due, due
from hub_core.pipeline.deliver import finding, recipients_of
from hub_core.rules import RULES
from hub_core.store.releases import Release
from hub_core.store.revisions import Submission

if TYPE_CHECKING:
    import polars as pl


_STATES = {"met": "in", "late": "late", "nil": "nil", "held": "held", "missing": "missing", "open": "missing"}


@dataclass(frozen=True)
class PublishReport:
    """What became of a dataflow's release for a period."""

    dataflow: str
    period: str
    state: str  # frozen, unchanged, waiting, no data
    release: str | None
    reporters: dict[str, str]
    figures: int
    doubled: int


@dataclass(frozen=True)
class Inputs:
    """The submissions that a release is made of: those of its own dataflow, and those that only lend components."""

    own: list[Submission]
    lent: list[tuple[int, Submission]]  # with the age of its period, 0 the latest


def inputs_of(hub: Hub, scope: Scope) -> Inputs:
    """The current submissions that a scope's figures come from."""
    labels = [str(scope.period), *(str(p) for frequency in "SQM" for p in scope.parts(frequency))]
    own = hub.store.currents(scope.dataflow, scope.calendar.value, labels)
    needed = {code for indicator in scope.indicators for code in indicator.components}
    lent: list[tuple[int, Submission]] = []
    for dataflow in sorted({hub.config.catalogue.indicators[code].dataflow for code in needed} | {scope.dataflow}):
        for age, period in enumerate(_ended_before(hub, scope, dataflow)):
            lent += [(age, each) for each in hub.store.currents(dataflow, scope.calendar.value, [str(period)])]
    taken = {each.id for each in own}
    return Inputs(own, [(age, each) for age, each in lent if each.id not in taken])


def _ended_before(hub: Hub, scope: Scope, dataflow: str) -> list[Period]:
    """The latest period of each coarser frequency (elsewhere also of the same) that ended by the scope's end."""
    end = scope.period.days(scope.calendar)[1]
    there = sorted((Period.parse(p) for p in hub.store.periods(dataflow, scope.calendar.value)), reverse=True)
    found: dict[str, Period] = {}
    for period in there:
        longer = period.months > scope.period.months
        alike = period.months == scope.period.months and dataflow != scope.dataflow
        if (longer or alike) and period.days(scope.calendar)[1] <= end:
            found.setdefault(period.frequency, period)
    return sorted(found.values(), reverse=True)


def frames_of(hub: Hub, scope: Scope, inputs: Inputs) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Observations of a release's own submissions, and its lent components with their age."""
    import polars as pl

    own = observations([hub.zone.root / each.path for each in inputs.own])
    lent = observations([hub.zone.root / each.path for _, each in inputs.lent])
    lendable = [code for code in scope.catalogue.indicators if scope.lends(code)]
    return own, with_age(lent, [age for age, _ in inputs.lent]).filter(pl.col("indicator").is_in(lendable))


def publish(hub: Hub, dataflow: str, period: Period, now: datetime, *, at_once: bool) -> PublishReport:
    """Freeze the next version of a release where there is something new to say.

    Without ``at_once`` it waits while an expected reporter is neither in nor overdue and nothing was released yet.
    """
    from hub_core.stages.aggregate import aggregate
    from hub_core.stages.consolidate import consolidate, differs, double_voices, without
    from hub_core.stages.freeze import freeze

    scope = Scope.of(hub.config.catalogue, dataflow, period)
    calendar = scope.calendar.value
    inputs = inputs_of(hub, scope)
    everything = hub.store.submissions(dataflow=dataflow, calendar=calendar, period=str(period))
    dues = due(hub.config, dataflow, period, everything, now)
    reporters = [_reporter(each) for each in dues]
    states: dict[str, str] = {each.provider: each.state for each in reporters}
    previous = hub.releases.latest(dataflow, calendar, str(period))

    def told(state: str, release: Release | None, figures: int = 0, doubled: int = 0) -> PublishReport:
        name = release.name if release else None
        return PublishReport(dataflow, str(period), state, name, states, figures, doubled)

    if not inputs.own:
        return told("no data", None)
    if previous is None and not at_once and any(each.state == "open" for each in dues):
        return told("waiting", None)
    own, lent = frames_of(hub, scope, inputs)
    doubled = double_voices(own)
    figures = aggregate(scope, without(own, doubled), lent, {each.period for each in inputs.own})
    if figures.is_empty():
        return told("no data", None)
    used = [_used(each) for each in [*inputs.own, *(each for _, each in inputs.lent)]]
    draft = consolidate(scope, figures, reporters, used, previous.manifest if previous else None, now)
    if not differs(draft, previous.manifest if previous else None):
        return told("unchanged", previous, figures.height, doubled.height)
    recipients = [each.recipient for each in recipients_of(hub, dataflow, now)]
    release = freeze(hub.releases, draft.manifest, figures, recipients, now)
    hub.store.note_catalogue(scope.catalogue.digest, now)
    _note_double_voices(hub, release, doubled, inputs.own, now)
    return told("frozen", release, figures.height, doubled.height)


def _reporter(each: Due) -> Reporter:
    return Reporter(
        provider=each.obligation.provider,
        province=each.obligation.province,
        org_units=each.obligation.speaks_for,
        state=_STATES[each.state],  # type: ignore[arg-type]  # the table holds the states
        provisions=list(each.provisions),
    )


def _used(each: Submission) -> Used:
    return Used(
        province=each.province,
        provision=each.provision,
        dataflow=each.dataflow,
        calendar=each.calendar,
        period=each.period,
        revision=each.revision,
        content_digest=each.content_digest,
    )


def _note_double_voices(
    hub: Hub, release: Release, doubled: pl.DataFrame, own: list[Submission], now: datetime
) -> None:
    """V018, before the operator: each figure that two submissions speak for, and is in no release."""
    found = []
    for row in doubled.iter_rows(named=True):
        names = ", ".join(f"{own[n].province}/{own[n].provision} revision {own[n].revision}" for n in row["source"])
        key = {name: row[name] for name in ("indicator", "org_unit", "period", "measure", "dims")}
        found.append(finding(release.id, RULES["V018"].text, None, names, key, now))
    hub.releases.note(found)
