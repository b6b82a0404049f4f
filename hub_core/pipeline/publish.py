"""Publish in the hub: aggregate, consolidate, freeze."""

from __future__ import annotations

from dataclasses import dataclass, field
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

_THREADS = 2  # releases prepared at once
_STATES = {
    "met": "in",
    "late": "late",
    "nil": "nil",
    "held": "held",
    "missing": "missing",
    "open": "missing",
}


@dataclass(frozen=True, kw_only=True)
class PublishReport:
    """What became of a dataflow's release for a period.

    ``state``: frozen, unchanged, waiting, no data, failed, or elsewhere where another hub is at it.
    ``reporters`` are the states of the reporters by provider. ``doubled`` counts the figures that
    two submissions report.
    """

    dataflow: str
    period: str
    state: str
    release: str | None = None
    reporters: dict[str, str] = field(default_factory=dict)
    figures: int = 0
    doubled: int = 0
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What a release would be made of now, and the version before it."""

    scope: Scope
    inputs: Inputs
    dues: list[Due]
    reporters: list[Reporter]
    previous: Release | None

    def report(
        self, state: str, release: Release | None = None, figures: int = 0, doubled: int = 0
    ) -> PublishReport:
        """Report what became of the release."""
        return PublishReport(
            dataflow=self.scope.dataflow,
            period=str(self.scope.period),
            state=state,
            release=release.name if release else None,
            reporters={reporter.provider: reporter.state for reporter in self.reporters},
            figures=figures,
            doubled=doubled,
        )


@dataclass(frozen=True)
class _PreparedRelease:
    """A release that is not frozen yet, and what is noted with it once it is.

    ``doubled``: the keys that two submissions report, as ``double_voices`` finds them.
    """

    plan: _Plan
    draft: Draft
    doubled: pl.DataFrame
    total_mismatches: list[TotalMismatch]


def publish(
    hub: Hub, dataflow: str, period: Period, now: datetime, *, at_once: bool
) -> PublishReport:
    """Freeze the next version of a release where there is something new to say."""
    return publish_all(hub, [(dataflow, period)], now, at_once=at_once)[0]


def publish_all(
    hub: Hub, wanted: list[tuple[str, Period]], now: datetime, *, at_once: bool
) -> list[PublishReport]:
    """Freeze the next version of each release where there is something new to say.

    The next releases are prepared while one enters the database. Without ``at_once``, a release
    that has no version yet waits while an expected reporter is neither in nor overdue. Where a
    submission that a release would be made of is damaged, that release fails, and the others go on.
    """
    reports = []
    preparing = parallel_map(
        lambda pair: _prepare_with_lease(hub, *pair, now, at_once=at_once), wanted, _THREADS
    )
    for (dataflow, period), prepared in zip(wanted, preparing, strict=True):
        try:
            if isinstance(prepared, PublishReport):
                reports.append(prepared)
            else:
                reports.append(_freeze(hub, prepared, now))
        finally:
            hub.leases.give_back([_lease(dataflow, period)])
    return reports


def _lease(dataflow: str, period: Period) -> str:
    return f"publish {dataflow}/{period}"


def _prepare_with_lease(
    hub: Hub, dataflow: str, period: Period, now: datetime, *, at_once: bool
) -> PublishReport | _PreparedRelease:
    """Take a release's lease and prepare the release, or report why there is none."""
    if not hub.leases.take(_lease(dataflow, period)):
        return PublishReport(dataflow=dataflow, period=str(period), state="elsewhere")
    try:
        return _prepare(hub, dataflow, period, now, at_once=at_once)
    except StoreError as error:
        if "provision" not in error.place:  # the database's trouble is every release's
            raise
        return PublishReport(
            dataflow=dataflow, period=str(period), state="failed", error=str(error)
        )


def _prepare(
    hub: Hub, dataflow: str, period: Period, now: datetime, *, at_once: bool
) -> PublishReport | _PreparedRelease:
    """Prepare a release, or report why there is none to freeze.

    There may be no data, nothing new, or a reporter to wait for.
    """
    plan = _plan(hub, dataflow, period, now)
    previous = plan.previous
    if not plan.inputs.own:
        return plan.report("no data")
    if previous is None and not at_once and any(d.state == "open" for d in plan.dues):
        return plan.report("waiting")
    used = [_used(submission) for submission in plan.inputs.everything]
    if (
        not at_once
        and previous is not None
        and previous.manifest.made_of(plan.scope.catalogue.digest, plan.reporters, used)
    ):
        return plan.report("unchanged", previous, previous.manifest.figures)
    return _draft(hub, plan, used, now)


def _plan(hub: Hub, dataflow: str, period: Period, now: datetime) -> _Plan:
    """Find what a release is made of, and who reports for it."""
    scope = Scope.of(hub.config.catalogue, dataflow, period)
    submissions = hub.store.submissions(dataflow=dataflow, period=str(period))
    dues = due(hub.config, dataflow, period, submissions, now)
    inputs = inputs_of(hub, scope, missing=_to_carry_forward(hub, dataflow, dues))
    carried = {(submission.province, submission.provider) for submission in inputs.carried}
    return _Plan(
        scope=scope,
        inputs=inputs,
        dues=dues,
        reporters=[_reporter(expected, carried) for expected in dues],
        previous=hub.releases.latest(dataflow, scope.calendar.value, str(period)),
    )


