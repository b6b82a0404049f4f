"""Figures out of their time or place.

Each is a named finding with its cell, or an error of ``hub check``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.journeys.offices import NOW, checked, edited, points, provision, typed, write
from tests.journeys.world import World, make_world, put_package

pytestmark = pytest.mark.slow

# Quảng Bình and Quảng Trị, merged on 2025-07-01

TYPED = {
    "2025-Q2": ("45;quý 2/2025;VT-03;45", "44;quý 2/2025;VT-03;44"),
    "2025-Q3": ("45;quý 3/2025;VT-03;45", "44;quý 3/2025;VT-03;44"),
    "2025-M09": ("44;tháng 9/2025;VT-03;9", "44;tháng 13/2025;VT-04;13", "44;tháng 9/3025;VT-07;9"),
    "2025": (
        *("44;năm 2025;VT-03;244", "44;năm 2025;VT-07;7", "44;năm 2025;VT-11;11"),
        *("44;năm 2025;VT-18A;0", "44;năm 2025;VT-18B;0"),
    ),
}


@dataclass
class Merged:
    """A world after its figures were gathered, and what was found in them."""

    world: World
    outcomes: dict[str, str]
    findings: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    release: dict[str, Any]

    def left(self, name: str, period: str) -> list[tuple[str, str, str, str]]:
        """What was left out: code, field, text and place."""
        mine = [
            row for row in self.quarantine if (row["province"], row["period"]) == (name, period)
        ]
        return [(row["code"], row["field"], row["text"], row["locator"]) for row in mine]

    def finding(self, code: str, name: str, period: str) -> tuple[str, str, str | None]:
        """The one finding of a rule: severity, text and place."""
        [found] = [
            f
            for f in self.findings
            if (f["code"], f["province"], f["period"]) == (code, name, period)
        ]
        return found["severity"], found["text"], found["place"].get("locator")


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merged]:
    """The shipped configuration, Quảng Trị's package, a Quảng Bình that goes on reporting, and population figures."""
    folder = tmp_path_factory.mktemp("merged")
    with make_world(folder / "world", ("quang_tri",)) as world:
        old = provision(folder / "old", "QUANG_BINH.SKHCN", codes='{ "44" = "vn-quang-binh" }')
        put_package(world.packages, "quang_binh", "QUANG_BINH.SKHCN", {"telecom.toml": old})
        people = provision(folder / "people", "TONG_CUC_THONG_KE.DAN_SO", dataflow="DENOMINATORS")
        put_package(
            world.packages,
            "tong_cuc_thong_ke",
            "TONG_CUC_THONG_KE.DAN_SO",
            {"population.toml": people},
        )
        write(
            folder / "old", "2025-Q2", "44,2025-Q2,VT.03,1", "44,2025-Q3,VT.03,2", "44,2025,VT.03,3"
        )
        write(folder / "people", "2025", "Quảng Trị,2025,KX.90,0", "Nghệ An,2025,KX.90,3470988")
        for label, rows in TYPED.items():
            typed(world, label, *rows)
        flow = world.home / "config" / "dataflows" / "TELECOM.toml"
        text = flow.read_text(encoding="utf-8")
        flow.write_text(
            text.replace("quarantined_percent = 5", "quarantined_percent = 90"), encoding="utf-8"
        )
        asked = [word for label in TYPED for word in ("--period", label)]
        gathered = world.json_of("gather", "--now", NOW, *asked)
        outcomes = {each["province"]: each["outcome"] for each in gathered["gathers"]}
        world.json_of("publish", "TELECOM", "2025", "--now", NOW)
        findings, quarantine = (
            world.json_of("finding", "list"),
            world.json_of("finding", "quarantine"),
        )
        yield Merged(
            world, outcomes, findings, quarantine, world.json_of("release", "show", "TELECOM/2025")
        )


