from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Literal

import pytest

from hub_core.config.settings import Schedule
from hub_core.errors import (
    DeliveryRefused,
    DeliveryUnavailable,
    HubError,
    SourceRefused,
    SourceUnavailable,
)
from hub_core.obligations import ZONE
from hub_core.serving.scheduler import Journey, Ledger, Plan, plan
from hub_core.store.nights import Brake, Night

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZONE)
EMPTY = Ledger([], [], [], {})
UNAVAILABLE = SourceUnavailable("no answer").as_dict()


def night(day: str, state: str = "done") -> Night:
    at = datetime.fromisoformat(f"{day}T02:00:00").replace(tzinfo=ZONE)
    return Night(date.fromisoformat(day), state, 1, at, at if state == "done" else None)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def days(found: Plan) -> list[str]:
    return [str(each.day) for each in found.journeys if each.kind == "night"]


def test_the_night_begins_at_its_hour_in_vietnam_once_a_business_date() -> None:
    known = Ledger([night("2026-11-22")], [], [], {})
    assert plan(Schedule(), known, at("2026-11-23T01:59:59")).journeys == []
    assert plan(Schedule(), known, at("2026-11-23T02:00:00")).journeys == [
        Journey("night", date(2026, 11, 23))
    ]
    assert Journey("night", date(2026, 11, 23)).words == ["night", "--date", "2026-11-23"]
    done = Ledger([night("2026-11-22"), night("2026-11-23")], [], [], {})
    assert plan(Schedule(), done, at("2026-11-23T23:59:59")).journeys == []


def test_the_first_night_is_todays() -> None:
    assert days(plan(Schedule(), EMPTY, NOON)) == ["2026-11-23"]
    assert days(plan(Schedule(missed="skip"), EMPTY, NOON)) == []


@pytest.mark.parametrize(
    ("rule", "run", "skipped"),
    [
        ("run_each", ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"], []),
        ("run_latest", ["2026-11-23"], ["2026-11-20", "2026-11-21", "2026-11-22"]),
        ("skip", [], ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]),
    ],
)
def test_missed_nights_go_by_their_rule(
    rule: Literal["run_each", "run_latest", "skip"], run: list[str], skipped: list[str]
) -> None:
    found = plan(Schedule(missed=rule), Ledger([night("2026-11-19")], [], [], {}), NOON)
    assert (days(found), [str(day) for day in found.skipped]) == (run, skipped)


def test_a_night_a_little_late_was_not_missed() -> None:
    known = Ledger([night("2026-11-22")], [], [], {})
    assert days(plan(Schedule(missed="skip"), known, at("2026-11-23T02:59:00"))) == ["2026-11-23"]
    late = plan(Schedule(missed="skip"), known, at("2026-11-23T03:01:00"))
    assert (days(late), [str(day) for day in late.skipped]) == ([], ["2026-11-23"])


def test_a_night_that_was_cut_off_is_taken_again() -> None:
    known = Ledger([night("2026-11-23", "running")], [], [], {})
    assert days(plan(Schedule(), known, at("2026-11-23T02:20:00"))) == ["2026-11-23"]
    since = plan(Schedule(), Ledger([night("2026-11-21", "running")], [], [], {}), NOON)
    assert (days(since), [str(day) for day in since.skipped]) == (
        ["2026-11-23"],
        ["2026-11-21", "2026-11-22"],
    )


def test_a_night_that_is_cut_off_again_and_again_waits_longer_each_time() -> None:
    began = at("2026-11-23T02:10:00")

    def due(attempts: int, minutes: float) -> bool:
        known = Night(date(2026, 11, 23), "running", attempts, began, None)
        found = plan(Schedule(), Ledger([known], [], [], {}), began + timedelta(minutes=minutes))
        assert found.skipped == []
        return days(found) == ["2026-11-23"]

    assert due(1, 0)  # a hub that was killed goes on at once
    assert [due(2, 0.9), due(2, 1)] == [False, True]
    assert [due(5, 7.9), due(5, 8)] == [False, True]
    assert [due(100, 59), due(100, 60)] == [False, True]
    assert due(100, -1)  # noted by a clock that was ahead


