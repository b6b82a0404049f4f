"""What stood yesterday is there today.

Versions, revisions and catalogues, each as of a moment, and what changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.world import World, make_world

pytestmark = pytest.mark.slow

Shown = tuple[str, int, dict[tuple[str, str], str]]
FIRST, CORRECTED, RENAMED = "2026-11-06T02:00", "2026-11-07T02:00", "2026-11-08T02:00"
YESTERDAY = "2026-11-06T12:00"
NAME = "TELECOM/2026-M10"
KEY = ("thanh_hoa/telecom", "2026-M10")


def _row(world: World, code: str) -> dict[str, Any]:
    return next(row for row in world.rows(*KEY) if row["ma_chi_tieu"] == code)


def _shown(world: World, *words: str) -> Shown:
    release = world.json_of("release", "show", NAME, *words)
    figures = {(f["indicator"], f["org_unit"]): f["value"] for f in release["figures"]}
    return release["manifest"]["figures_digest"], release["manifest"]["version"], figures


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Shown]]:
    """A world after a correction, and what its release showed before.

    After the correction the catalogue rounds otherwise, and a landing is read again.
    """
    with make_world(tmp_path_factory.mktemp("corrected") / "world") as world:
        world.night(FIRST, "--period", "2026-M10")
        before = _shown(world)
        _correct(world)
        yield world, before


def _correct(world: World) -> None:
    _row(world, "VT-03")["gia_tri"] = "3.402.200"
    world.night(CORRECTED, "--period", "2026-M10")
    units = world.home / "config" / "catalogue" / "units.csv"
    text = units.read_text(encoding="utf-8")
    units.write_text(
        text.replace("thuê bao,subscriptions,0", "thuê bao,telephone lines,2"), encoding="utf-8"
    )
    _row(world, "VT-04")["gia_tri"] = "52.000"
    world.night(RENAMED, "--period", "2026-M10")
    world.run("replay", "thanh_hoa", "telecom")


def test_yesterdays_release_is_yesterdays_to_the_digest_whatever_came_since(
    corrected: tuple[World, Shown],
) -> None:
    world, (digest, version, figures) = corrected
    assert version == 1
    assert _shown(world)[1] == 3
    assert _shown(world, "--as-of", YESTERDAY) == (digest, version, figures)
    listed = world.json_of("release", "list", "--as-of", YESTERDAY)
    assert [each["release"] for each in listed] == [f"{NAME}/v1"]
    verified = world.json_of("release", "verify", NAME, "--as-of", YESTERDAY)
    assert (verified["release"], verified["made"]) == (f"{NAME}/v1", digest)
    assert world.json_of("release", "verify", f"{NAME}/v3")["release"] == f"{NAME}/v3"
    assert world.codes["release"] == 0
    cell = world.trace(NAME, "VT.03", "vn-thanh-hoa", "--as-of", YESTERDAY)["cell"]
    assert (cell["revision"], cell["text"]) == (1, "3.402.118")
    assert world.run("release", "show", NAME, "--as-of", "2026-11-05T12:00").returncode != 0


def test_what_a_correction_changed_is_told_figure_by_figure_with_its_reason(
    corrected: tuple[World, Shown],
) -> None:
    world, _ = corrected
    difference = world.json_of("release", "diff", f"{NAME}/v2")
    assert (difference["before"], difference["after"], difference["reason"]) == (
        f"{NAME}/v1",
        f"{NAME}/v2",
        "correction",
    )
    changes = {
        (c["indicator"], c["org_unit"]): (c["what"], c["before"], c["after"])
        for c in difference["changes"]
    }
    assert changes["VT.03", "vn-thanh-hoa"][0] == "changed"
    assert [float(each) for each in changes["VT.03", "vn-thanh-hoa"][1:]] == [3402118, 3402200]
    assert ("VT.03", "cluster-5") in changes
    assert ("VT.03", "vn-quang-tri-2025") not in changes

    revisions = world.json_of("revision", "list", KEY[0], "--period", KEY[1])
    assert [(r["revision"], r["reason"]) for r in revisions][:2] == [
        (1, "initial"),
        (2, "correction"),
    ]
    before = world.json_of("revision", "list", KEY[0], "--period", KEY[1], "--as-of", YESTERDAY)
    assert [(r["revision"], r["state"]) for r in before] == [(1, "current")]
    difference = world.json_of("revision", "diff", *KEY, "--revisions", "1", "2")
    [change] = difference["changes"]
    assert (change["indicator"], change["what"], difference["reason"]) == (
        "VT.03",
        "changed",
        "correction",
    )


def test_a_preliminary_year_of_december_and_the_final_one_of_february_live_side_by_side(
    world: World,
) -> None:
    rows: Any = world.systems.servers["thanh_hoa/telecom"].rows
    row = {
        "ten_chi_tieu": "",
        "don_vi": "Thanh Hoá",
        "ky": "2025",
        "don_vi_tinh": "thuê bao",
        "ghi_chu": "",
    }
    rows["2025"] = [{**row, "ma_chi_tieu": "VT-03", "gia_tri": "3.300.000", "trang_thai": "ước"}]
    world.json_of(
        "gather", "--now", "2025-12-15T02:00", "--province", "thanh_hoa", "--period", "2025"
    )
    world.json_of("publish", "TELECOM", "2025", "--now", "2025-12-15T03:00")
    rows["2025"] = [
        {**row, "ma_chi_tieu": "VT-03", "gia_tri": "3.312.407", "trang_thai": "chính thức"}
    ]
    world.json_of(
        "gather", "--now", "2026-02-24T02:00", "--province", "thanh_hoa", "--period", "2025"
    )
    world.json_of("publish", "TELECOM", "2025", "--now", "2026-02-24T03:00")
    found = {}
    for moment in ("2025-12-31T00:00", "2026-03-01T00:00"):
        shown = world.json_of("release", "show", "TELECOM/2025", "--as-of", moment)
        [figure] = [f for f in shown["figures"] if f["org_unit"] == "vn-thanh-hoa"]
        found[shown["manifest"]["version"]] = (figure["value"], figure["status"])
    assert found == {1: ("3300000", "E"), 2: ("3312407", "A")}
