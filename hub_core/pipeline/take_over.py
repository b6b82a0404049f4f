"""Take over what a child left: its landing, its submissions, and the account of its run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from hub_core.engine.engine import Answer
from hub_core.errors import HubError, PluginError, StoreError, SubmissionError, from_dict
from hub_core.home import Hub
from hub_core.landing.layout import read_manifest
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Gathered, Landing, Manifest
from hub_core.model.formats import explain
from hub_core.obligations import reporting_scope_of
from hub_core.pipeline.attempt import GatherAttempt, GatherReport, Task
from hub_core.prefetch import prefetch
from hub_core.secrets import redact
from hub_core.store.runs import Read

if TYPE_CHECKING:
    from hub_core.stages.admit import Admitted


_READ = ("rows", "ignored", "absent", "not_asked")  # what a child counts while it reads


@dataclass
class _Account:
    """What a gather comes to, while its submissions are admitted one after another."""

    counts: dict[str, int]
    revisions: dict[str, int] = field(default_factory=dict)
    held: bool = False
    read: Read | None = None
    failure: HubError | None = None

    def enter(self, admitted: Admitted) -> None:
        """Count a submission that was admitted, or that says nothing new."""
        manifest = admitted.manifest
        own = {"admitted": manifest.rows, "quarantined": manifest.quarantined}
        for name, number in (manifest.counts | own).items():
            self.counts[name] = self.counts.get(name, 0) + number
        if admitted.revision is not None:
            self.revisions[manifest.period] = admitted.revision
        self.held = self.held or admitted.held
        if manifest.reading is None:
            self.read = None
            return
        digests = {manifest.period: (manifest.digests.content, manifest.digests.quarantine)}
        self.read = Read(manifest.reading, (self.read.sealed if self.read else {}) | digests)

    def outcome(self, gathered: Gathered) -> str:
        """Name how the gather went, as :class:`GatherReport` lists it."""
        if self.failure is not None:
            return "failed"
        if gathered.unchanged:
            return "unchanged"
        if not gathered.submissions:
            return "no data"
        if self.held:
            return "held"
        return "done" if self.revisions else "unchanged"


def complete_gather(
    hub: Hub, attempt: GatherAttempt, answer: Answer, now: datetime
) -> GatherReport:
    """Take over what a child left, admit what it sealed, and note how it went."""
    gathered = _read_answer(answer)
    account = _Account(dict(gathered.counts))
    account.failure = from_dict(gathered.error) if gathered.error else None
    try:
        _take_all(hub, attempt, gathered, account, now)
    except HubError as error:
        account.failure = error
    failure, task = account.failure, attempt.task
    if failure is not None:
        secrets = attempt.order.secrets.values() if attempt.order else ()
        failure.located(province=task.province, provision=task.provision)
        failure.message = redact(failure.message, secrets)
    outcome = account.outcome(gathered)
    hub.runs.end(
        attempt.run,
        outcome,
        now,
        counts=account.counts,
        notes=list(gathered.notes),
        error=failure.as_dict() if failure else None,
        read=account.read,
    )
    hub.leases.give_back([task.lease])
    _remove_scratch(attempt, failure)
    return GatherReport(
        province=task.province,
        provision=task.provision,
        dataflow=attempt.dataflow,
        periods=task.periods,
        outcome=outcome,
        counts=account.counts,
        revisions=account.revisions,
        no_data=gathered.no_data,
        notes=list(gathered.notes),
        error=str(failure) if failure else None,
        retryable=failure is not None and failure.retryable,
        gather=attempt.gather,
    )


def _read_answer(answer: Answer) -> Gathered:
    """Read a child's answer; one that is none is its package's fault."""
    try:
        return Gathered.model_validate(answer)
    except ValidationError as error:
        what = f"the child's answer is not one: {explain(error)}"
        return Gathered(error=PluginError(what).as_dict())


def _take_all(
    hub: Hub, attempt: GatherAttempt, gathered: Gathered, account: _Account, now: datetime
) -> None:
    """Take over the landing, then admit each submission; what was admitted is in the account.

    Submissions are verified while the landing is taken over.
    """
    folders = [] if account.failure else gathered.submissions
    verified = prefetch(_verified(hub, attempt, folders), 2)
    if attempt.order is not None and attempt.order.replay_of is None:
        _take_landing(hub, attempt, gathered, account.failure, now)
    if account.failure is None and gathered.unchanged:
        counts, account.read = _as_before(hub, attempt, gathered)
        account.counts |= counts
    for folder, manifest in verified:
        account.enter(_admit(hub, attempt, folder, manifest, now))


def _remove_scratch(attempt: GatherAttempt, failure: HubError | None) -> None:
    """Remove a scratch folder, unless the landing zone took nothing: the next journey tries again."""
    if not (isinstance(failure, StoreError) and isinstance(failure.__cause__, OSError)):
        shutil.rmtree(attempt.scratch, ignore_errors=True)


def _as_before(hub: Hub, attempt: GatherAttempt, gathered: Gathered) -> tuple[dict[str, int], Read]:
    """Return the counts of a gather that found every part as it was, and what was read then.

    Raises SubmissionError where it did not find that.
    """
    previous = attempt.order.previous_reading if attempt.order else None
    parts = [part.digest for part in gathered.landing.parts] if gathered.landing else []
    last = hub.runs.last_read(attempt.task.province, attempt.task.provision)
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
    kept = (*_READ, "admitted", "quarantined")
    counts = {name: number for name, number in last.counts.items() if name in kept}
    nothing = {"new": 0, "changed": 0, "withdrawn": 0}
    return counts | nothing | {"unchanged": counts["admitted"]}, last.read


def _take_landing(
    hub: Hub,
    attempt: GatherAttempt,
    gathered: Gathered,
    failure: HubError | None,
    now: datetime,
) -> None:
    """Take over the landing that the child names, or what it had landed when it ended."""
    assert attempt.order is not None
    order, task, landing = attempt.order, attempt.task, gathered.landing
    if landing is None:
        parts = Scratch(attempt.scratch).landed(hub.zone.parts(task.province, task.provision))
        if not parts:
            return
        landing = Landing(
            gather=order.gather,
            sequence=order.sequence,
            origin_start=order.origin_start,
            province=task.province,
            provision=task.provision,
            periods=order.periods,
            parts=parts,
            complete=False,
            why=str(failure),
            landed_at=now,
        )
    expected = (attempt.gather, task.province, task.provision)
    if (landing.gather, landing.province, landing.provision) != expected:
        raise SubmissionError(
            f"the child tells of landing {landing.gather} of {landing.province}/{landing.provision}"
        )
    hub.zone.adopt_landing(attempt.scratch, landing)


def _verified(
    hub: Hub, attempt: GatherAttempt, folders: list[str]
) -> Iterator[tuple[Path, Manifest]]:
    """Yield each sealed folder with its manifest, its files and all that they say checked.

    Raises SubmissionError.
    """
    from hub_core.stages.admit import verify

    for name in folders:
        folder = Path(name)
        manifest = _own_manifest(hub, attempt, folder)
        reporting_scope = reporting_scope_of(
            hub.config, manifest.province, manifest.provider, manifest.dataflow
        )
        verify(folder, manifest, reporting_scope, hub.config.catalogue, check_digest=False)
        yield folder, manifest


def _own_manifest(hub: Hub, attempt: GatherAttempt, folder: Path) -> Manifest:
    """Read the manifest of a sealed folder. Raises SubmissionError where it is not of this gather."""
    assert attempt.order is not None
    order, task = attempt.order, attempt.task
    if attempt.scratch.resolve() not in folder.resolve().parents:
        raise SubmissionError(
            f"the child tells of a submission outside its scratch folder: {folder}"
        )
    manifest = read_manifest(folder)
    found = (manifest.province, manifest.provision)
    if (*found, manifest.gather, manifest.replay, manifest.sequence) != (
        task.province,
        task.provision,
        order.gather,
        order.replay,
        order.sequence,
    ):
        raise SubmissionError(
            "the child sealed a submission of another province, provision or gather"
        )
    declared = hub.provinces[task.province].provisions[task.provision]
    if (manifest.dataflow, manifest.provider) != (declared.dataflow, declared.provider):
        raise SubmissionError("the child sealed a submission of another dataflow or provider")
    return manifest


def _admit(
    hub: Hub, attempt: GatherAttempt, folder: Path, manifest: Manifest, now: datetime
) -> Admitted:
    from hub_core.stages.admit import admit

    hub.store.note_catalogue(manifest.digests.catalogue, now)
    assert_lease_held = partial(hub.leases.check, name=attempt.task.lease)
    reason, outdated = reason_for(hub, manifest), _outdated(hub, manifest)
    return admit(hub.store, hub.zone, folder, manifest, reason, now, outdated, assert_lease_held)


def _outdated(hub: Hub, manifest: Manifest) -> set[int]:
    """Return the ids of revisions that a submission replaces though it says the same.

    These are damaged revisions, and those in units of another time, where what is read now says its
    unit.
    """
    revisions = hub.store.submissions(
        [manifest.period], province=manifest.province, provision=manifest.provision
    )
    alike = [r for r in revisions if r.content_digest == manifest.digests.content]
    damaged = {revision.id for revision in alike if hub.is_damaged(revision)}
    province = hub.provinces.get(manifest.province)
    declared = province.provisions.get(manifest.provision) if province else None
    if declared is None or declared.map.value.unit is None:
        return damaged  # the same numbers, and nobody says of what
    sound = [revision for revision in revisions if revision.id not in damaged]
    in_other_units = hub.submissions_in_old_units(hub.config.catalogue, sound)
    return damaged | {revision.id for revision, _ in in_other_units}


def reason_for(hub: Hub, manifest: Manifest) -> str:
    """Say why a revision comes: ``correction`` where a release uses its provision already."""
    dataflow = hub.config.catalogue.dataflows[manifest.dataflow]
    calendar = dataflow.calendar.value  # a release is counted in its dataflow's calendar
    release = hub.releases.latest(manifest.dataflow, calendar, manifest.period)
    if release is None:
        return "initial"
    used = {(u.province, u.provision) for u in release.manifest.submissions}
    return "correction" if (manifest.province, manifest.provision) in used else "initial"


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
    verify(folder, manifest, reporting_scope, hub.config.catalogue, check_digest=True)
    hub.store.note_catalogue(manifest.digests.catalogue, now)
    with hub.leases.holding(Task(manifest.province, manifest.provision, []).lease):
        reason, outdated = reason_for(hub, manifest), _outdated(hub, manifest)
        return admit(hub.store, hub.zone, folder, manifest, reason, now, outdated)
