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
        """The release's name for people: ``TELECOM/2026-M10/v1``."""
        return f"{self.dataflow}/{self.period}/v{self.version}"


def _release(row: dict[str, Any]) -> Release:
    """Make a release from its row. Raises StoreError where its manifest cannot be read."""
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

    def all(self, **conditions: str | int) -> list[Release]:
        """List releases by the values of their columns, the latest version last."""
        query = sa.select(t.release).order_by(
            t.release.c.dataflow, t.release.c.period, t.release.c.version
        )
        for name, value in conditions.items():
            query = query.where(t.release.c[name] == value)
        return [_release(row) for row in self._rows(query)]

    def latest(self, dataflow: str, calendar: str, period: str) -> Release | None:
        """Return the last version of a release, or None where there is no version."""
        versions = self.all(dataflow=dataflow, calendar=calendar, period=period)
        return versions[-1] if versions else None

    def named(self, name: str, at: datetime | None = None) -> Release:
        """Find a release by its name or its number.

        A name is ``DATAFLOW/PERIOD``, for the last version, or ``DATAFLOW/PERIOD/vN``. ``at``:
        among the releases that were frozen by that moment only. Raises StateError, which lists the
        releases that there are, where none has that name.
        """
        pieces = name.split("/")
        releases = self.all(id=int(name)) if name.isdigit() else self.all(dataflow=pieces[0])
        matches = [r for r in releases if at is None or (r.frozen_at and r.frozen_at <= at)]
        if len(pieces) > 1:
            matches = [release for release in matches if release.period == pieces[1]]
        if len(pieces) > 2:
            matches = [release for release in matches if f"v{release.version}" == pieces[2]]
        if not matches or (len(pieces) == 1 and not name.isdigit()):
            names = ", ".join(release.name for release in self.all()) or "none yet"
            raise StateError(f"no release {name}; there are: {names}")
        return matches[-1]

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
        """Enter a frozen release with its figures and deliveries, and supersede the version before.

        All of it is one transaction. ``text`` is the manifest as it is kept, ``digest`` is over it,
        ``figures`` are columns by name, ``deliveries`` are pairs of id and recipient. Raises
        StateError where another version was frozen in between.
        """
        with self._store.write() as connection:
            same_release = (
                (t.release.c.dataflow == manifest.dataflow)
                & (t.release.c.calendar == manifest.calendar)
                & (t.release.c.period == manifest.period)
            )
            newest = sa.select(sa.func.max(t.release.c.version)).where(same_release)
            last_version = connection.execute(newest).scalar() or 0
            if last_version != manifest.version - 1:
                raise StateError(
                    f"{manifest.dataflow}/{manifest.period}:"
                    f" version {last_version} is there already"
                )
            connection.execute(t.release.update().where(same_release).values(state="superseded"))
            release_id = _insert_release(connection, manifest, text, digest, now)
            if count := len(figures.get("indicator", ())):
                insert_many(connection, t.figure, figures | {"release_id": [release_id] * count})
            for delivery, recipient in deliveries:
                connection.execute(
                    t.delivery.insert().values(
                        id=delivery,
                        release_id=release_id,
                        recipient=recipient,
                        state="queued",
                        attempts=0,
                        queued_at=now,
                    )
                )
        return self.all(id=release_id)[0]

    def deliveries(self, **conditions: str | int) -> list[dict[str, Any]]:
        """List deliveries by the values of their columns, oldest first."""
        query = sa.select(t.delivery).order_by(
            t.delivery.c.queued_at, t.delivery.c.release_id, t.delivery.c.recipient
        )
        for name, value in conditions.items():
            query = query.where(t.delivery.c[name] == value)
        return self._rows(query)

    def outbox(self) -> list[dict[str, Any]]:
        """List deliveries still to be sent or asked about, in the order of their releases."""
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

        ``assert_lease_held`` is called first, with the transaction's connection; it raises where
        the lease is lost.
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
        """Enter a receipt, and findings about the figures it does not take, in one transaction."""
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
        """List the answers to a delivery, oldest first."""
        return self._rows(
            sa.select(t.receipt).where(t.receipt.c.delivery_id == delivery).order_by(t.receipt.c.id)
        )

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _insert_release(
    connection: sa.Connection, manifest: ReleaseManifest, text: str, digest: str, now: datetime
) -> int:
    """Insert a frozen release and return its number."""
    inserted = connection.execute(
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
    assert inserted.inserted_primary_key is not None
    return int(inserted.inserted_primary_key[0])
