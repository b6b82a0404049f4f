"""A nil return that somebody states: there is nothing to report.

It says who states it and why, and is sealed like any other submission.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from hub_core.errors import StateError
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Digests, Landing, Manifest
from hub_core.model.observation import QUARANTINE, SCHEMA, content_digest, quarantine_digest
from hub_core.model.period import Calendar, Period
from hub_core.obligations import owed
from hub_core.rules import RULES, digest
from hub_core.stages.admit import Admitted, admit
from hub_core.stages.seal import seal
from hub_core.store.revisions import current

if TYPE_CHECKING:
    from hub_core.config.operator import Obligation
    from hub_core.home import Hub

STATEMENT = "statement"  # the provision of a provider whose package is not here
_NOTHING = hashlib.sha256().hexdigest()


def state_nil(
    hub: Hub, dataflow: str, label: str, provider: str, who: str, why: str, now: datetime
) -> Admitted:
    """Admit that a provider has nothing to report for a period.

    ``who`` states it, and ``why``. Raises StateError where the provider does not owe that report,
    where the period has not begun, and where figures are current for it.
    """
    period, duty = _duty(hub, dataflow, label, provider)
    calendar = hub.config.catalogue.dataflows[dataflow].calendar
    if period.days(calendar)[0] > now.date():
        raise StateError(f"{label} has not begun; a nil return cannot be stated for it")
    provision = _provision(hub, duty)
    _check_no_figures(hub, dataflow, label, duty)
    landing = _empty_landing(hub, duty.province, provision, label, now)
    run = hub.runs.begin(
        "nil",
        dataflow,
        [label],
        now,
        province=duty.province,
        provision=provision,
        gather=landing.gather,
    )
    root = hub.config.home / "scratch" / f"{landing.gather}-0"
    try:
        scratch = Scratch(root)
        hub.zone.adopt_landing(root, landing)
        hub.config.snapshot()
        folder = scratch.submission_folder(calendar, label, landing.gather, 0)
        sealed = seal(
            folder,
            pl.DataFrame(schema=SCHEMA),
            pl.DataFrame(schema=QUARANTINE),
            _manifest(landing, duty, calendar, hub.config.catalogue.digest, who, why),
        )
        hub.store.note_catalogue(hub.config.catalogue.digest, now)
        admitted = admit(hub.store, hub.zone, folder, sealed, why, now)
        hub.runs.end(
            run, "done" if admitted.revision else "unchanged", now, notes=[f"{who}: {why}"]
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return admitted


def _check_no_figures(hub: Hub, dataflow: str, label: str, duty: Obligation) -> None:
    """Raise StateError where figures of the provider are current for the period."""
    submissions = hub.store.submissions(
        [label], province=duty.province, provider=duty.provider, dataflow=dataflow
    )
    for name in sorted({submission.provision for submission in submissions}):
        standing = current(s for s in submissions if s.provision == name)
        if standing and standing.rows:
            what = (
                f"revision {standing.revision} of {duty.province}/{name}"
                f" stands with {standing.rows} figures"
            )
            raise StateError(
                f"{what}; a nil return would withdraw them: they must be corrected at their source"
            )


def _empty_landing(hub: Hub, province: str, provision: str, label: str, now: datetime) -> Landing:
    """Make the landing of a new gather, which has no parts."""
    start = hub.config.settings.origin_start
    gather, sequence = hub.store.new_gather(province, provision, start)
    return Landing(
        gather=gather,
        sequence=sequence,
        origin_start=start,
        province=province,
        provision=provision,
        periods=[label],
        parts=[],
        complete=True,
        landed_at=now,
    )


def _manifest(
    landing: Landing, duty: Obligation, calendar: Calendar, catalogue: str, who: str, why: str
) -> Manifest:
    return Manifest(
        gather=landing.gather,
        replay=0,
        sequence=landing.sequence,
        origin_start=landing.origin_start,
        province=landing.province,
        provision=landing.provision,
        provider=duty.provider,
        dataflow=duty.dataflow,
        calendar=calendar.value,
        period=landing.periods[0],
        kind="nil",
        nil=True,
        reason=why,
        sender=who,
        parts=[],
        rows=0,
        quarantined=0,
        counts={"new": 0, "changed": 0, "unchanged": 0, "withdrawn": 0},
        findings=[],
        digests=Digests(
            content=content_digest(pl.DataFrame(schema=SCHEMA), nil=True),
            quarantine=quarantine_digest(pl.DataFrame(schema=QUARANTINE)),
            catalogue=catalogue,
            mapping=_NOTHING,
            rules=digest(RULES),
            plugin=_NOTHING,
        ),
        files={},
        sealed_at=landing.landed_at,
    )


def _duty(hub: Hub, dataflow: str, label: str, provider: str) -> tuple[Period, Obligation]:
    """Find the obligation of a provider to report a dataflow for a period. Raises StateError."""
    if dataflow not in hub.config.catalogue.dataflows:
        raise StateError(
            f"there is no dataflow {dataflow};"
            f" there are {', '.join(hub.config.catalogue.dataflows)}"
        )
    period = Period.parse(label)
    duties = owed(hub.config, dataflow, period)
    for duty in duties:
        if duty.provider == provider:
            return period, duty
    owing = ", ".join(sorted({duty.provider for duty in duties})) or "nobody"
    raise StateError(f"{provider} does not owe {dataflow} for {label}; who does: {owing}")


def _provision(hub: Hub, duty: Obligation) -> str:
    """Return the name of the provider's own provision of the dataflow.

    Figures which come later under that name take the statement's place. Where the provider's
    package is not here, the name is ``STATEMENT``.
    """
    province = hub.provinces.get(duty.province)
    if province is not None:
        for name, declared in sorted(province.provisions.items()):
            if (declared.provider, declared.dataflow) == (duty.provider, duty.dataflow):
                return name
    return STATEMENT