def test_a_code_used_again_after_the_merger_means_its_unit_on_the_periods_last_day(
    merged: Merged,
) -> None:
    """44 was Quảng Bình's and is the new Quảng Trị's, 45 was the old one's."""
    before = points(merged.world, "VT.03", "vn-quang-tri", "2025-Q2", "2025-Q3")
    after = points(merged.world, "VT.03", "vn-quang-tri-2025", "2025-Q2", "2025-Q3")
    assert (before["2025-Q2"]["value"], after["2025-Q3"]["value"]) == ("45", "44")
    assert (before["2025-Q3"]["value"], after["2025-Q2"]["value"]) == (None, None)
    assert merged.left("quang_tri", "2025-Q2") == [
        ("V001", "org_unit", "44", "telecom-2025-Q2.csv line 3 column Mã tỉnh")
    ]


def test_the_new_province_under_the_old_code_is_left_out_with_its_cell(merged: Merged) -> None:
    assert merged.left("quang_tri", "2025-Q3") == [
        ("V001", "org_unit", "45", "telecom-2025-Q3.csv line 2 column Mã tỉnh")
    ]


def test_a_dead_provinces_report_is_left_out_and_holds_its_submission(merged: Merged) -> None:
    assert merged.left("quang_binh", "2025-Q3") == [
        ("V013", "org_unit", "44", "2025-Q2.csv line 3 column don_vi")
    ]
    assert merged.finding("V016", "quang_binh", "2025-Q3") == ("blocking", "1 / 1 > 90 %", None)
    assert merged.outcomes["quang_binh"] == "held"
    assert points(merged.world, "VT.03", "vn-quang-binh", "2025-Q3")["2025-Q3"] == {
        **dict.fromkeys(("status", "coverage", "method"), ""),
        "period": "2025-Q3",
        "value": None,
        "why": "vn-quang-binh did not live in 2025-Q3",
    }


def test_a_year_reported_by_the_old_and_the_new_province_is_added_once_and_said(
    merged: Merged,
) -> None:
    assert merged.finding("V024", "quang_binh", "2025") == (
        "warning",
        "44",
        "2025-Q2.csv line 4 column don_vi",
    )
    figures = {
        f["org_unit"]: (f["value"], f["coverage"])
        for f in merged.release["figures"]
        if f["indicator"] == "VT.03"
    }
    assert figures == {"vn-quang-tri-2025": ("244", ""), "cluster-5": ("244", "1/5")}
    words = ("series", "VT.03", "vn-quang-binh", "--from", "2025", "--to", "2025", "--now", NOW)
    views = merged.world.json_of(*words)
    assert [point["value"] for point in views["as_reported"]] == ["3"]
    assert [(point["value"], point["why"]) for point in views["on_borders"]] == [
        (None, "vn-quang-binh did not live on 2026-02-10; vn-quang-tri-2025 holds it")
    ]


def test_a_period_that_no_calendar_has_is_left_out_with_its_cell(merged: Merged) -> None:
    assert merged.left("quang_tri", "?") == [
        ("V001", "period", "tháng 13/2025", "telecom-2025-M09.csv line 3 column Kỳ"),
        ("V001", "period", "tháng 9/3025", "telecom-2025-M09.csv line 4 column Kỳ"),
    ]
    for label, why in (
        ("2025-M13", "M01 to M12"),
        ("3025-M09", "years are 1900 to 2999"),
        ("2025-N2", "N1"),
    ):
        done = merged.world.run("gather", "--period", label)
        assert done.returncode == 2
        assert why in " ".join(done.stderr.split())


def test_a_denominator_of_zero_gives_no_ratio_and_is_said(merged: Merged) -> None:
    assert merged.finding("V025", "quang_tri", "2025") == (
        *("warning", "VT.18b = 0: VT.18"),
        "telecom-2025.csv line 6 column Giá trị",
    )
    assert merged.left("tong_cuc_thong_ke", "2025") == [
        ("V004", "value", "0", "2025.csv line 2 column gia_tri")
    ]
    assert not {"VT.08", "VT.18"} & {f["indicator"] for f in merged.release["figures"]}
    for unit in ("vn-quang-tri-2025", "cluster-5"):
        assert points(merged.world, "VT.18", unit, "2025")["2025"]["why"] == "VT.18b is 0"


