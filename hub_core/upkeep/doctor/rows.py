"""What the doctor asks of the database, and the one thing that it enters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub_core.model.formats import RELEASE_MANIFESTS
from hub_core.store import tables as t

if TYPE_CHECKING:
    from hub_core.model.exchange import Landing
    from hub_core.store.store import Store

Gather = tuple[str, str, str]  # its id, province, provision
ENTERED = "entered"  # the kind of a run that hub doctor entered for a landing


class Rows:
    """The rows of a store that files must agree with."""

    def __init__(self, store: Store) -> None:
        self._store = store
        c = t.submission.c
        self.paths: set[str] = {row["path"] for row in self._rows(sa.select(c.path))}
        self.gathers = {
            row["id"]: (row["province"], row["provision"])
            for row in self._rows(sa.select(t.gather))
        }
        columns = t.run.c.gather, t.run.c.province, t.run.c.provision, t.run.c.kind
        runs = self._rows(sa.select(*columns).where(t.run.c.gather.is_not(None)).distinct())
        self.runs: set[Gather] = {(r["gather"], r["province"], r["provision"]) for r in runs}
        self.own_gathers: set[Gather] = {
            (r["gather"], r["province"], r["provision"]) for r in runs if r["kind"] != ENTERED
        }

    def unended(self) -> list[dict[str, Any]]:
        """List runs that began and never ended."""
        return self._rows(sa.select(t.run).where(t.run.c.outcome == "running").order_by(t.run.c.id))

    def leases(self) -> list[dict[str, Any]]:
        """List every lease, also one that has ended."""
        return self._rows(sa.select(t.lease).order_by(t.lease.c.name))

    def give_back(self, lease: dict[str, Any]) -> None:
        """Remove a lease, where nobody took it again."""
        with self._store.write() as connection:
            is_same = (t.lease.c[name] == lease[name] for name in ("name", "holder", "token"))
            connection.execute(t.lease.delete().where(*is_same))

    def catalogues(self) -> set[str]:
        """Return every catalogue that a row names, by digest."""
        return self.catalogues_needed() | {
            row["digest"] for row in self._rows(sa.select(t.catalogue.c.digest))
        }

    def catalogues_needed(self) -> set[str]:
        """Return the catalogues of releases, and of submissions that were sealed here.

        Others need not be kept.
        """
        c = t.submission.c
        sealed_here = self._rows(
            sa.select(c.catalogue_digest)
            .join(t.gather, (c.gather == t.gather.c.id) & (c.province == t.gather.c.province))
            .distinct()
        )
        released = self._rows(sa.select(t.release.c.manifest))
        return {row["catalogue_digest"] for row in sealed_here} | {
            RELEASE_MANIFESTS.read(row["manifest"]).catalogue for row in released
        }

    def enter(self, landing: Landing, dataflow: str, replays: int) -> None:
        """Enter the gather and run of a landing that the database has forgotten."""
        place = {"province": landing.province, "provision": landing.provision}
        with self._store.write() as connection:
            if landing.gather not in self.gathers:
                values = {"sequence": landing.sequence, "id": landing.gather, "replays": replays}
                connection.execute(t.gather.insert().values(**values, **place))
            connection.execute(
                t.run.insert().values(
                    kind=ENTERED,
                    dataflow=dataflow,
                    periods=landing.periods,
                    gather=landing.gather,
                    started_at=landing.landed_at,
                    ended_at=landing.landed_at,
                    outcome="interrupted",
                    counts={},
                    notes=["entered by hub doctor, from landing.json"],
                    **place,
                )
            )

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
