"""What the hub asks of its database about runs: how each journey went, and what was read in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hub_core.store import tables as t
from hub_core.store.store import Store, number_of


@dataclass(frozen=True)
class Read:
    """What a run read: the digest by which it read its parts, and the digests of what it sealed.

    ``sealed``: (content digest, quarantine digest) by period.
    """

    reading: str
    sealed: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class LastRead:
    """The last run all of whose periods were admitted, or said what was current already."""

    gather: str
    periods: list[str]
    counts: dict[str, int]
    read: Read


class Runs:
    """The runs of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self,
        kind: str,
        dataflow: str,
        periods: list[str],
        now: datetime,
        *,
        province: str | None = None,
        provision: str | None = None,
        gather: str | None = None,
    ) -> int:
        """Note that a journey has begun; return its number."""
        with self._store.write() as connection:
            result = connection.execute(
                t.run.insert().values(
                    kind=kind,
                    province=province,
                    provision=provision,
                    dataflow=dataflow,
                    periods=periods,
                    gather=gather,
                    started_at=now,
                    outcome="running",
                    counts={},
                    notes=[],
                )
            )
            return number_of(result)

    def end(
        self,
        run: int,
        outcome: str,
        now: datetime,
        *,
        counts: dict[str, int] | None = None,
        notes: list[str] | None = None,
        error: dict[str, object] | None = None,
        read: Read | None = None,
    ) -> None:
        """Note how a journey ended."""
        values = {
            "outcome": outcome,
            "ended_at": now,
            "counts": counts or {},
            "notes": notes or [],
            "error": error,
        }
        values["read"] = asdict(read) if read else None
        with self._store.write() as connection:
            connection.execute(t.run.update().where(t.run.c.id == run).values(**values))

    def interrupt(self, now: datetime, elsewhere: Collection[tuple[str, str]] = ()) -> int:
        """Mark the runs of a hub that is no more; return how many there were.

        ``elsewhere``: (province, provision) that another hub is at work on.
        """
        running = self._rows(sa.select(t.run).where(t.run.c.outcome == "running"))
        run_numbers = [
            row["id"] for row in running if (row["province"], row["provision"]) not in elsewhere
        ]
        with self._store.write() as connection:
            for number in run_numbers:
                connection.execute(
                    t.run.update()
                    .where(t.run.c.id == number)
                    .values(outcome="interrupted", ended_at=now)
                )
        return len(run_numbers)

    def of(self, gather: str) -> dict[str, Any] | None:
        """Return the run that made a gather, or None."""
        rows = self._rows(
            sa.select(t.run).where(t.run.c.gather == gather, t.run.c.kind == "gather")
        )
        return rows[0] if rows else None

    def last_gather(self, province: str, provision: str) -> str | None:
        """Return the last gather of a provision that went well, or None.

        All that it asked for came, and was read.
        """
        run = self._last_run(
            province, provision, ("gather",), ("done", "unchanged", "no data", "held")
        )
        return run["gather"] if run else None

    def last_read(self, province: str, provision: str) -> LastRead | None:
        """Return what the last gather or replay read that went well and held nothing.

        None where there is none, or it is old. A run that was cut off between two periods is none:
        what it had not admitted must be read again.
        """
        run = self._last_run(province, provision, ("gather", "replay"), ("done", "unchanged"))
        if run is None or run["read"] is None:
            return None
        sealed = {
            period: (content, quarantine)
            for period, (content, quarantine) in run["read"]["sealed"].items()
        }
        return LastRead(
            run["gather"], run["periods"], run["counts"], Read(run["read"]["reading"], sealed)
        )

    def _last_run(
        self, province: str, provision: str, kinds: tuple[str, ...], outcomes: tuple[str, ...]
    ) -> dict[str, Any] | None:
        run = t.run.c
        query = sa.select(t.run).where(run.province == province, run.provision == provision)
        query = query.where(run.kind.in_(kinds), run.outcome.in_(outcomes))
        rows = self._rows(query.order_by(run.id.desc()).limit(1))
        return rows[0] if rows else None

    def all(
        self, limit: int | None = 50, province: str | None = None, since: datetime | None = None
    ) -> list[dict[str, Any]]:
        """Return the last journeys, newest first, without what was read in them."""
        query = (
            sa.select(*(c for c in t.run.c if c is not t.run.c.read))
            .order_by(t.run.c.id.desc())
            .limit(limit)
        )
        if province:
            query = query.where(t.run.c.province == province)
        if since:
            query = query.where(t.run.c.started_at >= since)
        return self._rows(query)

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
