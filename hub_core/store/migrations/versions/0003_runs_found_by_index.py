"""Runs are found by gather, outcome and start, however many nights there were."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the change."""
    for column in ("gather", "outcome", "started_at"):
        op.create_index(op.f(f"ix_run_{column}"), "run", [column])
