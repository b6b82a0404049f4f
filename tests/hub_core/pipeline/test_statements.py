"""What a gather asks of the database.

As much for each provision, however many there are and however old the hub is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import current_thread
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from hub_core.pipeline.gather import gather, tasks

if TYPE_CHECKING:
    from hub_core.home import Hub
    from tests.hub_core.conftest import Nights

NIGHT = datetime(2026, 11, 6, 2, tzinfo=UTC)
PROVINCES = [f"tinh_{n}" for n in range(9)]


@pytest.fixture
def hub(nights_without_children: Nights) -> Iterator[Hub]:
    for name in PROVINCES:
        nights_without_children.package(name)
    with nights_without_children.hub() as opened:
        yield opened


def statements(hub: Hub, provinces: list[str], outcome: str, now: datetime = NIGHT) -> int:
    """How many statements it takes to ask each of some provinces for its one provision.

    Leases are renewed by the clock, in a thread of their own: those are not counted.
    """
    said = []

    def note(*event: object) -> None:
        if current_thread().name != "leases":
            said.append(event[2])

    sa.event.listen(hub.store.engine, "before_cursor_execute", note)
    try:
        with hub.alone(now):
            todo = tasks(hub, now, ["2026-M10"], provinces)
            reports = gather(hub, todo, now, lambda *_: None)
    finally:
        sa.event.remove(hub.store.engine, "before_cursor_execute", note)
    assert [each.outcome for each in reports] == [outcome] * len(provinces), reports
    return len(said)


def test_each_provision_takes_as_many_statements_as_any_other(hub: Hub) -> None:
    statements(hub, PROVINCES[:1], "done")  # the catalogue is known from now on
    one, three, four = (
        statements(hub, PROVINCES[first:last], "done") for first, last in ((1, 2), (2, 5), (5, 9))
    )
    assert three - one == 2 * (four - three) > 0


def test_an_old_hub_asks_no_more_than_a_young_one(hub: Hub) -> None:
    statements(hub, PROVINCES[:2], "done")
    counts = [
        statements(hub, PROVINCES[:2], "unchanged", NIGHT + timedelta(days=n)) for n in range(1, 31)
    ]
    assert set(counts) == {counts[0]}


def test_what_a_gather_looks_up_is_found_by_an_index(hub: Hub) -> None:
    """No statement of a gather reads a table that grows from end to end."""
    statements(hub, PROVINCES[:1], "done")
    asked: list[tuple[str, object]] = []

    def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            asked.append((statement, parameters))

    sa.event.listen(hub.store.engine, "before_cursor_execute", note)
    statements(hub, PROVINCES[:1], "unchanged", NIGHT + timedelta(days=1))
    sa.event.remove(hub.store.engine, "before_cursor_execute", note)
    with hub.store.engine.connect() as connection:
        plans = {
            (statement, row[3])
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        }
    growing = (
        "SCAN run",
        "SCAN gather",
        "SCAN submission",
        "SCAN finding",
        "SCAN release",
        "SCAN figure",
    )
    whole = [
        plan for plan in sorted(plans) if plan[1].startswith(growing) and "max(" not in plan[0]
    ]
    assert plans
    assert not whole
