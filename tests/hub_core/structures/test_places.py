"""Org units in time: what `hub check` refuses, and what the shipped ones hold."""

from __future__ import annotations

import csv
import shutil
from datetime import date
from pathlib import Path

import pytest

from hub_core import structures
from hub_core.errors import ConfigurationError
from hub_core.model.borders import find_holder, units_within
from hub_core.model.catalogue import Catalogue
from hub_core.model.org_unit import OrgUnit

ROOT = Path(__file__).parents[3]
EVE, MERGER = date(2025, 6, 30), date(2025, 7, 1)
CHANGED = {
    "15",
    "24",
    "44",
    "52",
    "80",
    "82",
    "91",
}  # GSO codes of another province from the merger on
Lines = list[tuple[str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped configuration that a test may spoil."""
    return shutil.copytree(ROOT / "config", tmp_path / "config")


def load(folder: Path) -> Catalogue:
    return structures.catalogue(structures.read_texts(folder))


def add(folder: Path, lines: Lines) -> None:
    for name, line in lines:
        with (folder / "catalogue" / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


# What does not hold

UNITS, NAMES, CODES = "org_units.csv", "org_unit_names.csv", "org_unit_codes.csv"
MEMBERS, STEPS = "memberships.csv", "successions.csv"
OLD, NEW = (UNITS, "x-old,province,,2025-06-30,vn,"), (UNITS, "x-new,province,2025-07-01,,vn,")
LIVES = (UNITS, "x,province,,,vn,")
WRONG: dict[str, tuple[Lines, str]] = {
    "a succession to itself": (
        [
            OLD,
            NEW,
            (STEPS, "2025-07-01,merge,x-old,x-new,a"),
            (STEPS, "2025-07-01,merge,x-new,x-old,a"),
        ],
        "successions.csv: x-new is its own successor; successions.csv: x-old is its own successor",
    ),
    "a merger of one unit": (
        [LIVES, (STEPS, "2025-07-01,merge,x,x,a")],
        "x cannot be its own successor",
    ),
    "a part for its giver": (
        [LIVES, (STEPS, "2025-07-01,boundary transfer,x,x,a")],
        "successions.csv: 2025-07-01 boundary transfer: x cannot be its own successor",
    ),
    "a predecessor that lives on": (
        [LIVES, NEW, (STEPS, "2025-07-01,merge,x,x-new,a")],
        "successions.csv: 2025-07-01 merge: x lives on; its last day must be 2025-06-30",
    ),
    "a predecessor that lives a day on": (
        [(UNITS, "x-old,province,,2025-07-01,vn,"), NEW, (STEPS, "2025-07-01,split,x-old,x-new,a")],
        "successions.csv: 2025-07-01 split: x-old lives on; its last day must be 2025-06-30",
    ),
    "a predecessor that ended before": (
        [(UNITS, "x-old,province,,2025-06-29,vn,"), NEW, (STEPS, "2025-07-01,merge,x-old,x-new,a")],
        "x-old ended 2025-06-29; its last day must be 2025-06-30",
    ),
    "a successor that lives before": (
        [OLD, LIVES, (STEPS, "2025-07-01,merge,x-old,x,a")],
        "x lives before; its first day must be 2025-07-01",
    ),
    "a successor that begins later": (
        [OLD, (UNITS, "x-new,province,2025-07-02,,vn,"), (STEPS, "2025-07-01,merge,x-old,x-new,a")],
        "x-new begins 2025-07-02; its first day must be 2025-07-01",
    ),
    "a rename of the id": (
        [OLD, NEW, (STEPS, "2025-07-01,rename,x-old,x-new,a")],
        "a rename keeps the id",
    ),
    "a rename of the dead": (
        [OLD, (STEPS, "2025-07-01,rename,x-old,x-old,a")],
        "x-old does not live both on 2025-06-30",
    ),
    "a part of what is gone": (
        [OLD, LIVES, (STEPS, "2025-07-02,boundary transfer,x-old,x,a")],
        "x-old gives a part away and does not live on 2025-07-01",
    ),
    "a part for what is gone": (
        [OLD, LIVES, (STEPS, "2025-07-01,boundary transfer,x,x-old,a")],
        "x-old gets a part and does not live on 2025-07-01",
    ),
    "one code of two units": (
        [LIVES, (CODES, "x,GSO,44,2025-07-01,")],
        "org_unit_codes.csv: vn-quang-tri-2025 and x both have GSO 44 on 2025-07-01",
    ),
    "one code of two units for a day": (
        [LIVES, (CODES, "x,GSO,45,2025-06-30,2026-01-01")],
        "org_unit_codes.csv: vn-quang-tri and x both have GSO 45 on 2025-06-30",
    ),
    "one name of two units": (
        [LIVES, (NAMES, "x,Tỉnh NGHỆ AN,,tỉnh,2020-01-01,")],
        "org_unit_names.csv: vn-nghe-an and x under vn are both called Nghệ An on 2020-01-01",
    ),
    "a member that is gone": (
        [OLD, (MEMBERS, "cluster-5,x-old,,")],
        "memberships.csv: x-old is in cluster-5 always, and x-old lives until 2025-06-30",
    ),
    "a member of what is not there yet": (
        [(UNITS, "k,cluster,2025-07-01,,,"), LIVES, (MEMBERS, "k,x,2025-06-30,")],
        "memberships.csv: x is in k from 2025-06-30, and k lives from 2025-07-01",
    ),
    "two names on one day": (
        [LIVES, (NAMES, "x,Xứ Một,,tỉnh,,2025-07-01"), (NAMES, "x,Xứ Hai,,tỉnh,2025-07-01,")],
        "org_unit_names.csv: x is called Xứ Một and Xứ Hai on 2025-07-01",
    ),
    "two names for ever": (
        [LIVES, (NAMES, "x,Xứ Một,,tỉnh,,"), (NAMES, "x,Xứ Hai,,tỉnh,,")],
        "org_unit_names.csv: x is called Xứ Một and Xứ Hai",
    ),
}
RIGHT: dict[str, Lines] = {
    "a split": [
        OLD,
        NEW,
        (UNITS, "x-too,province,2025-07-01,,vn,"),
        (STEPS, "2025-07-01,split,x-old,x-new,a"),
        (STEPS, "2025-07-01,split,x-old,x-too,a"),
    ],
    "a part given and given back": [
        *(LIVES, (UNITS, "y,province,,,vn,")),
        *(
            (STEPS, "2020-01-01,boundary transfer,x,y,a"),
            (STEPS, "2021-01-01,boundary transfer,y,x,a"),
        ),
    ],
    "a part given on the last day": [
        *(OLD, NEW, LIVES, (STEPS, "2025-07-01,boundary transfer,x-old,x,a")),
        (STEPS, "2025-07-01,merge,x-old,x-new,a"),
    ],
    "a code that was another's the day before": [LIVES, (CODES, "x,GSO,45,2025-07-01,")],
    "a code of another scheme": [LIVES, (CODES, "x,OTHER,44,,")],
    "a code on days on which its unit does not live": [OLD, (CODES, "x-old,GSO,44,2025-07-01,")],
    "a name under another parent": [(UNITS, "x,commune,,,vn-nghe-an,"), (NAMES, "x,Nghệ An,,xã,,")],
    "a name that ended the day before": [LIVES, (NAMES, "x,Quảng Bình,,tỉnh,2025-07-01,")],
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_hold_in_time_is_refused_with_its_file_and_id(
    folder: Path, what: str
) -> None:
    lines, words = WRONG[what]
    add(folder, lines)
    with pytest.raises(ConfigurationError) as told:
        load(folder)
    assert words in str(told.value)


@pytest.mark.parametrize("what", RIGHT)
def test_what_holds_in_time_is_taken(folder: Path, what: str) -> None:
    add(folder, RIGHT[what])
    load(folder)


# What is shipped


def alive(catalogue: Catalogue, level: str, day: date) -> dict[str, OrgUnit]:
    return {
        unit.id: unit
        for unit in catalogue.org_units.values()
        if unit.level == level and unit.valid.holds(day)
    }


def code(unit: OrgUnit, scheme: str, day: date) -> str | None:
    return next((c.code for c in unit.codes if c.scheme == scheme and c.valid.holds(day)), None)


@pytest.mark.parametrize(
    ("day", "count"),
    [
        (date(2008, 7, 31), 64),
        (date(2008, 8, 1), 63),
        (EVE, 63),
        (MERGER, 34),
        (date(2026, 11, 1), 34),
    ],
)
def test_so_many_provinces_live(shipped: Catalogue, day: date, count: int) -> None:
    assert len(alive(shipped, "province", day)) == count


def test_every_old_province_came_whole_into_one_of_today(shipped: Catalogue) -> None:
    old, new = (alive(shipped, "province", day) for day in (EVE, MERGER))
    held = {unit: find_holder(shipped, unit, EVE, MERGER) for unit in old}
    assert all(each.whole for each in held.values())
    assert {each.org_unit for each in held.values()} == set(new)
    assert len(set(old) & set(new)) == 11
    assert {unit for unit in new if unit not in old} == {
        unit for unit in new if unit.endswith("-2025")
    }


def test_seven_codes_changed_their_meaning(shipped: Catalogue) -> None:
    before, after = (
        {
            code(unit, "GSO", day): unit.named(day).name
            for unit in alive(shipped, "province", day).values()
        }
        for day in (EVE, MERGER)
    )
    assert set(after) <= set(before)
    changed = {
        gso for gso, name in after.items() if before[gso] != name and gso != "46"
    }  # Huế got another name
    assert changed == CHANGED


def test_agency_and_iso_codes_are_those_of_provinces_that_were_not_merged(
    shipped: Catalogue,
) -> None:
    for unit in alive(shipped, "province", MERGER).values():
        agency, legacy = code(unit, "AGENCY", MERGER), code(unit, "AGENCY_QCVN102", MERGER)
        assert (agency is None) == (legacy is None) == unit.id.endswith("-2025"), unit.id
        assert agency is None or legacy == f"000.00.00.{agency}"
        assert not (unit.id.endswith("-2025") and code(unit, "ISO3166-2", MERGER))
    assert all(code(unit, "AGENCY", EVE) for unit in alive(shipped, "province", EVE).values())


def test_types_are_dated(shipped: Catalogue) -> None:
    cities = [
        {
            unit.named(day).name
            for unit in alive(shipped, "province", day).values()
            if "thành phố" in unit.named(day).type
        }
        for day in (date(2024, 12, 31), MERGER, date(2026, 4, 29), date(2026, 4, 30))
    ]
    five = {"Hà Nội", "Hải Phòng", "Đà Nẵng", "Hồ Chí Minh", "Cần Thơ"}
    assert cities == [five, five | {"Huế"}, five | {"Huế"}, five | {"Huế", "Đồng Nai"}]


def test_ministries_stand_under_nothing_and_have_their_codes(shipped: Catalogue) -> None:
    before, after = (
        alive(shipped, "ministry", day) for day in (date(2025, 2, 28), date(2025, 3, 1))
    )
    assert (len(before), len(after)) == (30, 25)
    assert {unit.parent for unit in [*before.values(), *after.values()]} == {""}
    codes = {code(unit, "AGENCY", date(2025, 3, 1)): unit.id for unit in after.values()}
    assert codes["G06"] == "vn-bo-kh-cn-2025"
    assert not {"G04", "G05", "G07", "G13", "G14"} & set(codes)
    assert not set(before) & {
        each.successor for each in shipped.successions if each.kind == "merge"
    }


def test_each_succession_has_its_legal_act(shipped: Catalogue) -> None:
    assert [s for s in shipped.successions if not s.legal_act] == []


# Beside the domain's tables


def table(shared: Path, name: str) -> list[dict[str, str]]:
    with (shared / "domain" / "data" / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.shared
def test_composition_names_types_and_codes_are_those_of_the_34(
    shipped: Catalogue, shared: Path
) -> None:
    day = date(2026, 8, 1)
    units = {code(unit, "GSO", day): unit for unit in alive(shipped, "province", day).values()}
    rows = table(shared, "provinces_34.csv")
    assert units.keys() == {row["gso_code"] for row in rows}
    for row in rows:
        unit = units[row["gso_code"]]
        named = unit.named(day)
        assert (named.name, named.type) == (row["name"], row["type"].lower())
        made = units_within(shipped, unit.id, day, EVE)
        if row["merged_from"] == "(giữ nguyên)":
            assert (made.wholes, made.parts) == ((unit.id,), ())
        else:
            names = sorted(shipped.org_units[each].named(EVE).name for each in made.wholes)
            assert (names, made.parts) == (sorted(row["merged_from"].split(" + ")), ())


@pytest.mark.shared
def test_names_codes_and_successors_are_those_of_the_63(shipped: Catalogue, shared: Path) -> None:
    day = date(2024, 12, 31)
    units = {code(unit, "GSO", day): unit for unit in alive(shipped, "province", day).values()}
    rows = [row for row in table(shared, "provinces_63.csv") if row["name"] != "Hà Tây"]
    assert units.keys() == {row["gso_code"] for row in rows}
    for row in rows:
        unit = units[row["gso_code"]]
        named = unit.named(day)
        assert (named.name, named.name_en) == (row["name"], row["name_en"])
        assert (code(unit, "AGENCY", day), code(unit, "ISO3166-2", day)) == (
            row["agency_code_l1"],
            row["iso_3166_2"] or None,
        )
        held = find_holder(shipped, unit.id, EVE, MERGER).org_unit
        assert code(shipped.org_units[held], "GSO", MERGER) == row["successor_gso"]


@pytest.mark.shared
def test_ministries_of_today_are_those_of_the_list(shipped: Catalogue, shared: Path) -> None:
    found = alive(shipped, "ministry", date(2025, 7, 1)).values()
    rows = table(shared, "ministry_codes_2025.csv")
    assert {code(unit, "AGENCY", MERGER) for unit in found} == {row["code"] for row in rows}