def test_a_clock_that_jumps_back_a_day_runs_nothing_twice() -> None:
    known = Ledger([night("2026-11-21"), night("2026-11-22"), night("2026-11-23")], [], [], {})
    assert plan(Schedule(), known, NOON - timedelta(days=1)) == Plan([], [])


def test_the_brake_on_nights_stops_them_and_nothing_else() -> None:
    brakes = {"nights": Brake("nights", "holiday", NOON)}
    waiting = [{"sent_at": None, "error": None, "attempts": 0}]
    found = plan(Schedule(), Ledger([night("2026-11-22")], [], waiting, brakes), NOON)
    assert [each.kind for each in found.journeys] == ["deliver"]
    brakes["deliveries"] = Brake("deliveries", "holiday", NOON)
    assert plan(Schedule(), Ledger([night("2026-11-22")], [], waiting, brakes), NOON).journeys == []


def runs(
    *told: tuple[str, HubError | None], ended: datetime = NOON, province: str = "nghe_an"
) -> list[dict[str, Any]]:
    return [
        {
            "id": n,
            "kind": "gather",
            "province": province,
            "provision": "telecom",
            "outcome": outcome,
            "error": error.as_dict() if error else None,
            "started_at": ended,
            "ended_at": ended,
        }
        for n, (outcome, error) in enumerate(told)
    ]


FAILED = ("failed", SourceUnavailable("no answer"))
TODAY = [night("2026-11-23")]


@pytest.mark.parametrize(
    ("told", "minutes", "again"),
    [
        ([FAILED], 9, False),
        ([FAILED], 10, True),
        ([FAILED, FAILED], 29, False),
        ([FAILED, FAILED], 30, True),
        ([FAILED, FAILED, FAILED], 90, True),
        ([FAILED, FAILED, FAILED, FAILED], 1000, False),  # enough for this night
        ([FAILED, ("done", None)], 1000, False),
        ([("done", None), FAILED], 10, True),
        ([("failed", SourceRefused("no"))], 1000, False),  # somebody must act
        ([("interrupted", None)], 10, True),
        ([("held", None)], 1000, False),
    ],
)
def test_what_could_not_be_reached_is_asked_again_as_a_later_run(
    told: list[tuple[str, HubError | None]], minutes: int, again: bool
) -> None:
    found = plan(
        Schedule(missed="run_each"),
        Ledger(TODAY, runs(*told), [], {}),
        NOON + timedelta(minutes=minutes),
    )
    nights = {"night"} if minutes >= 1000 else set()  # the next morning's
    assert {each.kind for each in found.journeys} - nights == ({"again"} if again else set())
    if again:
        assert found.journeys[-1].words == ["night", "--again", "nghe_an/telecom"]


def test_a_stopped_province_is_not_asked_again() -> None:
    brakes = {"nghe_an": Brake("nghe_an", "moving", NOON)}
    both = runs(FAILED) + runs(FAILED, province="ha_tinh")
    [found] = plan(
        Schedule(), Ledger(TODAY, both, [], brakes), NOON + timedelta(minutes=10)
    ).journeys
    assert found.provisions == ("ha_tinh/telecom",)


@pytest.mark.parametrize(
    ("attempts", "error", "minutes", "sends"),
    [
        (0, None, 0, True),
        (1, DeliveryUnavailable("no"), 0, False),
        (1, DeliveryUnavailable("no"), 1, True),
        (3, DeliveryUnavailable("no"), 3, False),
        (3, DeliveryUnavailable("no"), 4, True),
        (40, DeliveryUnavailable("no"), 360, True),
        (1, DeliveryRefused("no"), 1000, False),  # the operator must act
        (1, None, 1000, True),  # sent, and the answer was lost with the hub
    ],
)
def test_deliveries_are_sent_again_ever_more_seldom(
    attempts: int, error: HubError | None, minutes: int, sends: bool
) -> None:
    row = {
        "sent_at": NOON if attempts else None,
        "attempts": attempts,
        "error": error.as_dict() if error else None,
    }
    known = Ledger([*TODAY, night("2026-11-24")], [], [row], {})
    found = plan(Schedule(), known, NOON + timedelta(minutes=minutes)).journeys
    assert [each.words for each in found] == ([["delivery", "send"]] if sends else [])
