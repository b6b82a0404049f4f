from __future__ import annotations

import calendar
import itertools
import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.model.period import Calendar, Period, latest

S, A = Calendar.STATISTICAL, Calendar.ADMINISTRATIVE
COUNTS = {"A": 1, "S": 2, "N": 1, "Q": 4, "M": 12}
ONE_DAY = timedelta(days=1)

LABELS = [
    label
    for year in range(1900, 3000)
    for label in (
        f"{year}",
        f"{year}-S1",
        f"{year}-S2",
        f"{year}-N1",
        *(f"{year}-Q{n}" for n in range(1, 5)),
        *(f"{year}-M{n:02d}" for n in range(1, 13)),
    )
]
labels = st.sampled_from(LABELS)
periods = labels.map(Period.parse)
ALL = [Period.parse(label) for label in LABELS]
whens = st.sampled_from([S, A])


def month_after(year: int, month: int, months: int) -> tuple[int, int]:
    for _ in range(abs(months)):
        month += 1 if months > 0 else -1
        year, month = (
            (year + 1, 1) if month == 13 else (year - 1, 12) if month == 0 else (year, month)
        )
    return year, month


# Labels


def test_every_label_is_read_and_written_alike_and_names_a_period_of_its_own() -> None:
    read = [Period.parse(label) for label in LABELS]
    assert [str(period) for period in read] == LABELS
    assert len(set(read)) == len(LABELS) == 1100 * 20


def test_a_label_says_year_frequency_and_number() -> None:
    assert Period.parse("2025") == Period(2025, "A", 1)
    assert Period.parse("2025-S2") == Period(2025, "S", 2)
    assert Period.parse("2025-N1") == Period(2025, "N", 1)
    assert Period.parse("2025-Q3") == Period(2025, "Q", 3)
    assert Period.parse("2025-M12") == Period(2025, "M", 12)


MALFORMED = [
    *("", " ", "25", "225", "20255", "02025", "-2025", "+2025", "2_25", "nam 2025"),
    *(" 2025", "2025 ", "2025\n", "2025-Q1\n", "\t2025", "2025-", "2025--Q1", "2025-Q", "2025-M"),
    *(
        "2025-M1",
        "2025-M00",
        "2025-M13",
        "2025-M001",
        "2025-M1 ",
        "2025-M-1",
        "2025-01",
        "2025M01",
        "2025/M01",
    ),
    *("2025-Q0", "2025-Q5", "2025-Q01", "2025-q1", "Q1-2025", "2025-QI"),
    *(
        "2025-S0",
        "2025-S3",
        "2025-S01",
        "2025-N0",
        "2025-N2",
        "2025-N01",
        "2025-A1",
        "2025-A",
        "2025-W01",
        "2025-X1",
    ),
    *("٢٠٢٥", "2025-Q١", "２０２５", "2025-Ｑ1", "2025\u2010Q1", "२०२५-M०१", "2025-M1²"),
    *("0000", "1899", "3000", "9999"),
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no such|not a period"):
        Period.parse(text)


@given(st.text(alphabet="0123456789-MQSNA ٢²", min_size=0, max_size=9))
def test_whatever_is_read_is_written_back_as_it_stood(text: str) -> None:
    try:
        period = Period.parse(text)
    except ValueError:
        return
    assert str(period) == text == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize(
    ("label", "right"),
    [
        ("2025-M13", r"a year has the months M01 to M12"),
        ("2025-M00", r"a year has the months M01 to M12"),
        ("2025-Q5", r"a year has the quarters Q1 to Q4"),
        ("2025-S3", r"a year has the half-years S1 and S2"),
        ("2025-N2", r"a year has its first nine months only, N1"),
        ("2025-M1", r"write 2025-M01"),
        ("2025-Q01", r"write 2025-Q1"),
        ("1899", r"years are 1900 to 2999"),
        ("01/2025", r"examples: 2025, 2025-S1, 2025-N1, 2025-Q1, 2025-M01"),
    ],
)
def test_a_label_that_does_not_exist_is_refused_with_what_is_right(label: str, right: str) -> None:
    with pytest.raises(ValueError, match=right):
        Period.parse(label)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("2025", "2025"),
        ("2025-S2", "second half of 2025"),
        ("2025-N1", "first nine months of 2025"),
        ("2025-Q3", "third quarter of 2025"),
        ("2025-M09", "September 2025"),
    ],
)
def test_a_period_has_an_english_name(label: str, name: str) -> None:
    assert Period.parse(label).name_en == name


