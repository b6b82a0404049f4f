"""Deliver in the hub: send what is in the outbox, and take the ministry's answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from hub_core.config.province import secrets_named, with_secrets
from hub_core.errors import ConfigurationError, DeliveryUnavailable, HubError
from hub_core.home import Hub
from hub_core.model.exchange import Receipt
from hub_core.model.finding import RuleText, Severity
from hub_core.obligations import business_date
from hub_core.pipeline.document import document
from hub_core.secrets import HUB, redact
from hub_core.store.nights import DELIVERIES, Brakes
from hub_core.store.releases import Release

if TYPE_CHECKING:
    from hub_core.config.operator import Delivery
    from hub_core.contracts import Sink


REJECTED = RuleText(
    "MINISTRY",
    Severity.ERROR,
    "ministry",
    "hub",
    "Bộ không nhận số liệu",
    "The ministry does not take the figure",
)


@dataclass(frozen=True)
class DeliveryReport:
    """What became of a delivery."""

    delivery: str
    release: str
    recipient: str
    state: str
    reference: str
    error: str | None


def recipients_of(hub: Hub, dataflow: str, now: datetime) -> list[Delivery]:
    """List to whom a dataflow's releases go today."""
    return [
        d
        for d in hub.config.deliveries
        if d.dataflow == dataflow and d.valid.holds(business_date(now))
    ]


def deliver_all(hub: Hub, now: datetime) -> list[DeliveryReport]:
    """Send what is in the outbox, in order; a version waits for the one before it.

    Nothing is sent where the operator has stopped deliveries, or while another hub is sending.
    """
    stopped = DELIVERIES in Brakes(hub.store).all()
    if stopped or not hub.releases.outbox() or not hub.leases.take(DELIVERIES):
        return []
    try:
        return _send_all(hub, now)
    finally:
        hub.leases.give_back([DELIVERIES])


def _send_all(hub: Hub, now: datetime) -> list[DeliveryReport]:
    reports: list[DeliveryReport] = []
    waiting: set[tuple[str, str, str]] = set()
    for row in hub.releases.outbox():
        release = hub.releases.all(id=row["release_id"])[0]
        series = (row["recipient"], release.dataflow, release.period)
        if series in waiting:
            continue
        report = _deliver(hub, row, release, now)
        if report.error is not None:
            waiting.add(series)
        reports.append(report)
    return reports


def _deliver(hub: Hub, row: dict[str, Any], release: Release, now: datetime) -> DeliveryReport:
    from hub_core.contracts import Document, Sink
    from hub_core.packages.load import ConnectorRegistry
    from hub_core.stages.deliver import deliver

    secrets: dict[str, str] = {}
    try:
        target = _delivery_target(hub, row, release, now)
        secrets = hub.secrets.resolve(HUB, secrets_named(target.sink))
        registry = ConnectorRegistry(hub.config.settings.plugins.trusted)
        writer = registry.writer(target.writer, f"delivery to {target.recipient}, writer", Document)
        sink: Sink = registry.make(
            Sink, with_secrets(target.sink, secrets), f"delivery to {target.recipient}, sink"
        )
        with TemporaryFile() as file:
            writer.write(document(hub, release), file)
            hub.releases.attempt(row["id"], now, partial(hub.leases.check, name=DELIVERIES))
            receipt = deliver(sink, row["id"], file, writer.media_type, row["attempts"])
    except HubError as error:
        error.message = redact(error.message, secrets.values())
        hub.releases.failed(row["id"], error.as_dict())
        state = "sent" if isinstance(error, DeliveryUnavailable) else row["state"]
        return DeliveryReport(row["id"], release.name, row["recipient"], state, "", str(error))
    hub.releases.received(receipt, _rejections(hub, release, receipt, now), now)
    return DeliveryReport(
        row["id"], release.name, row["recipient"], receipt.state, receipt.reference, None
    )


def _delivery_target(hub: Hub, row: dict[str, Any], release: Release, now: datetime) -> Delivery:
    """Find where a delivery goes: as its dataflow is configured today, else when it was queued.

    Raises ConfigurationError where no configuration names it any more.
    """
    dataflow, recipient = release.manifest.dataflow, row["recipient"]
    targets = [
        delivery
        for delivery in hub.config.deliveries
        if (delivery.dataflow, delivery.recipient) == (dataflow, recipient)
    ]
    for day in (business_date(now), business_date(row["queued_at"])):
        for target in targets:
            if target.valid.holds(day):
                return target
    raise ConfigurationError(
        f"config/deliveries sends {dataflow} to no recipient {recipient} any more"
    )


def _rejections(
    hub: Hub, release: Release, receipt: Receipt, now: datetime
) -> list[dict[str, Any]]:
    """List the figures that the ministry does not take, each for the province it came from."""
    from hub_core.trace import FigureQuery, trace

    found = []
    for each in receipt.rejected:
        key = {name: each.get(name, "") for name in ("indicator", "org_unit", "measure", "dims")}
        try:
            steps = trace(
                hub,
                release,
                FigureQuery(
                    key["indicator"], key["org_unit"], each.get("measure"), each.get("dims")
                ),
            )
        except HubError as error:
            text = f"{each.get('message', '')} [{error}]"
            found.append(finding(release.id, REJECTED, None, text, key, now))
            continue
        for leaf in steps.leaves():
            place = key | {"locator": leaf.locator, "text": leaf.text, "provision": leaf.provision}
            words = each.get("message", "")
            found.append(finding(release.id, REJECTED, leaf.province, words, place, now))
    return found


def finding(
    release: int,
    rule: RuleText,
    province: str | None,
    text: str,
    place: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """Make a finding about a release, as the database takes it."""
    return {
        "submission_id": None,
        "release_id": release,
        "code": rule.code,
        "severity": rule.severity.value,
        "owner": rule.owner,
        "vi": rule.vi,
        "en": rule.en,
        "province": province,
        "rows": 1,
        "text": text,
        "place": place,
        "found_at": now,
    }
