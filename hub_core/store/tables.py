"""The tables of the hub's database."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class Exact(TypeDecorator[Decimal]):
    """A figure: NUMERIC(38,6) on PostgreSQL, canonical text on SQLite, whose NUMERIC is a float."""

    impl = sa.Numeric(38, 6)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text where numbers would be floats."""
        exact: TypeEngine[Any] = sa.String(48) if dialect.name == "sqlite" else sa.Numeric(38, 6)
        return dialect.type_descriptor(exact)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> object:
        """Return plain decimal text, without exponent."""
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: object | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Return the exact decimal."""
        return None if value is None else Decimal(str(value))


class Instant(TypeDecorator[datetime]):
    """An aware moment, kept in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """In UTC; a naive datetime is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware again, where the database forgot."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

catalogue = sa.Table(
    "catalogue",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("first_used", Instant, nullable=False),
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),  # gather, replay, publish
    sa.Column("province", sa.String(64)),
    sa.Column("provision", sa.String(64)),
    sa.Column("dataflow", sa.String(64), nullable=False),
    sa.Column("periods", sa.JSON, nullable=False),
    sa.Column("gather", sa.String(17)),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column(
        "outcome", sa.String(16), nullable=False
    ),  # running, done, unchanged, no data, held, failed, interrupted
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("notes", sa.JSON, nullable=False),
    sa.Column("error", sa.JSON),
    sa.Column("read", sa.JSON),  # store.runs.Read
    sa.Index(None, "province", "provision"),
    sa.Index(None, "gather"),
    sa.Index(None, "outcome"),
    sa.Index(None, "started_at"),
)

gather = sa.Table(
    "gather",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(17), nullable=False, unique=True),
    sa.Column("province", sa.String(64), nullable=False),
    sa.Column("provision", sa.String(64), nullable=False),
    sa.Column("replays", sa.Integer, nullable=False),
)

submission = sa.Table(
    "submission",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("province", sa.String(64), nullable=False),
    sa.Column("provision", sa.String(64), nullable=False),
    sa.Column("provider", sa.String(96), nullable=False),
    sa.Column("dataflow", sa.String(64), nullable=False),
    sa.Column("calendar", sa.String(1), nullable=False),
    sa.Column("period", sa.String(8), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("origin_start", sa.Date, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("replay", sa.Integer, nullable=False),
    sa.Column("gather", sa.String(17), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("nil", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("blocked", sa.JSON, nullable=False),  # the codes that hold it
    sa.Column("accepted_at", Instant),
    sa.Column("accepted_reason", sa.Text),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("quarantined", sa.Integer, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("content_digest", sa.String(64), nullable=False),
    sa.Column("quarantine_digest", sa.String(64), nullable=False),
    sa.Column("catalogue_digest", sa.String(64), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("admitted_at", Instant, nullable=False),
    sa.UniqueConstraint("province", "provision", "calendar", "period", "revision"),
    sa.Index(None, "dataflow", "calendar", "period"),
)

finding = sa.Table(
    "finding",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("submission_id", sa.ForeignKey("submission.id")),
    sa.Column("release_id", sa.ForeignKey("release.id")),
    sa.Column("code", sa.String(16), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("owner", sa.String(16), nullable=False),
    sa.Column("vi", sa.Text, nullable=False),
    sa.Column("en", sa.Text, nullable=False),
    sa.Column("province", sa.String(64)),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("place", sa.JSON, nullable=False),
    sa.Column("found_at", Instant, nullable=False),
    sa.Index(None, "submission_id"),
)

release = sa.Table(
    "release",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dataflow", sa.String(64), nullable=False),
    sa.Column("calendar", sa.String(1), nullable=False),
    sa.Column("period", sa.String(8), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column(
        "state", sa.String(16), nullable=False
    ),  # draft, in review, signed, frozen, superseded, recalled
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("manifest_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("figures_digest", sa.String(64), nullable=False),
    sa.Column("frozen_at", Instant),
    sa.UniqueConstraint("dataflow", "calendar", "period", "version"),
)

figure = sa.Table(
    "figure",
    metadata,
    sa.Column("release_id", sa.ForeignKey("release.id"), primary_key=True),
    sa.Column("indicator", sa.String(32), primary_key=True),
    sa.Column("org_unit", sa.String(64), primary_key=True),
    sa.Column("period", sa.String(8), primary_key=True),
    sa.Column("calendar", sa.String(1), primary_key=True),
    sa.Column("measure", sa.String(8), primary_key=True),
    sa.Column("dims", sa.String(256), primary_key=True),
    sa.Column("value", Exact),
    sa.Column("status", sa.String(1), nullable=False),
    sa.Column("covered", sa.Integer),
    sa.Column("expected", sa.Integer),
    sa.Column("method", sa.String(32), nullable=False),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("release_id", sa.ForeignKey("release.id"), nullable=False),
    sa.Column("recipient", sa.String(64), nullable=False),
    sa.Column(
        "state", sa.String(32), nullable=False
    ),  # queued, sent, received, accepted, ... with remarks, rejected, dead
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.JSON),
    sa.Column("queued_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Index(None, "state"),
)

receipt = sa.Table(
    "receipt",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("delivery_id", sa.ForeignKey("delivery.id"), nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("answer", sa.JSON, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Index(None, "delivery_id"),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("token", sa.Integer, nullable=False),  # how often it was taken
    sa.Column("ends_at", sa.Float, nullable=False),  # seconds of the database's clock
)

night = sa.Table(
    "night",
    metadata,
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),  # running, done, skipped
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
)

brake = sa.Table(
    "brake",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),  # nights, deliveries, or a province
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
)