def test_no_two_periods_have_one_name() -> None:
    assert len({period.name_en for period in ALL}) == len(ALL)


@pytest.mark.parametrize("frequency", ["a", "W", "", "AM"])
def test_a_frequency_of_no_calendar_is_refused(frequency: str) -> None:
    with pytest.raises(ValueError, match="no such period"):
        Period(2025, frequency)


# Statistical calendar: Circular 04/2022/TT-BTTTT


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("2025-S1", date(2025, 1, 1), date(2025, 6, 30)),
        ("2025-S2", date(2025, 7, 1), date(2025, 12, 31)),
        ("2025-N1", date(2025, 1, 1), date(2025, 9, 30)),
        ("2025-Q1", date(2025, 1, 1), date(2025, 3, 31)),
        ("2025-Q4", date(2025, 10, 1), date(2025, 12, 31)),
        ("2025-M02", date(2025, 2, 1), date(2025, 2, 28)),
        ("2024-M02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2100-M02", date(2100, 2, 1), date(2100, 2, 28)),
        ("2025-M12", date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_statistical_periods_run_from_the_first_to_the_last_day(
    label: str, first: date, last: date
) -> None:
    assert Period.parse(label).days(S) == (first, last)


@given(periods)
def test_statistical_days_are_whole_months_within_the_year(period: Period) -> None:
    first, last = period.days(S)
    months = {"A": 12, "N": 9, "S": 6, "Q": 3, "M": 1}[period.frequency]
    assert first.day == 1
    assert (last.year, last.month) == month_after(first.year, first.month, months - 1)
    assert last.day == calendar.monthrange(last.year, last.month)[1]
    assert first.year == last.year == period.year


@pytest.mark.parametrize("frequency", ["A", "S", "Q", "M"])
@given(year=st.integers(1900, 2998))
def test_neighbouring_statistical_periods_leave_no_gap_and_no_overlap(
    frequency: str, year: int
) -> None:
    whole = [
        Period(y, frequency, n) for y in (year, year + 1) for n in range(1, COUNTS[frequency] + 1)
    ]
    for one, next_one in itertools.pairwise(whole):
        assert next_one.days(S)[0] - one.days(S)[1] == ONE_DAY
    assert whole[0].days(S)[0] == date(year, 1, 1)
    assert whole[-1].days(S)[1] == date(year + 1, 12, 31)


# Administrative calendar: Decree 09/2019/ND-CP, article 12, as its table stands in the dossier


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("2025-M01", date(2024, 12, 15), date(2025, 1, 14)),
        ("2025-M03", date(2025, 2, 15), date(2025, 3, 14)),
        ("2025-M12", date(2025, 11, 15), date(2025, 12, 14)),
        ("2025-Q1", date(2024, 12, 15), date(2025, 3, 14)),
        ("2025-Q2", date(2025, 3, 15), date(2025, 6, 14)),
        ("2025-Q3", date(2025, 6, 15), date(2025, 9, 14)),
        ("2025-Q4", date(2025, 9, 15), date(2025, 12, 14)),
        ("2025-S1", date(2024, 12, 15), date(2025, 6, 14)),
        ("2025-N1", date(2024, 12, 15), date(2025, 9, 14)),
        ("2025", date(2024, 12, 15), date(2025, 12, 14)),
    ],
)
def test_administrative_periods_are_those_of_the_decree(
    label: str, first: date, last: date
) -> None:
    assert Period.parse(label).days(A) == (first, last)


@given(periods)
def test_administrative_days_follow_the_decree_for_every_period(period: Period) -> None:
    year, number = period.year, period.number
    if period.frequency == "M":
        before = month_after(year, number, -1)
        expected = date(*before, 15), date(year, number, 14)
    elif period.frequency == "Q":
        before = month_after(year, 3 * number - 2, -1)
        expected = date(*before, 15), date(year, 3 * number, 14)
    else:  # cumulative
        last = {"S": 6 * number, "N": 9, "A": 12}[period.frequency]
        expected = date(year - 1, 12, 15), date(year, last, 14)
    assert period.days(A) == expected


