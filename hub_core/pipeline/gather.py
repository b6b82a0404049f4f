"""Gather and replay in the hub: give orders to children, take over what they left, admit what they sealed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hub_core import province
from hub_core.engine import Answer
from hub_core.errors import HubError, PluginError, StateError, SubmissionError, from_dict
from hub_core.home import Hub, unlanded
from hub_core.landing import Scratch, cut_off, read_manifest
from hub_core.model.exchange import Gathered, GatherOrder, Landing, Manifest
from hub_core.model.period import Period, latest
from hub_core.obligations import business_date, owed
from hub_core.secrets import redact, resolve
from hub_core.store.store import Submission, current

if TYPE_CHECKING:
    from hub_core.config import Config
    from hub_core.stages.admit import Admitted, Voice

Report = Callable[[str, dict[str, int]], None]


@dataclass(frozen=True)
class Task:
    """A provision and the periods to ask it for."""

    province: str
    provision: str
    periods: list[str]


@dataclass(frozen=True)
class GatherReport:
    """How one gather went."""

    province: str
    provision: str
    dataflow: str
    periods: list[str]
    outcome: str  # done, unchanged, no data, held, failed
    counts: dict[str, int]
    revisions: dict[str, int]
    no_data: list[str]
    notes: list[str]
    error: str | None
    retryable: bool
    gather: str


def tasks(hub: Hub, now: datetime, periods: list[str] | None, provinces: list[str] | None) -> list[Task]:
    """What a night asks for: the last ended periods of each provision's obligation, or the periods given."""
    found = []
    for name, declared in sorted(hub.provinces.items()):
        if provinces and name not in provinces:
            continue
        for provision, each in sorted(declared.provisions.items()):
            dataflow = hub.config.catalogue.dataflows.get(each.dataflow)
            if dataflow is None:
                hub.broken.setdefault(name, f"{provision}.toml: dataflow {each.dataflow} is not in the catalogue")
                continue
            wanted = [Period.parse(label) for label in periods or []] or [
                latest(frequency, dataflow.calendar, business_date(now)).shift(-back)
                for frequency in dataflow.frequencies
                for back in range(dataflow.look_back)
            ]
            mine = [
                str(period)
                for period in wanted
                if any(
                    duty.provider == each.provider and duty.province == name
                    for duty in owed(hub.config, each.dataflow, period)
                )
            ]
            if mine:
                found.append(Task(name, provision, mine))
    return found


def gather(hub: Hub, todo: list[Task], now: datetime, report: Report) -> list[GatherReport]:
    """Gather provisions, a child for each province; each has its own report, whatever became of the others."""
    by_province: dict[str, list[_Going]] = {}
    reports: dict[str, GatherReport] = {}
    for task in todo:
        going = _start(hub, task, now)
        if going.failed is not None:
            reports[going.key] = _end(hub, going, {"error": going.failed.as_dict()}, now)
        else:
            by_province.setdefault(task.province, []).append(going)
    futures = []
    for each in by_province.values():
        orders = [going.order.model_dump(mode="json") for going in each if going.order]
        futures.append((each, hub.engine.submit(orders, hub.config.settings.gather.seconds, report, lambda _: None)))
    for each, future in futures:
        for going, answer in zip(each, future.result(), strict=True):
            reports[going.key] = _end(hub, going, answer, now)
    return [reports[f"{task.province}/{task.provision}"] for task in todo]


def replay(hub: Hub, name: str, provision: str, gather_id: str, now: datetime, report: Report) -> GatherReport:
    """Read a landing again with the mapping and plugin of today. Raises StateError where there is none."""
    landing = hub.zone.landing(name, provision, gather_id)
    going = _start(hub, Task(name, provision, landing.periods), now, landing)
    if going.failed is not None or going.order is None:
        return _end(hub, going, {"error": going.failed.as_dict() if going.failed else {}}, now)
    future = hub.engine.submit(
        [going.order.model_dump(mode="json")], hub.config.settings.gather.seconds, report, lambda _: None
    )
    return _end(hub, going, future.result()[0], now)


@dataclass
class _Going:
    """A gather under way."""

    key: str
    task: Task
    dataflow: str
    run: int
    scratch: Path
    gather: str
    order: GatherOrder | None
    failed: HubError | None


