"""Which unit of another day holds what an org unit was on one."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.model.borders import (
    became,
    came_from,
    find_holder,
    predecessors,
    successors,
    units_within,
)
from hub_core.model.catalogue import Catalogue
from hub_core.model.org_unit import OrgUnit, Succession, Validity
from hub_core.structures import places

ROOT = Path(__file__).parent.parent.parent.parent
Y2007, Y2010, NOW = date(2007, 12, 31), date(2010, 12, 31), date(2026, 11, 1)
BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)


# The shipped catalogue


@pytest.mark.parametrize(
    ("unit", "reported", "day", "held", "parts"),
    [
        ("vn-quang-binh", BEFORE, AFTER, "vn-quang-tri-2025", 1),
        ("vn-quang-tri", Y2010, NOW, "vn-quang-tri-2025", 1),
        ("vn-nghe-an", Y2007, NOW, "vn-nghe-an", 1),
        ("vn-thua-thien-hue", Y2007, NOW, "vn-thua-thien-hue", 1),  # a rename and a change of type
        ("vn-ha-tay", Y2007, NOW, "vn-ha-noi-2008", 1),
        (
            "vn-ha-tay",
            date(2008, 12, 31),
            NOW,
            "vn-ha-noi-2008",
            1,
        ),  # a plan of the year in which it ended
        (
            "vn-quang-tri-2025",
            date(2025, 3, 31),
            NOW,
            "vn-quang-tri-2025",
            1,
        ),  # told of days before it began
        ("vn-vinh-phuc", Y2010, NOW, "vn-phu-tho-2025", 1),
        ("vn-vinh-phuc", Y2007, NOW, "vn", 2),  # without Mê Linh from 2008-08-01
        ("vn-vinh-phuc", date(2008, 7, 31), NOW, "vn", 2),
        ("vn-vinh-phuc", date(2008, 8, 1), NOW, "vn-phu-tho-2025", 1),
        ("vn-vinh-phuc", Y2007, date(2008, 7, 31), "vn-vinh-phuc", 1),
        ("vn-hoa-binh", Y2007, Y2010, "vn", 2),
        ("vn-hoa-binh", Y2007, Y2007, "vn-hoa-binh", 1),
        ("vn", Y2007, NOW, "vn", 1),
        ("cluster-5", Y2007, NOW, "cluster-5", 1),
        ("vn-quang-tri-2025", NOW, Y2010, "vn", 2),  # back to borders that divide it
        (
            "vn-vinh-phuc",
            Y2010,
            Y2007,
            "vn-vinh-phuc",
            1,
        ),  # what was left lay within what it had been
        ("vn-bo-kh-cn", Y2007, NOW, "vn-bo-kh-cn-2025", 1),
        ("vn-bo-tt-tt", Y2007, NOW, "", 3),  # divided, and nothing stands above ministries
    ],
)
def test_the_unit_that_holds_a_figure_whole(
    shipped: Catalogue, unit: str, reported: date, day: date, held: str, parts: int
) -> None:
    found = find_holder(shipped, unit, reported, day)
    assert (found.org_unit, len(found.parts), found.whole) == (held, parts, parts == 1)


def test_the_steps_are_told_by_date_with_their_legal_acts(shipped: Catalogue) -> None:
    steps = find_holder(shipped, "vn-vinh-phuc", Y2007, NOW).steps
    assert [(str(s.day), s.kind, s.successor) for s in steps] == [
        ("2008-08-01", "boundary transfer", "vn-ha-noi-2008"),
        ("2025-07-01", "merge", "vn-phu-tho-2025"),
    ]
    assert [s.legal_act for s in steps] == [
        "Nghị quyết 15/2008/QH12; huyện Mê Linh",
        "Nghị quyết 202/2025/QH15",
    ]
    assert (
        find_holder(shipped, "vn-thua-thien-hue", Y2007, NOW).steps == ()
    )  # its rename leads nowhere else


def test_figures_add_up_to_borders_only_where_no_part_is_missing(shipped: Catalogue) -> None:
    made = units_within(shipped, "vn-quang-tri-2025", NOW, Y2007)
    assert (set(made.wholes), made.parts) == ({"vn-quang-binh", "vn-quang-tri"}, ())
    made = units_within(shipped, "vn-ha-noi-2008", NOW, Y2007)
    assert (set(made.wholes), set(made.parts)) == (
        {"vn-ha-noi", "vn-ha-tay"},
        {"vn-vinh-phuc", "vn-hoa-binh"},
    )
    assert units_within(shipped, "vn-ha-noi-2008", NOW, Y2010).wholes == ("vn-ha-noi-2008",)
    assert units_within(shipped, "vn-nghe-an", NOW, Y2007).wholes == ("vn-nghe-an",)


def test_a_history_is_told_in_both_directions(shipped: Catalogue) -> None:
    assert [s.successor for s in successors(shipped, "vn-vinh-phuc")] == [
        "vn-ha-noi-2008",
        "vn-phu-tho-2025",
    ]
    assert [s.predecessor for s in predecessors(shipped, "vn-tuyen-quang-2025")] == [
        "vn-ha-giang",
        "vn-tuyen-quang",
    ]
    assert [(b.depth, b.org_unit) for b in came_from(shipped, "vn-ha-noi-2008")] == [
        *((1, "vn-ha-noi"), (1, "vn-ha-tay"), (1, "vn-hoa-binh"), (1, "vn-vinh-phuc"))
    ]


# Small histories


def unit(
    name: str, first: date | None = None, last: date | None = None, parent: str = "root"
) -> OrgUnit:
    return OrgUnit(name, "province", parent, Validity(first, last))


def world(*units: OrgUnit, steps: tuple[Succession, ...] = ()) -> Catalogue:
    root = OrgUnit("root", "country", "", Validity())
    return Catalogue({}, {}, {}, {each.id: each for each in (root, *units)}, (), steps, "")


D1, D2 = date(2010, 1, 1), date(2020, 1, 1)
EVE1, EVE2 = D1 - timedelta(days=1), D2 - timedelta(days=1)


def test_a_chain_of_mergers_is_followed_to_its_end_and_told_as_a_tree() -> None:
    steps = (Succession(D2, "merge", "b", "c", "2"), Succession(D1, "merge", "a", "b", "1"))
    found = world(unit("a", None, EVE1), unit("b", D1, EVE2), unit("c", D2), steps=steps)
    assert find_holder(found, "a", EVE1, NOW).org_unit == "c"
    assert [s.legal_act for s in find_holder(found, "a", EVE1, NOW).steps] == ["1", "2"]
    assert find_holder(found, "c", NOW, EVE1).org_unit == "a"  # the only one that it came from
    assert [(b.depth, b.org_unit) for b in became(found, "a")] == [(1, "b"), (2, "c")]
    assert [(b.depth, b.org_unit) for b in came_from(found, "c")] == [(1, "b"), (2, "a")]


def test_a_split_is_held_by_what_is_above_both_and_a_reunion_by_itself() -> None:
    split = (Succession(D1, "split", "a", "b", ""), Succession(D1, "split", "a", "c", ""))
    merge = (Succession(D2, "merge", "b", "d", ""), Succession(D2, "merge", "c", "d", ""))
    units = unit("a", None, EVE1), unit("b", D1, EVE2), unit("c", D1, EVE2), unit("d", D2)
    found = world(*units, steps=split + merge)
    assert find_holder(found, "a", EVE1, D1).org_unit == "root"
    assert find_holder(found, "a", EVE1, D2).org_unit == "d"
    assert find_holder(found, "b", D1, EVE1).org_unit == "a"


def test_what_was_divided_under_one_parent_stands_at_that_parent() -> None:
    steps = (Succession(D1, "split", "a", "b", ""), Succession(D1, "split", "a", "c", ""))
    province = unit("p")
    found = world(
        province,
        *(unit(n, *days, parent="p") for n, *days in (("a", None, EVE1), ("b", D1), ("c", D1))),
        steps=steps,
    )  # type: ignore[arg-type]
    assert find_holder(found, "a", EVE1, NOW).org_unit == "p"


def test_what_ended_without_a_successor_is_held_by_nobody() -> None:
    held = find_holder(world(unit("a", None, EVE1)), "a", EVE1, NOW)
    assert (held.org_unit, held.whole) == ("", False)


def test_a_part_that_was_given_and_given_back_is_not_guessed_at() -> None:
    steps = (
        Succession(D1, "boundary transfer", "a", "b", ""),
        Succession(D2, "boundary transfer", "b", "a", ""),
    )
    found = world(unit("a"), unit("b"), steps=steps)
    assert find_holder(found, "a", EVE1, NOW).org_unit == "root"
    assert [(b.depth, b.org_unit) for b in became(found, "a")] == [(1, "b"), (2, "a")]


# Against a map of cells

START = date(2000, 1, 1)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Catalogue, dict[date, dict[str, frozenset[int]]]]:
    """Units as sets of cells that merge, split and give parts away, and the map of each day between."""
    there = {
        f"u{n}": frozenset({3 * n, 3 * n + 1, 3 * n + 2}) for n in range(draw(st.integers(2, 4)))
    }
    lives: dict[str, Validity] = {name: Validity() for name in there}
    maps, steps, count = {START: dict(there)}, [], 0
    for year in range(1, draw(st.integers(1, 5)) + 1):
        day = START.replace(year=START.year + year)
        kind = draw(st.sampled_from(["merge", "split", "boundary transfer"]))
        one, *others = draw(st.permutations(sorted(there)))
        cells = sorted(there[one])
        made: list[str] = []
        if kind == "merge" and others:
            made = [f"m{count}"]
            new = {made[0]: there[one] | there[others[0]]}
            gone = [one, others[0]]
        elif kind != "merge" and len(cells) > 1:
            cut = draw(st.integers(1, len(cells) - 1))
            parts = frozenset(cells[:cut]), frozenset(cells[cut:])
            if kind == "split":
                made, gone = [f"s{count}", f"t{count}"], [one]
                new = dict(zip(made, parts, strict=True))
            elif others:
                new, gone = {one: parts[0], others[0]: there[others[0]] | parts[1]}, []
                steps.append(Succession(day, kind, one, others[0], ""))
            else:
                continue
        else:
            continue
        count += 1
        for old in gone:
            lives[old] = Validity(lives[old].first, day - timedelta(days=1))
            steps += [Succession(day, kind, old, name, "") for name in made]
            del there[old]
        lives |= {name: Validity(day, None) for name in made}
        there |= new
        maps[day] = dict(there)
    return world(*(unit(n, v.first, v.last) for n, v in lives.items()), steps=tuple(steps)), maps


@given(histories(), st.data())
def test_what_is_held_whole_lies_within_its_holder_on_the_map(
    history: tuple[Catalogue, dict[date, dict[str, frozenset[int]]]], data: st.DataObject
) -> None:
    found, maps = history
    assert places.problems(found) == []
    reported, day = (data.draw(st.sampled_from(sorted(maps))) for _ in range(2))
    for name, cells in maps[reported].items():
        held = find_holder(found, name, reported, day)
        touched = {other for other, its in maps[day].items() if its & cells}
        assert touched <= set(held.parts) <= set(maps[day])
        assert held.org_unit == (held.parts[0] if len(held.parts) == 1 else "root")
        if held.whole:
            assert cells <= maps[day][held.org_unit]
        assert [s.day for s in held.steps] == sorted(
            (s.day for s in held.steps), reverse=day < reported
        )
    for name, cells in maps[day].items():
        made = units_within(found, name, day, reported)
        assert set(made.wholes) | set(made.parts) >= {
            o for o, its in maps[reported].items() if its & cells
        }
        if not made.parts:
            assert frozenset().union(*(maps[reported][each] for each in made.wholes)) == cells
