"""Gather and replay in the hub: what is asked of whom, by orders to children."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime

from hub_core.calendar.working_days import is_working_day
from hub_core.config import province
from hub_core.engine.engine import Answer
from hub_core.errors import HubError, SourceUnavailable, StateError, StoreError
from hub_core.home import Hub
from hub_core.model.exchange import GatherOrder, Landing
from hub_core.model.hours import Hours
from hub_core.model.period import Period, latest
from hub_core.obligations import ZONE, business_date, owes, reporting_scope_of
from hub_core.pipeline.attempt import GatherAttempt, GatherReport, Task
from hub_core.pipeline.baseline import (
    baseline_submissions,
    previous_landing_folder,
    previous_reading,
)
from hub_core.pipeline.receiving import Receiving
from hub_core.pipeline.take_over import complete_gather
from hub_core.store.nights import Brakes

Report = Callable[[str, dict[str, int]], None]


def tasks(
    hub: Hub,
    now: datetime,
    periods: list[str] | None,
    provinces: list[str] | None,
    day: date | None = None,
) -> list[Task]:
    """List what a night asks for.

    That is the last ended periods of each provision's obligation, or the periods given. ``day`` is
    the business date whose night it is; today where it is None. A province that the operator has
    stopped is left out, unless it is named. Raises StateError for a province that has no package,
    and for a period by which nothing here is reported.
    """
    _check_names(hub, periods or [], provinces or [])
    day = day or business_date(now)
    stopped = set(Brakes(hub.store).all()) - set(provinces or ())
    todo = []
    for name, declared in sorted(hub.provinces.items()):
        if name in stopped or (provinces and name not in provinces):
            continue
        for provision, declaration in sorted(declared.provisions.items()):
            dataflow = hub.config.catalogue.dataflows.get(declaration.dataflow)
            if dataflow is None:
                why = f"{provision}.toml: dataflow {declaration.dataflow} is not in the catalogue"
                hub.broken.setdefault(name, why)
                continue
            wanted = [Period.parse(label) for label in periods or []] or [
                latest(frequency, dataflow.calendar, day).shift(-back)
                for frequency in dataflow.frequencies
                for back in range(dataflow.look_back)
            ]
            due = [
                str(period)
                for period in wanted
                if declaration.is_asked_for(str(period))
                and owes(hub.config, name, declaration.provider, declaration.dataflow, period)
            ]
            if due:
                todo.append(Task(name, provision, due))
    return todo


def _check_names(hub: Hub, periods: list[str], provinces: list[str]) -> None:
    unknown = sorted(set(provinces) - set(hub.provinces) - set(hub.broken))
    if unknown:
        there = ", ".join(sorted(hub.provinces)) or "none"
        raise StateError(f"no package of {', '.join(unknown)}; there are {there}")
    dataflows = hub.config.catalogue.dataflows.values()
    frequencies = {frequency for dataflow in dataflows for frequency in dataflow.frequencies}
    if strange := [p for p in periods if Period.parse(p).frequency not in frequencies]:
        raise StateError(f"no dataflow is reported by periods like {', '.join(strange)}")


@dataclass(frozen=True)
class _Conversation:
    """The attempts of one province, and the answers of its child that are to come."""

    attempts: list[GatherAttempt]
    receiving: dict[str, Receiving]  # by provision
    answers: Future[list[Answer]]

    def close(self) -> None:
        """Take over no more parts."""
        for receiving in self.receiving.values():
            receiving.close()


def gather(
    hub: Hub, todo: list[Task], now: datetime, report: Report, *, whole: bool = False
) -> list[GatherReport]:
    """Gather provisions, with one child for each province.

    Each provision has its own report, whatever became of the others. ``whole``: no service is asked
    whether what came before still stands.
    """
    by_province: dict[str, list[Task]] = {}
    for task in todo:
        by_province.setdefault(task.province, []).append(task)
    reports: dict[str, GatherReport] = {}
    conversations = []
    for tasks_of_province in by_province.values():
        attempts = []
        for task in tasks_of_province:
            if not hub.leases.take(task.lease):
                reports[task.key] = _report_elsewhere(hub, task)
                continue
            attempt = open_attempt(hub, task, now, whole=whole)
            if attempt.failed is not None:
                answer: Answer = {"error": attempt.failed.as_dict()}
                reports[task.key] = complete_gather(hub, attempt, answer, now)
            else:
                attempts.append(attempt)
        if attempts:
            conversations.append(_converse(hub, attempts, report))
    if conversations:
        _warm_up(hub, [attempt for each in conversations for attempt in each.attempts], now)
    try:
        for conversation in conversations:
            answers = conversation.answers.result()
            for attempt, answer in zip(conversation.attempts, answers, strict=True):
                conversation.receiving[attempt.task.provision].close()
                reports[attempt.task.key] = complete_gather(hub, attempt, answer, now)
    finally:
        for conversation in conversations:
            conversation.close()
    return [reports[task.key] for task in todo]


def _converse(hub: Hub, attempts: list[GatherAttempt], report: Report) -> _Conversation:
    """Give a province's orders to a child, and begin to take over what it lands."""
    receiving = {
        attempt.task.provision: Receiving(
            hub.zone, attempt.scratch, attempt.task.province, attempt.task.provision
        )
        for attempt in attempts
    }

    def on_progress(provision: str, counts: dict[str, int]) -> None:
        if provision in receiving:
            receiving[provision].on_parts(counts.get("parts", 0))
        report(provision, counts)

    orders = [attempt.order.model_dump(mode="json") for attempt in attempts if attempt.order]
    answers = hub.engine.submit(orders, hub.config.settings.gather.seconds, on_progress)
    return _Conversation(attempts, receiving, answers)


