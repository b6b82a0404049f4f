"""Publish in the hub: aggregate, consolidate, freeze."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from hub_core.errors import StoreError
from hub_core.home import Hub
from hub_core.model.exchange import Reporter, Used
from hub_core.model.period import Period
from hub_core.model.scope import Scope
from hub_core.obligations import Due, due
from hub_core.pipeline.deliver import finding, recipients_of
from hub_core.pipeline.inputs import Inputs, frames_of, inputs_of
from hub_core.pipeline.total_mismatches import TotalMismatch, find_total_mismatches
from hub_core.prefetch import parallel_map
from hub_core.store.releases import Release
from hub_core.store.revisions import Submission

if TYPE_CHECKING:
    import polars as pl

    from hub_core.stages.consolidate import Draft


_MAKERS = 2  # releases made at once
_STATES = {
    "met": "in",
    "late": "late",
    "nil": "nil",
    "held": "held",
    "missing": "missing",
    "open": "missing",
}


@dataclass(frozen=True)
class PublishReport:
    """What became of a dataflow's release for a period."""

    dataflow: str
    period: str
    state: str  # frozen, unchanged, waiting, no data, elsewhere, failed
    release: str | None
    reporters: dict[str, str]
    figures: int
    doubled: int
    error: str | None = None


@dataclass(frozen=True)
class _Made:
    """A release that is not frozen yet, and what is told of it once it is."""

    draft: Draft
    scope: Scope
    inputs: Inputs
    doubled: pl.DataFrame
    find_total_mismatches: list[TotalMismatch]
    told: Callable[[str, Release], PublishReport]


def publish(
    hub: Hub, dataflow: str, period: Period, now: datetime, *, at_once: bool
) -> PublishReport:
    """Freeze the next version of a release where there is something new to say."""
    return publish_all(hub, [(dataflow, period)], now, at_once=at_once)[0]


def publish_all(
    hub: Hub, wanted: list[tuple[str, Period]], now: datetime, *, at_once: bool
) -> list[PublishReport]:
    """Freeze the next version of each release where there is something new to say; while one enters, the next are made.

    Without ``at_once`` one waits while an expected reporter is neither in nor overdue and nothing
    was released yet. Where a submission that one would be made of is damaged, it fails, and the
    others go on.
    """
    reports = []
    making = parallel_map(lambda each: _leased(hub, *each, now, at_once=at_once), wanted, _MAKERS)
    for (dataflow, period), made in zip(wanted, making, strict=True):
        try:
            reports.append(made if isinstance(made, PublishReport) else _enter(hub, made, now))
        finally:
            hub.leases.give_back([_lease(dataflow, period)])
    return reports


def _lease(dataflow: str, period: Period) -> str:
    return f"publish {dataflow}/{period}"


def _leased(
    hub: Hub, dataflow: str, period: Period, now: datetime, *, at_once: bool
) -> PublishReport | _Made:
    """What a release is to be, with its lease taken; or why there is none."""
    if not hub.leases.take(_lease(dataflow, period)):
        return PublishReport(dataflow, str(period), "elsewhere", None, {}, 0, 0)
    try:
        return _make(hub, dataflow, period, now, at_once=at_once)
    except StoreError as error:
        if "provision" not in error.place:  # the database's trouble is every release's
            raise
        return PublishReport(dataflow, str(period), "failed", None, {}, 0, 0, str(error))


