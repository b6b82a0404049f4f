from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core import structures
from hub_core.calendar.working_days import Announced
from hub_core.config.operator import Config, Obligation
from hub_core.config.settings import HubSettings
from hub_core.errors import StateError
from hub_core.model.period import Calendar, Period
from hub_core.obligations import Due, business_date, check_frequency, due, due_day, owed
from hub_core.store.revisions import Submission

ROOT = Path(__file__).parent.parent.parent
HANOI = timezone(timedelta(hours=7))
TEXTS = structures.read_texts(ROOT / "config")
Q1 = Period.parse("2025-Q1")  # ends on 31 March, due on 5 April


def duty(**told: Any) -> Obligation:
    fixed = {
        "dataflow": "TELECOM",
        "provider": "HUE.SKHCN",
        "province": "hue",
        "speaks_for": ["vn-thua-thien-hue"],
        "frequencies": ["M", "Q"],
        "due": {"M": "-7 days", "Q": "+5 days"},
        "when_closed": "same",  # 5 April is a Saturday
        "legal": "Thông tư 04/2022/TT-BTTTT",
    }
    return Obligation.model_validate(fixed | told)


def config(*duties: Obligation) -> Config:
    catalogue = structures.catalogue(TEXTS)
    return Config(Path(), HubSettings(name="x"), catalogue, TEXTS, duties or (duty(),), ())


def at(text: str) -> datetime:
    """A moment by the clock of Hanoi."""
    return datetime.fromisoformat(text).replace(tzinfo=HANOI)


def submission(came: str, **told: Any) -> Submission:
    fixed: dict[str, Any] = dict.fromkeys(Submission.__dataclass_fields__)
    fixed |= {
        "id": 1,
        "province": "hue",
        "provision": "telecom",
        "provider": "HUE.SKHCN",
        "dataflow": "TELECOM",
        "calendar": "S",
        "period": "2025-Q1",
        "revision": 1,
        "origin_start": date(2025, 1, 1),
        "sequence": 1,
        "replay": 0,
        "kind": "figures",
        "nil": False,
        "blocked": [],
        "admitted_at": at(came),
    }
    return Submission(**fixed | told)


def became(*submissions: Submission, now: str = "2025-04-10T12:00", **told: Any) -> Due:
    [found] = due(config(duty(**told)), "TELECOM", Q1, submissions, at(now))
    return found


# Who owes


def test_an_obligation_holds_for_its_dataflow_frequencies_and_dates() -> None:
    duties = [
        duty(),
        duty(provider="A.A", frequencies=["A"], due={"A": "+1 day"}),
        duty(provider="B.B", dataflow="DENOMINATORS"),
        duty(provider="C.C", valid_to=date(2025, 3, 30)),
        duty(provider="D.D", valid_to=date(2025, 3, 31)),
        duty(provider="E.E", valid_from=date(2025, 3, 31)),
        duty(provider="F.F", valid_from=date(2025, 4, 1)),
    ]
    found = owed(config(*duties), "TELECOM", Q1)
    assert [each.provider for each in found] == ["HUE.SKHCN", "D.D", "E.E"]


def test_quang_binh_owes_until_the_merger() -> None:
    shipped = Config(
        Path(), HubSettings(name="x"), structures.catalogue(TEXTS), TEXTS, _shipped(), ()
    )

    def provinces(label: str) -> set[str]:
        return {each.province for each in owed(shipped, "TELECOM", Period.parse(label))}

    assert provinces("2025-Q2") - provinces("2025-Q3") == {"quang_binh"}
    assert len(provinces("2025-Q2")) == 6
    assert len(provinces("2025-Q3")) == 5
    assert "quang_binh" not in provinces("2025")


def _shipped() -> tuple[Obligation, ...]:
    files = sorted((ROOT / "config" / "obligations").glob("*.toml"))
    told = [
        each
        for path in files
        for each in tomllib.loads(path.read_text(encoding="utf-8"))["obligation"]
    ]
    return tuple(Obligation.model_validate(each) for each in told)


# When it is due


def test_a_report_is_due_some_days_after_the_period_or_before_its_end() -> None:
    assert became().due == date(2025, 4, 5)
    [monthly] = due(config(), "TELECOM", Period.parse("2025-M03"), [], at("2025-03-20T00:00"))
    assert monthly.due == date(2025, 3, 24)


