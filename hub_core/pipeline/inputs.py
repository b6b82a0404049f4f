"""What a release is made of.

It has submissions of its own, submissions for components, and submissions carried forward.
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

    ``own``: those of its dataflow, for its period or the finer periods within it. ``components``:
    those used for components only, each after the age of its period (0 is the latest). ``carried``:
    the last ones of reporters that are missing, for their stocks.
    """

    own: list[Submission]
    components: list[tuple[int, Submission]]
    carried: list[Submission]

    @property
    def everything(self) -> list[Submission]:
        """All the submissions: own, for components, carried."""
        return [*self.own, *(submission for _, submission in self.components), *self.carried]


@dataclass(frozen=True)
class Frames:
    """The observations of inputs, as ``aggregate`` takes them.

    ``carried`` is None where nothing is carried forward. ``present``: the periods that have own
    submissions. ``shared``: the periods that have several.
    """

    own: pl.LazyFrame
    components: pl.LazyFrame
    carried: pl.LazyFrame | None
    present: frozenset[str]
    shared: frozenset[str]


def inputs_of(
    hub: Hub, scope: Scope, at: datetime | None = None, missing: Collection[tuple[str, str]] = ()
) -> Inputs:
    """Find the submissions that a scope's figures come from.

    They are those that are current, or were at the moment ``at``. ``missing``: the reporters, as
    (province, provider), whose stocks are carried forward where the dataflow says so.
    """
    labels = [str(scope.period), *(str(p) for frequency in "SQM" for p in scope.parts(frequency))]
    own = [
        submission
        for calendar in scope.calendars
        for submission in hub.store.currents(scope.dataflow, calendar, labels, at)
    ]
    needed = {code for indicator in scope.indicators for code in indicator.components}
    components: list[tuple[int, Submission]] = []
    for dataflow in sorted(
        {hub.config.catalogue.indicators[code].dataflow for code in needed} | {scope.dataflow}
    ):
        for age, period in enumerate(_periods_for_components(hub, scope, dataflow)):
            components += [
                (age, submission)
                for submission in hub.store.currents(
                    dataflow, scope.calendar.value, [str(period)], at
                )
            ]
    carried = [last for reporter in sorted(missing) if (last := _last_of(hub, scope, reporter, at))]
    own_ids = {submission.id for submission in own}
    return Inputs(own, [pair for pair in components if pair[1].id not in own_ids], carried)


def _last_of(
    hub: Hub, scope: Scope, reporter: tuple[str, str], at: datetime | None
) -> Submission | None:
    """Return a reporter's current submission for its latest period before the scope's.

    The period is as long as the scope's, and the submission has figures. ``reporter``: (province,
    provider).
    """
    periods = [
        Period.parse(label) for label in hub.store.periods(scope.dataflow, scope.calendar.value)
    ]
    earlier = [p for p in periods if p.frequency == scope.period.frequency and p < scope.period]
    for period in sorted(earlier, reverse=True):
        for submission in hub.store.currents(
            scope.dataflow, scope.calendar.value, [str(period)], at
        ):
            if (submission.province, submission.provider) == reporter and submission.rows:
                return submission
    return None


def _periods_for_components(hub: Hub, scope: Scope, dataflow: str) -> list[Period]:
    """List the latest period of each coarser frequency that ended by the scope's end, latest first.

    For another dataflow than the scope's, the scope's own frequency counts too.
    """
    end = scope.period.days(scope.calendar)[1]
    periods = sorted(
        (Period.parse(p) for p in hub.store.periods(dataflow, scope.calendar.value)), reverse=True
    )
    latest: dict[str, Period] = {}
    for period in periods:
        is_longer = period.months > scope.period.months
        is_elsewhere = period.months == scope.period.months and dataflow != scope.dataflow
        if (is_longer or is_elsewhere) and period.days(scope.calendar)[1] <= end:
            latest.setdefault(period.frequency, period)
    return sorted(latest.values(), reverse=True)


def frames_of(hub: Hub, scope: Scope, inputs: Inputs) -> Frames:
    """Read the observations of a release's submissions as lazy frames.

    They are its own, components with their ``age``, and the stocks that are carried forward.
    """
    import polars as pl

    def observations_of(submissions: list[Submission]) -> pl.LazyFrame:
        return hub.observations(scope.catalogue, submissions)

    lendable = [
        code for code in scope.catalogue.indicators if scope.may_come_from_another_period(code)
    ]
    components = with_age(
        observations_of([submission for _, submission in inputs.components]),
        [age for age, _ in inputs.components],
    )
    stocks = [indicator.code for indicator in scope.indicators if indicator.kind == "stock"]
    submissions_by_period = Counter(submission.period for submission in inputs.own)
    return Frames(
        observations_of(inputs.own),
        components.filter(pl.col("indicator").is_in(lendable)),
        observations_of(inputs.carried).filter(pl.col("indicator").is_in(stocks))
        if inputs.carried
        else None,
        frozenset(submissions_by_period),
        frozenset(period for period, count in submissions_by_period.items() if count > 1),
    )


def with_age(frames: pl.LazyFrame, ages: list[int]) -> pl.LazyFrame:
    """Add ``age`` (Int32) to the frame of many submissions.

    It is how far back the period of a row's submission is, 0 the latest. ``ages`` has one for each
    submission, in the order that the column ``source`` counts.
    """
    import polars as pl

    age = pl.lit(pl.Series(ages or [0], dtype=pl.Int32)).gather(pl.col("source"))
    return frames.with_columns(age=age)