def _start(hub: Hub, task: Task, now: datetime, again: Landing | None = None) -> _Going:
    """Give a gather its number, its run and its order."""
    if task.province not in hub.provinces or task.provision not in hub.provinces[task.province].provisions:
        raise StateError(f"no provision {task.province}/{task.provision}")
    declared = hub.provinces[task.province].provisions[task.provision]
    if again is None:
        gather_id, sequence = hub.store.new_gather(task.province, task.provision, hub.config.settings.origin_start)
        replay_number = 0
    else:
        gather_id = again.gather
        sequence, replay_number = hub.store.new_replay(gather_id)
    run = hub.store.begin_run(
        "gather" if again is None else "replay",
        declared.dataflow,
        task.periods,
        now,
        province=task.province,
        provision=task.provision,
        gather=gather_id,
    )
    scratch = hub.config.home / "scratch" / f"{gather_id}-{replay_number}"
    going = _Going(f"{task.province}/{task.provision}", task, declared.dataflow, run, scratch, gather_id, None, None)
    try:
        voice = voice_of(hub.config, task.province, declared.provider, declared.dataflow)
        here = hub.config.settings.sources.get(task.province, {}).get(task.provision, {})
        wanted = province.secrets_named(declared.source | here)
        order = GatherOrder(
            gather=gather_id,
            replay=replay_number,
            sequence=sequence,
            origin_start=hub.config.settings.origin_start if again is None else again.origin_start,
            plugin=hub.found[task.province],
            trusted=hub.config.settings.plugins.trusted,
            provision=task.provision,
            periods=task.periods,
            catalogue=str(hub.config.snapshot()),
            speaks_for=sorted(voice.org_units),
            indicators=sorted(voice.indicators),
            lent=_lent(hub, task),
            source=here,
            allow_loopback=hub.config.settings.gather.allow_loopback,
            scratch=str(scratch),
            replay_of=None if again is None else str(hub.zone.provision(task.province, task.provision).resolve()),
            now=now,
        )
        if scratch.exists():
            shutil.rmtree(scratch)
        scratch.mkdir(parents=True)
        (scratch / "order.json").write_text(order.model_dump_json(), encoding="utf-8")  # before it has secrets
        secrets = resolve(task.province, wanted, os.environ) if again is None else dict.fromkeys(wanted, "unused")
        going.order = order.model_copy(update={"secrets": secrets})
    except HubError as error:
        going.failed = error.located(province=task.province, provision=task.provision)
    return going


def voice_of(config: Config, name: str, provider: str, dataflow: str) -> Voice:
    """What a provider may say in a dataflow, by its obligations. Raises PluginError where it has none."""
    from hub_core.stages.admit import Voice

    duties = [o for o in config.obligations if (o.province, o.provider, o.dataflow) == (name, provider, dataflow)]
    if not duties:
        raise PluginError(f"config/obligations has no duty of {provider} to report {dataflow}", province=name)
    units = config.catalogue.subtree(tuple(unit for duty in duties for unit in duty.speaks_for))
    indicators = {code for duty in duties for code in duty.indicators}
    if any(not duty.indicators for duty in duties):
        indicators |= {each.code for each in config.catalogue.of_dataflow(dataflow)}
    return Voice(units, indicators)


def _lent(hub: Hub, task: Task) -> dict[str, str]:
    """The current submissions of a provision by period, as folders that a child may read."""
    by_period: dict[str, list[Submission]] = {}
    for each in hub.store.submissions(province=task.province, provision=task.provision):
        by_period.setdefault(each.period, []).append(each)
    standing = {period: current(each) for period, each in by_period.items()}
    return {period: str((hub.zone.root / s.path).resolve()) for period, s in standing.items() if s and not s.nil}


