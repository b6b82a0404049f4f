from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.calendar.due_rules import DueRule
from hub_core.calendar.working_days import Announced, is_working_day
from hub_core.model.period import Calendar, Period

S, A = Calendar.STATISTICAL, Calendar.ADMINISTRATIVE
last_days = st.dates(date(2000, 1, 1), date(2098, 12, 31))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("+5 days", DueRule("days", 5)),
        ("+1 day", DueRule("days", 1)),
        ("+0 days", DueRule("days", 0)),
        ("-10 days", DueRule("days", -10)),
        ("+2 working days", DueRule("working days", 2)),
        ("-1 working day", DueRule("working days", -1)),
        ("day 15", DueRule("day", 15)),
        ("day 25 of month -1", DueRule("day", 25, -1)),
        ("day 10 of month +1", DueRule("day", 10, 1)),
    ],
)
def test_each_form_is_read(text: str, rule: DueRule) -> None:
    assert DueRule.parse(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "5",
            "5 days",
            "+5",
            "+5days",
            "+ 5 days",
            "+5 days ",
            "+5 weeks",
            "+1000 days",
            "+٥ days",
        ),
        *(
            "+0 working days",
            "+2 Working days",
            "+2 working",
            "day",
            "day 0",
            "day 32",
            "day -1",
            "Day 15",
        ),
        *(
            "day 15 of month",
            "day 15 of month 1",
            "day 15 of month +0",
            "day 15 of month +25",
            "25-11",
            "day 15\n",
        ),
    ],
)
def test_what_is_no_due_rule_is_refused_with_the_forms_that_there_are(text: str) -> None:
    with pytest.raises(
        ValueError, match=r'is no due rule; the forms are "\+5 days", .*"day 25 of month -1"'
    ):
        DueRule.parse(text)


@given(last_days, st.integers(-999, 999))
def test_days_are_counted_from_the_last_day(last: date, n: int) -> None:
    assert (DueRule.parse(f"{n:+d} days").day(last) - last).days == n


@given(last_days, st.integers(1, 31), st.integers(-24, 24).filter(bool))
def test_a_day_of_another_month_is_found_month_by_month(last: date, day: int, months: int) -> None:
    found = DueRule.parse(f"day {day} of month {months:+d}").day(last)
    walked = last.replace(day=1)
    for _ in range(abs(months)):
        walked = (
            walked + timedelta(days=31) if months > 0 else walked - timedelta(days=1)
        ).replace(day=1)
    assert found.replace(day=1) == walked
    assert found.day == min(day, calendar.monthrange(walked.year, walked.month)[1])


def test_working_days_leave_out_what_the_operator_states() -> None:
    rule, stated = (
        DueRule.parse("+2 working days"),
        Announced(holidays=frozenset({date(2026, 11, 17)})),
    )
    assert rule.day(date(2026, 11, 14)) == date(2026, 11, 17)
    assert rule.day(date(2026, 11, 14), stated) == date(2026, 11, 18)


# Circular 02/2023/TT-BTTTT and the practice under Decree 09/2019/ND-CP, written down from their
# words; neither periods nor rules take part here.


def month_days() -> dict[str, date]:
    """By label, the day of Circular 02/2023: the 15th; the 6th of the last month; 6 June.

    25 November.
    """
    told = {}
    for year in range(2019, 2031):
        told |= {f"{year}-M{month:02d}": date(year, month, 15) for month in range(1, 13)}
        told |= {f"{year}-Q{n}": date(year, month, 6) for n, month in enumerate((3, 6, 9, 12), 1)}
        told |= {f"{year}-S1": date(year, 6, 6), f"{year}": date(year, 11, 25)}
    return told


CIRCULAR = {"M": "day 15", "Q": "day 6", "S": "day 6", "A": "day 25 of month -1"}


@pytest.mark.parametrize("when", [S, A])
def test_the_deadlines_of_the_circular_are_before_the_periods_end(when: Calendar) -> None:
    for label, day in month_days().items():
        period = Period.parse(label)
        last = period.days(when)[1]
        assert DueRule.parse(CIRCULAR[period.frequency]).day(last) == day, label
        assert day < last or (when is A and period.frequency == "M" and (day - last).days == 1)


def test_two_working_days_from_the_cut_off_for_every_administrative_period() -> None:
    """The cut-off is the 14th; the two working days are counted on the fingers."""
    for year in range(2019, 2031):
        cut_off = {f"{year}-M{month:02d}": date(year, month, 14) for month in range(1, 13)}
        cut_off |= {f"{year}-Q{n}": date(year, 3 * n, 14) for n in range(1, 5)}
        cut_off |= {
            f"{year}-S1": date(year, 6, 14),
            f"{year}-N1": date(year, 9, 14),
            f"{year}": date(year, 12, 14),
        }
        for label, end in cut_off.items():
            after = [end + timedelta(days=n) for n in range(1, 20)]
            expected = [day for day in after if is_working_day(day)][1]
            assert (
                DueRule.parse("+2 working days").day(Period.parse(label).days(A)[1]) == expected
            ), label


def test_two_working_days_over_tet() -> None:
    """January 2025 in the administrative calendar is ordinary.

    Of February 2026 the 14th is the Saturday before Tết.
    """
    rule = DueRule.parse("+2 working days")
    assert rule.day(Period.parse("2025-M01").days(A)[1]) == date(2025, 1, 16)
    assert rule.day(Period.parse("2026-M02").days(A)[1]) == date(2026, 2, 24)
