from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core import rules
from hub_core.mapping.lookup import IGNORED
from hub_core.model.catalogue import Catalogue, Indicator
from hub_core.model.finding import Severity
from hub_core.model.observation import MEASURES, STATUSES, VALUE
from hub_core.model.org_unit import OrgUnit, Validity
from hub_core.model.period import Calendar, Period
from hub_core.rules import FIELDS, RULES, RuleContext
from hub_core.stages.validate import Codes, Validator


def indicator(code: str, allowed: str, kind: str = "stock") -> Indicator:
    agg = "ratio" if kind == "ratio" else "sum"
    return Indicator(code, "F", code, code, "u", kind, agg, "last", "", "", ("Q",), allowed)


INDICATORS = [
    indicator("FREE", "any"),
    indicator("GUARDED", ">=0"),  # V005
    indicator("POSITIVE", ">0"),
    indicator("SMALL", "<5"),
    indicator("AT_MOST", "<=5.5"),
    indicator("BETWEEN", "-5..5.5"),
    indicator("PERCENT", "0..100", "ratio"),  # V014
    indicator("WIDE_PERCENT", "0..200", "ratio"),
    indicator("SHARE", "0..100", "index"),
    indicator("PART", "<=GUARDED"),  # V007
    indicator("STRANGE", "any"),  # outside the obligation
]
UNITS = ["u-1", "u-2", "u-other", "u-past", "u-soon"]
LIVES = {
    "u-past": Validity(
        None, date(2025, 3, 14)
    ),  # lived in 2025-Q1, and in no later quarter of either calendar
    "u-soon": Validity(date(2025, 3, 31), None),  # its first day is the last of 2025-Q1
}
PERIODS = ["2025-Q1", "2025-Q2", "2024"]
CATALOGUE = Catalogue(
    {},
    {each.code: each for each in INDICATORS},
    {},
    {u: OrgUnit(u, "province", "", LIVES.get(u, Validity())) for u in UNITS},
    (),
    (),
    "",
)
LIMITS = RuleContext(
    CATALOGUE,
    frozenset(UNITS) - {"u-other"},
    frozenset(each.code for each in INDICATORS if each.code != "STRANGE"),
    Calendar.STATISTICAL,
    PERIODS,
)
CODES = Codes(
    "S",
    {
        "indicator": CATALOGUE.indicator_codes,
        "org_unit": CATALOGUE.org_unit_ids,
        "period": PERIODS,
        "measure": list(MEASURES),
        "dims": ["", "SEX=F"],
        "status": list(STATUSES),
    },
)
UNIT_NAMES = ["thuê bao"]
SIZES = {**{name: len(codes) for name, codes in CODES.lists.items()}, "unit": len(UNIT_NAMES)}


