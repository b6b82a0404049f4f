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
    """List what keeps the database from being read; nothing where it is well."""
    shown = sa.make_url(config.database).render_as_string(hide_password=True)
    try:
        if config.database.startswith(_PREFIX):
            path = Path(config.database.removeprefix(_PREFIX))
            shown = str(path)
            if not path.is_file():
                return [harmful("database", shown, f"it is not there: {_RESTORE}")]
            version, faults = _sqlite_version_and_faults(path)
        else:
            version, faults = _server_version(config.database), []
    except (sqlite3.DatabaseError, sa.exc.DBAPIError) as error:
        why = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        return [harmful("database", shown, f"it cannot be read: {str(why).strip()}")]
    symptoms = [harmful("database", shown, f"{fault}: {_RESTORE}") for fault in faults]
    if version == HEAD:
        return symptoms
    if version is None:
        return [*symptoms, harmful("schema", shown, f"it is no hub's database: {_RESTORE}")]
    if version > HEAD:
        what = f"it is of version {version}, newer than this hub ({HEAD}): install the newer hub"
        return [*symptoms, harmful("schema", shown, what)]
    what = f"it is of version {version}; the next journey brings it to {HEAD}, and nothing else was looked at"
    return [*symptoms, harmless("schema", shown, what, f"bring it to {HEAD}")]


def _sqlite_version_and_faults(path: Path) -> tuple[str | None, list[str]]:
    """Return the version of an SQLite file, and what its own checks say."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        faults = [
            row[0] for row in connection.execute("pragma integrity_check(10)") if row[0] != "ok"
        ]
        faults += [
            f"a row of {table} names a {parent} that is not there"
            for table, _, parent, _ in connection.execute("pragma foreign_key_check").fetchmany(10)
        ]
        has_version = connection.execute(
            "select 1 from sqlite_master where name = 'alembic_version'"
        ).fetchone()
        row = (
            connection.execute("select version_num from alembic_version").fetchone()
            if has_version
            else None
        )
        return row and row[0], faults
    finally:
        connection.close()


def _server_version(url: str) -> str | None:
    """Return the version of a database on a server, or None where it is no hub's."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.execute(
            sa.text("select version_num from alembic_version")
        ).scalar()
        return version
