"""A run says by what it read its parts, and which periods it found in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the change."""
    op.add_column("run", sa.Column("read", sa.JSON))
