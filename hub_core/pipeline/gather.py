"""Gather and replay in the hub: what is asked of whom, by orders to children."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from hub_core.calendar.working_days import is_working_day
from hub_core.config import province
from hub_core.errors import HubError, SourceUnavailable, StateError, StoreError
from hub_core.home import Hub
from hub_core.model.exchange import GatherOrder, Landing
from hub_core.model.hours import Hours
from hub_core.model.period import Period, latest
from hub_core.obligations import ZONE, business_date, owes, reporting_scope_of
from hub_core.pipeline.baseline import (
    baseline_submissions,
    previous_landing_folder,
    previous_reading,
)
from hub_core.pipeline.receiving import Receiving
from hub_core.pipeline.take_over import GatherAttempt, GatherReport, Task, end
from hub_core.store.nights import Brakes

Report = Callable[[str, dict[str, int]], None]


def tasks(
    hub: Hub,
    now: datetime,
    periods: list[str] | None,
    provinces: list[str] | None,
    day: date | None = None,
) -> list[Task]:
    """What a night asks for: the last ended periods of each provision's obligation, or the periods given.

    ``day``: the business date whose night it is; today where it is None. A province that the
    operator has stopped is left out, unless it is named. Raises StateError for a province that has
    no package, and for a period that nothing here is reported by.
    """
    unknown = sorted(set(provinces or ()) - set(hub.provinces) - set(hub.broken))
    if unknown:
        raise StateError(
            f"no package of {', '.join(unknown)}; there are {', '.join(sorted(hub.provinces)) or 'none'}"
        )
    known = {
        frequency
        for flow in hub.config.catalogue.dataflows.values()
        for frequency in flow.frequencies
    }
    if strange := [label for label in periods or () if Period.parse(label).frequency not in known]:
        raise StateError(f"no dataflow is reported by periods like {', '.join(strange)}")
    found = []
    stopped = set(Brakes(hub.store).all()) - set(provinces or ())
    for name, declared in sorted(hub.provinces.items()):
        if name in stopped or (provinces and name not in provinces):
            continue
        for provision, each in sorted(declared.provisions.items()):
            dataflow = hub.config.catalogue.dataflows.get(each.dataflow)
            if dataflow is None:
                hub.broken.setdefault(
                    name, f"{provision}.toml: dataflow {each.dataflow} is not in the catalogue"
                )
                continue
            wanted = [Period.parse(label) for label in periods or []] or [
                latest(frequency, dataflow.calendar, day or business_date(now)).shift(-back)
                for frequency in dataflow.frequencies
                for back in range(dataflow.look_back)
            ]
            mine = [
                str(period)
                for period in wanted
                if each.holds(str(period))
                and owes(hub.config, name, each.provider, each.dataflow, period)
            ]
            if mine:
                found.append(Task(name, provision, mine))
    return found


def gather(
    hub: Hub, todo: list[Task], now: datetime, report: Report, *, whole: bool = False
) -> list[GatherReport]:
    """Gather provisions, a child for each province; each has its own report, whatever became of the others.

    ``whole``: no service is asked whether what came before still stands.
    """
    by_province: dict[str, list[Task]] = {}
    for task in todo:
        by_province.setdefault(task.province, []).append(task)
    reports: dict[str, GatherReport] = {}
    asked = []
    for mine in by_province.values():
        begun = []
        for task in mine:
            if not hub.leases.take(task.lease):
                reports[task.key] = _elsewhere(hub, task)
                continue
            going = _start(hub, task, now, whole=whole)
            if going.failed is not None:
                reports[task.key] = end(hub, going, {"error": going.failed.as_dict()}, now)
            else:
                begun.append(going)
        if begun:
            orders = [going.order.model_dump(mode="json") for going in begun if going.order]
            receiving = {
                going.task.provision: Receiving(
                    hub.zone, going.scratch, going.task.province, going.task.provision
                )
                for going in begun
            }
            told = partial(_told, receiving, report)
            asked.append(
                (
                    begun,
                    receiving,
                    hub.engine.submit(orders, hub.config.settings.gather.seconds, told),
                )
            )
    if asked:
        _load_the_rest(hub, [going for begun, *_ in asked for going in begun], now)
    try:
        for begun, receiving, answers in asked:
            for going, answer in zip(begun, answers.result(), strict=True):
                receiving[going.task.provision].close()
                reports[going.task.key] = end(hub, going, answer, now)
    finally:
        for each in (each for _, receiving, _ in asked for each in receiving.values()):
            each.close()
    return [reports[task.key] for task in todo]


def _told(
    receiving: dict[str, Receiving], report: Report, provision: str, counts: dict[str, int]
) -> None:
    """Pass on what a child says of its progress, and take over what it has landed."""
    if provision in receiving:
        receiving[provision].told(counts.get("parts", 0))
    report(provision, counts)


def _load_the_rest(hub: Hub, begun: list[GatherAttempt], now: datetime) -> None:
    """Load and make ready what is needed when the children are done, while they read."""
    import hub_core.stages.admit
    import hub_core.stages.aggregate
    import hub_core.stages.consolidate
    import hub_core.stages.freeze  # noqa: F401
    from hub_core.aggregation.up import edges_of
    from hub_core.model.scope import Scope

    is_working_day(now.date())
    for dataflow, period in {
        (going.dataflow, label) for going in begun for label in going.task.periods[-1:]
    }:
        edges_of(Scope.of(hub.config.catalogue, dataflow, Period.parse(period)))


def _elsewhere(hub: Hub, task: Task) -> GatherReport:
    """What is said of a provision that another hub is at work on."""
    dataflow = hub.provinces[task.province].provisions[task.provision].dataflow
    who = hub.leases.holder_of(task.lease)
    notes = [
        f"another hub is at work on it: {who}" if who else "another hub has just been at work on it"
    ]
    return GatherReport(
        task.province,
        task.provision,
        dataflow,
        task.periods,
        "elsewhere",
        {},
        {},
        [],
        notes,
        None,
        False,
        "",
    )


def replay(
    hub: Hub, name: str, provision: str, gather_id: str, now: datetime, report: Report
) -> GatherReport:
    """Read a landing again with the mapping and plugin of today.

    Raises StateError where there is none.
    """
    landing = hub.zone.landing(name, provision, gather_id)
    task = Task(name, provision, landing.periods)
    if (
        name in hub.provinces
        and provision in hub.provinces[name].provisions
        and not hub.leases.take(task.lease)
    ):
        return _elsewhere(hub, task)
    going = _start(hub, task, now, landing)
    if going.failed is not None or going.order is None:
        return end(hub, going, {"error": going.failed.as_dict() if going.failed else {}}, now)
    future = hub.engine.submit(
        [going.order.model_dump(mode="json")], hub.config.settings.gather.seconds, report
    )
    return end(hub, going, future.result()[0], now)


def _start(
    hub: Hub, task: Task, now: datetime, again: Landing | None = None, *, whole: bool = False
) -> GatherAttempt:
    """Give a gather its number, its run and its order."""
    if (
        task.province not in hub.provinces
        or task.provision not in hub.provinces[task.province].provisions
    ):
        raise StateError(f"no provision {task.province}/{task.provision}")
    declared = hub.provinces[task.province].provisions[task.provision]
    if again is None:
        gather_id, sequence = hub.store.new_gather(
            task.province, task.provision, hub.config.settings.origin_start
        )
        replay_number = 0
    else:
        gather_id = again.gather
        sequence, replay_number = hub.store.new_replay(gather_id)
    run = hub.runs.begin(
        "gather" if again is None else "replay",
        declared.dataflow,
        task.periods,
        now,
        province=task.province,
        provision=task.provision,
        gather=gather_id,
    )
    scratch = hub.config.home / "scratch" / f"{gather_id}-{replay_number}"
    going = GatherAttempt(task, declared.dataflow, run, scratch, gather_id, None, None)
    try:
        hours = Hours.parse(declared.hours) if declared.hours else None
        if again is None and hours and not hours.holds(now.astimezone(ZONE).time()):
            raise SourceUnavailable(f"its system may be asked from {hours} only (hours)")
        reporting_scope = reporting_scope_of(
            hub.config, task.province, declared.provider, declared.dataflow
        )
        here = hub.config.settings.sources.get(task.province, {}).get(task.provision, {})
        wanted = province.secrets_named(declared.source | here)
        baseline = baseline_submissions(hub, task)
        order = GatherOrder(
            gather=gather_id,
            replay=replay_number,
            sequence=sequence,
            origin_start=hub.config.settings.origin_start if again is None else again.origin_start,
            plugin=hub.plugins[task.province],
            trusted=hub.config.settings.plugins.trusted,
            provision=task.provision,
            periods=task.periods,
            catalogue=str(hub.config.snapshot()),
            speaks_for=sorted(reporting_scope.org_units),
            indicators=sorted(reporting_scope.indicators),
            baseline=baseline,
            previous_reading=previous_reading(hub, task, baseline) if again is None else None,
            previous_landing=previous_landing_folder(hub, task)
            if again is None and not whole
            else None,
            source=here,
            allow_loopback=hub.config.settings.gather.allow_loopback,
            scratch=str(scratch),
            replay_of=None
            if again is None
            else str(hub.zone.provision(task.province, task.provision).resolve()),
            now=now,
        )
        if scratch.exists():
            shutil.rmtree(scratch)
        scratch.mkdir(parents=True)
        secrets = (
            hub.secrets.resolve(task.province, wanted)
            if again is None
            else dict.fromkeys(wanted, "unused")
        )
        going.order = order.model_copy(update={"secrets": secrets})
    except (HubError, OSError) as error:
        told = error if isinstance(error, HubError) else StoreError.of(error)
        going.failed = told.located(province=task.province, provision=task.provision)
    return going