def _make(
    hub: Hub, dataflow: str, period: Period, now: datetime, *, at_once: bool
) -> PublishReport | _Made:
    from hub_core.stages.aggregate import aggregate
    from hub_core.stages.consolidate import consolidate, differs, double_voices, without

    scope = Scope.of(hub.config.catalogue, dataflow, period)
    calendar = scope.calendar.value
    everything = hub.store.submissions(dataflow=dataflow, period=str(period))
    dues = due(hub.config, dataflow, period, everything, now)
    inputs = inputs_of(hub, scope, missing=_silent(hub, dataflow, dues))
    carried = {(each.province, each.provider) for each in inputs.carried}
    reporters = [_reporter(each, carried) for each in dues]
    states: dict[str, str] = {each.provider: each.state for each in reporters}
    previous = hub.releases.latest(dataflow, calendar, str(period))

    def told(
        state: str, release: Release | None, figures: int = 0, doubled: int = 0
    ) -> PublishReport:
        name = release.name if release else None
        return PublishReport(dataflow, str(period), state, name, states, figures, doubled)

    if not inputs.own:
        return told("no data", None)
    if previous is None and not at_once and any(each.state == "open" for each in dues):
        return told("waiting", None)
    used = [_used(each) for each in inputs.everything]
    if (
        not at_once
        and previous is not None
        and previous.manifest.made_of(scope.catalogue.digest, reporters, used)
    ):
        return told("unchanged", previous, previous.manifest.figures)
    frames = frames_of(hub, scope, inputs)
    doubled = double_voices(frames.own, frames.shared)
    figures = aggregate(
        scope, without(frames.own, doubled), frames.components, frames.present, frames.carried
    )
    if figures.is_empty():
        return told("no data", None)
    draft = consolidate(
        scope,
        figures,
        reporters,
        used,
        previous.manifest if previous else None,
        previous.manifest_digest if previous else None,
        now,
    )
    if not differs(draft, previous.manifest if previous else None):
        return told("unchanged", previous, figures.height, doubled.height)
    differing = (
        find_total_mismatches(scope, without(frames.own, doubled))
        if str(period) in frames.shared
        else []
    )

    def frozen(state: str, release: Release) -> PublishReport:
        return told(state, release, figures.height, doubled.height)

    return _Made(draft, scope, inputs, doubled, differing, frozen)


def _enter(hub: Hub, made: _Made, now: datetime) -> PublishReport:
    """Freeze a release that was made, and note what is wrong with it."""
    from hub_core.stages.freeze import freeze

    manifest, own = made.draft.manifest, made.inputs.own
    recipients = [each.recipient for each in recipients_of(hub, manifest.dataflow, now)]
    release = freeze(hub.releases, manifest, made.draft.figures, recipients, now)
    hub.store.note_catalogue(manifest.catalogue, now)
    _note_double_voices(hub, release, made.doubled, own, now)
    _note_other_units(hub, release, made.scope, made.inputs.everything, now)
    _note_apart(hub, release, made.find_total_mismatches, own, now)
    return made.told("frozen", release)


def _silent(hub: Hub, dataflow: str, dues: list[Due]) -> list[tuple[str, str]]:
    """The reporters whose stocks are carried forward: those overdue, where the dataflow says so."""
    if hub.config.catalogue.dataflows[dataflow].gap != "carry forward":
        return []
    return [
        (d.obligation.province, d.obligation.provider)
        for d in dues
        if d.state in ("missing", "held")
    ]


def _reporter(each: Due, carried: set[tuple[str, str]]) -> Reporter:
    who = (each.obligation.province, each.obligation.provider)
    return Reporter(
        provider=each.obligation.provider,
        province=each.obligation.province,
        org_units=each.obligation.speaks_for,
        state="carried forward" if who in carried else _STATES[each.state],  # type: ignore[arg-type]  # the table's
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
    """V018, before the operator.

    Each figure that two submissions speak for, and is in no release.
    """
    from hub_core.rules import RULES

    found = []
    for row in doubled.iter_rows(named=True):
        names = ", ".join(
            f"{own[n].province}/{own[n].provision} revision {own[n].revision}"
            for n in row["source"]
        )
        key = {name: row[name] for name in ("indicator", "org_unit", "period", "measure", "dims")}
        found.append(finding(release.id, RULES["V018"].text, None, names, key, now))
    hub.releases.note(found)


def _note_apart(
    hub: Hub, release: Release, found: list[TotalMismatch], own: list[Submission], now: datetime
) -> None:
    """V027, before the operator: totals that differ from their parts, which others report.

    The total stands.
    """
    from hub_core.rules import RULES

    rule = RULES["V027"].text
    hub.releases.note(
        [
            finding(release.id, rule, own[each.source].province, each.text, dict(each.key), now)
            for each in found
        ]
    )


def _note_other_units(
    hub: Hub, release: Release, scope: Scope, used: list[Submission], now: datetime
) -> None:
    """V026, before the operator.

    Submissions with figures in a unit of another time, which are in no release.
    """
    from hub_core.rules import RULES

    rule = RULES["V026"].text
    hub.releases.note(
        [
            finding(release.id, rule, each.province, what, {}, now) | {"submission_id": each.id}
            for each, what in hub.submissions_in_old_units(scope.catalogue, used)
        ]
    )
