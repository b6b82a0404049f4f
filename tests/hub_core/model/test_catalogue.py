from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.model.catalogue import Catalogue, Indicator
from hub_core.model.org_unit import Membership, OrgUnit, OrgUnitName, Validity
from hub_core.model.period import Calendar, Period

ROOT = Path(__file__).parent.parent.parent.parent
BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)
SIX = {
    "vn-thanh-hoa",
    "vn-nghe-an",
    "vn-ha-tinh",
    "vn-quang-binh",
    "vn-quang-tri",
    "vn-thua-thien-hue",
}
FIVE = {"vn-thanh-hoa", "vn-nghe-an", "vn-ha-tinh", "vn-quang-tri-2025", "vn-thua-thien-hue"}


def alive(catalogue: Catalogue, level: str, day: date) -> set[str]:
    return {
        unit.id
        for unit in catalogue.org_units.values()
        if unit.level == level and unit.valid.holds(day)
    }


# The shipped catalogue


def test_sixty_three_provinces_live_until_the_merger(shipped: Catalogue) -> None:
    assert len(alive(shipped, "province", BEFORE)) == 63
    assert "vn-ha-tay" not in alive(shipped, "province", BEFORE)


def test_the_cluster_has_six_members_and_five_from_the_merger(shipped: Catalogue) -> None:
    assert set(shipped.below(("cluster-5",), BEFORE)) == {"cluster-5", *SIX}
    assert set(shipped.below(("cluster-5",), AFTER)) == {"cluster-5", *FIVE}
    assert shipped.below(("cluster-5",), AFTER)[0] == "cluster-5"


def test_hue_keeps_its_id_through_a_change_of_name_and_type(shipped: Catalogue) -> None:
    hue = shipped.org_units["vn-thua-thien-hue"]
    names = [
        (hue.named(day).name, hue.named(day).type) for day in (date(2024, 12, 31), date(2025, 1, 1))
    ]
    assert names == [("Thừa Thiên Huế", "tỉnh"), ("Huế", "thành phố trực thuộc trung ương")]
    assert [
        unit.id for unit in shipped.org_units.values() if any(n.name == "Huế" for n in unit.names)
    ] == [hue.id]


def test_the_merger_makes_a_new_id_though_the_name_stays(shipped: Catalogue) -> None:
    old, new = shipped.org_units["vn-quang-tri"], shipped.org_units["vn-quang-tri-2025"]
    assert old.named(BEFORE).name == new.named(AFTER).name == "Quảng Trị"
    assert not new.valid.holds(BEFORE)
    found = {(s.predecessor, s.successor, s.kind, s.day) for s in shipped.successions}
    assert found >= {
        ("vn-quang-tri", "vn-quang-tri-2025", "merge", AFTER),
        ("vn-quang-binh", "vn-quang-tri-2025", "merge", AFTER),
    }
    assert all("202/2025/QH15" in s.legal_act for s in shipped.successions if s.successor == new.id)


def test_what_was_merged_ended_the_day_before(shipped: Catalogue) -> None:
    for each in (s for s in shipped.successions if s.kind == "merge"):
        assert not shipped.org_units[each.predecessor].valid.holds(each.day), each.predecessor
        assert shipped.org_units[each.successor].valid.holds(each.day), each.successor


def test_every_province_has_a_name_on_each_day_that_it_lives(shipped: Catalogue) -> None:
    for unit in shipped.org_units.values():
        for day in (date(2009, 1, 1), date(2024, 12, 31), BEFORE, AFTER):
            if unit.valid.holds(day):
                assert [name for name in unit.names if name.valid.holds(day)], f"{unit.id} on {day}"


def test_no_two_org_units_have_one_code_of_a_scheme_on_a_day(shipped: Catalogue) -> None:
    for day in (date(2010, 1, 1), BEFORE, AFTER):
        codes: dict[tuple[str, str], list[str]] = {}
        for unit in shipped.org_units.values():
            for code in unit.codes:
                if unit.valid.holds(day) and code.valid.holds(day) and code.code:
                    codes.setdefault((code.scheme, code.code), []).append(unit.id)
        assert {key: units for key, units in codes.items() if len(units) > 1} == {}


def test_codes_are_texts_with_their_zeros_and_never_empty(shipped: Catalogue) -> None:
    codes = [code for unit in shipped.org_units.values() for code in unit.codes]
    assert "01" in {code.code for code in codes if code.scheme == "GSO"}
    assert not [code for code in codes if not code.code or code.code.endswith(".")]


def test_every_unit_of_measure_has_its_decimals(shipped: Catalogue) -> None:
    assert shipped.decimals("VT.06") == 2
    assert shipped.decimals("VT.03") == 0


def test_a_unit_that_has_a_base_has_one_that_has_none(shipped: Catalogue) -> None:
    for unit in shipped.units.values():
        assert unit.factor > 0
        assert not unit.base or not shipped.units[unit.base].base


def test_components_are_never_recomputed_themselves(shipped: Catalogue) -> None:
    for indicator in shipped.indicators.values():
        for code in indicator.components:
            assert shipped.indicators[code].agg_space in ("sum", "sum*"), (indicator.code, code)


# Of a dataflow


def test_the_order_of_codes_is_that_of_their_bytes(shipped: Catalogue) -> None:
    assert shipped.indicator_codes == sorted(shipped.indicators, key=str.encode)
    assert shipped.org_unit_ids == sorted(shipped.org_units, key=str.encode)
    of_telecom = [each.code for each in shipped.of_dataflow("TELECOM")]
    assert of_telecom == [code for code in shipped.indicator_codes if code.startswith("VT.")]


