"""What a release is made of.

Its own submissions, those that lend components, and those carried forward.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from hub_core.home import Hub
from hub_core.model.period import Period
from hub_core.model.scope import Scope
from hub_core.store.revisions import Submission

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Inputs:
    """The submissions that a release is made of.

    ``own``: of its dataflow and period or the finer ones within it; ``lent``: for components only,
    with the age of its period (0 the latest); ``carried``: the last ones of reporters that are
    missing, for their stocks.
    """

    own: list[Submission]
    components: list[tuple[int, Submission]]
    carried: list[Submission]

    @property
    def everything(self) -> list[Submission]:
        """All of them."""
        return [*self.own, *(each for _, each in self.components), *self.carried]


@dataclass(frozen=True)
class Frames:
    """The observations of inputs, as ``aggregate`` takes them.

    ``carried`` is None where nothing is; ``present``: the periods of the own ones; ``shared``:
    those of several.
    """

    own: pl.LazyFrame
    components: pl.LazyFrame
    carried: pl.LazyFrame | None
    present: frozenset[str]
    shared: frozenset[str]


def inputs_of(
    hub: Hub, scope: Scope, at: datetime | None = None, missing: Collection[tuple[str, str]] = ()
) -> Inputs:
    """The submissions that a scope's figures come from: those that are current, or were at a moment.

    ``missing``: (province, provider) whose stocks are carried forward, where the dataflow says so.
    """
    labels = [str(scope.period), *(str(p) for frequency in "SQM" for p in scope.parts(frequency))]
    own = [
        each for c in scope.calendars for each in hub.store.currents(scope.dataflow, c, labels, at)
    ]
    needed = {code for indicator in scope.indicators for code in indicator.components}
    components: list[tuple[int, Submission]] = []
    for dataflow in sorted(
        {hub.config.catalogue.indicators[code].dataflow for code in needed} | {scope.dataflow}
    ):
        for age, period in enumerate(_ended_before(hub, scope, dataflow)):
            components += [
                (age, each)
                for each in hub.store.currents(dataflow, scope.calendar.value, [str(period)], at)
            ]
    carried = [last for who in sorted(missing) if (last := _last_of(hub, scope, who, at))]
    taken = {each.id for each in own}
    return Inputs(own, [(age, each) for age, each in components if each.id not in taken], carried)


def _last_of(
    hub: Hub, scope: Scope, who: tuple[str, str], at: datetime | None
) -> Submission | None:
    """The current submission of a reporter for its latest period before the scope's, of the same length."""
    known = [
        Period.parse(label) for label in hub.store.periods(scope.dataflow, scope.calendar.value)
    ]
    alike = [p for p in known if p.frequency == scope.period.frequency and p < scope.period]
    for period in sorted(alike, reverse=True):
        for each in hub.store.currents(scope.dataflow, scope.calendar.value, [str(period)], at):
            if (each.province, each.provider) == who and each.rows:
                return each
    return None


def _ended_before(hub: Hub, scope: Scope, dataflow: str) -> list[Period]:
    """The latest period of each coarser frequency (elsewhere also of the same) that ended by the scope's end."""
    end = scope.period.days(scope.calendar)[1]
    there = sorted(
        (Period.parse(p) for p in hub.store.periods(dataflow, scope.calendar.value)), reverse=True
    )
    found: dict[str, Period] = {}
    for period in there:
        longer = period.months > scope.period.months
        alike = period.months == scope.period.months and dataflow != scope.dataflow
        if (longer or alike) and period.days(scope.calendar)[1] <= end:
            found.setdefault(period.frequency, period)
    return sorted(found.values(), reverse=True)


def frames_of(hub: Hub, scope: Scope, inputs: Inputs) -> Frames:
    """The observations of a release's submissions.

    Its own, lent components with their age, and carried stocks.
    """
    import polars as pl

    def observations_of(submissions: list[Submission]) -> pl.LazyFrame:
        return hub.observations(scope.catalogue, submissions)

    lendable = [
        code for code in scope.catalogue.indicators if scope.may_come_from_another_period(code)
    ]
    components = with_age(
        observations_of([each for _, each in inputs.components]),
        [age for age, _ in inputs.components],
    )
    stocks = [each.code for each in scope.indicators if each.kind == "stock"]
    voices = Counter(each.period for each in inputs.own)
    return Frames(
        observations_of(inputs.own),
        components.filter(pl.col("indicator").is_in(lendable)),
        observations_of(inputs.carried).filter(pl.col("indicator").is_in(stocks))
        if inputs.carried
        else None,
        frozenset(voices),
        frozenset(period for period, several in voices.items() if several > 1),
    )


def with_age(frames: pl.LazyFrame, ages: list[int]) -> pl.LazyFrame:
    """Frames of many submissions with ``age``, how far back the period of each one's submission is."""
    import polars as pl

    told = pl.lit(pl.Series(ages or [0], dtype=pl.Int32)).gather(pl.col("source"))
    return frames.with_columns(age=told)
