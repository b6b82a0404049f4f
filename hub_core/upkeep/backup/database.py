"""A database's copy at one moment, and back.

SQLite is copied by its own means, PostgreSQL by pg_dump and pg_restore.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from hub_core.errors import ConfigurationError, StateError, StoreError
from hub_core.upkeep.backup import POSTGRESQL, SQLITE

_PREFIX = "sqlite:///"


@dataclass(frozen=True)
class Copy:
    """A database's copy, and a connection that sees exactly what is in it."""

    path: Path
    name: Literal["database.sqlite", "database.pgdump"]
    rows: sa.Connection


@contextmanager
def database_copy(url: str, folder: Path) -> Iterator[Copy]:
    """Make a copy in a folder, as of one moment, whoever writes meanwhile.

    Raises ConfigurationError, StoreError.
    """
    try:
        if url.startswith(_PREFIX):
            path = folder / SQLITE
            _copy_sqlite(Path(url.removeprefix(_PREFIX)), path)
            with _connected(f"{_PREFIX}{path}") as connection:
                yield Copy(path, "database.sqlite", connection)
        else:
            path = folder / POSTGRESQL
            with _connected(url, "REPEATABLE READ") as connection:
                snapshot = connection.execute(sa.text("select pg_export_snapshot()")).scalar_one()
                options = [
                    "--format=custom",
                    "--no-owner",
                    "--no-privileges",
                    f"--snapshot={snapshot}",
                ]
                _run("pg_dump", url, *options, f"--file={path}")
                yield Copy(path, "database.pgdump", connection)
    except sa.exc.DBAPIError as error:
        raise StoreError(f"database: {error.orig}") from error


def _copy_sqlite(path: Path, copy: Path) -> None:
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        ) as connection:
            connection.execute("vacuum into ?", [str(copy)])
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be copied: {error}") from error


@contextmanager
def _connected(
    url: str, isolation: Literal["REPEATABLE READ"] | None = None
) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if isolation:
            connection.execution_options(isolation_level=isolation)
        yield connection


def row_counts(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    names = sorted(sa.inspect(connection).get_table_names())
    return {
        name: connection.execute(
            sa.select(sa.func.count()).select_from(sa.table(name))
        ).scalar_one()
        for name in names
    }


def version_of(connection: sa.Connection) -> str:
    """Return the version of a hub's database. Raises StoreError where it is none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        raise StoreError("the database is no hub's: hub doctor says more")
    return str(connection.execute(sa.text("select version_num from alembic_version")).scalar_one())


def check_empty(url: str) -> None:
    """Make sure that a database on a server holds nothing. Raises StateError, StoreError."""
    try:
        with _connected(url) as connection:
            if sa.inspect(connection).get_table_names():
                shown = sa.make_url(url).render_as_string(hide_password=True)
                raise StateError(
                    f"database {shown} is not empty: make a new one, and name it with --database"
                )
    except sa.exc.DBAPIError as error:
        raise StoreError(f"database: {error.orig}") from error


def load(url: str, path: Path) -> None:
    """Load a copy into an empty database on a server, whole or not at all.

    Raises ConfigurationError, StoreError.
    """
    _run(
        "pg_restore",
        url,
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        str(path),
    )


def check_counts(url: str, expected: dict[str, int]) -> None:
    """Make sure that a restored database has the rows that were counted. Raises StoreError."""
    with _connected(url) as connection:
        actual = row_counts(connection)
    if actual != expected:
        differing = sorted(
            name
            for name in actual.keys() | expected.keys()
            if actual.get(name) != expected.get(name)
        )
        raise StoreError(
            f"the restored database has other rows than the set tells of: {', '.join(differing)}"
        )


def _run(program: str, url: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs; the password goes by the environment."""
    program_path = shutil.which(program)
    if program_path is None:
        raise ConfigurationError(
            f"{program} is not on PATH: install PostgreSQL's client programs, of the server's version"
        )
    address = sa.make_url(url)
    environment = {
        **os.environ,
        **({"PGPASSWORD": str(address.password)} if address.password else {}),
    }
    address_without_password = sa.URL.create(
        "postgresql",
        address.username,
        None,
        address.host,
        address.port,
        address.database,
        address.query,
    )
    command = [
        program_path,
        f"--dbname={address_without_password.render_as_string(hide_password=False)}",
        *arguments,
    ]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - a program of the operator's
    if process.returncode:
        output = " ".join(process.stderr.split())
        if "server version mismatch" in output or "unsupported version" in output:
            raise ConfigurationError(
                f"{program_path} is not of the server's version, install that one: {output}"
            )
        raise StoreError(f"{program}: {output}")
