"""The workbooks of the Ministry of Finance and of VCCI, as they were published, through the shipped packages."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path

from tests.journeys.world import ROOT, World, make_world

pytestmark = [pytest.mark.shared, pytest.mark.slow]
NOW = "2021-04-05T02:00"
YEARS = ("2008", "2009", "2012", "2016")
SPELT = {
    "BRVT": "ba-ria-vung-tau",
    "HCMC": "ho-chi-minh",
    "TP HCM": "ho-chi-minh",
    "TT-Hue": "thua-thien-hue",
}
BUDGET = {"total.rev": "NS.01", "total.exp": "NS.02"}
PCI = {
    "pci_weighted": "NL.00",
    "pci_entry": "NL.01",
    "pci_land": "NL.02",
    "pci_transparency": "NL.03",
    "pci_time": "NL.04",
    "pci_informal": "NL.05",
    "pci_bias": "NL.06",
    "pci_proactive": "NL.07",
    "pci_support": "NL.08",
    "pci_labor": "NL.09",
    "pci_legal": "NL.10",
}
Key = tuple[str, str, str]  # indicator, org unit, period


@pytest.fixture(scope="module")
def night(
    shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, dict[str, Any]]]:
    """A world in which the agencies' folders hold their real workbooks, after the night that gathered them."""
    with make_world(tmp_path_factory.mktemp("world") / "world", ("bo_tai_chinh", "vcci")) as world:
        for province, provision in _provisions(world):
            folder = world.home.parent / "systems" / province / provision
            shutil.rmtree(folder)
            folder.mkdir()
            for book in (shared / "real").glob("P*.xls*"):
                shutil.copyfile(book, folder / book.name)
        periods = [word for year in YEARS for word in ("--period", year)]
        report = world.json_of("night", "--now", NOW, *periods)
        yield world, world.gathers(report)


@pytest.fixture
def ministries(night: tuple[World, dict[str, Any]]) -> World:
    return night[0]


def _provisions(world: World) -> list[tuple[str, str]]:
    listed = world.json_of("province", "list")["provisions"]
    return [(each["province"], each["provision"]) for each in listed]


def _unit(spelling: str, year: str) -> str:
    slug = SPELT.get(spelling, spelling).lower().replace(" ", "-")
    return "vn-ha-noi-2008" if slug == "ha-noi" and year > "2008" else f"vn-{slug}"


def _expected(folder: Path) -> dict[Key, tuple[Decimal, str]]:
    """Figures and cells as they stand in the two tables, without what is not there."""
    found: dict[Key, tuple[Decimal, str]] = {}
    absent = 0
    for name, columns in (("expected_budget_plan.csv", BUDGET), ("expected_pci.csv", PCI)):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            order = [field for field in reader.fieldnames or () if field in columns]
            for row in reader:
                for column, cell in zip(order, row["cell"].split(";"), strict=True):
                    if row[column] == "NA":
                        absent += 1
                        continue
                    key = (columns[column], _unit(row["prov"], row["year"]), row["year"])
                    found[key] = (Decimal(row[column]), cell)
    assert (len(found), absent) == (2333, 126)
    return found


def _figures(world: World) -> dict[Key, tuple[Decimal, str]]:
    """What was admitted for provinces, with the cell of each by its row and column."""
    from hub_core.engine.engine import local
    from hub_core.home import Hub
    from hub_core.landing.layout import OBSERVATIONS, read_manifest
    from hub_core.trace.locate import Place, locate

    found: dict[Key, tuple[Decimal, str]] = {}
    hub = Hub.open(world.home, local())
    try:
        for each in hub.store.submissions():
            folder = hub.zone.root / each.path
            parts = read_manifest(folder).parts
            rows = pl.read_parquet(folder / OBSERVATIONS).to_dicts()
            places = [Place(parts[row["part"]], row["row"], row["column"]) for row in rows]
            for row, where in zip(
                rows, locate(hub, each.province, each.provision, places), strict=True
            ):
                found[row["indicator"], row["org_unit"], row["period"]] = (
                    row["value"],
                    where.locator,
                )
    finally:
        hub.close()
    return found


def test_every_figure_and_cell_is_as_published_and_nothing_else_is_admitted(
    ministries: World, shared: Path
) -> None:
    expected = _expected(shared / "real")
    figures = _figures(ministries)
    country = {key: figure for key, figure in figures.items() if key[1] == "vn"}
    assert {key: figure for key, figure in figures.items() if key not in country} == expected
    assert {key: str(value.normalize()) for key, (value, _) in country.items()}.keys() == {
        (indicator, "vn", year)
        for indicator in ("NS.01", "NS.02")
        for year in ("2008", "2012", "2016")
    }
    assert country["NS.01", "vn", "2016"] == (Decimal(1_109_500_000), "M09!C13")


def test_every_name_is_resolved_and_every_row_accounted_for(
    night: tuple[World, dict[str, Any]],
) -> None:
    gathers = night[1]
    assert {each["outcome"] for each in gathers.values()} == {"done"}
    assert {name: each["revisions"] for name, each in gathers.items()} == {
        **{f"bo_tai_chinh/budget_{year}": {year: 1} for year in ("2008", "2012", "2016")},
        **{f"vcci/pci_{year}": {year: 1} for year in ("2009", "2012", "2016")},
    }
    for name, each in gathers.items():
        counts = each["counts"]
        regions = (
            6 if name.startswith("bo_tai_chinh") else 0
        )  # left out by name, each with two figures
        bare = {"bo_tai_chinh/budget_2008": 6, "bo_tai_chinh/budget_2016": 1}.get(
            name, 0
        )  # English names, a note
        assert (counts["quarantined"], counts["absent"], counts["ignored"]) == (
            0,
            2 * bare,
            2 * regions,
        ), name


def test_a_trace_ends_at_the_published_cell(ministries: World) -> None:
    cell = ministries.json_of(
        "trace", "STATE_BUDGET/2016", "NS.02", "vn-nghe-an", "--measure", "plan"
    )["figure"]["cell"]
    assert (cell["locator"], cell["text"]) == ("M09!E43", "14457467")
    assert cell["part"]["name"] == "Plan_2016.xls"


def test_the_total_that_a_footnote_sets_apart_is_a_warning_and_figures_stand(
    ministries: World,
) -> None:
    found = [f for f in ministries.json_of("finding", "list") if f["code"] == "V008"]
    assert [(f["period"], f["severity"], f["rows"], f["text"]) for f in found] == [
        ("2016", "warning", 1, "1109500000 ≠ 1028841000 (80659000)")
    ]
    shown = ministries.json_of("release", "show", "STATE_BUDGET/2016")["figures"]
    total = next(f for f in shown if (f["indicator"], f["org_unit"]) == ("NS.01", "vn"))
    assert (total["value"], total["method"]) == ("1109500000.0", "reported")


def test_the_six_layouts_differ_in_toml_only() -> None:
    for package in ("bo_tai_chinh", "vcci"):
        code = sorted((ROOT / "plugins" / package / "hub_provinces").rglob("*.py"))
        assert [path.name for path in code] == ["__init__.py"]
        assert not any(
            character.isdigit()
            for character in code[0].read_text(encoding="utf-8").replace("2012", "")
        )
