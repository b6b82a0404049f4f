"""The scope of a release: which indicators and org units it covers, for which period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from hub_core.errors import StateError
from hub_core.model.borders import find_holder
from hub_core.model.catalogue import Catalogue, Edges, Indicator
from hub_core.model.period import Calendar, Period

LEVELS = ("country", "cluster", "province")  # of which a release gives totals


@dataclass(frozen=True)
class Scope:
    """What is aggregated: a dataflow's indicators for one period, and the org units to total.

    ``borders``: the day on whose borders totals are given; where it is None they are as reported,
    on those of the period's last day.
    """

    catalogue: Catalogue
    dataflow: str
    period: Period
    calendar: Calendar
    org_units: tuple[str, ...]
    borders: date | None = None

    @classmethod
    def of(
        cls, catalogue: Catalogue, dataflow: str, period: Period, borders: date | None = None
    ) -> Scope:
        """Return what a release of a dataflow and period covers.

        Raises StateError where there is no such dataflow.
        """
        if dataflow not in catalogue.dataflows:
            raise StateError(
                f"no dataflow {dataflow}; there are {', '.join(sorted(catalogue.dataflows))}"
            )
        flow = catalogue.dataflows[dataflow]
        units = catalogue.below(flow.covers, borders or period.days(flow.calendar)[1])
        wanted = tuple(unit for unit in units if catalogue.org_units[unit].level in LEVELS)
        return cls(
            catalogue=catalogue,
            dataflow=dataflow,
            period=period,
            calendar=flow.calendar,
            org_units=wanted,
            borders=borders,
        )

    @property
    def tree(self) -> Edges:
        """(child, parent) of every org unit of the tree on its day.

        On other borders than the period's own, a unit that lived in the period stands under the one
        that holds it whole: a province under its successor, one that gave a part away under what
        holds both.
        """
        last = self.period.days(self.calendar)[1]
        if self.borders is None or self.borders == last:
            return self.catalogue.children(last)
        edges = list(self.catalogue.children(self.borders))
        for unit in self.catalogue.org_units.values():
            if unit.level in LEVELS and self.catalogue.lives(unit.id, self.period, self.calendar):
                holder = find_holder(self.catalogue, unit.id, last, self.borders).org_unit
                if holder and holder != unit.id:
                    edges.append((unit.id, holder))
        return tuple(edges)

    @property
    def calendars(self) -> tuple[str, ...]:
        """The calendars of figures: the dataflow's own first, the other where it is mixed."""
        return tuple(c.value for c in self.catalogue.dataflows[self.dataflow].calendars)

    def parts(self, frequency: str) -> tuple[Period, ...]:
        """List the finer periods whose days make up the period's, with no gap and no overlap.

        There are none where they do not: cumulative half-years of the administrative calendar do
        not make up a year.
        """
        parts = self.period.parts(frequency)
        days = [part.days(self.calendar) for part in parts]
        touch = all(after[0] - before[1] == timedelta(days=1) for before, after in pairwise(days))
        cover = bool(days) and (days[0][0], days[-1][1]) == self.period.days(self.calendar)
        return parts if cover and touch else ()

    def may_come_from_another_period(self, indicator: str) -> bool:
        """Tell whether a component of a ratio or average may come from another period.

        It may not where this period's own reports must hold it.
        """
        declared = self.catalogue.indicators[indicator]
        return (
            declared.dataflow != self.dataflow or self.period.frequency not in declared.frequencies
        )

    @property
    def indicators(self) -> list[Indicator]:
        """The indicators of the dataflow."""
        return self.catalogue.of_dataflow(self.dataflow)
