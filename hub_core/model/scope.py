"""The scope of a release: which indicators and org units it covers, for which period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from hub_core.errors import StateError
from hub_core.model.catalogue import Catalogue, Indicator
from hub_core.model.period import Calendar, Period

LEVELS = ("country", "cluster", "province")  # of which a release gives totals


@dataclass(frozen=True)
class Scope:
    """What is aggregated: a dataflow's indicators for one period, and the org units of which totals are wanted."""

    catalogue: Catalogue
    dataflow: str
    period: Period
    calendar: Calendar
    org_units: tuple[str, ...]

    @classmethod
    def of(cls, catalogue: Catalogue, dataflow: str, period: Period) -> Scope:
        """What a release of a dataflow and period covers. Raises StateError where there is no such dataflow."""
        if dataflow not in catalogue.dataflows:
            raise StateError(f"no dataflow {dataflow}; there are {', '.join(sorted(catalogue.dataflows))}")
        flow = catalogue.dataflows[dataflow]
        units = catalogue.below(flow.covers, period.days(flow.calendar)[1])
        wanted = tuple(unit for unit in units if catalogue.org_units[unit].level in LEVELS)
        return cls(catalogue, dataflow, period, flow.calendar, wanted)

    def parts(self, frequency: str) -> tuple[Period, ...]:
        """The finer periods whose days make up the period's, with no gap and no overlap; none where they do not.

        Cumulative half-years of the administrative calendar do not make up a year.
        """
        parts = self.period.parts(frequency)
        days = [part.days(self.calendar) for part in parts]
        touch = all(after[0] - before[1] == timedelta(days=1) for before, after in pairwise(days))
        whole = bool(days) and (days[0][0], days[-1][1]) == self.period.days(self.calendar)
        return parts if whole and touch else ()

    def lends(self, indicator: str) -> bool:
        """Whether a component may come from another period: not where this period's own reports must hold it."""
        declared = self.catalogue.indicators[indicator]
        return declared.dataflow != self.dataflow or self.period.frequency not in declared.frequencies

    @property
    def indicators(self) -> list[Indicator]:
        """The indicators of the dataflow."""
        return self.catalogue.of_dataflow(self.dataflow)
