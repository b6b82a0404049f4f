"""What the hub asks of its database about releases, their figures, deliveries and receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from hub_core.errors import StateError, StoreError
from hub_core.model.canonical import digest_of
from hub_core.model.exchange import Receipt, ReleaseManifest
from hub_core.model.formats import RELEASE_MANIFESTS
from hub_core.store import tables as t
from hub_core.store.connection import insert_many
from hub_core.store.store import Store

OPEN = ("queued", "sent")  # a delivery that must still be sent, or whose answer is in doubt
_BATCH = 10_000  # figures in memory at once
_KEY = ("indicator", "org_unit", "period", "calendar", "measure", "dims")


@dataclass(frozen=True, slots=True)
class Release:
    """A consolidated feed of a dataflow and period, in one version."""

    id: int
    dataflow: str
    calendar: str
    period: str
    version: int
    state: str
    reason: str
    manifest: ReleaseManifest
    manifest_text: str  # as it is kept: what its digest is over
    manifest_digest: str
    figures_digest: str
    frozen_at: datetime | None

    @property
    def name(self) -> str:
        """How people call it: ``TELECOM/2026-M10/v1``."""
        return f"{self.dataflow}/{self.period}/v{self.version}"


def _release(row: dict[str, Any]) -> Release:
    text = row["manifest"]
    try:
        manifest = RELEASE_MANIFESTS.read(text)
    except ValueError as error:
        name = f"{row['dataflow']}/{row['period']}/v{row['version']}"
        raise StoreError(f"the manifest of release {name} cannot be read: {error}") from error
    return Release(**row | {"manifest": manifest, "manifest_text": text})


def wrong_in(release: Release, figures: Iterable[dict[str, Any]]) -> list[str]:
    """Say what of a release and its figures is not as it was frozen, by their digests.

    ``figures`` are in the order of their keys; they are not held in memory. The list is empty where
    all is well.
    """
    import polars as pl

    from hub_core.model.observation import KEY, VALUE, ContentDigest

    schema = {**dict.fromkeys(KEY, pl.String()), "value": VALUE, "status": pl.String()}
    digest, rows = ContentDigest(), iter(figures)
    while batch := list(islice(rows, _BATCH)):
        digest.add(pl.DataFrame(batch, schema=schema, strict=False))
    wrong = []
    if {digest.hexdigest(), release.manifest.figures_digest} != {release.figures_digest}:
        wrong.append("its figures are not those that were frozen")
    if digest_of(release.manifest_text) != release.manifest_digest:
        wrong.append("its manifest is not the one that was frozen")
    return wrong


class Releases:
    """The releases of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, **where: str | int) -> list[Release]:
        """Releases by the values of their columns, the latest version last."""
        query = sa.select(t.release).order_by(
            t.release.c.dataflow, t.release.c.period, t.release.c.version
        )
        for name, value in where.items():
            query = query.where(t.release.c[name] == value)
        return [_release(row) for row in self._rows(query)]

    def latest(self, dataflow: str, calendar: str, period: str) -> Release | None:
        """The last version of a release, or None."""
        found = self.all(dataflow=dataflow, calendar=calendar, period=period)
        return found[-1] if found else None

    def named(self, name: str, at: datetime | None = None) -> Release:
        """A release by ``DATAFLOW/PERIOD`` (its last version), ``DATAFLOW/PERIOD/vN`` or number.

        ``at``: of what was frozen by that moment. Raises StateError listing what there is.
        """
        pieces = name.split("/")
        found = self.all(id=int(name)) if name.isdigit() else self.all(dataflow=pieces[0])
        found = [
            each
            for each in found
            if at is None or (each.frozen_at is not None and each.frozen_at <= at)
        ]
        if len(pieces) > 1:
            found = [each for each in found if each.period == pieces[1]]
        if len(pieces) > 2:
            found = [each for each in found if f"v{each.version}" == pieces[2]]
        if not found or (len(pieces) == 1 and not name.isdigit()):
            there = ", ".join(each.name for each in self.all()) or "none yet"
            raise StateError(f"no release {name}; there are: {there}")
        return found[-1]

    def figures(self, release: int) -> Iterator[dict[str, Any]]:
        """Yield a release's figures in the order of their keys' UTF-8 bytes, a batch at a time."""
        with self._store.read() as connection:
            bytewise = "C" if connection.dialect.name == "postgresql" else "BINARY"
            key = [sa.collate(t.figure.c[name], bytewise) for name in _KEY]
            query = sa.select(t.figure).where(t.figure.c.release_id == release).order_by(*key)
            rows = connection.execution_options(yield_per=_BATCH).execute(query)
            yield from (dict(row) for row in rows.mappings())

    def freeze(
        self,
        manifest: ReleaseManifest,
        text: str,
        digest: str,
        figures: dict[str, list[Any]],
        deliveries: list[tuple[str, str]],
        now: datetime,
    ) -> Release:
        """Enter a frozen release and its deliveries (id, recipient), and supersede the one before, in one transaction.

        ``figures``: their columns. Raises StateError where another version was frozen in between.
        """
        with self._store.write() as connection:
            same = (
                (t.release.c.dataflow == manifest.dataflow)
                & (t.release.c.calendar == manifest.calendar)
                & (t.release.c.period == manifest.period)
            )
            last = (
                connection.execute(sa.select(sa.func.max(t.release.c.version)).where(same)).scalar()
                or 0
            )
            if last != manifest.version - 1:
                raise StateError(
                    f"{manifest.dataflow}/{manifest.period}: version {last} is there already"
                )
            connection.execute(t.release.update().where(same).values(state="superseded"))
            made = connection.execute(
                t.release.insert().values(
                    dataflow=manifest.dataflow,
                    calendar=manifest.calendar,
                    period=manifest.period,
                    version=manifest.version,
                    state="frozen",
                    reason=manifest.reason,
                    manifest=text,
                    manifest_digest=digest,
                    figures_digest=manifest.figures_digest,
                    frozen_at=now,
                )
            )
            assert made.inserted_primary_key is not None
            number = int(made.inserted_primary_key[0])
            if several := len(figures.get("indicator", ())):
                insert_many(connection, t.figure, figures | {"release_id": [number] * several})
            for delivery, recipient in deliveries:
                connection.execute(
                    t.delivery.insert().values(
                        id=delivery,
                        release_id=number,
                        recipient=recipient,
                        state="queued",
                        attempts=0,
                        queued_at=now,
                    )
                )
        return self.all(id=number)[0]

    def deliveries(self, **where: str | int) -> list[dict[str, Any]]:
        """Deliveries by the values of their columns, oldest first."""
        query = sa.select(t.delivery).order_by(
            t.delivery.c.queued_at, t.delivery.c.release_id, t.delivery.c.recipient
        )
        for name, value in where.items():
            query = query.where(t.delivery.c[name] == value)
        return self._rows(query)

    def outbox(self) -> list[dict[str, Any]]:
        """Deliveries that must still be sent or asked about, in the order of their releases."""
        query = (
            sa.select(t.delivery)
            .where(t.delivery.c.state.in_(OPEN))
            .order_by(t.delivery.c.release_id)
        )
        return self._rows(query)

    def attempt(
        self, delivery: str, now: datetime, assert_lease_held: Callable[[sa.Connection], None]
    ) -> None:
        """Note, before anything is sent, that a delivery is on its way.

        ``assert_lease_held`` is asked first whether it may be.
        """
        with self._store.write() as connection:
            assert_lease_held(connection)
            connection.execute(
                t.delivery.update()
                .where(t.delivery.c.id == delivery)
                .values(state="sent", sent_at=now, attempts=t.delivery.c.attempts + 1, error=None)
            )

    def failed(self, delivery: str, error: dict[str, object]) -> None:
        """Note why a delivery has no receipt yet; it stays in the outbox."""
        with self._store.write() as connection:
            connection.execute(
                t.delivery.update().where(t.delivery.c.id == delivery).values(error=error)
            )

    def received(self, receipt: Receipt, findings: list[dict[str, Any]], now: datetime) -> None:
        """Enter a receipt, and what the ministry does not take as findings, in one transaction."""
        with self._store.write() as connection:
            connection.execute(
                t.receipt.insert().values(
                    delivery_id=receipt.delivery,
                    state=receipt.state,
                    answer=receipt.model_dump(mode="json"),
                    received_at=now,
                )
            )
            connection.execute(
                t.delivery.update()
                .where(t.delivery.c.id == receipt.delivery)
                .values(state=receipt.state, error=None)
            )
            if findings:
                connection.execute(t.finding.insert(), findings)

    def note(self, findings: list[dict[str, Any]]) -> None:
        """Enter findings about a release."""
        if findings:
            with self._store.write() as connection:
                connection.execute(t.finding.insert(), findings)

    def receipts(self, delivery: str) -> list[dict[str, Any]]:
        """The answers to a delivery, oldest first."""
        return self._rows(
            sa.select(t.receipt).where(t.receipt.c.delivery_id == delivery).order_by(t.receipt.c.id)
        )

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
