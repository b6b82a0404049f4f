"""Telecom of 2024 to 2026 for the cluster in two views: as reported, and on the borders of today.

The figures are invented by this test's own generator.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.world import ROOT, World, make_world, put_package

pytestmark = pytest.mark.slow
NOW = "2027-02-01T02:00"
QUARTERS = [f"{year}-Q{quarter}" for year in (2024, 2025, 2026) for quarter in (1, 2, 3, 4)]
MERGED = "2025-Q3"  # the first quarter of the new borders
OLD = [
    "vn-thanh-hoa",
    "vn-nghe-an",
    "vn-ha-tinh",
    "vn-quang-binh",
    "vn-quang-tri",
    "vn-thua-thien-hue",
]
NEW = ["vn-thanh-hoa", "vn-nghe-an", "vn-ha-tinh", "vn-quang-tri-2025", "vn-thua-thien-hue"]
PARTS = ("vn-quang-binh", "vn-quang-tri")
PROVINCE = """id = "kho_so_lieu"
name = "Kho số liệu"
kind = "agency"
contact = { name = "bài kiểm thử", email = "thu@example.org", telephone = "024 0000 0000" }

[[providers]]
id = "KHO_SO_LIEU.VT"
name = "Kho số liệu"
"""
PROVISION = """dataflow = "TELECOM"
provider = "KHO_SO_LIEU.VT"
periods = "all"

[source]
kind = "folder"
path = "{path}"

[reader]
kind = "csv"

[map]
org_unit = {{ column = "don_vi" }}
period = {{ column = "ky" }}
indicator = {{ column = "chi_tieu" }}
value = {{ column = "gia_tri", number = "en" }}
"""
DUTY = """[[obligation]]
dataflow = "TELECOM"
provider = "KHO_SO_LIEU.VT"
province = "kho_so_lieu"
speaks_for = ["{units}"]
frequencies = ["M", "Q", "A"]
{due}
legal = "bài kiểm thử"
"""
Figures = dict[tuple[str, str, str], Decimal]  # indicator, org unit, quarter


def invented() -> Figures:
    """Subscriptions, smartphones among them, revenue, and a speed as an index.

    Of the units of each quarter.
    """
    dice = random.Random(5)
    figures: Figures = {}
    for quarter in QUARTERS:
        for unit in OLD if quarter < MERGED else NEW:
            lines = dice.randrange(400_000, 3_400_000)
            figures["VT.03", unit, quarter] = Decimal(lines)
            figures["VT.05", unit, quarter] = Decimal(lines * dice.randrange(60, 95) // 100)
            figures["VT.01", unit, quarter] = Decimal(dice.randrange(1_000_000, 9_000_000)) / 10
            figures["VT.10", unit, quarter] = Decimal(dice.randrange(50, 99))
    return figures


@dataclass
class Views:
    """A world after its figures were gathered, and the figures themselves."""

    world: World
    figures: Figures

    def series(
        self, indicator: str, unit: str, *words: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Both views of a series by period."""
        views = self.world.json_of(
            "series", indicator, unit, "--from", QUARTERS[0], "--to", QUARTERS[-1], *words
        )
        return tuple(
            {p["period"]: p for p in views[view]} for view in ("as_reported", "on_borders")
        )  # type: ignore[return-value]


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    folder = tmp_path_factory.mktemp("views")
    figures = invented()
    with make_world(folder / "world", ()) as world:
        _package(world, folder / "files")
        lines = [
            f"{code},{unit},{quarter},{value}" for (code, unit, quarter), value in figures.items()
        ]
        (folder / "files").mkdir()
        (folder / "files" / "vt.csv").write_text(
            "\n".join(["chi_tieu,don_vi,ky,gia_tri", *lines]), encoding="utf-8"
        )
        gathered = world.json_of("gather", "--now", NOW, "--period", "2026-Q4")
        assert [g["outcome"] for g in gathered["gathers"]] == ["done"], gathered
        yield Views(world, figures)


def _package(world: World, files: Path) -> None:
    declared = {"province.toml": PROVINCE, "vien_thong.toml": PROVISION.format(path=files)}
    put_package(world.packages, "kho_so_lieu", "KHO_SO_LIEU.VT", declared)
    duties = world.home / "config" / "obligations" / "telecom.toml"
    [due] = {
        line for line in duties.read_text(encoding="utf-8").splitlines() if line.startswith("due")
    }
    units = '", "'.join(dict.fromkeys([*OLD, *NEW]))
    duties.write_text(DUTY.format(units=units, due=due), encoding="utf-8")