def _warm_up(hub: Hub, attempts: list[GatherAttempt], now: datetime) -> None:
    """Load what is needed when the children are done, while they read."""
    import hub_core.stages.admit
    import hub_core.stages.aggregate
    import hub_core.stages.consolidate
    import hub_core.stages.freeze  # noqa: F401
    from hub_core.aggregation.up import edges_of
    from hub_core.model.scope import Scope

    is_working_day(now.date())
    scopes = {(a.dataflow, label) for a in attempts for label in a.task.periods[-1:]}
    for dataflow, period in scopes:
        edges_of(Scope.of(hub.config.catalogue, dataflow, Period.parse(period)))


def _report_elsewhere(hub: Hub, task: Task) -> GatherReport:
    """Report a provision that another hub is at work on."""
    holder = hub.leases.holder_of(task.lease)
    note = "another hub has just been at work on it"
    return GatherReport(
        province=task.province,
        provision=task.provision,
        dataflow=hub.provinces[task.province].provisions[task.provision].dataflow,
        periods=task.periods,
        outcome="elsewhere",
        counts={},
        revisions={},
        no_data=[],
        notes=[f"another hub is at work on it: {holder}" if holder else note],
    )


def replay(
    hub: Hub, name: str, provision: str, gather_id: str, now: datetime, report: Report
) -> GatherReport:
    """Read a landing again with the mapping and plugin of today.

    Raises StateError where there is no such landing.
    """
    landing = hub.zone.landing(name, provision, gather_id)
    task = Task(name, provision, landing.periods)
    declared = name in hub.provinces and provision in hub.provinces[name].provisions
    if declared and not hub.leases.take(task.lease):
        return _report_elsewhere(hub, task)
    attempt = open_attempt(hub, task, now, landing)
    if attempt.failed is not None or attempt.order is None:
        error = attempt.failed.as_dict() if attempt.failed else {}
        return complete_gather(hub, attempt, {"error": error}, now)
    orders = [attempt.order.model_dump(mode="json")]
    answers = hub.engine.submit(orders, hub.config.settings.gather.seconds, report).result()
    return complete_gather(hub, attempt, answers[0], now)