@pytest.mark.parametrize("frequency", ["A", "Q", "M"])
@given(year=st.integers(1900, 2998))
def test_neighbouring_administrative_periods_leave_no_gap_and_no_overlap(
    frequency: str, year: int
) -> None:
    whole = [
        Period(y, frequency, n) for y in (year, year + 1) for n in range(1, COUNTS[frequency] + 1)
    ]
    for one, next_one in itertools.pairwise(whole):
        assert next_one.days(A)[0] - one.days(A)[1] == ONE_DAY


def decree(year: int) -> dict[str, tuple[str, str]]:
    """The administrative periods of a year, typed out from the words of the decree; nothing of ours is asked.

    Month: from the 15th of the month before to the 14th of the month. Quarter: from the 15th of the
    month before it to the 14th of its last month. Six months, nine months, year: from 15 December
    of the year before to 14 June, 14 September, 14 December.
    """
    y, b = year, year - 1
    return {
        f"{y}-M01": (f"{b}-12-15", f"{y}-01-14"),
        f"{y}-M02": (f"{y}-01-15", f"{y}-02-14"),
        f"{y}-M03": (f"{y}-02-15", f"{y}-03-14"),
        f"{y}-M04": (f"{y}-03-15", f"{y}-04-14"),
        f"{y}-M05": (f"{y}-04-15", f"{y}-05-14"),
        f"{y}-M06": (f"{y}-05-15", f"{y}-06-14"),
        f"{y}-M07": (f"{y}-06-15", f"{y}-07-14"),
        f"{y}-M08": (f"{y}-07-15", f"{y}-08-14"),
        f"{y}-M09": (f"{y}-08-15", f"{y}-09-14"),
        f"{y}-M10": (f"{y}-09-15", f"{y}-10-14"),
        f"{y}-M11": (f"{y}-10-15", f"{y}-11-14"),
        f"{y}-M12": (f"{y}-11-15", f"{y}-12-14"),
        f"{y}-Q1": (f"{b}-12-15", f"{y}-03-14"),
        f"{y}-Q2": (f"{y}-03-15", f"{y}-06-14"),
        f"{y}-Q3": (f"{y}-06-15", f"{y}-09-14"),
        f"{y}-Q4": (f"{y}-09-15", f"{y}-12-14"),
        f"{y}-S1": (f"{b}-12-15", f"{y}-06-14"),
        f"{y}-N1": (f"{b}-12-15", f"{y}-09-14"),
        f"{y}": (f"{b}-12-15", f"{y}-12-14"),
    }


@pytest.mark.parametrize("year", range(2019, 2031))
def test_every_administrative_period_since_the_decree_is_as_it_is_written(year: int) -> None:
    told = {label: tuple(map(str, Period.parse(label).days(A))) for label in decree(year)}
    assert told == decree(year)
    assert {str(p) for p in ALL if p.year == year} - set(told) == {
        f"{year}-S2"
    }  # of which it does not speak


def test_the_second_half_year_of_the_administrative_calendar_counts_from_the_years_beginning() -> (
    None
):
    assert Period.parse("2025-S2").days(A) == Period.parse("2025").days(A)


# Days: containment, overlap


def every_day(period: Period, when: Calendar) -> set[int]:
    first, last = period.days(when)
    return set(range(first.toordinal(), last.toordinal() + 1))


@given(periods, st.integers(-1, 1), st.sampled_from(LABELS[:20]), whens)
def test_containment_and_overlap_are_those_of_the_days(
    one: Period, years: int, label: str, when: Calendar
) -> None:
    year = min(max(one.year + years, 1900), 2999)
    other = Period.parse(f"{year}{label[4:]}")
    mine, its = every_day(one, when), every_day(other, when)
    assert one.within(other, when) == (mine <= its)
    assert other.within(one, when) == (its <= mine)
    assert one.overlaps(other, when) == other.overlaps(one, when) == bool(mine & its)


def test_what_a_quarter_lies_in_depends_on_the_calendar() -> None:
    third, half = Period.parse("2025-Q3"), Period.parse("2025-S2")
    assert third.within(half, S)
    assert third.within(half, A)
    assert Period.parse("2025-Q1").within(half, A)
    assert not Period.parse("2025-Q1").overlaps(half, S)


@pytest.mark.parametrize("when", [S, A])
def test_parts_lie_within_their_whole_for_every_label(when: Calendar) -> None:
    for period in ALL:
        assert all(
            part.within(period, when) for frequency in "SQM" for part in period.parts(frequency)
        )


# Time ranges