def test_what_is_due_on_a_day_off_is_due_on_the_next_working_day() -> None:
    """5 April 2025 is a Saturday, 7 April the day of the Hùng Kings."""
    assert became(when_closed="next").due == date(2025, 4, 8)
    assert became(when_closed="next", now="2025-04-08T23:59").state == "open"
    assert became(when_closed="next", now="2025-04-09T00:00").state == "missing"
    assert became(submission("2025-04-09T05:59"), when_closed="next").state == "met"
    assert became(submission("2025-04-09T06:00"), when_closed="next").state == "late"


def test_a_day_that_the_operator_states_moves_what_is_due() -> None:
    stated = Announced(
        holidays=frozenset({date(2025, 4, 8)}), working=frozenset({date(2025, 4, 5)})
    )
    ordinary, moved = (
        config(duty(when_closed="next")),
        Announced(holidays=frozenset({date(2025, 4, 8)})),
    )
    assert due_day(ordinary, ordinary.obligations[0], Q1) == date(2025, 4, 8)
    assert due_day(replace(ordinary, announced=moved), ordinary.obligations[0], Q1) == date(
        2025, 4, 9
    )
    assert due_day(replace(ordinary, announced=stated), ordinary.obligations[0], Q1) == date(
        2025, 4, 5
    )


def test_telecom_is_due_in_2026_as_it_was_and_not_on_a_weekend() -> None:
    """The last days are those of the calendar; three of them are days off."""
    shipped = Config(
        Path(), HubSettings(name="x"), structures.catalogue(TEXTS), TEXTS, _shipped(), ()
    )
    nghe_an = next(each for each in shipped.obligations if each.province == "nghe_an")
    labels = ["2026-M09", "2026-M10", "2026-M11", "2026-Q2", "2026-Q3", "2026"]
    told = {label: str(due_day(shipped, nghe_an, Period.parse(label))) for label in labels}
    assert told == {
        "2026-M09": "2026-10-05",
        "2026-M10": "2026-11-05",
        "2026-M11": "2026-12-07",  # a Saturday
        "2026-Q2": "2026-07-10",
        "2026-Q3": "2026-10-12",  # a Saturday
        "2026": "2027-01-20",
    }


def test_a_period_that_a_dataflow_does_not_know_is_refused() -> None:
    assert check_frequency(config(), "TELECOM", Q1) == Q1
    with pytest.raises(
        StateError, match="TELECOM is reported by M, Q, A, and 2025-N1 is none of these"
    ):
        check_frequency(config(), "TELECOM", Period.parse("2025-N1"))


@pytest.mark.parametrize(
    ("now", "state"),
    [("2025-03-01T00:00", "open"), ("2025-04-05T23:59", "open"), ("2025-04-06T00:00", "missing")],
)
def test_nothing_in_is_open_until_the_due_day_is_over_in_hanoi(now: str, state: str) -> None:
    assert became(now=now).state == state
    [same] = due(config(), "TELECOM", Q1, [], at(now).astimezone(UTC))
    assert same.state == state


@pytest.mark.parametrize(
    ("came", "state"),
    [
        ("2025-03-20T00:00", "met"),
        ("2025-04-05T23:59", "met"),
        ("2025-04-06T05:59", "met"),  # the night after the due day
        ("2025-04-06T06:00", "late"),
        ("2025-05-01T00:00", "late"),
    ],
)
def test_what_the_night_after_the_due_day_brings_is_in_time(came: str, state: str) -> None:
    found = became(submission(came), now="2025-06-01T00:00")
    assert (found.state, found.came_at) == (state, at(came))


# What it came to


def test_the_first_that_counted_decides_and_corrections_do_not_make_it_late() -> None:
    first, second = (
        submission("2025-04-01T02:00"),
        submission("2025-05-01T02:00", id=2, sequence=2, revision=2),
    )
    found = became(second, first, now="2025-06-01T00:00")
    assert (found.state, found.came_at) == ("met", at("2025-04-01T02:00"))


