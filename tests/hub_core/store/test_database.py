"""What the database keeps exactly, and which databases the hub opens."""

from __future__ import annotations

import gc
import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub_core.errors import StoreError
from hub_core.store import tables
from hub_core.store.connection import HEAD, connect, make_tables, migrate
from hub_core.store.releases import Releases
from hub_core.store.runs import Runs
from hub_core.store.store import Store
from tests.hub_core.store.test_releases import NOW, figure, frozen, release_manifest

HANOI = timezone(timedelta(hours=7))


# Types


YEARS = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - bounds take no time zone


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(st.none() | st.decimals(-(10**26) + 1, 10**26 - 1, places=6), min_size=1, max_size=10),
    st.datetimes(*YEARS, timezones=st.sampled_from([UTC, HANOI])),
)
def test_decimals_and_moments_come_back_as_they_went(
    store: Store, values: list[Decimal | None], moment: datetime
) -> None:
    columns = [
        sa.Column("n", sa.Integer),
        sa.Column("value", tables.Exact),
        sa.Column("at", tables.Instant),
    ]
    table = sa.Table("told", sa.MetaData(), *columns)
    with store.engine.connect() as connection, connection.begin() as changes:
        table.create(connection)
        rows = [{"n": n, "value": each, "at": moment} for n, each in enumerate(values)]
        connection.execute(table.insert(), rows)
        kept = connection.execute(sa.select(table.c.value, table.c.at).order_by(table.c.n)).all()
        changes.rollback()
    assert [each.value for each in kept] == values
    assert {each.at for each in kept} == {moment}
    assert all(each.at.tzinfo is not None for each in kept)


@pytest.mark.parametrize(
    "value", ["0.1", "-0.000001", "1E+5", "1e-6", "0", "99999999999999999999999999.999999"]
)
def test_a_figure_is_kept_exactly(store: Store, value: str) -> None:
    made = frozen(store, release_manifest(), [figure("A", value)], [])
    assert [row["value"] for row in Releases(store).figures(made.id)] == [Decimal(value)]


def test_a_moment_without_its_time_zone_is_refused(store: Store) -> None:
    with pytest.raises((ValueError, sa.exc.StatementError), match="time zone"):
        Runs(store).begin("gather", "TELECOM", [], NOW.replace(tzinfo=None))


# Versions


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(store: Store) -> None:
    with store.engine.begin() as connection:
        tables.metadata.drop_all(connection)
        connection.exec_driver_sql("drop table alembic_version")
    migrate(store.engine, None)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == HEAD


def test_a_new_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    made = connect(f"sqlite:///{tmp_path / 'made.db'}")
    sqlite3.connect(tmp_path / "migrated.db").close()
    migrated = sa.create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    migrate(migrated, None)
    for engine in (made, migrated):
        with engine.connect() as connection:
            context = MigrationContext.configure(connection)
            assert compare_metadata(context, tables.metadata) == []
            assert context.get_current_revision() == HEAD
        engine.dispose()


def test_two_hubs_may_make_one_database(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'hub.db'}")
    make_tables(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select version_num from alembic_version").all() == [
            (HEAD,)
        ]
    engine.dispose()


def test_opening_again_keeps_everything(database: str) -> None:
    for expected in (1, 2):
        store = Store(database)
        assert store.new_gather("nghe_an", "telecom", date(2025, 1, 1))[1] == expected
        store.close()


def test_a_newer_database_is_refused(database: str) -> None:
    store = Store(database)
    with store.write() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    store.close()
    with pytest.raises(StoreError, match="version 9999, newer than this hub"):
        Store(database)
    gc.collect()  # what the failed opening left open is told here


def test_what_is_no_database_is_a_matter_of_the_operator(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(StoreError, match=r"hub\.db"):
        Store(f"sqlite:///{tmp_path}/hub.db")


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError, match="in the middle"), store.write() as connection:  # noqa: PT012
        connection.execute(tables.catalogue.insert().values(digest="a", first_used=NOW))
        raise RuntimeError("in the middle")
    with store.read() as connection:
        assert connection.execute(sa.select(tables.catalogue)).all() == []


def test_a_reader_is_not_kept_waiting_by_a_writer(store: Store) -> None:
    with store.write() as writing:
        writing.execute(tables.catalogue.insert().values(digest="a", first_used=NOW))
        with store.read() as connection:
            assert connection.execute(sa.select(tables.catalogue)).all() == []