def open_attempt(
    hub: Hub, task: Task, now: datetime, landing: Landing | None = None, *, whole: bool = False
) -> GatherAttempt:
    """Give a gather its number, its run and its order.

    ``landing``: the one to read again; None for a new gather. An attempt for which there can be no
    order says why in ``failed``. Raises StateError where there is no such provision.
    """
    if (
        task.province not in hub.provinces
        or task.provision not in hub.provinces[task.province].provisions
    ):
        raise StateError(f"no provision {task.province}/{task.provision}")
    attempt = _number(hub, task, now, landing)
    try:
        if landing is None:
            check_may_gather(hub, task, now)
        order = build_order(hub, attempt, now, landing, whole=whole)
        if attempt.scratch.exists():
            shutil.rmtree(attempt.scratch)
        attempt.scratch.mkdir(parents=True)
        attempt.order = order.model_copy(update={"secrets": _secrets(hub, task, landing)})
    except (HubError, OSError) as error:
        failure = error if isinstance(error, HubError) else StoreError.of(error)
        attempt.failed = failure.located(province=task.province, provision=task.provision)
    return attempt


def _number(hub: Hub, task: Task, now: datetime, landing: Landing | None) -> GatherAttempt:
    """Give a gather or a replay its number and its run."""
    dataflow = hub.provinces[task.province].provisions[task.provision].dataflow
    if landing is None:
        origin = hub.config.settings.origin_start
        gather_id, sequence = hub.store.new_gather(task.province, task.provision, origin)
        replay_number = 0
    else:
        gather_id = landing.gather
        sequence, replay_number = hub.store.new_replay(gather_id)
    run = hub.runs.begin(
        "gather" if landing is None else "replay",
        dataflow,
        task.periods,
        now,
        province=task.province,
        provision=task.provision,
        gather=gather_id,
    )
    return GatherAttempt(
        task=task,
        dataflow=dataflow,
        run=run,
        gather=gather_id,
        replay=replay_number,
        sequence=sequence,
        scratch=hub.config.home / "scratch" / f"{gather_id}-{replay_number}",
    )


def check_may_gather(hub: Hub, task: Task, now: datetime) -> None:
    """Raise SourceUnavailable where a provision's system may not be asked at this hour."""
    declared = hub.provinces[task.province].provisions[task.provision]
    hours = Hours.parse(declared.hours) if declared.hours else None
    if hours and not hours.holds(now.astimezone(ZONE).time()):
        raise SourceUnavailable(f"its system may be asked from {hours} only (hours)")


def build_order(
    hub: Hub, attempt: GatherAttempt, now: datetime, landing: Landing | None, *, whole: bool
) -> GatherOrder:
    """Build the order for a child, without its secrets.

    Raises ConfigurationError or PluginError where nobody may report this.
    """
    task = attempt.task
    declared = hub.provinces[task.province].provisions[task.provision]
    reporting_scope = reporting_scope_of(
        hub.config, task.province, declared.provider, declared.dataflow
    )
    settings = hub.config.settings
    baseline = baseline_submissions(hub, task)
    replays = landing is not None
    folder = hub.zone.provision(task.province, task.provision)
    return GatherOrder(
        gather=attempt.gather,
        replay=attempt.replay,
        sequence=attempt.sequence,
        origin_start=settings.origin_start if landing is None else landing.origin_start,
        plugin=hub.plugins[task.province],
        trusted=settings.plugins.trusted,
        provision=task.provision,
        periods=task.periods,
        catalogue=str(hub.config.snapshot()),
        speaks_for=sorted(reporting_scope.org_units),
        indicators=sorted(reporting_scope.indicators),
        baseline=baseline,
        previous_reading=None if replays else previous_reading(hub, task, baseline),
        previous_landing=None if replays or whole else previous_landing_folder(hub, task),
        source=_placed_source(hub, task),
        allow_loopback=settings.gather.allow_loopback,
        scratch=str(attempt.scratch),
        replay_of=str(folder.resolve()) if replays else None,
        now=now,
    )


def _placed_source(hub: Hub, task: Task) -> dict[str, object]:
    """Return what the operator puts over a package's own source."""
    return hub.config.settings.sources.get(task.province, {}).get(task.provision, {})


def _secrets(hub: Hub, task: Task, landing: Landing | None) -> dict[str, str]:
    """Resolve the secrets that a source names; a replay asks nobody and needs none."""
    declared = hub.provinces[task.province].provisions[task.provision]
    names = province.secrets_named(declared.source | _placed_source(hub, task))
    if landing is not None:
        return dict.fromkeys(names, "unused")
    return hub.secrets.resolve(task.province, names)
