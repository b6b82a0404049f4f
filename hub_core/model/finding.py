"""Findings: what is wrong with a figure, in the clerk's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding does to figures.

    Rows with an ``error`` leave to the quarantine; ``blocking`` holds the submission.
    """

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    BLOCKING = "blocking"


@dataclass(frozen=True, slots=True)
class RuleText:
    """A published rule: code, severity, owner, scope and its two wordings.

    ``owner``: province, hub or ministry.
    """

    code: str
    severity: Severity
    owner: str
    scope: str  # row, submission, history, hub
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Finding:
    """How often a rule was broken, with one example: its text and where it stands."""

    code: str
    severity: Severity
    rows: int
    text: str = ""
    part: int | None = None
    row: int | None = None
    column: str | None = None
    field: str = ""  # which part of the row is at fault