@pytest.mark.parametrize(
    ("label", "when", "text"),
    [
        ("2025-M01", S, "2025-01-01/P1M"),
        ("2025-M01", A, "2024-12-15/P1M"),
        ("2025-M03", A, "2025-02-15/P1M"),
        ("2025-Q4", S, "2025-10-01/P3M"),
        ("2025-Q2", A, "2025-03-15/P3M"),
        ("2025-S2", S, "2025-07-01/P6M"),
        ("2025-S1", A, "2024-12-15/P6M"),
        ("2025-S2", A, "2024-12-15/P12M"),
        ("2025-N1", S, "2025-01-01/P9M"),
        ("2025-N1", A, "2024-12-15/P9M"),
        ("2025", S, "2025-01-01/P1Y"),
        ("2025", A, "2024-12-15/P1Y"),
    ],
)
def test_a_time_range_is_the_first_day_and_the_duration(
    label: str, when: Calendar, text: str
) -> None:
    assert Period.parse(label).time_range(when) == text
    assert Period.from_time_range(text) == (Period.parse(label), when)


@pytest.mark.parametrize("when", [S, A])
def test_every_time_range_is_read_back(when: Calendar) -> None:
    assert [Period.from_time_range(period.time_range(when)) for period in ALL] == [
        (period, when) for period in ALL
    ]


@given(periods, whens)
def test_a_time_range_ends_where_the_days_end(period: Period, when: Calendar) -> None:
    start, _, duration = period.time_range(when).partition("/P")
    first = date.fromisoformat(start)
    year, month = month_after(
        first.year, first.month, int(duration[:-1]) * {"M": 1, "Y": 12}[duration[-1]]
    )
    assert (first, date(year, month, first.day) - ONE_DAY) == period.days(when)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "2025",
            "2025-01-01",
            "2025-01-01/P",
            "2025-01-01/P2M",
            "2025-01-01/P12M",
            "2025-01-01/P01M",
        ),
        *(
            "2025-02-01/P3M",
            "2025-04-01/P6M",
            "2025-04-01/P9M",
            "2025-02-01/P1Y",
            "2025-01-02/P1M",
            "2025-01-31/P1M",
        ),
        *(
            "2025-01-15/P1Y",
            "2025-01-15/P12M",
            "2025-02-30/P1M",
            "2025-13-01/P1M",
            "2025-01-01/P1D",
            "2025-01-01/P31D",
        ),
        *(
            "2025-01-01T00:00:00/P1M",
            "1899-01-01/P1M",
            "3000-01-01/P1Y",
            "2999-12-15/P1M",
            " 2025-01-01/P1M",
        ),
        *("2025-01-01/P0M", "2025-01-01/P1M\n", "2025-01-01/2025-01-31"),
    ],
)
def test_a_time_range_of_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time range|day|month"):
        Period.from_time_range(text)


# Parts

FINER = [(whole, part) for whole in "ASNQM" for part in "ASNQM"]
EXPECTED_PARTS = {
    ("A", "S"): 2,
    ("A", "Q"): 4,
    ("A", "M"): 12,
    ("S", "Q"): 2,
    ("S", "M"): 6,
    ("N", "Q"): 3,
    ("N", "M"): 9,
    ("Q", "M"): 3,
}


@pytest.mark.parametrize(("whole", "part"), FINER)
@given(year=st.integers(1900, 2999), data=st.data())
def test_parts_make_up_the_whole_or_there_are_none(
    whole: str, part: str, year: int, data: st.DataObject
) -> None:
    period = Period(year, whole, data.draw(st.integers(1, COUNTS[whole])))
    parts = period.parts(part)
    assert len(parts) == EXPECTED_PARTS.get((whole, part), 0)
    if not parts:
        return
    assert all(each.frequency == part for each in parts)
    assert (parts[0].days(S)[0], parts[-1].days(S)[1]) == period.days(S)
    for one, next_one in itertools.pairwise(parts):
        assert next_one.days(S)[0] - one.days(S)[1] == ONE_DAY
        assert one.shift(1) == next_one


