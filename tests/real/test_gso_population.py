"""The statistics office's own export, as it was published."""

from __future__ import annotations

import shutil
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

from tests.journeys.world import World, make_world

pytestmark = pytest.mark.shared
NOW = "2021-04-05T02:00"


@pytest.fixture
def office(shared: Path, tmp_path: Path) -> Any:
    """A world in which the office's folder holds its real export of 2020."""
    with make_world(tmp_path / "world") as world:
        folder = tmp_path / "world" / "systems" / "tong_cuc_thong_ke" / "population"
        shutil.copyfile(
            shared / "real" / "gso_population_2020.csv", folder / "gso_population_2020.csv"
        )
        yield world


def test_the_real_export_gives_the_population_of_63_provinces(office: World) -> None:
    night = office.night(NOW, "--period", "2020", "--province", "tong_cuc_thong_ke")
    report = office.gathers(night)["tong_cuc_thong_ke/population"]
    assert (report["outcome"], report["error"]) == ("done", None)
    assert report["counts"]["rows"] == 70
    assert report["counts"]["ignored"] == 6  # the six regions, by name
    assert (report["counts"]["admitted"], report["counts"]["quarantined"]) == (64, 0)

    shown = office.json_of("release", "show", "DENOMINATORS/2020")["figures"]
    population = {f["org_unit"]: f for f in shown if f["indicator"] == "KX.90"}
    provinces = {unit: f for unit, f in population.items() if unit not in ("vn", "cluster-5")}
    assert len(provinces) == 63
    assert {f["status"] for f in provinces.values()} == {"P"}
    assert provinces["vn-quang-nam"]["value"] == "1505000"
    assert (
        provinces["vn-quang-tri"]["value"] == "637300"
    )  # the province of that time, not its successor
    assert sum(Decimal(f["value"]) for f in provinces.values()) == 97_582_600
    assert (population["vn"]["value"], population["vn"]["method"]) == ("97582700", "reported")
    cluster = population["cluster-5"]
    assert (cluster["value"], cluster["method"], cluster["coverage"]) == ("10999700", "sum", "6/6")


def test_quang_nam_ends_at_its_line_and_column(office: World) -> None:
    office.night(NOW, "--period", "2020", "--province", "tong_cuc_thong_ke")
    cell = office.trace("DENOMINATORS/2020", "KX.90", "vn-quang-nam")["cell"]
    heading = "2020 (*) Average population (Thous. pers.)"
    assert cell["locator"] == f"gso_population_2020.csv line 38 column {heading}"
    assert cell["text"] == "1505.00"
    assert (cell["revision"], cell["provision"]) == (1, "population")
