from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from hub_core.errors import StateError
from hub_core.store import tables as t
from hub_core.store.leases import Leases
from hub_core.store.nights import Brakes, Nights
from hub_core.store.store import Store

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
NAME = "gather nghe_an/telecom"


@pytest.fixture
def stores(prepared: str) -> Iterator[list[Store]]:
    """Two hubs' stores on one database."""
    both = [Store(prepared), Store(prepared)]
    yield both
    for each in both:
        each.close()


def ends_at(store: Store) -> float:
    """The end of the one lease that there is, by the database's clock."""
    with store.read() as connection:
        return float(connection.execute(sa.select(t.lease.c.ends_at)).scalar_one())


def leases(stores: list[Store], seconds: float = 60) -> tuple[Leases, Leases]:
    return Leases(stores[0], "vinh", seconds), Leases(stores[1], "hue", seconds)


def test_one_hub_at_a_time(stores: list[Store]) -> None:
    ours, theirs = leases(stores)
    assert ours.take(NAME)
    assert not theirs.take(NAME)
    assert theirs.take("gather ha_tinh/telecom")
    assert ours.live() == theirs.live() == {NAME: "vinh", "gather ha_tinh/telecom": "hue"}
    ours.give_back([NAME])
    assert theirs.take(NAME)
    ours.close()
    theirs.close()
    assert ours.live() == {}


def test_of_two_that_take_at_once_one_has_it(stores: list[Store]) -> None:
    for n in range(20):
        both, ready, taken = leases(stores), Barrier(2), list[str]()

        def race(mine: Leases, name: str, ready: Barrier = ready, taken: list[str] = taken) -> None:
            ready.wait()
            if mine.take(name):
                taken.append(mine.holder)

        threads = [Thread(target=race, args=(each, f"{NAME} {n}")) for each in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == 1
        for each in both:
            each.close()


def test_a_lease_that_is_not_renewed_ends_and_what_is_written_under_it_is_refused(
    stores: list[Store],
) -> None:
    ours, theirs = Leases(stores[0], "vinh", 0.4), Leases(stores[1], "hue")
    assert ours.take(NAME)
    ours._ended.set()  # the hub is stopped, as a machine that sleeps
    until = time.monotonic() + 60
    while not theirs.take(NAME):
        assert time.monotonic() < until
        time.sleep(0.05)
    with (
        pytest.raises(StateError, match="ran out, and another hub may have taken it"),
        stores[0].write() as at_work,
    ):
        ours.check(at_work, NAME)
    ours.give_back([NAME])  # it is theirs now
    assert theirs.holder_of(NAME) == "hue"
    with stores[1].write() as at_work:
        theirs.check(at_work, NAME)
    theirs.close()


def test_a_lease_is_renewed_while_its_holder_works(stores: list[Store]) -> None:
    ours, theirs = leases(stores, seconds=3)
    assert ours.take(NAME)
    first, until = ends_at(stores[0]), time.monotonic() + 60
    while ends_at(stores[0]) < first + ours.seconds:
        assert not theirs.take(NAME)
        assert time.monotonic() < until
        time.sleep(0.1)
    with stores[0].write() as at_work:
        ours.check(at_work, NAME)
    ours.close()


def test_a_home_takes_up_what_it_held_when_it_was_cut_off(stores: list[Store]) -> None:
    before, after = Leases(stores[0], "vinh"), Leases(stores[1], "vinh")
    assert before.take(NAME)
    assert after.take(NAME)
    with pytest.raises(StateError), stores[0].write() as at_work:
        before.check(at_work, NAME)
    after.close()


def test_a_clock_that_jumps_back_a_day_leaves_no_lease_for_a_day(stores: list[Store]) -> None:
    ours, theirs = leases(stores)
    assert ours.take(NAME)
    ours._ended.set()
    with stores[0].write() as connection:  # the end as it looks after the jump
        connection.execute(t.lease.update().values(ends_at=sa.text("ends_at + 86400")))
    assert theirs.take(NAME)
    theirs.close()


def test_holding_says_who_is_at_work(stores: list[Store]) -> None:
    ours, theirs = leases(stores)
    with (
        ours.holding(NAME),
        pytest.raises(StateError, match="another hub is at work on gather nghe_an/telecom: vinh"),
        theirs.holding(NAME),
    ):
        pass
    with theirs.holding(NAME):
        assert ours.holder_of(NAME) == "hue"
    ours.close()
    theirs.close()


def test_a_night_is_begun_again_until_it_is_done(stores: list[Store]) -> None:
    nights, day = Nights(stores[0]), date(2026, 11, 23)
    nights.begin(day, NOW)
    nights.begin(day, NOW)
    nights.end(day, NOW)
    with pytest.raises(StateError, match="the night of 2026-11-23 is done already"):
        nights.begin(day, NOW)
    nights.skip([date(2026, 11, 21), date(2026, 11, 22)], NOW)
    ended = [(str(each.business_date), each.state, each.attempts) for each in nights.all()]
    assert ended == [
        ("2026-11-21", "skipped", 0),
        ("2026-11-22", "skipped", 0),
        ("2026-11-23", "done", 2),
    ]


def test_a_brake_is_put_on_once_and_taken_off(stores: list[Store]) -> None:
    brakes = Brakes(stores[0])
    brakes.put_on("nghe_an", "their system is moved", NOW)
    with pytest.raises(StateError, match="on nghe_an is on already"):
        brakes.put_on("nghe_an", "again", NOW)
    assert brakes.all()["nghe_an"].why == "their system is moved"
    brakes.take_off("nghe_an")
    assert brakes.all() == {}
    with pytest.raises(StateError, match="there is no brake on nghe_an"):
        brakes.take_off("nghe_an")
