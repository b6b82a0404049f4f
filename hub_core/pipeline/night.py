"""The night: gather what is owed, publish what is due, deliver what is in the outbox."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from hub_core.home import Hub
from hub_core.model.period import Period
from hub_core.pipeline.attempt import GatherReport, Task
from hub_core.pipeline.deliver import DeliveryReport, deliver_all
from hub_core.pipeline.gather import Report, gather, tasks
from hub_core.pipeline.publish import PublishReport, publish_all
from hub_core.store.nights import Nights


@dataclass(frozen=True)
class NightReport:
    """What a night did.

    ``broken`` says why a province's package cannot be used, by province.
    """

    gathers: list[GatherReport]
    releases: list[PublishReport]
    deliveries: list[DeliveryReport]
    broken: dict[str, str]


def scheduled(hub: Hub, day: date, now: datetime, report: Report) -> NightReport:
    """Run the night of a business date, which is run once; one that was cut off is run again.

    Raises StateError where the night is over, or another hub is at it.
    """
    nights = Nights(hub.store)
    with hub.leases.holding(f"night {day}"):
        nights.begin(day, now)
        night_report = _night(hub, tasks(hub, now, None, None, day), now, report)
        nights.end(day, now)
    return night_report


def again(hub: Hub, provisions: Collection[str], now: datetime, report: Report) -> NightReport:
    """Ask some provisions again, then publish and deliver what comes of it.

    ``provisions``: by their keys, such as ``nghe_an/telecom``.
    """
    return _night(
        hub, [task for task in tasks(hub, now, None, None) if task.key in provisions], now, report
    )


def night(
    hub: Hub,
    now: datetime,
    report: Report,
    periods: list[str] | None = None,
    provinces: list[str] | None = None,
) -> NightReport:
    """Run a night at the operator's word; it may be cut off anywhere and run again."""
    return _night(hub, tasks(hub, now, periods, provinces), now, report)


def _night(hub: Hub, todo: list[Task], now: datetime, report: Report) -> NightReport:
    gathers = gather(hub, todo, now, report)
    labels = {
        (gathered.dataflow, label)
        for gathered in gathers
        for label in [*gathered.periods, *gathered.revisions]
    }
    wanted = sorted(
        ((dataflow, Period.parse(label)) for dataflow, label in labels),
        key=lambda pair: (bool(_needs_others(hub, pair[0])), *pair),
    )
    releases = publish_all(hub, wanted, now, at_once=False)
    return NightReport(gathers, releases, deliver_all(hub, now), dict(hub.broken))


def _needs_others(hub: Hub, dataflow: str) -> set[str]:
    """Return the other dataflows that a dataflow's indicators take components from."""
    catalogue = hub.config.catalogue
    components = {
        code for indicator in catalogue.of_dataflow(dataflow) for code in indicator.components
    }
    return {catalogue.indicators[code].dataflow for code in components} - {dataflow}
