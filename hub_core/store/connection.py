"""Open the hub's database: SQLite in its home by default, PostgreSQL by URL; migrated by Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from hub_core.errors import StoreError

HEAD = "0003"  # the newest migration that this hub knows


def connect(url: str) -> sa.Engine:
    """An engine on a database of this hub's version. Raises StoreError where that cannot be.

    An older database is migrated; one written by a newer hub is refused.
    """
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        _configure_sqlite(engine)
    try:
        with engine.connect() as connection:
            version = _version(connection)
        if version != HEAD:
            migrate(engine, version)
    except StoreError:
        engine.dispose()
        raise
    except sa.exc.DBAPIError as error:
        engine.dispose()
        raise StoreError(f"database {engine.url.render_as_string(hide_password=True)}: {error.orig}") from error
    return engine


def _configure_sqlite(engine: sa.Engine) -> None:
    """Write-ahead log, foreign keys, and transactions that take the write lock when they begin."""

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("select version_num from alembic_version")).scalar()
    return version


def migrate(engine: sa.Engine, version: str | None) -> None:
    """Bring a database to this hub's version, in one transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StoreError(f"the database is of version {version}, newer than this hub ({HEAD}): install the newer hub")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
