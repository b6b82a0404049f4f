"""What a rule is: its words, and the expressions or the function that find what breaks it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub_core.model.finding import RuleText
from hub_core.model.period import Calendar

if TYPE_CHECKING:
    import polars as pl

    from hub_core.model.catalogue import Catalogue, Dataflow
    from hub_core.model.period import Period

FIELDS = ("indicator", "org_unit", "period", "measure", "dims", "status", "unit")
NOT_A_NUMBER, TOO_PRECISE, TOO_LARGE = 2, 3, 4


@dataclass(frozen=True)
class RuleContext:
    """What a row rule may look at beside the row: the catalogue and what the obligation speaks for.

    ``periods`` are the labels that the row's index of a period stands for; they grow while a
    payload is read.
    """

    catalogue: Catalogue
    speaks_for: frozenset[str]
    indicators: frozenset[str]
    calendar: Calendar = Calendar.STATISTICAL
    periods: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RowCheck:
    """An expression that is true where a rule is broken, and the field that it is about.

    The text that the field was read from is in the column ``~field``.
    """

    field: str
    broken: pl.Expr


@dataclass(frozen=True)
class SubmissionView:
    """A submission as a rule of scope submission or history sees it.

    ``figures``: its own; ``before``: the current figures of the period before, None where nothing
    is current. Both have ``indicator, org_unit, measure, dims`` as indices into the catalogue's
    codes, the measures and ``dims``, and ``value``; figures also have ``part, row, column``.
    """

    catalogue: Catalogue
    dataflow: Dataflow
    period: Period
    calendar: Calendar
    dims: list[str]
    figures: pl.DataFrame
    before: pl.LazyFrame | None = None

    def indicator(self, code: str) -> int:
        """Return the index of an indicator."""
        return bisect_left(self.catalogue.indicator_codes, code.encode(), key=str.encode)


@dataclass(frozen=True)
class Violations:
    """Figures that break a rule: ``rows`` of the frame, and ``text``, the words for each row.

    ``text`` may use the columns of ``rows``.
    """

    rows: pl.DataFrame
    text: pl.Expr


@dataclass(frozen=True)
class Rule:
    """A published rule.

    ``row_checks`` gives the expressions of a row rule. ``find_violations`` gives the figures of a
    submission that break a rule of scope submission or history. Rules with neither are checked
    elsewhere.
    """

    text: RuleText
    row_checks: Callable[[RuleContext], list[RowCheck]] | None = None
    find_violations: Callable[[SubmissionView], Violations | None] | None = None