@pytest.mark.parametrize(
    ("whole", "part"), [("A", "Q"), ("A", "M"), ("N", "Q"), ("N", "M"), ("Q", "M")]
)
@given(year=st.integers(1900, 2999), data=st.data())
def test_months_and_quarters_make_up_administrative_periods_too(
    whole: str, part: str, year: int, data: st.DataObject
) -> None:
    period = Period(year, whole, data.draw(st.integers(1, COUNTS[whole])))
    parts = period.parts(part)
    assert (parts[0].days(A)[0], parts[-1].days(A)[1]) == period.days(A)
    for one, next_one in itertools.pairwise(parts):
        assert next_one.days(A)[0] - one.days(A)[1] == ONE_DAY


# Shift


@given(
    st.sampled_from([period for period in ALL if 1980 <= period.year <= 2919]),
    st.integers(-40, 40),
    st.integers(-40, 40),
)
def test_shifts_add_up(period: Period, some: int, more: int) -> None:
    assert period.shift(some).shift(more) == period.shift(some + more)
    assert period.shift(0) == period
    assert period.shift(some).frequency == period.frequency


def test_a_step_and_a_step_back_is_nothing_for_every_label() -> None:
    for period in ALL:
        if period.number < COUNTS[period.frequency] or period.year < 2999:
            assert period.shift(1).shift(-1) == period
            assert period.shift(1) > period


def test_a_shift_out_of_the_years_that_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="no such year: 3000"):
        Period.parse("2999-M12").shift(1)
    with pytest.raises(ValueError, match="no such year: 1899"):
        Period.parse("1900").shift(-1)


def test_a_shift_crosses_years() -> None:
    assert str(Period.parse("2025-M01").shift(-1)) == "2024-M12"
    assert str(Period.parse("2025-Q4").shift(1)) == "2026-Q1"
    assert str(Period.parse("2025-S1").shift(-3)) == "2023-S2"
    assert str(Period.parse("2025-N1").shift(-1)) == "2024-N1"
    assert str(Period.parse("2025").shift(12)) == "2037"


# Latest

days = st.dates(date(1991, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize("when", [S, A])
@pytest.mark.parametrize("frequency", ["A", "S", "N", "Q", "M"])
@given(day=days)
def test_the_latest_period_had_ended_and_the_next_one_had_not(
    frequency: str, when: Calendar, day: date
) -> None:
    found = latest(frequency, when, day)
    assert found.frequency == frequency
    assert found.days(when)[1] < day <= found.shift(1).days(when)[1]


def test_a_period_counts_as_ended_on_the_day_after_its_last() -> None:
    assert str(latest("M", S, date(2025, 1, 31))) == "2024-M12"
    assert str(latest("M", S, date(2025, 2, 1))) == "2025-M01"
    assert str(latest("Q", A, date(2025, 3, 14))) == "2024-Q4"
    assert str(latest("Q", A, date(2025, 3, 15))) == "2025-Q1"
    assert str(latest("A", A, date(2025, 12, 15))) == "2025"
    assert str(latest("A", S, date(2025, 12, 15))) == "2024"
    assert str(latest("N", S, date(2025, 9, 30))) == "2024-N1"


@pytest.mark.parametrize("when", [S, A])
@pytest.mark.parametrize("frequency", ["A", "S", "N", "Q", "M"])
def test_the_latest_is_what_a_search_through_all_finds(frequency: str, when: Calendar) -> None:
    """On every day of two years, so also on 31 December, on the 14th and the 15th, and on 29 February."""
    near = [p for p in ALL if p.frequency == frequency and 2021 <= p.year <= 2026]
    day = date(2023, 12, 1)
    while day < date(2026, 1, 20):
        ended = [p for p in near if p.days(when)[1] < day]
        assert latest(frequency, when, day) == max(ended, key=lambda p: p.days(when)[1]), day
        day += ONE_DAY


def test_the_latest_is_known_to_the_last_day_there_is() -> None:
    assert str(latest("A", A, date(2999, 12, 15))) == "2999"
    assert str(latest("M", S, date(2999, 12, 31))) == "2999-M11"


# Order


@given(st.lists(periods, min_size=2, max_size=30))
def test_periods_are_ordered_by_their_last_day_the_longest_first(some: list[Period]) -> None:
    length = {"A": 12, "N": 9, "S": 6, "Q": 3, "M": 1}
    ordered = sorted(some)
    keys = [(each.days(S)[1], -length[each.frequency]) for each in ordered]
    assert keys == sorted(keys)


@given(periods, periods)
def test_of_two_periods_exactly_one_relation_holds(one: Period, other: Period) -> None:
    assert [one < other, one == other, one > other].count(True) == 1
    assert (one <= other) == (not other < one)
