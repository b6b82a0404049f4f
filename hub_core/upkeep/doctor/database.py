"""Whether the database can be opened at all: asked without making, migrating or changing it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub_core.store.connection import HEAD
from hub_core.upkeep.doctor.symptom import Symptom, harmful, harmless

if TYPE_CHECKING:
    from hub_core.config.operator import Config

_PREFIX = "sqlite:///"
_RESTORE = "bring it back from a backup (hub restore into another folder)"


def database(config: Config) -> list[Symptom]:
    """What keeps the database from being read; nothing where it is well."""
    shown = sa.make_url(config.database).render_as_string(hide_password=True)
    try:
        if config.database.startswith(_PREFIX):
            path = Path(config.database.removeprefix(_PREFIX))
            shown = str(path)
            if not path.is_file():
                return [harmful("database", shown, f"it is not there: {_RESTORE}")]
            version, wrong = _sqlite(path)
        else:
            version, wrong = _other(config.database), []
    except (sqlite3.DatabaseError, sa.exc.DBAPIError) as error:
        why = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        return [harmful("database", shown, f"it cannot be read: {str(why).strip()}")]
    found = [harmful("database", shown, f"{each}: {_RESTORE}") for each in wrong]
    if version == HEAD:
        return found
    if version is None:
        return [*found, harmful("schema", shown, f"it is no hub's database: {_RESTORE}")]
    if version > HEAD:
        what = f"it is of version {version}, newer than this hub ({HEAD}): install the newer hub"
        return [*found, harmful("schema", shown, what)]
    what = f"it is of version {version}; the next journey brings it to {HEAD}, and nothing else was looked at"
    return [*found, harmless("schema", shown, what, f"bring it to {HEAD}")]


def _sqlite(path: Path) -> tuple[str | None, list[str]]:
    """The version of an SQLite file, and what its own checks say."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        wrong = [
            row[0] for row in connection.execute("pragma integrity_check(10)") if row[0] != "ok"
        ]
        wrong += [
            f"a row of {table} names a {parent} that is not there"
            for table, _, parent, _ in connection.execute("pragma foreign_key_check").fetchmany(10)
        ]
        there = connection.execute(
            "select 1 from sqlite_master where name = 'alembic_version'"
        ).fetchone()
        row = (
            connection.execute("select version_num from alembic_version").fetchone()
            if there
            else None
        )
        return row and row[0], wrong
    finally:
        connection.close()


def _other(url: str) -> str | None:
    """The version of a database on a server."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.execute(
            sa.text("select version_num from alembic_version")
        ).scalar()
        return version
