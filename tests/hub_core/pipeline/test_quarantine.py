"""The quarantine as it is listed.

Which rows, where each is at fault, and what a replay brings back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub_core.errors import StateError, StoreError
from hub_core.pipeline.gather import replay
from hub_core.pipeline.quarantine import export, quarantines
from tests.hub_core.conftest import NIGHT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub_core.conftest import Nights

HEAD = "dv,ky,ct,gt\n"


@pytest.fixture
def nights(nights_without_children: Nights) -> Nights:
    return nights_without_children


def served(nights: Nights, *rows: str, name: str = "a", more: str = "") -> None:
    """A package, and the rows that its system has: UNIT stands for its own org unit."""
    nights.package(name, more=more)
    nights.serve(
        HEAD + "".join(f"{row}\n".replace("UNIT", nights.units[name]) for row in rows), name=name
    )


def test_each_row_is_at_the_cell_that_it_is_at_fault_in(nights: Nights) -> None:
    served(
        nights,
        "nơi nào,2026-M10,VT.03,1",
        "UNIT,2026-M10,VT.99,2",
        "UNIT,2026-M10,VT.03,ba",
        "UNIT,2026-M10,,4",
    )
    nights.bad_and_good()
    with nights.hub() as hub:
        [listed] = quarantines(hub, "a", cells=True).quarantines
    assert (listed.province, listed.provision, listed.provider, listed.dataflow) == (
        "a",
        "telecom",
        "A.SKHCN",
        "TELECOM",
    )
    assert (listed.period, listed.revision, listed.admitted_at) == (
        "2026-M10",
        1,
        "2026-11-06T09:00+07:00",
    )
    assert [(row.code, row.field, row.text, row.locator) for row in listed.rows] == [
        ("V001", "org_unit", "nơi nào", "a.csv line 2 column dv"),
        ("V001", "indicator", "VT.99", "a.csv line 3 column ct"),
        ("V002", "value", "ba", "a.csv line 4 column gt"),
        ("V001", "indicator", "", "a.csv line 5 column ct"),
    ]
    assert listed.rows[2].cells == {
        "dv": nights.units["a"],
        "ky": "2026-M10",
        "ct": "VT.03",
        "gt": "ba",
    }
    assert listed.rows[3].cells == {"dv": nights.units["a"], "ky": "2026-M10", "gt": "4"}
    assert (listed.rows[2].why, listed.rows[2].why_en) == (
        "Giá trị không phải là số",
        "Value is not a number",
    )


def test_a_column_that_prepare_made_leads_to_its_row(nights: Nights) -> None:
    served(nights, "UNIT,2026-M10,VT.03,ba", more='prepare = "hub_provinces.a.fixes:fix"\n')
    (nights.packages / "a/hub_provinces/a/fixes.py").write_text(
        'def fix(f):\n    return f.rename({"gt": "số"})\n'
    )
    toml = nights.packages / "a/hub_provinces/a/telecom.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('"gt"', '"số"'), encoding="utf-8")
    nights.bad_and_good()
    with nights.hub() as hub:
        [row] = quarantines(hub, "a", cells=True).quarantines[0].rows
    assert (row.text, row.locator) == ("ba", "a.csv line 2")
    assert row.cells["gt"] == "ba"


def test_only_the_newest_revision_is_listed(nights: Nights) -> None:
    served(nights, "UNIT,2026-M10,VT.03,ba", "UNIT,2026-M10,VT.04,bốn")
    nights.night()
    served(nights, "UNIT,2026-M10,VT.03,ba", "UNIT,2026-M10,VT.04,4")
    nights.night()
    with nights.hub() as hub:
        [listed] = quarantines(hub, "a").quarantines
        assert (listed.revision, [row.text for row in listed.rows]) == (2, ["ba"])
        assert quarantines(hub, "a", "2026-M09").quarantines == []
    served(nights, "UNIT,2026-M10,VT.03,3", "UNIT,2026-M10,VT.04,4")
    nights.night()
    with nights.hub() as hub:
        assert quarantines(hub, "a").quarantines == []


def test_a_limit_tells_how_many_there_are(nights: Nights) -> None:
    served(nights, *(f"UNIT,2026-M10,VT.03,x{n}" for n in range(7)))
    served(nights, *(f"UNIT,2026-M10,VT.03,y{n}" for n in range(4)), name="b")
    nights.night()
    with nights.hub() as hub:
        listed = quarantines(hub, limit=9)
        assert (listed.listed, listed.rows) == (9, 11)
        assert [row.text for row in listed.quarantines[1].rows] == ["y0", "y1"]
        assert [each.province for each in quarantines(hub, limit=3).quarantines] == ["a"]
        assert quarantines(hub).listed == 11


def test_rows_without_a_period_are_listed_until_a_replay_reads_them(nights: Nights) -> None:
    served(nights, "UNIT,2026-M10,VT.03,3", "UNIT,tháng mười,VT.04,4", "UNIT,?,VT.05,5")
    nights.night()
    with nights.hub() as hub:
        [listed] = quarantines(hub, "a", cells=True).quarantines
        assert (listed.period, listed.revision, listed.provider, listed.dataflow) == (
            "?",
            0,
            "A.SKHCN",
            "TELECOM",
        )
        assert [(row.code, row.field, row.text, row.locator) for row in listed.rows] == [
            ("V001", "period", "tháng mười", "a.csv line 3 column ky"),
            ("V001", "period", "?", "a.csv line 4 column ky"),
        ]
        assert (listed.rows[0].why, listed.rows[0].cells["gt"]) == (
            "Mã không có trong danh mục",
            "4",
        )
        assert quarantines(hub, "a", "?").listed == 2
        assert quarantines(hub, "a", "2026-M10").listed == 0
        [gather] = hub.zone.landings("a", "telecom")
    toml = nights.packages / "a/hub_provinces/a/telecom.toml"
    words = 'codes = { "2026-M10" = "2026-M10", "tháng mười" = "2026-M10" }'
    toml.write_text(
        toml.read_text(encoding="utf-8").replace('"ky"', f'"ky", {words}'), encoding="utf-8"
    )
    with nights.hub() as hub:
        assert (
            replay(hub, "a", "telecom", gather, NIGHT + timedelta(days=1), lambda *_: None).outcome
            != "failed"
        )
        assert [row.text for row in quarantines(hub, "a", "?").quarantines[0].rows] == ["?"]


def test_a_package_that_is_gone_leaves_the_rows_as_they_were_kept(nights: Nights) -> None:
    import shutil

    served(nights, "UNIT,2026-M10,VT.03,ba")
    nights.night()
    shutil.rmtree(nights.packages / "a")
    with nights.hub() as hub:
        [row] = quarantines(hub, "a", cells=True).quarantines[0].rows
    assert (row.text, row.cells) == ("ba", {})
    assert row.locator == "a.csv, row 0, column gt (no package a to read it)"


def test_a_workbook_is_written_for_each_submission(nights: Nights, tmp_path: Path) -> None:
    served(nights, "UNIT,2026-M10,VT.03,ba")
    served(nights, "UNIT,2026-M10,VT.03,ba", "UNIT,kỳ nào,VT.04,4", name="b")
    nights.night()
    with nights.hub() as hub:
        found = quarantines(hub, cells=True).quarantines
        folder = tmp_path / "gửi" / "các tỉnh"
        files = export(hub, found, folder)
        assert [file.relative_to(folder).as_posix() for file in files] == [
            "a-telecom-2026-M10-r1.xlsx",
            "b-telecom-2026-M10-r1.xlsx",
            "b-telecom-no-period.xlsx",
        ]
        assert all(file.read_bytes().startswith(b"PK") for file in files)
        assert export(hub, found[:1], tmp_path / "một.XLSX") == [tmp_path / "một.XLSX"]
        with pytest.raises(StateError, match=r"3 submissions .* give a folder"):
            export(hub, found, tmp_path / "tất cả.xlsx")
        with pytest.raises(StateError, match="no row is in the quarantine"):
            export(hub, [], tmp_path)
        (tmp_path / "tệp").touch()
        with pytest.raises(StoreError, match="cannot be written"):
            export(hub, found, tmp_path / "tệp")