def _end(hub: Hub, going: _Going, answer: Answer, now: datetime) -> GatherReport:
    """Take over what a child left, admit what it sealed, and note how it went."""
    gathered = Gathered.model_validate(answer)
    failure = from_dict(gathered.error) if gathered.error else None
    secrets = going.order.secrets.values() if going.order else ()
    notes, revisions, counts, held = list(gathered.notes), {}, dict(gathered.counts), False
    try:
        if going.order is not None and going.order.replay_of is None:
            _take_landing(hub, going, gathered, failure, now)
        if failure is None:
            for folder in gathered.submissions:
                admitted = _admit(hub, going, Path(folder), now)
                for name, number in admitted.manifest.counts.items():
                    counts[name] = counts.get(name, 0) + number
                counts["admitted"] = counts.get("admitted", 0) + admitted.manifest.rows
                counts["quarantined"] = counts.get("quarantined", 0) + admitted.manifest.quarantined
                if admitted.revision is not None:
                    revisions[admitted.manifest.period] = admitted.revision
                held = held or (admitted.held and admitted.revision is not None)
    except HubError as error:
        failure = error
    if failure is not None:
        failure.located(province=going.task.province, provision=going.task.provision)
        failure.message = redact(failure.message, secrets)
    outcome = _outcome(failure, gathered, revisions, held=held)
    told = failure.as_dict() if failure else None
    hub.store.end_run(going.run, outcome, now, counts=counts, notes=notes, error=told)
    shutil.rmtree(going.scratch, ignore_errors=True)
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


def _outcome(failure: HubError | None, gathered: Gathered, revisions: dict[str, int], *, held: bool) -> str:
    if failure is not None:
        return "failed"
    if not gathered.submissions:
        return "no data"
    if held:
        return "held"
    return "done" if revisions else "unchanged"


def _take_landing(hub: Hub, going: _Going, gathered: Gathered, failure: HubError | None, now: datetime) -> None:
    """The landing that the child told of, or what it had landed when it ended."""
    assert going.order is not None
    landing = gathered.landing
    if landing is None:
        if not Scratch(going.scratch).landed():
            return
        landing = cut_off(going.scratch, unlanded(going.order, now), str(failure), now)
    expected = (going.gather, going.task.province, going.task.provision)
    if (landing.gather, landing.province, landing.provision) != expected:
        raise SubmissionError(f"the child tells of landing {landing.gather} of {landing.province}/{landing.provision}")
    hub.zone.adopt_landing(going.scratch, landing)


def _admit(hub: Hub, going: _Going, folder: Path, now: datetime) -> Admitted:
    from hub_core.stages.admit import admit, verify

    assert going.order is not None
    if going.scratch.resolve() not in folder.resolve().parents:
        raise SubmissionError(f"the child tells of a submission outside its scratch folder: {folder}")
    manifest = read_manifest(folder)
    order = going.order
    told = (manifest.province, manifest.provision, manifest.gather, manifest.replay, manifest.sequence)
    if told != (going.task.province, going.task.provision, order.gather, order.replay, order.sequence):
        raise SubmissionError("the child sealed a submission of another province, provision or gather")
    declared = hub.provinces[going.task.province].provisions[going.task.provision]
    if (manifest.dataflow, manifest.provider) != (declared.dataflow, declared.provider):
        raise SubmissionError("the child sealed a submission of another dataflow or provider")
    voice = voice_of(hub.config, manifest.province, manifest.provider, manifest.dataflow)
    verify(folder, manifest, voice, hub.config.catalogue, whole=False)
    hub.store.note_catalogue(manifest.digests.catalogue, now)
    return admit(hub.store, hub.zone, folder, manifest, reason_for(hub, manifest), now)


def reason_for(hub: Hub, manifest: Manifest) -> str:
    """Why a revision comes: a correction, where a release of its period stands already."""
    released = hub.releases.latest(manifest.dataflow, manifest.calendar, manifest.period)
    mine = (manifest.province, manifest.provision)
    used = released is not None and any((u.province, u.provision) == mine for u in released.manifest.submissions)
    return "correction" if used else "initial"


def admit_folder(hub: Hub, folder: Path, now: datetime) -> Admitted:
    """Admit a sealed submission that came from elsewhere, all that it says checked. Raises SubmissionError."""
    from hub_core.stages.admit import admit, verify

    manifest = read_manifest(folder)
    voice = voice_of(hub.config, manifest.province, manifest.provider, manifest.dataflow)
    verify(folder, manifest, voice, hub.config.catalogue, whole=True)
    hub.store.note_catalogue(manifest.digests.catalogue, now)
    return admit(hub.store, hub.zone, folder, manifest, reason_for(hub, manifest), now)
