"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub_core.store.tables import Exact, Instant
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Make the change."""
    ${upgrades if upgrades else "pass"}
