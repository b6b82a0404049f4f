"""What a rule is.

Its words, and the expressions or the question by which figures are held to it.
"""

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
    """A broken rule found by an expression: which field it is about, and where its text stands."""

    field: str
    broken: pl.Expr


@dataclass(frozen=True)
class SubmissionView:
    """A submission as a rule of scope submission or history sees it.

    ``figures`` and ``before``, the current figures of the period before, have ``indicator,
    org_unit, measure, dims`` as indices into the catalogue's codes, the measures and ``dims``, and
    ``value``; figures also ``part, row, column``. ``before`` is None where nothing is current.
    """

    catalogue: Catalogue
    dataflow: Dataflow
    period: Period
    calendar: Calendar
    dims: list[str]
    figures: pl.DataFrame
    before: pl.LazyFrame | None = None

    def indicator(self, code: str) -> int:
        """The index of an indicator."""
        return bisect_left(self.catalogue.indicator_codes, code.encode(), key=str.encode)


@dataclass(frozen=True)
class Violations:
    """Figures that break a rule, rows of its frame, and the words for each from its columns."""

    rows: pl.DataFrame
    text: pl.Expr


@dataclass(frozen=True)
class Rule:
    """A published rule.

    ``faults`` gives the expressions of a row rule. ``finds`` gives the figures of a submission that
    break a rule of scope submission or history. Others are asked elsewhere.
    """

    text: RuleText
    row_checks: Callable[[RuleContext], list[RowCheck]] | None = None
    find_violations: Callable[[SubmissionView], Violations | None] | None = None
