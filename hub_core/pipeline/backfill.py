"""Backfill: older periods, one after another; what was asked for before is not asked for again."""

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

    How many of its periods were there before, and what came of the others.
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
    """Ask every provision for each period from first to last; it may be cut off anywhere and taken again.

    A provision that answered for a period before, in whatever journey, is left alone. With
    ``release`` what is there is frozen and delivered too. Raises StateError where the two are no
    range.
    """
    if first.frequency != last.frequency or last < first:
        raise StateError(f"{first} to {last} is no range of periods")
    asked = [first]
    while asked[-1] < last:
        asked.append(asked[-1].shift(1))
    answered = {
        (run["province"], run["provision"], label)
        for run in hub.runs.all(limit=None)
        if run["kind"] == "gather" and run["outcome"] in _ANSWERED
        for label in run["periods"]
    }
    before, gathers, releases = 0, list[GatherReport](), list[PublishReport]()
    for n, period in enumerate(asked):
        label = str(period)
        owed = tasks(hub, now, [label], provinces)
        todo = [
            Task(t.province, t.provision, [label])
            for t in owed
            if (t.province, t.provision, label) not in answered
        ]
        before += not todo
        report("periods", {"done": n, "in all": len(asked)})
        found = gather(hub, todo, now, report)
        gathers += found
        if release:
            flows = sorted({each.dataflow for each in found if each.revisions})
            releases += publish_all(hub, [(flow, period) for flow in flows], now, at_once=False)
    deliveries = deliver_all(hub, now) if release else []
    return BackfillReport([str(each) for each in asked], before, gathers, releases, deliveries)
