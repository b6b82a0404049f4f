"""Take over what a child left: its landing, its submissions, and the account of its run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from hub_core.contracts import explain
from hub_core.engine.engine import Answer
from hub_core.errors import HubError, PluginError, StoreError, SubmissionError, from_dict
from hub_core.home import GATHERS, Hub
from hub_core.landing.layout import read_manifest
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Gathered, GatherOrder, Landing, Manifest
from hub_core.obligations import reporting_scope_of
from hub_core.prefetch import prefetch
from hub_core.secrets import redact
from hub_core.store.runs import Read

if TYPE_CHECKING:
    from hub_core.stages.admit import Admitted


_READ = ("rows", "ignored", "absent", "not_asked")  # what a child counts while it reads


@dataclass(frozen=True)
class Task:
    """A provision and the periods to ask it for."""

    province: str
    provision: str
    periods: list[str]

    @property
    def key(self) -> str:
        """The provision, as people write it."""
        return f"{self.province}/{self.provision}"

    @property
    def lease(self) -> str:
        """What the lease on it is called."""
        return GATHERS + self.key


@dataclass(frozen=True)
class GatherReport:
    """How one gather went."""

    province: str
    provision: str
    dataflow: str
    periods: list[str]
    outcome: str  # done, unchanged, no data, held, failed, elsewhere
    counts: dict[str, int]
    revisions: dict[str, int]
    no_data: list[str]
    notes: list[str]
    error: str | None
    retryable: bool
    gather: str


@dataclass
class GatherAttempt:
    """A gather under way."""

    task: Task
    dataflow: str
    run: int
    scratch: Path
    gather: str
    order: GatherOrder | None
    failed: HubError | None


def end(hub: Hub, going: GatherAttempt, answer: Answer, now: datetime) -> GatherReport:
    """Take over what a child left, admit what it sealed, and note how it went."""
    try:
        gathered = Gathered.model_validate(answer)
    except ValidationError as error:
        gathered = Gathered(
            error=PluginError(f"the child's answer is not one: {explain(error)}").as_dict()
        )
    failure = from_dict(gathered.error) if gathered.error else None
    secrets = going.order.secrets.values() if going.order else ()
    notes, revisions, counts, held = list(gathered.notes), {}, dict(gathered.counts), False
    read: Read | None = None
    told_of = [] if failure else gathered.submissions
    verified = prefetch(
        (_verified(hub, going, Path(each)) for each in told_of), 2
    )  # while the landing is taken over
    try:
        if going.order is not None and going.order.replay_of is None:
            _take_landing(hub, going, gathered, failure, now)
        if failure is None and gathered.unchanged:
            before = _as_before(hub, going, gathered)
            counts, read = counts | before[0], before[1]
        for sealed in verified:
            admitted = _admit(hub, going, sealed, now)
            for name, number in admitted.manifest.counts.items():
                counts[name] = counts.get(name, 0) + number
            counts["admitted"] = counts.get("admitted", 0) + admitted.manifest.rows
            counts["quarantined"] = counts.get("quarantined", 0) + admitted.manifest.quarantined
            if admitted.revision is not None:
                revisions[admitted.manifest.period] = admitted.revision
            held = held or admitted.held
            read = _read(admitted.manifest, read)
    except HubError as error:
        failure = error
    if failure is not None:
        failure.located(province=going.task.province, provision=going.task.provision)
        failure.message = redact(failure.message, secrets)
    outcome = _outcome(failure, gathered, revisions, held=held)
    told = failure.as_dict() if failure else None
    hub.runs.end(going.run, outcome, now, counts=counts, notes=notes, error=told, read=read)
    hub.leases.give_back([going.task.lease])
    if not (isinstance(failure, StoreError) and isinstance(failure.__cause__, OSError)):
        shutil.rmtree(
            going.scratch, ignore_errors=True
        )  # else the landing zone took nothing: the next journey tries
    return GatherReport(
        going.task.province,
        going.task.provision,
        going.dataflow,
        going.task.periods,
        outcome,
        counts,
        revisions,
        gathered.no_data,
        notes,
        str(failure) if failure else None,
        failure is not None and failure.retryable,
        going.gather,
    )


def _outcome(
    failure: HubError | None, gathered: Gathered, revisions: dict[str, int], *, held: bool
) -> str:
    if failure is not None:
        return "failed"
    if gathered.unchanged:
        return "unchanged"
    if not gathered.submissions:
        return "no data"
    if held:
        return "held"
    return "done" if revisions else "unchanged"


def _read(manifest: Manifest, before: Read | None) -> Read | None:
    """What a run read, with one period more."""
    if manifest.reading is None:
        return None
    mine = {manifest.period: (manifest.digests.content, manifest.digests.quarantine)}
    return Read(manifest.reading, (before.sealed if before else {}) | mine)


def _as_before(hub: Hub, going: GatherAttempt, gathered: Gathered) -> tuple[dict[str, int], Read]:
    """The counts of a gather that found every part as it was, and what it stands for.

    Raises SubmissionError where it did not find that.
    """
    previous = going.order.previous_reading if going.order else None
    parts = [part.digest for part in gathered.landing.parts] if gathered.landing else []
    last = hub.runs.last_read(going.task.province, going.task.provision)
    if (
        last is None
        or previous is None
        or last.gather != previous.gather
        or parts != previous.parts
        or gathered.submissions
    ):
        raise SubmissionError(
            "the child says that nothing changed, and its landing is not the one before"
        )
    counts = {
        name: n for name, n in last.counts.items() if name in (*_READ, "admitted", "quarantined")
    }
    nothing = {"new": 0, "changed": 0, "withdrawn": 0}
    return counts | nothing | {"unchanged": counts["admitted"]}, last.read


def _take_landing(
    hub: Hub, going: GatherAttempt, gathered: Gathered, failure: HubError | None, now: datetime
) -> None:
    """The landing that the child told of, or what it had landed when it ended."""
    assert going.order is not None
    landing = gathered.landing
    if landing is None:
        order = going.order
        parts = Scratch(going.scratch).landed(
            hub.zone.parts(going.task.province, going.task.provision)
        )
        if not parts:
            return
        landing = Landing(
            gather=order.gather,
            sequence=order.sequence,
            origin_start=order.origin_start,
            province=going.task.province,
            provision=going.task.provision,
            periods=order.periods,
            parts=parts,
            complete=False,
            why=str(failure),
            landed_at=now,
        )
    expected = (going.gather, going.task.province, going.task.provision)
    if (landing.gather, landing.province, landing.provision) != expected:
        raise SubmissionError(
            f"the child tells of landing {landing.gather} of {landing.province}/{landing.provision}"
        )
    hub.zone.adopt_landing(going.scratch, landing)


def _verified(hub: Hub, going: GatherAttempt, folder: Path) -> tuple[Path, Manifest]:
    """A sealed folder with its manifest, its files and all that they say checked.

    Raises SubmissionError.
    """
    from hub_core.stages.admit import verify

    assert going.order is not None
    if going.scratch.resolve() not in folder.resolve().parents:
        raise SubmissionError(
            f"the child tells of a submission outside its scratch folder: {folder}"
        )
    manifest = read_manifest(folder)
    order = going.order
    told = (
        manifest.province,
        manifest.provision,
        manifest.gather,
        manifest.replay,
        manifest.sequence,
    )
    if told != (
        going.task.province,
        going.task.provision,
        order.gather,
        order.replay,
        order.sequence,
    ):
        raise SubmissionError(
            "the child sealed a submission of another province, provision or gather"
        )
    declared = hub.provinces[going.task.province].provisions[going.task.provision]
    if (manifest.dataflow, manifest.provider) != (declared.dataflow, declared.provider):
        raise SubmissionError("the child sealed a submission of another dataflow or provider")
    reporting_scope = reporting_scope_of(
        hub.config, manifest.province, manifest.provider, manifest.dataflow
    )
    verify(folder, manifest, reporting_scope, hub.config.catalogue, whole=False)
    return folder, manifest


def _admit(
    hub: Hub, going: GatherAttempt, sealed: tuple[Path, Manifest], now: datetime
) -> Admitted:
    from hub_core.stages.admit import admit

    folder, manifest = sealed
    hub.store.note_catalogue(manifest.digests.catalogue, now)
    assert_lease_held = partial(hub.leases.check, name=going.task.lease)
    reason, outdated = reason_for(hub, manifest), _outdated(hub, manifest)
    return admit(hub.store, hub.zone, folder, manifest, reason, now, outdated, assert_lease_held)


def _outdated(hub: Hub, manifest: Manifest) -> set[int]:
    """The revisions of a provision and period whose place is taken by one that says the same.

    Those that are damaged, and those in units of another time, where what is read now says its
    unit.
    """
    known = hub.store.submissions(
        [manifest.period], province=manifest.province, provision=manifest.provision
    )
    same = [each for each in known if each.content_digest == manifest.digests.content]
    damaged = {each.id for each in same if hub.is_damaged(each)}
    declared = (
        hub.provinces[manifest.province].provisions if manifest.province in hub.provinces else {}
    )
    if manifest.provision not in declared or declared[manifest.provision].map.value.unit is None:
        return damaged  # the same numbers, and nobody says of what
    whole = [each for each in known if each.id not in damaged]
    return damaged | {
        each.id for each, _ in hub.submissions_in_old_units(hub.config.catalogue, whole)
    }


def reason_for(hub: Hub, manifest: Manifest) -> str:
    """Why a revision comes: a correction, where a release of its period stands already."""
    calendar = hub.config.catalogue.dataflows[
        manifest.dataflow
    ].calendar.value  # a release counts in its dataflow's
    released = hub.releases.latest(manifest.dataflow, calendar, manifest.period)
    mine = (manifest.province, manifest.provision)
    used = released is not None and any(
        (u.province, u.provision) == mine for u in released.manifest.submissions
    )
    return "correction" if used else "initial"


def admit_folder(hub: Hub, folder: Path, now: datetime) -> Admitted:
    """Admit a sealed submission that came from elsewhere, all that it says checked.

    Raises SubmissionError.
    """
    from hub_core.stages.admit import admit, verify

    manifest = read_manifest(folder)
    try:
        reporting_scope = reporting_scope_of(
            hub.config, manifest.province, manifest.provider, manifest.dataflow
        )
    except PluginError as error:
        raise SubmissionError(error.message, province=manifest.province) from error
    verify(folder, manifest, reporting_scope, hub.config.catalogue, whole=True)
    hub.store.note_catalogue(manifest.digests.catalogue, now)
    with hub.leases.holding(Task(manifest.province, manifest.provision, []).lease):
        return admit(
            hub.store,
            hub.zone,
            folder,
            manifest,
            reason_for(hub, manifest),
            now,
            _outdated(hub, manifest),
        )