def test_a_ratio_whose_denominator_nobody_reported_says_what_it_lacks(merged: Merged) -> None:
    assert "VT.12" not in {f["indicator"] for f in merged.release["figures"]}
    for unit in ("vn-quang-tri-2025", "cluster-5"):
        assert (
            points(merged.world, "VT.12", unit, "2025")["2025"]["why"]
            == f"no KX.91 of {unit} for it"
        )
    assert points(merged.world, "VT.12", "vn-nghe-an", "2025")["2025"]["why"] == "not reported"


# What hub check refuses

LINES = {
    "a succession with a cycle": (
        "successions.csv",
        "2025-07-01,merge,vn-quang-tri-2025,vn-quang-binh,Nghị quyết 202/2025/QH15",
        "successions.csv: vn-quang-binh is its own successor; successions.csv: vn-quang-tri-2025 is its own successor",
    ),
    "a code that two units have on one day": (
        "org_unit_codes.csv",
        "vn-nghe-an,GSO,44,2025-07-01,",
        "org_unit_codes.csv: vn-nghe-an and vn-quang-tri-2025 both have GSO 44 on 2025-07-01",
    ),
    "a ratio without a denominator": (
        "indicators.csv",
        "VT.99,TELECOM,Tỷ lệ,Share,%,ratio,ratio,recompute,VT.03,,A,+,0..100,M,,",
        "indicators.csv: VT.99: a ratio needs agg_space ratio, numerator and denominator",
    ),
}


@pytest.mark.parametrize("what", LINES)
def test_a_catalogue_that_does_not_hold_is_refused_with_file_and_code(
    merged: Merged, what: str
) -> None:
    name, line, words = LINES[what]
    with edited(merged.world.home / "config" / "catalogue" / name, "", line):
        code, says = checked(merged.world)
    assert code == 2
    assert says.startswith(f"ConfigurationError: {words}")


DECLARED = {
    "a period that is none": (
        *('periods = "all"', 'periods = ["2025-M13"]'),
        "no such period: 2025-M13 (a year has the months M01 to M12)",
    ),
    "a word for a period that is none": (
        *('column = "ky"', 'column = "ky", codes = { "T13" = "2025-M13" }'),
        "telecom.toml, period: 2025-M13 is no period",
    ),
    "a code for two units": (
        *('"44" = "vn-quang-binh"', '"44" = "vn-quang-binh", "44 " = "vn-quang-tri-2025"'),
        "are one word for two codes",
    ),
}


@pytest.mark.parametrize("what", DECLARED)
def test_a_package_that_does_not_hold_is_refused_with_file_and_words(
    merged: Merged, what: str
) -> None:
    old, new, words = DECLARED[what]
    with edited(
        merged.world.packages / "quang_binh" / "hub_provinces" / "quang_binh" / "telecom.toml",
        old,
        new,
    ):
        code, says = checked(merged.world)
    assert code == 2
    assert words in says
    assert "telecom.toml" in says.replace(" ", "")  # a long path is broken where the table ends


def test_an_indicator_that_the_catalogue_dropped_is_withdrawn_for_that_reason(
    merged: Merged,
) -> None:
    world = merged.world
    lines = (
        (world.home / "config" / "catalogue" / "indicators.csv")
        .read_text(encoding="utf-8")
        .splitlines(True)
    )
    [line] = [each for each in lines if each.startswith("VT.11,")]
    [ratio] = [each for each in lines if each.startswith("VT.12,")]
    with edited(world.home / "config" / "catalogue" / "indicators.csv", line + ratio, ""):
        code, says = checked(world)
        assert (code, "telecom.toml, indicator: VT.11, VT.12 is not in the catalogue" in says) == (
            2,
            True,
        )
        world.json_of("publish", "TELECOM", "2025", "--now", "2026-02-11T02:00")
    changes = world.json_of("release", "diff", "TELECOM/2025")
    assert changes["reason"] == "catalogue"
    assert {(each["indicator"], each["what"]) for each in changes["changes"]} == {
        ("VT.11", "withdrawn")
    }
