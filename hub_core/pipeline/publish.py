"""Publish in the hub: aggregate, consolidate, freeze, deliver, and take the ministry's answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.errors import ConfigurationError, DeliveryRefused, DeliveryUnavailable, HubError
from hub_core.home import Hub
from hub_core.landing import observations, with_age
from hub_core.model.exchange import Receipt, Reporter, Used
from hub_core.model.period import Period
from hub_core.model.scope import Scope
from hub_core.obligations import Due, business_date, due
from hub_core.province import secrets_named, with_secrets
from hub_core.secrets import redact, resolve
from hub_core.store.releases import Release
from hub_core.store.store import Submission

if TYPE_CHECKING:
    import polars as pl

    from hub_core.config import Delivery
    from hub_core.contracts import Document

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
class DeliveryReport:
    """What became of a delivery."""

    delivery: str
    release: str
    recipient: str
    state: str
    reference: str
    error: str | None


@dataclass(frozen=True)
class Inputs:
    """The submissions that a release is made of: those of its own dataflow, and those that only lend components."""

    own: list[Submission]
    lent: list[tuple[int, Submission]]  # with the age of its period, 0 the latest


def inputs_of(hub: Hub, scope: Scope) -> Inputs:
    """The current submissions that a scope's figures come from."""
    labels = [str(scope.period), *(str(p) for frequency in "SQM" for p in scope.period.parts(frequency))]
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
        coarser = len(scope.period.parts(period.frequency)) == 0 and period != scope.period
        same = period.frequency == scope.period.frequency and dataflow == scope.dataflow
        if coarser and not same and period.days(scope.calendar)[1] <= end:
            found.setdefault(period.frequency, period)
    return sorted(found.values(), reverse=True)


def frames_of(hub: Hub, inputs: Inputs) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Observations of a release's own submissions, and its lent components with their age."""
    own = observations([hub.zone.root / each.path for each in inputs.own])
    lent = observations([hub.zone.root / each.path for _, each in inputs.lent])
    return own, with_age(lent, [age for age, _ in inputs.lent])


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
    own, lent = frames_of(hub, inputs)
    doubled = double_voices(own)
    figures = aggregate(scope, without(own, doubled), lent)
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
        found.append(_finding(release.id, "V018", "blocking", "hub", None, names, key, now))
    hub.releases.note(found)