def normalised(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """A frame as ``Normaliser`` gives it, one observation a dictionary.

    What is not said is sound.
    """
    sound = {
        **dict.fromkeys(SIZES, 0),
        "status": STATUSES.index("A"),
        "value": Decimal(1),
        "fault": 0,
    }
    made = [{**sound, "part": 0, "row": n, "column": "gt", **row} for n, row in enumerate(rows)]
    frame = pl.DataFrame(
        [{name: cell for name, cell in row.items() if name != "~refused"} for row in made],
        schema={
            **dict.fromkeys(SIZES, pl.UInt32),
            "value": VALUE,
            "fault": pl.UInt8,
            "part": pl.UInt32,
            "row": pl.UInt64,
            "column": pl.String,
        },
    )
    texts = [pl.format("{} {}", pl.lit(f), pl.col("row")).alias(f"~{f}") for f in (*SIZES, "value")]
    refused = pl.Series("~refused", [row.get("~refused") for row in rows], dtype=pl.String)
    return frame.with_columns(*texts, refused)


def found(
    rows: list[dict[str, Any]], limits: RuleContext = LIMITS
) -> tuple[list[int], set[tuple[int, str, str, str]]]:
    """Rows that stay, and (row, code, field, text) of what was found."""
    validator = Validator(limits, CODES, None)
    kept = validator(normalised(rows))
    left = pl.concat(validator.quarantine) if validator.quarantine else pl.DataFrame()
    marks = [(r["row"], r["code"], r["field"], r["text"]) for r in left.iter_rows(named=True)]
    assert len(marks) == len(set(marks))
    return kept["row"].to_list(), set(marks)


def at(code: str) -> int:
    return CATALOGUE.indicator_codes.index(code)


def breaks(code: str, value: Decimal | None) -> str | None:
    """The range rule that a value breaks, from the words of design section 7."""
    if value is None:
        return None
    outside = {
        "GUARDED": value < 0,
        "POSITIVE": value <= 0,
        "SMALL": value >= 5,
        "AT_MOST": value > Decimal("5.5"),
        "BETWEEN": not -5 <= value <= Decimal("5.5"),
        "WIDE_PERCENT": not 0 <= value <= 200,
        "SHARE": not 0 <= value <= 100,
        "PERCENT": not 0 <= value <= 100,
    }.get(code, False)
    return {"GUARDED": "V005", "PERCENT": "V014"}.get(code, "V004") if outside else None


def lived(unit: str, label: str, calendar: Calendar = Calendar.STATISTICAL) -> bool:
    """Whether an org unit lived on one of the days of a period, by going through them."""
    first, last = Period.parse(label).days(calendar)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return any(CATALOGUE.org_units[unit].valid.holds(day) for day in days)


indices = {name: st.none() | st.integers(0, size - 1) for name, size in SIZES.items()}
edges = st.sampled_from(
    [Decimal(text) for text in ("0", "-0.000001", "5", "4.999999", "5.5", "5.500001", "100", "200")]
)
values = edges | st.decimals(-300, 300, places=6, allow_nan=False) | st.just(Decimal(10) ** 26 - 1)


@st.composite
def observations(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: draw(each) if draw(st.integers(0, 3)) == 0 else 0 for name, each in indices.items()
    }
    row["indicator"] = draw(indices["indicator"])
    row["org_unit"] = draw(indices["org_unit"])
    row["~refused"] = draw(st.sampled_from([None, None, None, "dòng thừa"]))
    row["fault"] = draw(st.sampled_from([0, 0, 0, 2, 3, 4]))
    row["value"] = None if row["fault"] else draw(values | st.none())
    return row


@given(st.lists(observations(), min_size=1, max_size=12))
def test_each_row_rule_finds_what_a_naive_reading_of_the_rules_finds(
    rows: list[dict[str, Any]],
) -> None:
    expected = set()
    for n, row in enumerate(rows):
        marks = [("V001", field) for field in FIELDS if row[field] is None]
        marks += [("V002", "value")] if row["fault"] == 2 else []
        marks += [("V003", "value")] if row["fault"] == 3 else []
        code = None if row["indicator"] is None else CATALOGUE.indicator_codes[row["indicator"]]
        range_rule = breaks(code, row["value"]) if code else None
        marks += [("V004", "value")] if row["fault"] == 4 or range_rule == "V004" else []
        marks += [("V005", "value")] if range_rule == "V005" else []
        unit = None if row["org_unit"] is None else CATALOGUE.org_unit_ids[row["org_unit"]]
        marks += [("V015", "org_unit")] if unit == "u-other" else []
        marks += [("V015", "indicator")] if code == "STRANGE" else []
        marks += [("V014", "value")] if range_rule == "V014" else []
        dead = (
            unit is not None
            and row["period"] is not None
            and not lived(unit, PERIODS[row["period"]])
        )
        marks += [("V013", "org_unit")] if dead else []
        gone = row["status"] == STATUSES.index("M") and row["value"] is not None
        marks += [("V022", "status")] if gone else []
        if row["~refused"]:  # nothing else is asked of it
            expected.add((n, "V019", "refused", row["~refused"]))
        else:
            expected |= {(n, rule, field, f"{field} {n}") for rule, field in marks}
    kept, marks_found = found(rows)
    assert marks_found == expected
    assert kept == [n for n in range(len(rows)) if n not in {mark[0] for mark in expected}]


def test_a_sound_row_breaks_no_rule() -> None:
    assert found([{}]) == ([0], set())


@pytest.mark.parametrize("field", FIELDS)
def test_v001_an_unknown_code_leaves_with_its_field_and_text(field: str) -> None:
    assert found([{}, {field: None}]) == ([0], {(1, "V001", field, f"{field} 1")})


@pytest.mark.parametrize(("fault", "code"), [(2, "V002"), (3, "V003"), (4, "V004")])
def test_v002_v003_v004_what_is_no_figure_leaves_with_its_text(fault: int, code: str) -> None:
    assert found([{"fault": fault, "value": None}]) == ([], {(0, code, "value", "value 0")})


@pytest.mark.parametrize(
    ("code", "inside", "outside"),
    [
        ("POSITIVE", ["0.000001", "1"], ["0", "-1"]),
        ("SMALL", ["4.999999", "-100"], ["5", "5.000001"]),
        ("AT_MOST", ["5.5"], ["5.500001"]),
        ("BETWEEN", ["-5", "5.5"], ["-5.000001", "5.500001"]),
        ("WIDE_PERCENT", ["0", "200"], ["-0.000001", "200.000001"]),
        ("SHARE", ["0", "100"], ["-0.000001", "100.000001"]),
        ("FREE", ["-99999999999999999999999999.999999"], []),
    ],
)
def test_v004_a_value_out_of_its_indicators_range_leaves(
    code: str, inside: list[str], outside: list[str]
) -> None:
    rows = [{"indicator": at(code), "value": Decimal(text)} for text in [*inside, *outside]]
    kept, marks = found(rows)
    assert kept == list(range(len(inside)))
    assert {(row, rule) for row, rule, _, _ in marks} == {
        (n + len(inside), "V004") for n in range(len(outside))
    }


def test_v005_a_negative_value_leaves_where_only_that_is_forbidden() -> None:
    rows = [
        {"indicator": at("GUARDED"), "value": Decimal(text)} for text in ("0", "-0.000001", "-5")
    ]
    kept, marks = found(rows)
    assert kept == [0]
    assert {(row, rule) for row, rule, _, _ in marks} == {(1, "V005"), (2, "V005")}


@pytest.mark.parametrize("value", ["-1", "100.5", "1000000"])
def test_v004_and_v005_leave_to_other_rules_what_is_theirs(value: str) -> None:
    """V014 asks about ratios in percent, V007, of the whole submission, about parts of another indicator."""
    assert found([{"indicator": at("PERCENT"), "value": Decimal(value)}])[1] == {
        (0, "V014", "value", "value 0")
    }
    assert found([{"indicator": at("PART"), "value": Decimal(value)}]) == ([0], set())


def test_v013_an_org_unit_that_lived_on_one_day_of_the_period_may_report_it() -> None:
    rows = [
        {"org_unit": UNITS.index(unit), "period": period}
        for unit in ("u-past", "u-soon")
        for period in range(3)
    ]
    kept, marks = found(rows)
    assert kept == [
        0,
        2,
        3,
        4,
    ]  # the past one in 2025-Q1 and 2024, the later one in 2025-Q1 and 2025-Q2
    assert marks == {(1, "V013", "org_unit", "org_unit 1"), (5, "V013", "org_unit", "org_unit 5")}


def test_v013_goes_by_the_calendar_of_the_figures() -> None:
    """2025-Q1 ends on 14 March by the administrative calendar, before the later unit began."""
    rows = [{"org_unit": UNITS.index(unit)} for unit in ("u-past", "u-soon")]
    assert found(rows)[0] == [0, 1]
    assert not lived("u-soon", "2025-Q1", Calendar.ADMINISTRATIVE)
    assert found(rows, replace(LIMITS, calendar=Calendar.ADMINISTRATIVE))[0] == [0]


def test_v014_a_share_leaves_where_it_is_not_between_nothing_and_all() -> None:
    texts = ["0", "100", "-0.000001", "100.000001"]
    kept, marks = found([{"indicator": at("PERCENT"), "value": Decimal(text)} for text in texts])
    assert kept == [0, 1]
    assert {(row, rule) for row, rule, _, _ in marks} == {(2, "V014"), (3, "V014")}


def test_v019_a_row_that_its_reader_does_not_vouch_for_leaves_with_the_readers_words() -> None:
    kept, marks = found([{}, {"~refused": "ô C7 đã bị sửa"}])
    assert kept == [0]
    assert marks == {(1, "V019", "refused", "ô C7 đã bị sửa")}


def test_v015_a_row_that_the_obligation_does_not_speak_for_leaves() -> None:
    kept, marks = found([{}, {"org_unit": UNITS.index("u-other")}, {"indicator": at("STRANGE")}])
    assert kept == [0]
    assert marks == {(1, "V015", "org_unit", "org_unit 1"), (2, "V015", "indicator", "indicator 2")}


def test_v015_says_nothing_of_what_is_unknown_anyway() -> None:
    assert found([{"org_unit": None, "indicator": None}])[1] == {
        (0, "V001", "org_unit", "org_unit 0"),
        (0, "V001", "indicator", "indicator 0"),
    }


def test_a_row_has_as_many_findings_as_it_breaks_rules() -> None:
    row = {
        "indicator": at("GUARDED"),
        "value": Decimal(-1),
        "org_unit": UNITS.index("u-other"),
        "status": None,
    }
    assert {(rule, field) for _, rule, field, _ in found([row])[1]} == {
        ("V001", "status"),
        ("V005", "value"),
        ("V015", "org_unit"),
    }


def test_no_value_breaks_no_rule_of_values() -> None:
    rows = [
        {"indicator": at(each.code), "value": None} for each in INDICATORS if each.code != "STRANGE"
    ]
    assert found(rows) == (list(range(len(rows))), set())


def test_nobody_speaks_for_anything_without_an_obligation() -> None:
    kept, marks = found([{}], replace(LIMITS, speaks_for=frozenset(), indicators=frozenset()))
    assert kept == []
    assert {(rule, field) for _, rule, field, _ in marks} == {
        ("V015", "org_unit"),
        ("V015", "indicator"),
    }


def test_an_ignored_code_is_no_text() -> None:
    frame = pl.DataFrame({"dims": [0, IGNORED, None]}, schema={"dims": pl.UInt32})
    assert frame.select(CODES.texts("dims")).to_series().to_list() == ["", None, None]


# The catalogue of rules


def test_every_rule_is_published_under_its_code_in_both_languages() -> None:
    assert list(RULES) == sorted(RULES)
    for code, rule in RULES.items():
        assert rule.text.code == code
        assert rule.text.vi
        assert rule.text.en
        assert rule.text.vi != rule.text.en
        assert rule.text.scope in ("row", "submission", "history", "hub")
        assert rule.text.owner in ("province", "hub", "ministry")


def test_blocking_are_the_rules_that_the_design_names() -> None:
    blocking = {code for code, rule in RULES.items() if rule.text.severity is Severity.BLOCKING}
    assert blocking == {"V015", "V016", "V017", "V018", "V020"}


def test_the_rules_digest_changes_with_a_rule_and_not_with_their_order() -> None:
    whole = rules.digest(RULES)
    assert rules.digest(dict(reversed(RULES.items()))) == whole
    assert rules.digest({code: rule for code, rule in RULES.items() if code != "V005"}) != whole
    softer = replace(RULES["V005"], text=replace(RULES["V005"].text, severity=Severity.WARNING))
    assert rules.digest({**RULES, "V005": softer}) != whole
