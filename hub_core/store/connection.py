"""Open the hub's database.

It is SQLite in its home by default, or PostgreSQL by URL. Alembic migrates it.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from hub_core.errors import StoreError
from hub_core.store.tables import metadata

HEAD = "0004"  # the newest migration that this hub knows
_log = logging.getLogger(__name__)
_BACKUP = "bring it back from a backup (hub restore into another folder)"
_ADVICE = {  # what the operator can do, by SQLite's own number
    sqlite3.SQLITE_BUSY: "another program holds it, and did not let go within 10 s: end that",
    sqlite3.SQLITE_CANTOPEN: "it is gone, or the hub's user may not have it; hub doctor says more",
    sqlite3.SQLITE_CORRUPT: _BACKUP,
    sqlite3.SQLITE_FULL: "free some room on its disk",
    sqlite3.SQLITE_IOERR: "its disk is full, or failing: see to it",
    sqlite3.SQLITE_NOTADB: _BACKUP,
    sqlite3.SQLITE_READONLY: "the hub's user must be able to write it, and nobody may move it meanwhile",
}


def connect(url: str, *, begun: bool = False) -> sa.Engine:
    """Return an engine on a database of this hub's version.

    An older database is migrated; one written by a newer hub is refused. ``begun``: whether a hub
    has worked with it already, so that a new and empty one must not take its place. Raises
    StoreError where there can be no such engine.
    """
    engine = sa.create_engine(url)
    try:
        if engine.dialect.name == "sqlite":
            _make_file(Path(engine.url.database or ""), begun=begun)
            _configure_sqlite(engine)
        with engine.connect() as connection:
            version = _version(connection)
        if version is None and begun:
            raise StoreError(
                f"{_database_name(engine)} is empty, and the landing zone is not: {_BACKUP}"
            )
        if version is None and engine.dialect.name == "sqlite":
            make_tables(engine)
        elif version != HEAD:
            migrate(engine, version)
        _log.debug("%s: version %s, was %s", _database_name(engine), HEAD, version)
    except StoreError:
        engine.dispose()
        raise
    except sa.exc.DBAPIError as error:
        engine.dispose()
        raise trouble(engine, error) from error
    return engine


def trouble(engine: sa.Engine, error: sa.exc.DBAPIError) -> StoreError:
    """Return what a database says as a StoreError.

    It has the database's name, and what the operator can do.
    """
    database_message = " ".join(str(error.orig).split())
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    advice = (
        "see that its server runs" if error.connection_invalidated or _is_unreachable(error) else ""
    )
    if sqlite_code is not None:
        advice = _ADVICE.get(sqlite_code & 0xFF, "")
    words = f"{_database_name(engine)}: {database_message}" + (f": {advice}" if advice else "")
    _log.info("%s", words)
    return StoreError(words)


def _is_unreachable(error: sa.exc.DBAPIError) -> bool:
    """Tell whether a server could not be reached at all: there is no state of an answer, then."""
    return isinstance(error, sa.exc.OperationalError) and not getattr(error.orig, "sqlstate", None)


def _database_name(engine: sa.Engine) -> str:
    return f"database {engine.url.render_as_string(hide_password=True)}"


def _make_file(path: Path, *, begun: bool) -> None:
    """Make a file for SQLite where there is none yet; SQLite itself never makes one.

    Raises StoreError where there was one, or it cannot be made.
    """
    if path.exists():
        return
    if begun:
        raise StoreError(f"database {path} is gone, and the landing zone is not: {_BACKUP}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise StoreError.of(error) from error


def _configure_sqlite(engine: sa.Engine) -> None:
    """Set how SQLite works for the hub.

    There is a write-ahead log, foreign keys hold, and a transaction takes the write lock when it
    begins. A transaction on a file that was removed or replaced since it was opened is a
    StoreError: SQLite would go on writing where nobody finds it.
    """
    path = Path(engine.url.database or "")

    @event.listens_for(engine, "do_connect")
    def _only_what_is_there(
        _: object, __: object, arguments: list[Any], options: dict[str, Any]
    ) -> None:
        arguments[0] = f"{Path(arguments[0]).resolve().as_uri()}?mode=rw"
        options["uri"] = True

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        record.info["file"] = _file_identity(path)
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=10000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        if connection.info["file"] != _file_identity(path):
            raise StoreError(
                f"database {path} was removed or replaced while the hub was at work: {_BACKUP}"
            )
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def insert_many(connection: sa.Connection, table: sa.Table, columns: dict[str, list[Any]]) -> None:
    """Insert rows, given by all their columns.

    SQLAlchemy looks at each value of each row for ten times as long.
    """
    dialect = connection.dialect
    statement = table.insert().compile(dialect=dialect)
    names = statement.positiontup or table.columns.keys()
    processors = (
        table.columns[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names
    )
    rows = zip(
        *(
            map(process, columns[n]) if process else columns[n]
            for n, process in zip(names, processors, strict=True)
        ),
        strict=True,
    )
    if statement.positiontup is None:
        connection.exec_driver_sql(
            str(statement), [dict(zip(names, row, strict=True)) for row in rows]
        )
    else:
        connection.exec_driver_sql(str(statement), list(rows))


def _file_identity(path: Path) -> tuple[int, int] | None:
    """Return which file is at a path, by device and inode; None for none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(
        sa.text("select version_num from alembic_version")
    ).scalar()
    return version


def make_tables(engine: sa.Engine) -> None:
    """Make the tables of a new database at once.

    They are the same as the migrations make, which take ten times as long to load.
    """
    with engine.begin() as connection:
        if _version(connection) is None:  # another hub may have been quicker
            metadata.create_all(connection)
            connection.execute(
                sa.text(
                    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
                    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
                )
            )
            connection.execute(
                sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD}
            )


def migrate(engine: sa.Engine, version: str | None) -> None:
    """Bring a database to this hub's version, in one transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known_versions = {
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    }
    if version is not None and version not in known_versions:
        raise StoreError(
            f"the database is of version {version}, newer than this hub ({HEAD}): install the newer hub"
        )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