def _finding(
    release: int,
    code: str,
    severity: str,
    owner: str,
    province: str | None,
    text: str,
    place: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    return {
        "submission_id": None,
        "release_id": release,
        "code": code,
        "severity": severity,
        "owner": owner,
        "province": province,
        "rows": 1,
        "text": text,
        "place": place,
        "found_at": now,
    }


def recipients_of(hub: Hub, dataflow: str, now: datetime) -> list[Delivery]:
    """To whom a dataflow's releases go today."""
    return [d for d in hub.config.deliveries if d.dataflow == dataflow and d.valid.holds(business_date(now))]


def deliver_all(hub: Hub, now: datetime) -> list[DeliveryReport]:
    """Send what is in the outbox, in order; a version waits for the one before it."""
    reports: list[DeliveryReport] = []
    waiting: set[tuple[str, str, str]] = set()
    for row in hub.releases.outbox():
        release = hub.releases.all(id=row["release_id"])[0]
        series = (row["recipient"], release.dataflow, release.period)
        if series in waiting:
            continue
        told = _deliver(hub, row, release, now)
        if told.error is not None:
            waiting.add(series)
        reports.append(told)
    return reports


def _deliver(hub: Hub, row: dict[str, Any], release: Release, now: datetime) -> DeliveryReport:
    from hub_core.contracts import Sink, Writer
    from hub_core.plugins import Loaded
    from hub_core.stages.deliver import deliver

    secrets: dict[str, str] = {}
    try:
        told = next((d for d in hub.config.deliveries if d.recipient == row["recipient"]), None)
        if told is None:
            raise ConfigurationError(f"config/deliveries names no recipient {row['recipient']} any more")
        secrets = resolve("hub", secrets_named(told.sink), os.environ)
        loaded = Loaded(hub.config.settings.plugins.trusted)
        writer: Writer = loaded.make(Writer, told.writer, f"delivery to {told.recipient}, writer")
        sink: Sink = loaded.make(Sink, with_secrets(told.sink, secrets), f"delivery to {told.recipient}, sink")
        content = writer.write(document(hub, release))
        hub.releases.attempt(row["id"], now)
        receipt = deliver(sink, row["id"], content, writer.media_type, row["attempts"])
    except HubError as error:
        error.message = redact(error.message, secrets.values())
        dead = isinstance(error, DeliveryRefused)
        hub.releases.failed(row["id"], error.as_dict(), dead=dead)
        state = "dead" if dead else ("sent" if isinstance(error, DeliveryUnavailable) else row["state"])
        return DeliveryReport(row["id"], release.name, row["recipient"], state, "", str(error))
    hub.releases.received(receipt, _rejections(hub, release, receipt, now), now)
    return DeliveryReport(row["id"], release.name, row["recipient"], receipt.state, receipt.reference, None)


def _rejections(hub: Hub, release: Release, receipt: Receipt, now: datetime) -> list[dict[str, Any]]:
    """Figures that the ministry does not take, each before the province that it came from."""
    from hub_core.trace import Asked, trace

    found = []
    for each in receipt.rejected:
        key = {name: each.get(name, "") for name in ("indicator", "org_unit", "measure", "dims")}
        try:
            steps = trace(hub, release, Asked(key["indicator"], key["org_unit"], each.get("measure"), each.get("dims")))
        except HubError as error:
            text = f"{each.get('message', '')} [{error}]"
            found.append(_finding(release.id, "MINISTRY", "error", "ministry", None, text, key, now))
            continue
        for leaf in steps.leaves():
            place = key | {"locator": leaf.locator, "text": leaf.text, "provision": leaf.provision}
            words = each.get("message", "")
            found.append(_finding(release.id, "MINISTRY", "error", "ministry", leaf.province, words, place, now))
    return found


def document(hub: Hub, release: Release) -> Document:
    """A release as a writer is given it: named, in order, beside the figures of the period before."""
    from hub_core.contracts import Document

    catalogue = hub.config.catalogue
    flow = catalogue.dataflows[release.dataflow]
    period = Period.parse(release.period)
    before = hub.releases.latest(release.dataflow, release.calendar, str(period.shift(-1)))
    previous: dict[tuple[str, ...], str] = {
        (row["indicator"], row["org_unit"], row["measure"], row["dims"]): _text(
            row["value"], catalogue.decimals(row["indicator"])
        )
        for row in (hub.releases.figures(before.id) if before else [])
    }
    return Document(
        manifest=release.manifest.model_dump(mode="json"),
        manifest_digest=release.manifest_digest,
        title=flow.name_vi,
        title_en=flow.name_en,
        period=release.period,
        previous_period=str(period.shift(-1)),
        figures=[_figure(hub, row, period) for row in hub.releases.figures(release.id)],
        previous=previous,
        reporters=[
            {
                "provider": r.provider,
                "province": r.province,
                "name": hub.provinces[r.province].name
                if r.province in hub.provinces
                else _name(hub, r.org_units[-1], period),
                "state": r.state,
            }
            for r in release.manifest.reporters
        ],
    )


def _figure(hub: Hub, row: dict[str, Any], period: Period) -> dict[str, str]:
    indicator = hub.config.catalogue.indicators[row["indicator"]]
    decimals = hub.config.catalogue.decimals(indicator.code)
    return {
        "indicator": indicator.code,
        "name_vi": indicator.name_vi,
        "name_en": indicator.name_en,
        "unit": indicator.unit,
        "org_unit": row["org_unit"],
        "org_unit_name": _name(hub, row["org_unit"], period),
        "period": row["period"],
        "calendar": row["calendar"],
        "measure": row["measure"],
        "dims": row["dims"],
        "value": _text(row["value"], decimals),
        "decimals": str(decimals),
        "status": row["status"],
        "coverage": f"{row['covered']}/{row['expected']}" if row["covered"] is not None else "",
        "method": row["method"],
    }


def _text(value: Any, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _name(hub: Hub, org_unit: str, period: Period) -> str:
    flow_day = period.days(next(iter(hub.config.catalogue.dataflows.values())).calendar)[1]
    return hub.config.catalogue.org_units[org_unit].named(flow_day).name


def export(hub: Hub, release: Release, kind: str, target: Path) -> Path:
    """Write a release as a file of some kind."""
    from hub_core.contracts import Writer
    from hub_core.landing import write
    from hub_core.plugins import Loaded

    writer: Writer = Loaded(hub.config.settings.plugins.trusted).make(Writer, {"kind": kind}, f"writer {kind}")
    path = target / f"{release.name.replace('/', '-')}{writer.suffix}" if target.is_dir() else target
    write(path, writer.write(document(hub, release)))
    return path