def test_totals_of_additive_indicators_are_equal_in_both_views(views: Views) -> None:
    for code in ("VT.01", "VT.03"):
        reported, today = views.series(code, "cluster-5")
        for quarter in QUARTERS:
            members = OLD if quarter < MERGED else NEW
            total = sum((views.figures[code, unit, quarter] for unit in members), Decimal(0))
            assert Decimal(reported[quarter]["value"]) == Decimal(today[quarter]["value"]) == total
            assert reported[quarter]["coverage"] == f"{len(members)}/{len(members)}"
            assert today[quarter]["coverage"] == "5/5"


def test_the_merged_province_has_one_series_on_todays_borders(views: Views) -> None:
    reported, today = views.series("VT.03", "vn-quang-tri-2025")
    for quarter in QUARTERS:
        if quarter < MERGED:
            assert (reported[quarter]["value"], reported[quarter]["why"]) == (
                None,
                f"vn-quang-tri-2025 did not live in {quarter}",
            )
            parts = sum((views.figures["VT.03", part, quarter] for part in PARTS), Decimal(0))
            assert (Decimal(today[quarter]["value"]), today[quarter]["coverage"]) == (parts, "2/2")
        else:
            own = views.figures["VT.03", "vn-quang-tri-2025", quarter]
            assert Decimal(reported[quarter]["value"]) == Decimal(today[quarter]["value"]) == own
    old, _ = views.series("VT.03", "vn-quang-binh")
    assert [q for q in QUARTERS if old[q]["value"]] == [q for q in QUARTERS if q < MERGED]


def test_a_ratio_is_recomputed_and_never_averaged(views: Views) -> None:
    for unit, members in (("cluster-5", OLD), ("vn-quang-tri-2025", list(PARTS))):
        _, today = views.series("VT.06", unit)
        for quarter in (q for q in QUARTERS if q < MERGED):
            smart, lines = (
                sum(views.figures[c, m, quarter] for m in members) for c in ("VT.05", "VT.03")
            )
            right = (Decimal(smart) * 100 / Decimal(lines)).quantize(Decimal("0.01"), ROUND_HALF_UP)
            assert Decimal(today[quarter]["value"]) == right


def test_an_index_of_merged_provinces_has_no_value_and_says_why(views: Views) -> None:
    flow = views.world.home / "config" / "catalogue" / "indicators.csv"
    before = flow.read_text(encoding="utf-8")
    lines = [line.split(",") for line in before.splitlines()]
    line = next(n for n, cells in enumerate(lines) if cells[0] == "VT.10")
    lines[line][5:8] = ["index", "none", "last"]
    lines[line][8:10] = ["", ""]
    flow.write_text("\n".join(",".join(cells) for cells in lines) + "\n", encoding="utf-8")
    try:
        reported, today = views.series("VT.10", "vn-quang-tri-2025")
        assert today["2025-Q2"]["value"] is None
        assert (
            today["2025-Q2"]["why"]
            == "index figures are not added up: vn-quang-binh, vn-quang-tri have their own"
        )
        own = views.figures["VT.10", "vn-quang-tri-2025", MERGED]
        assert Decimal(today[MERGED]["value"]) == Decimal(reported[MERGED]["value"]) == own
    finally:
        flow.write_text(before, encoding="utf-8")


def test_hue_is_one_unit_throughout(views: Views) -> None:
    reported, today = views.series("VT.03", "vn-thua-thien-hue")
    for quarter in QUARTERS:
        own = views.figures["VT.03", "vn-thua-thien-hue", quarter]
        assert Decimal(reported[quarter]["value"]) == Decimal(today[quarter]["value"]) == own


def test_the_borders_of_another_day_may_be_asked_for(views: Views) -> None:
    _, then = views.series("VT.03", "vn-quang-binh", "--borders", "2025-06-30")
    assert Decimal(then["2025-Q1"]["value"]) == views.figures["VT.03", "vn-quang-binh", "2025-Q1"]
    assert then[MERGED]["value"] is None  # what was merged is not divided again


def test_the_page_that_explains_the_views_shows_these_very_figures(views: Views) -> None:
    page = (ROOT / "docs" / "time.md").read_text(encoding="utf-8")
    for indicator, unit in (
        ("VT.03", "vn-quang-tri-2025"),
        ("VT.06", "vn-quang-tri-2025"),
        ("VT.03", "cluster-5"),
    ):
        done = views.world.run(
            "series", indicator, unit, "--from", "2025-Q1", "--to", "2025-Q4", "--now", NOW
        )
        shown = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
        assert "\n".join(shown) in page, f"docs/time.md should show:\n{done.stdout}"
