"""Revisions: what a provision reported for a period, and which of them is current."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """A revision of what a provision reported for a period."""

    id: int
    province: str
    provision: str
    provider: str
    dataflow: str
    calendar: str
    period: str
    revision: int
    origin_start: date
    sequence: int
    replay: int
    gather: str
    kind: str
    nil: bool
    reason: str
    blocked: list[str]
    accepted_at: datetime | None
    accepted_reason: str | None
    rows: int
    quarantined: int
    counts: dict[str, int]
    content_digest: str
    quarantine_digest: str
    catalogue_digest: str
    path: str
    admitted_at: datetime

    @property
    def held(self) -> bool:
        """Whether somebody must still decide about it."""
        return bool(self.blocked) and self.accepted_at is None

    @property
    def counts_from(self) -> datetime:
        """When it began to count: admitted, or accepted where it was held."""
        return self.accepted_at or self.admitted_at

    @property
    def currency(self) -> tuple[date, int, int]:
        """Which of two revisions is the newer one: by its origin's start, sequence and replay."""
        return self.origin_start, self.sequence, self.replay


def current(submissions: Iterable[Submission], at: datetime | None = None) -> Submission | None:
    """Return the highest revision in the order of currency that is not held.

    None where there is none, and after a withdrawal. ``at``: as of that moment, from what was
    admitted, and accepted where it was held, by then.
    """
    counting = [
        submission
        for submission in submissions
        if not submission.held and (at is None or submission.counts_from <= at)
    ]
    highest = max(counting, key=lambda submission: submission.currency, default=None)
    return None if highest is None or highest.kind == "withdrawal" else highest