def indicator(
    allowed: str = "any", space: str = "sum", top: str = "", bottom: str = ""
) -> Indicator:
    return Indicator("X", "F", "", "", "u", "stock", space, "last", top, bottom, ("Q",), allowed)


@pytest.mark.parametrize(
    ("allowed", "bounds"),
    [
        ("any", ()),
        ("", ()),
        (">=0", ((">=", Decimal(0)),)),
        (">0", ((">", Decimal(0)),)),
        ("<5", (("<", Decimal(5)),)),
        ("<=-2.5", (("<=", Decimal("-2.5")),)),
        ("0..100", ((">=", Decimal(0)), ("<=", Decimal(100)))),
        ("-5..5.5", ((">=", Decimal(-5)), ("<=", Decimal("5.5")))),
        ("<=VT.03", ()),
    ],
)
def test_a_range_has_its_numeric_bounds(
    allowed: str, bounds: tuple[tuple[str, Decimal], ...]
) -> None:
    assert indicator(allowed).bounds == bounds


def test_an_indicators_components_are_what_it_is_recomputed_from() -> None:
    assert indicator().components == ()
    assert indicator(space="ratio", top="A", bottom="B").components == ("A", "B")
    assert indicator(space="weighted_avg(W.1)").components == ("W.1",)
    assert indicator(space="weighted_avg(W.1)").weight == "W.1"


# The tree


def tree(*units: OrgUnit, members: tuple[Membership, ...] = ()) -> Catalogue:
    return Catalogue({}, {}, {}, {unit.id: unit for unit in units}, members, (), "")


def test_a_member_counts_while_it_belongs_and_lives() -> None:
    found = tree(
        OrgUnit("k", "cluster", "", Validity()),
        OrgUnit("p", "province", "", Validity(None, BEFORE)),
        OrgUnit("q", "province", "", Validity()),
        OrgUnit("c", "commune", "q", Validity(AFTER, None)),
        members=(Membership("k", "p", Validity()), Membership("k", "q", Validity(AFTER, None))),
    )
    assert found.below(("k",), BEFORE) == ["k", "p"]
    assert found.below(("k",), AFTER) == ["k", "q", "c"]
    assert found.below(("q", "k"), BEFORE) == ["q", "k", "p"]


def test_who_speaks_for_a_unit_speaks_for_all_that_were_ever_under_it() -> None:
    found = tree(
        OrgUnit("p", "province", "", Validity()),
        OrgUnit("gone", "commune", "p", Validity(None, BEFORE)),
        OrgUnit("new", "commune", "p", Validity(AFTER, None)),
        OrgUnit("under", "hamlet", "gone", Validity()),
        OrgUnit("other", "province", "", Validity()),
    )
    assert found.subtree(("p",)) == {"p", "gone", "new", "under"}
    assert found.subtree(()) == frozenset()


@given(st.lists(st.integers(-1, 20), max_size=20), st.sets(st.integers(0, 19), max_size=3))
def test_below_is_what_a_naive_walk_finds(parents: list[int], roots: set[int]) -> None:
    units = [
        OrgUnit(f"u{n}", "x", f"u{p}" if 0 <= p < n else "", Validity())
        for n, p in enumerate(parents)
    ]
    found = tree(*units)
    start = tuple(f"u{n}" for n in sorted(roots) if n < len(units))

    def above(unit: str) -> set[str]:
        parent = found.org_units[unit].parent
        return {unit} | (above(parent) if parent else set())

    under = {unit.id for unit in units if above(unit.id) & set(start)}
    told = found.below(start, AFTER)
    assert set(told) == under == found.subtree(start)
    assert len(told) == len(set(told))
    assert told[: len(start)] == list(start)


@pytest.mark.parametrize(
    ("label", "calendar", "lives"),
    [
        ("2025-Q2", "S", True),
        ("2025-Q3", "S", False),
        ("2025", "S", True),
        ("2025-M07", "S", False),
        ("2025-M07", "A", True),
        ("2025-Q3", "A", True),
        ("2025-M08", "A", False),
    ],
)
def test_a_unit_may_report_a_period_of_which_it_lived_a_day(
    label: str, calendar: str, lives: bool
) -> None:
    found = tree(OrgUnit("p", "province", "", Validity(None, BEFORE)))
    assert found.lives("p", Period.parse(label), Calendar(calendar)) is lives


def test_a_name_is_that_of_the_day_or_the_last_one() -> None:
    names = (
        OrgUnitName("Cũ", "Old", "tỉnh", Validity(date(2000, 1, 1), date(2009, 12, 31))),
        OrgUnitName("Mới", "New", "tỉnh", Validity(date(2010, 1, 1), None)),
    )
    unit = OrgUnit("p", "province", "", Validity(), names)
    assert [unit.named(date(year, 6, 1)).name for year in (2005, 2015)] == ["Cũ", "Mới"]
    assert OrgUnit("p", "province", "", Validity()).named(AFTER).name == "p"


dates = st.none() | st.dates(date(2025, 1, 1), date(2025, 1, 9))


@given(dates, dates, st.dates(date(2025, 1, 1), date(2025, 1, 9)), st.integers(0, 8))
def test_validity_meets_a_stretch_where_it_holds_on_one_of_its_days(
    first: date | None, last: date | None, start: date, length: int
) -> None:
    valid = Validity(first, last)
    days = [date.fromordinal(start.toordinal() + n) for n in range(length + 1)]
    expected = [
        day for day in days if (first is None or day >= first) and (last is None or day <= last)
    ]
    assert [day for day in days if valid.holds(day)] == expected
    if first is None or last is None or first <= last:
        assert valid.meets(days[0], days[-1]) == bool(expected)
