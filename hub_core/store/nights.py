"""The ledger of nights, one a business date, and the operator's brakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from hub_core.errors import StateError
from hub_core.store import tables as t
from hub_core.store.store import Store

NIGHTS, DELIVERIES = "nights", "deliveries"  # brakes on more than one province


@dataclass(frozen=True, slots=True)
class Night:
    """A scheduled night; ``state``: running, done, skipped."""

    business_date: date
    state: str
    attempts: int
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Brake:
    """What the operator has stopped, and why: ``nights``, ``deliveries`` or a province."""

    name: str
    why: str
    since: datetime


class Nights:
    """The nights of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Night]:
        """Return every night that was begun or skipped, oldest first."""
        with self._store.read() as connection:
            rows = connection.execute(
                sa.select(t.night).order_by(t.night.c.business_date)
            ).mappings()
            return [Night(**row) for row in rows]

    def begin(self, day: date, now: datetime) -> None:
        """Note that a business date's night has begun, perhaps again.

        Raises StateError where it is over.
        """
        with self._store.write() as connection:
            night = (
                connection.execute(sa.select(t.night).where(t.night.c.business_date == day))
                .mappings()
                .first()
            )
            if night is not None and night["state"] != "running":
                raise StateError(f"the night of {day} is {night['state']} already")
            if night is None:
                values = {"business_date": day, "state": "running", "attempts": 1, "began_at": now}
                connection.execute(t.night.insert().values(**values))
            else:
                retry_values = {"attempts": night["attempts"] + 1, "began_at": now}
                connection.execute(
                    t.night.update().where(t.night.c.business_date == day).values(**retry_values)
                )

    def end(self, day: date, now: datetime) -> None:
        """Note that a night is over."""
        with self._store.write() as connection:
            values = {"state": "done", "ended_at": now}
            connection.execute(
                t.night.update().where(t.night.c.business_date == day).values(**values)
            )

    def skip(self, days: Sequence[date], now: datetime) -> None:
        """Note nights that were missed and are not made up for."""
        values = {"state": "skipped", "attempts": 0, "began_at": now, "ended_at": now}
        if days:
            with self._store.write() as connection:
                # begun, and cut off
                connection.execute(t.night.delete().where(t.night.c.business_date.in_(days)))
                connection.execute(
                    t.night.insert(), [{"business_date": day, **values} for day in days]
                )


class Brakes:
    """The brakes of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, Brake]:
        """Return what is stopped, by name."""
        with self._store.read() as connection:
            rows = connection.execute(sa.select(t.brake).order_by(t.brake.c.name)).mappings()
            return {row["name"]: Brake(**row) for row in rows}

    def put_on(self, name: str, why: str, now: datetime) -> None:
        """Stop something. Raises StateError where it is stopped already."""
        with self._store.write() as connection:
            if connection.execute(sa.select(t.brake).where(t.brake.c.name == name)).first():
                raise StateError(f"the brake on {name} is on already")
            connection.execute(t.brake.insert().values(name=name, why=why, since=now))

    def take_off(self, name: str) -> None:
        """Let something go on. Raises StateError where it is not stopped."""
        with self._store.write() as connection:
            if not connection.execute(t.brake.delete().where(t.brake.c.name == name)).rowcount:
                raise StateError(f"there is no brake on {name}")