def _draft(
    hub: Hub, plan: _Plan, used: list[Used], now: datetime
) -> PublishReport | _PreparedRelease:
    """Aggregate and consolidate a release, or report that it has no figures or nothing new."""
    from hub_core.stages.aggregate import aggregate
    from hub_core.stages.consolidate import consolidate, differs, double_voices, without

    scope, previous = plan.scope, plan.previous
    previous_manifest = previous.manifest if previous else None
    frames = frames_of(hub, scope, plan.inputs)
    doubled = double_voices(frames.own, frames.shared)
    own = without(frames.own, doubled)
    figures = aggregate(scope, own, frames.components, frames.present, frames.carried)
    if figures.is_empty():
        return plan.report("no data")
    draft = consolidate(
        scope,
        figures,
        plan.reporters,
        used,
        previous_manifest,
        previous.manifest_digest if previous else None,
        now,
    )
    if not differs(draft, previous_manifest):
        return plan.report("unchanged", previous, figures.height, doubled.height)
    is_shared = str(scope.period) in frames.shared
    total_mismatches = find_total_mismatches(scope, own) if is_shared else []
    return _PreparedRelease(plan, draft, doubled, total_mismatches)


def _freeze(hub: Hub, prepared: _PreparedRelease, now: datetime) -> PublishReport:
    """Freeze a prepared release, and note what is wrong with it."""
    from hub_core.stages.freeze import freeze

    plan, draft = prepared.plan, prepared.draft
    recipients = [
        delivery.recipient for delivery in recipients_of(hub, draft.manifest.dataflow, now)
    ]
    release = freeze(hub.releases, draft.manifest, draft.figures, recipients, now)
    hub.store.note_catalogue(draft.manifest.catalogue, now)
    _note_double_voices(hub, release, prepared.doubled, plan.inputs.own, now)
    _note_other_units(hub, release, plan.scope, plan.inputs.everything, now)
    _note_total_mismatches(hub, release, prepared.total_mismatches, plan.inputs.own, now)
    return plan.report("frozen", release, draft.figures.height, prepared.doubled.height)


def _to_carry_forward(hub: Hub, dataflow: str, dues: list[Due]) -> list[tuple[str, str]]:
    """List the reporters, as (province, provider), whose stocks are carried forward.

    They are those that are overdue, where the dataflow says so.
    """
    if hub.config.catalogue.dataflows[dataflow].gap != "carry forward":
        return []
    return [
        (d.obligation.province, d.obligation.provider)
        for d in dues
        if d.state in ("missing", "held")
    ]


def _reporter(expected: Due, carried: set[tuple[str, str]]) -> Reporter:
    obligation = expected.obligation
    is_carried = (obligation.province, obligation.provider) in carried
    return Reporter(
        provider=obligation.provider,
        province=obligation.province,
        org_units=obligation.speaks_for,
        state="carried forward" if is_carried else _STATES[expected.state],  # type: ignore[arg-type]  # the table's
        provisions=list(expected.provisions),
    )


def _used(submission: Submission) -> Used:
    return Used(
        province=submission.province,
        provision=submission.provision,
        dataflow=submission.dataflow,
        calendar=submission.calendar,
        period=submission.period,
        revision=submission.revision,
        content_digest=submission.content_digest,
    )


def _note_double_voices(
    hub: Hub, release: Release, doubled: pl.DataFrame, own: list[Submission], now: datetime
) -> None:
    """Note a finding of V018 for each figure that two submissions report, for the operator.

    Such a figure is in no release.
    """
    from hub_core.rules import RULES

    findings = []
    for row in doubled.iter_rows(named=True):
        names = ", ".join(
            f"{own[n].province}/{own[n].provision} revision {own[n].revision}"
            for n in row["source"]
        )
        key = {name: row[name] for name in ("indicator", "org_unit", "period", "measure", "dims")}
        findings.append(finding(release.id, RULES["V018"].text, None, names, key, now))
    hub.releases.note(findings)


def _note_total_mismatches(
    hub: Hub,
    release: Release,
    mismatches: list[TotalMismatch],
    own: list[Submission],
    now: datetime,
) -> None:
    """Note a finding of V027 for each total that differs from its parts, for the operator.

    The parts are those that others report. The total stays in the release.
    """
    from hub_core.rules import RULES

    rule = RULES["V027"].text
    hub.releases.note(
        [
            finding(
                release.id,
                rule,
                own[mismatch.source].province,
                mismatch.text,
                dict(mismatch.key),
                now,
            )
            for mismatch in mismatches
        ]
    )


def _note_other_units(
    hub: Hub, release: Release, scope: Scope, used: list[Submission], now: datetime
) -> None:
    """Note a finding of V026 for each submission with figures in a unit of another time.

    It is for the operator. Such figures are in no release.
    """
    from hub_core.rules import RULES

    rule = RULES["V026"].text
    hub.releases.note(
        [
            finding(release.id, rule, submission.province, what, {}, now)
            | {"submission_id": submission.id}
            for submission, what in hub.submissions_in_old_units(scope.catalogue, used)
        ]
    )
