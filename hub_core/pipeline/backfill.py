"""Backfill: gather older periods, one after another.

What a provision has answered before is not asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub_core.errors import StateError
from hub_core.home import Hub
from hub_core.model.period import Period
from hub_core.pipeline.attempt import GatherReport, Task
from hub_core.pipeline.deliver import DeliveryReport, deliver_all
from hub_core.pipeline.gather import Report, gather, tasks
from hub_core.pipeline.publish import PublishReport, publish_all

_ANSWERED = ("done", "unchanged", "held")


@dataclass(frozen=True)
class BackfillReport:
    """What a backfill did.

    ``before`` is how many of its periods had been answered before. The rest of the fields say what
    came of the other periods.
    """

    periods: list[str]
    before: int
    gathers: list[GatherReport]
    releases: list[PublishReport]
    deliveries: list[DeliveryReport]


def backfill(
    hub: Hub,
    first: Period,
    last: Period,
    now: datetime,
    report: Report,
    provinces: list[str] | None,
    *,
    release: bool,
) -> BackfillReport:
    """Ask every provision for each period from first to last.

    A backfill may be cut off anywhere and run again: a provision that has answered for a period,
    in whatever run, is not asked for it again. With ``release``, releases are frozen and delivered
    too. Raises StateError where the two periods are no range.
    """
    periods, answered = _periods(first, last), _answered(hub)
    before, gathers, releases = 0, list[GatherReport](), list[PublishReport]()
    for n, period in enumerate(periods):
        label = str(period)
        todo = [
            Task(task.province, task.provision, [label])
            for task in tasks(hub, now, [label], provinces)
            if (task.province, task.provision, label) not in answered
        ]
        before += not todo
        report("periods", {"done": n, "in all": len(periods)})
        gathered = gather(hub, todo, now, report)
        gathers += gathered
        if release:
            changed = sorted({r.dataflow for r in gathered if r.revisions})
            wanted = [(dataflow, period) for dataflow in changed]
            releases += publish_all(hub, wanted, now, at_once=False)
    deliveries = deliver_all(hub, now) if release else []
    return BackfillReport(
        [str(period) for period in periods], before, gathers, releases, deliveries
    )


def _periods(first: Period, last: Period) -> list[Period]:
    """List the periods from first to last. Raises StateError where the two are no range."""
    if first.frequency != last.frequency or last < first:
        raise StateError(f"{first} to {last} is no range of periods")
    periods = [first]
    while periods[-1] < last:
        periods.append(periods[-1].shift(1))
    return periods


def _answered(hub: Hub) -> set[tuple[str, str, str]]:
    """Return the (province, provision, period) that a gather has got an answer for."""
    return {
        (run["province"], run["provision"], label)
        for run in hub.runs.all(limit=None)
        if run["kind"] == "gather" and run["outcome"] in _ANSWERED
        for label in run["periods"]
    }