def test_a_nil_return_is_a_statement() -> None:
    assert became(submission("2025-04-01T02:00", nil=True, kind="nil")).state == "nil"


def test_figures_after_a_nil_are_figures() -> None:
    nil = submission("2025-04-01T02:00", nil=True, kind="nil")
    assert became(nil, submission("2025-04-02T02:00", sequence=2)).state == "met"


def test_what_is_held_is_not_in() -> None:
    held = submission("2025-04-01T02:00", blocked=["V016"])
    assert became(held).state == "held"
    assert became(held, now="2025-04-02T00:00").state == "held"


def test_what_is_held_above_a_standing_one_leaves_it_in() -> None:
    held = submission("2025-04-02T02:00", sequence=2, blocked=["V016"])
    assert became(submission("2025-04-01T02:00"), held).state == "met"


def test_what_was_held_counts_from_its_acceptance() -> None:
    accepted = submission("2025-04-01T02:00", blocked=["V016"], accepted_at=at("2025-04-20T09:00"))
    found = became(accepted, now="2025-06-01T00:00")
    assert (found.state, found.came_at) == ("late", at("2025-04-20T09:00"))


def test_after_a_withdrawal_it_is_owed_again() -> None:
    gone = submission("2025-04-02T02:00", sequence=2, kind="withdrawal")
    assert became(submission("2025-04-01T02:00"), gone).state == "missing"
    assert became(submission("2025-04-01T02:00"), gone, now="2025-04-03T00:00").state == "open"


@pytest.mark.parametrize(
    "told",
    [
        {"period": "2025-Q2"},
        {"dataflow": "DENOMINATORS"},
        {"provider": "HUE.SXD"},
        {"province": "nghe_an"},
        {"calendar": "A"},
    ],
)
def test_what_another_sent_or_for_another_period_does_not_count(told: dict[str, Any]) -> None:
    assert became(submission("2025-04-01T02:00", **told)).state == "missing"


def test_provisions_that_came_are_named() -> None:
    one, two = submission("2025-04-01T02:00"), submission("2025-04-01T02:00", provision="a_second")
    assert became(one, two, one).provisions == ("a_second", "telecom")


# The day


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2025-04-01T16:59:59+00:00", date(2025, 4, 1)),
        ("2025-04-01T17:00:00+00:00", date(2025, 4, 2)),
        ("2025-04-02T02:00:00+07:00", date(2025, 4, 2)),
        ("2025-04-01T14:00:00-05:00", date(2025, 4, 2)),
    ],
)
def test_the_business_date_is_vietnams(now: str, day: date) -> None:
    assert business_date(datetime.fromisoformat(now)) == day


@given(
    st.datetimes(datetime(2019, 1, 1), datetime(2030, 12, 31, 23, 59)),  # noqa: DTZ001  # the zone is drawn
    st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_the_business_date_is_that_of_a_clock_seven_hours_ahead(
    naive: datetime, zone: timezone
) -> None:
    now = naive.replace(tzinfo=zone)
    seconds = int(now.timestamp()) + 7 * 3600
    assert business_date(now) == date(1970, 1, 1) + timedelta(days=seconds // 86400)


@given(
    st.integers(-4 * 24 * 60, 4 * 24 * 60),
    st.sampled_from(["2025-M12", "2025-Q1", "2024-M02", "2025-Q4"]),
)
def test_in_time_is_until_the_morning_after_whatever_the_minute(minutes: int, label: str) -> None:
    """The minute of admission from the start of the day after the due day; 06:00 is minute 360."""
    period = Period.parse(label)
    last = period.days(Calendar.STATISTICAL)[1]
    day = last + timedelta(days={"M": -7, "Q": 5}[period.frequency] + 1)
    midnight = datetime(day.year, day.month, day.day, tzinfo=HANOI)
    came = submission(
        "2025-01-01T00:00", period=label, admitted_at=midnight + timedelta(minutes=minutes)
    )
    [found] = due(config(), "TELECOM", period, [came], midnight + timedelta(days=9))
    assert found.state == ("met" if minutes < 360 else "late")
    [awaited] = due(config(), "TELECOM", period, [], midnight + timedelta(minutes=minutes))
    assert awaited.state == ("open" if minutes < 0 else "missing")
