"""Leases: who is at work on what, so that two hubs on one database never do the same thing at once.

A lease has a holder, a token that counts how often it was taken, and an end. All ends are told by
the database's clock. One that ends later than any lease can was taken before that clock jumped
back, and has ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

import sqlalchemy as sa

from hub_core.errors import StateError, StoreError
from hub_core.store import tables as t
from hub_core.store.store import Store

SECONDS = 60.0  # a lease that is not renewed ends after so long


class Leases:
    """The leases of one holder: a hub's home, in which one journey runs at a time."""

    def __init__(self, store: Store, holder: str, seconds: float = SECONDS) -> None:
        self.store, self.holder, self.seconds = store, holder, seconds
        self._held: dict[str, int] = {}
        self._guard = Lock()
        self._ended = Event()
        self._renewer: Thread | None = None

    def take(self, name: str) -> bool:
        """Take a lease that nobody holds, or that this home held when it was cut off.

        Returns whether it was taken.
        """
        with self.store.write() as connection:
            now = _database_time(connection)
            row = (
                connection.execute(
                    sa.select(t.lease).where(t.lease.c.name == name).with_for_update()
                )
                .mappings()
                .first()
            )
            if (
                row is not None
                and row["holder"] != self.holder
                and _is_live(row["ends_at"], now, self.seconds)
            ):
                return False
            token = 1 if row is None else int(row["token"]) + 1
            values = {"holder": self.holder, "token": token, "ends_at": now + self.seconds}
            if row is None:
                try:
                    with connection.begin_nested():
                        connection.execute(t.lease.insert().values(name=name, **values))
                except sa.exc.IntegrityError:
                    return False  # somebody was quicker
            else:
                connection.execute(t.lease.update().where(t.lease.c.name == name).values(**values))
        with self._guard:
            self._held[name] = token
            if self._renewer is None:
                self._renewer = Thread(target=self._renew, name="leases", daemon=True)
                self._renewer.start()
        return True

    def give_back(self, names: Collection[str]) -> None:
        """Let others take leases; one that was lost is somebody else's and stays."""
        with self._guard:
            tokens = {name: self._held.pop(name) for name in names if name in self._held}
        if tokens:
            with self.store.write() as connection:
                for name, token in tokens.items():
                    connection.execute(t.lease.delete().where(*self._is_ours(name, token)))

    @contextmanager
    def holding(self, name: str) -> Iterator[None]:
        """Hold a lease for a while. Raises StateError where another hub holds it."""
        if not self.take(name):
            raise StateError(
                f"another hub is at work on {name}: {self.holder_of(name) or 'it has just ended'}"
            )
        try:
            yield
        finally:
            self.give_back([name])

    def check(self, connection: sa.Connection, name: str) -> None:
        """Make sure, in the caller's transaction, that a lease is still held.

        Raises StateError where it was lost.
        """
        query = (
            sa.select(t.lease.c.name)
            .where(*self._is_ours(name, self._held.get(name, 0)))
            .with_for_update()
        )
        if connection.execute(query).first() is None:
            raise StateError(
                f"the lease on {name} ran out, and another hub may have taken it: nothing was written"
            )

    def holder_of(self, name: str) -> str | None:
        """Return who holds a lease now, or None."""
        return self.live().get(name)

    def live(self) -> dict[str, str]:
        """Return every lease that is held by anybody, with its holder."""
        with self.store.read() as connection:
            now = _database_time(connection)
            rows = connection.execute(sa.select(t.lease)).mappings()
            return {
                row["name"]: row["holder"]
                for row in rows
                if _is_live(row["ends_at"], now, self.seconds)
            }

    def close(self) -> None:
        """Give back what is held, and stop renewing."""
        self._ended.set()
        if self._renewer is not None:
            self._renewer.join()
        self.give_back(list(self._held))

    def _is_ours(self, name: str, token: int) -> tuple[sa.ColumnElement[bool], ...]:
        return t.lease.c.name == name, t.lease.c.holder == self.holder, t.lease.c.token == token

    def _renew(self) -> None:
        """Renew what is held, until the leases are closed.

        What cannot be renewed for a while runs out, and ``check`` raises.
        """
        while not self._ended.wait(self.seconds / 4):
            with self._guard:
                held = dict(self._held)
            try:
                with self.store.write() as connection:
                    ends = _database_time(connection) + self.seconds
                    for name, token in held.items():
                        connection.execute(
                            t.lease.update().where(*self._is_ours(name, token)).values(ends_at=ends)
                        )
            except StoreError:
                continue  # the journey meets the same trouble, and says so


def _database_time(connection: sa.Connection) -> float:
    """Return the database's clock, in seconds."""
    sqlite = "select (julianday('now') - 2440587.5) * 86400.0"
    other = "select extract(epoch from clock_timestamp())"
    return float(
        connection.execute(
            sa.text(sqlite if connection.dialect.name == "sqlite" else other)
        ).scalar_one()
    )


def _is_live(ends: float, now: float, seconds: float) -> bool:
    return now < ends <= now + 2 * seconds
