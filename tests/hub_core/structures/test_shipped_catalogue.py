"""The shipped catalogue: every indicator of the sector, each once, as the domain's table has it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from hub_core.mapping import fold
from hub_core.model.catalogue import Catalogue, Indicator

ROOT = Path(__file__).parents[3]
TOTALS = {"VT.00": ("VT.03", "VT.04"), "CQ.00": ("CQ.02", "CQ.03")}  # the hub's own
COUNTS = {  # indicators, and components that only their ratios name
    "POST": (13, 1),
    "TELECOM": (20, 4),
    "ICT_INDUSTRY": (5, 0),
    "INFORMATION_SAFETY": (8, 2),
    "DIGITAL_GOVERNMENT": (20, 12),
    "DIGITAL_ECONOMY_SOCIETY": (7, 3),
    "DIGITAL_COMMUNITY": (5, 0),
    "PRESS": (7, 0),
    "PUBLISHING": (5, 0),
    "GRASSROOTS_INFORMATION": (4, 0),
    "DIGITAL_TRANSFORMATION_INDEX": (10, 0),
    "STATE_MANAGEMENT": (5, 2),
    "EMULATION": (9, 4),
    "DENOMINATORS": (6, 0),
    "STATE_BUDGET": (2, 0),
    "COMPETITIVENESS": (11, 0),
}
FREQUENCIES = {"Y": "A", "H": "S"}  # the table's letters, and ours
RANGES = {"0..max": ">=0", ">=CD.01": ">=0"}  # what our grammar does not say
UNITS = {
    "BC.06": "điểm phục vụ",
    "VT.14": "thôn",
}  # places are no marks; villages are counted in one unit


def is_component(code: str) -> bool:
    return code[-1] in "ab"


def test_each_dataflow_has_its_indicators_and_components(shipped: Catalogue) -> None:
    found = Counter((i.dataflow, is_component(i.code)) for i in shipped.indicators.values())
    assert {flow: (found[flow, False], found[flow, True]) for flow in shipped.dataflows} == COUNTS


def test_there_are_122_indicators_of_the_sector(shipped: Catalogue) -> None:
    own = [
        i
        for i in shipped.indicators.values()
        if i.dataflow not in ("STATE_BUDGET", "COMPETITIVENESS")
    ]
    assert len([i for i in own if i.code not in TOTALS and not is_component(i.code)]) == 122
    assert len(shipped.indicators) == 165


def test_totals_are_made_up_of_their_parts(shipped: Catalogue) -> None:
    assert {i.code: i.parts for i in shipped.indicators.values() if i.parts} == TOTALS


def test_a_component_is_counted_as_often_as_its_ratio_and_in_one_only(shipped: Catalogue) -> None:
    ratios = [i for i in shipped.indicators.values() if i.kind == "ratio"]
    named = Counter(
        code
        for ratio in ratios
        for code in (ratio.numerator, ratio.denominator)
        if is_component(code)
    )
    assert named == dict.fromkeys(filter(is_component, shipped.indicators), 1)
    for ratio in ratios:
        assert ratio.agg_time == "recompute", ratio.code
        for component in (
            shipped.indicators[code] for code in (ratio.numerator, ratio.denominator)
        ):
            if is_component(component.code):
                assert component.code[:-1] == ratio.code
                assert (component.dataflow, component.frequencies) == (
                    ratio.dataflow,
                    ratio.frequencies,
                )
                assert (component.range, component.agg_space) == (">=0", "sum")
                assert (component.kind, component.agg_time) in {("flow", "sum"), ("stock", "last")}


def test_the_code_says_the_dataflow(shipped: Catalogue) -> None:
    fields: dict[str, set[str]] = {}
    for each in shipped.indicators.values():
        field = "KX.9" if each.code.startswith("KX.9") else each.code[:2]
        fields.setdefault(field, set()).add(each.dataflow)
    assert {field: len(flows) for field, flows in fields.items() if len(flows) > 1} == {}
    assert set.union(*fields.values()) == set(shipped.dataflows)
    assert len(fields) == len(shipped.dataflows)


def test_a_dataflow_is_reported_as_often_as_its_indicators(shipped: Catalogue) -> None:
    for flow in shipped.dataflows.values():
        assert set(flow.frequencies) == {
            f for i in shipped.of_dataflow(flow.id) for f in i.frequencies
        }, flow.id
        assert flow.calendar.value == ("A" if flow.id in {"STATE_MANAGEMENT", "EMULATION"} else "S")


def test_no_word_stands_for_two_indicators_or_two_units(shipped: Catalogue) -> None:
    words = {
        i.code: {fold(word) for word in (i.code, i.name_vi, i.name_en)}
        for i in shipped.indicators.values()
    }
    told = [word for each in words.values() for word in each]
    assert [word for word, n in Counter(told).items() if n > 1] == []
    units = [
        *shipped.units,
        *(alias.alias for alias in shipped.aliases if alias.codelist == "unit"),
    ]
    assert [word for word, n in Counter(map(fold, units)).items() if n > 1] == []


def test_every_unit_is_an_indicators_or_has_the_base_of_one(shipped: Catalogue) -> None:
    used = {i.unit for i in shipped.indicators.values()}
    bases = {shipped.units[unit].base or unit for unit in used}
    assert [u.name for u in shipped.units.values() if (u.base or u.name) not in bases] == []


def test_units_round_as_the_domain_says(shipped: Catalogue) -> None:
    decimals = {
        unit: shipped.units[unit].decimals
        for unit in ("điểm 0-1", "hạng", "%", "DN/1.000 dân", "điểm phục vụ")
    }
    assert decimals == {"điểm 0-1": 4, "hạng": 0, "%": 2, "DN/1.000 dân": 2, "điểm phục vụ": 0}
    assert {
        i.unit: shipped.units[i.unit].per for i in shipped.indicators.values() if i.kind == "ratio"
    } == {
        "%": 100,
        "thuê bao/100 dân": 100,
        "DN/1.000 dân": 1000,
    }


def test_the_digital_transformation_index_is_the_weighted_sum_of_its_eight_pillars(
    shipped: Catalogue,
) -> None:
    """Decision 922/QD-BTTTT: 100, 100, 100, 100, 100, 200, 150 and 150 of 1000 points."""
    points = [100, 100, 100, 100, 100, 200, 150, 150]
    whole = shipped.indicators["DT.00"].formula
    assert whole == tuple((f"DT.0{n}", Decimal(each) / 1000) for n, each in enumerate(points, 1))
    assert sum(weight for _, weight in whole) == 1
    assert {i.code: i.ranks for i in shipped.indicators.values() if i.ranks} == {"DT.09": "DT.00"}
    hue = [
        "0.9500",
        "0.9000",
        "0.6823",
        "0.6794",
        "0.6423",
        "0.8262",
        "0.6787",
        "0.3001",
    ]  # 2022, as published
    made = sum(weight * Decimal(score) for (_, weight), score in zip(whole, hue, strict=True))
    assert round(made, shipped.decimals("DT.00")) == Decimal("0.6975")


# Against the domain's table


def domain(shared: Path) -> list[dict[str, str]]:
    with (shared / "domain" / "data" / "indicators.csv").open(
        encoding="utf-8", newline=""
    ) as table:
        return list(csv.DictReader(table))


def translated(row: dict[str, str]) -> dict[str, object]:
    """A row of the domain's table in our words."""
    ratio = row["kind"] == "ratio"
    return {
        "name_vi": row["name_vi"],
        "name_en": row["name_en"],
        "unit": UNITS.get(row["code"], row["unit"]),
        "kind": row["kind"],
        "agg_space": "ratio" if ratio else row["agg_space"],
        "agg_time": "recompute" if ratio else row["agg_time"],
        "numerator": row["numerator"],
        "denominator": row["denominator"],
        "frequencies": tuple(FREQUENCIES.get(letter, letter) for letter in row["freq"].split(",")),
        "better": row["better"],
        "range": RANGES.get(row["range"], row["range"]),
    }


@pytest.mark.shared
def test_every_indicator_is_as_the_domains_table_has_it(shipped: Catalogue, shared: Path) -> None:
    for row in domain(shared):
        told = translated(row)
        found: Indicator = shipped.indicators[row["code"]]
        assert {name: getattr(found, name) for name in told} == told, row["code"]


@pytest.mark.shared
def test_there_is_no_other_indicator(shipped: Catalogue, shared: Path) -> None:
    rows = domain(shared)
    components = {row[name] for row in rows for name in ("numerator", "denominator") if row[name]}
    assert set(shipped.indicators) == {row["code"] for row in rows} | components | set(TOTALS)
    assert all(re.fullmatch(r"[A-Z]{2}\.\d\d[ab]?", code) for code in shipped.indicators)
