"""The quarantine as people use it.

From bad rows to the list on the terminal and the workbooks of the departments.
"""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import termios
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest

from tests.command import HUB

if TYPE_CHECKING:
    from tests.journeys.world import World

pytestmark = pytest.mark.slow(seconds=10)

NIGHT, NEXT = "2026-11-06T02:00", "2026-11-07T02:00"
LONG = "khoảng 1.200 thuê bao, chưa tính các thuê bao trả trước bị khóa một chiều trong tháng"


def spoil(world: World) -> None:
    """Bad rows at a gateway that gives pages of JSON, and in a department's CSV."""
    rows = world.rows("thanh_hoa/telecom", "2026-Q3")
    rows[0]["gia_tri"] = '=HYPERLINK("http://x";"y")'
    rows[3]["ma_chi_tieu"] = "VT-99"
    rows[7]["gia_tri"] = LONG
    rows[8]["ky"] = "quý ba năm nay"
    rows.append(dict(rows[5]))
    table = next(Path(world.systems.sources["quang_tri"]["telecom"]["path"]).glob("*2026-M10*"))
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2].replace("1.702.330", "-12")
    table.write_text("\n".join([*lines, lines[4]]) + "\n", encoding="utf-8")


def on_a_terminal(world: World, columns: int, *words: str) -> str:
    """What a command shows on a terminal of so many columns."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (40, columns))
    hub = subprocess.Popen(
        [*HUB, *words], env=world.environment, stdout=slave, stderr=subprocess.DEVNULL
    )
    os.close(slave)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while piece := os.read(master, 1 << 16):
            shown += piece
    os.close(master)
    assert hub.wait() == 0
    return shown.decode()


def test_bad_rows_are_listed_and_exported_with_their_cells(world: World, tmp_path: Path) -> None:
    spoil(world)
    world.night(NIGHT)
    quarantined_rows = world.json_of("finding", "quarantine")
    assert [
        (r["province"], r["period"], r["code"], r["text"], r["locator"]) for r in quarantined_rows
    ] == [
        ("quang_tri", "2026-M10", "V005", "-12", "telecom-2026-M10.csv line 3 column Giá trị"),
        (
            "quang_tri",
            "2026-M10",
            "V006",
            "1.391.020",
            "telecom-2026-M10.csv line 9 column Giá trị",
        ),
        ("quang_tri", "2026-Q3", "V002", "6l", "telecom-2026-Q3.csv line 14 column Giá trị"),
        (
            "thanh_hoa",
            "2026-Q3",
            "V002",
            '=HYPERLINK("http://x";"y")',
            "2026-Q3 page 1 /data/0/gia_tri",
        ),
        ("thanh_hoa", "2026-Q3", "V001", "VT-99", "2026-Q3 page 1 /data/3/ma_chi_tieu"),
        ("thanh_hoa", "2026-Q3", "V002", LONG, "2026-Q3 page 2 /data/2/gia_tri"),
        ("thanh_hoa", "2026-Q3", "V006", "835.960", "2026-Q3 page 4 /data/0/gia_tri"),
        ("thanh_hoa", "?", "V001", "quý ba năm nay", "2026-Q3 page 2 /data/3/ky"),
    ]
    done = world.run("finding", "quarantine", "--export", str(tmp_path / "gửi"))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "gửi").iterdir()) == [
        "quang_tri-telecom-2026-M10-r1.xlsx",
        "quang_tri-telecom-2026-Q3-r1.xlsx",
        "thanh_hoa-telecom-2026-Q3-r1.xlsx",
        "thanh_hoa-telecom-no-period.xlsx",
    ]
    sheet = openpyxl.load_workbook(
        tmp_path / "gửi" / "thanh_hoa-telecom-2026-Q3-r1.xlsx"
    ).worksheets[0]
    assert "Sở Khoa học và Công nghệ Thanh Hóa (THANH_HOA.SKHCN)" in str(sheet["A3"].value)
    assert [cell.value for cell in sheet[8]][6:9] == ["ma_chi_tieu", "ten_chi_tieu", "don_vi"]
    assert [sheet.cell(row, 7).value for row in range(9, 13)] == [
        "VT-01",
        "VT-99",
        "VT-11",
        "VT-07",
    ]
    assert [
        cell.data_type for row in sheet.iter_rows() for cell in row if cell.data_type == "f"
    ] == []


def test_one_submission_is_one_workbook_and_all_are_one_csv(world: World, tmp_path: Path) -> None:
    spoil(world)
    world.night(NIGHT)
    one = tmp_path / "một.xlsx"
    words = ("finding", "quarantine", "--export")
    many = world.run(*words, str(one))
    assert many.returncode == 1
    assert re.search("StateError: 4 submissions .* give a folder", many.stderr)
    assert (
        world.run(*words, str(one), "--province", "thanh_hoa", "--period", "2026-Q3").returncode
        == 0
    )
    assert openpyxl.load_workbook(one).sheetnames == ["Dòng bị loại", "Tổng hợp"]
    done = json.loads(world.run(*words, str(tmp_path / "all.csv"), "--json").stdout)
    assert done == {"rows": 8, "files": [str(tmp_path / "all.csv")]}
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [row["text"] for row in lines][:4] == [
        "'-12",
        "1.391.020",
        "6l",
        '\'=HYPERLINK("http://x";"y")',
    ]
    for target in ("/nowhere/all.csv", "/dev/null/folder"):
        refused = world.run(*words, target, "--province", "thanh_hoa", "--period", "2026-Q3")
        assert refused.returncode == 1
        assert re.search(r"^StoreError: .* cannot be written", refused.stderr), refused.stderr
    nothing = world.run(*words, str(one), "--period", "2020")
    assert "no row is in the quarantine there" in nothing.stderr


def test_the_list_fits_a_terminal_of_a_hundred_columns(world: World) -> None:
    spoil(world)
    world.rows("thanh_hoa/telecom", "2026-Q3")[1]["gia_tri"] = "\x1b[2J\nba"
    world.night(NIGHT)
    shown = on_a_terminal(world, 100, "finding", "quarantine")
    assert "\x1b[2J" not in shown
    shown = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert 90 < max(map(len, shown.splitlines())) <= 100
    assert "thanh_hoa telecom ? (period not read)" in shown
    few = world.run("finding", "quarantine", "--limit", "2").stdout
    assert "The first 2 of 9 rows" in few
    assert world.run("finding", "quarantine", "--period", "2020").stdout == "Quarantine: none\n"


def test_a_row_comes_in_by_a_better_mapping_and_a_replay(world: World) -> None:
    spoil(world)
    world.night(NIGHT, "--province", "thanh_hoa")
    table = world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "telecom.toml"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace('"quý %q/%Y"', '"quý %q/%Y", "quý ba năm nay"'), encoding="utf-8")
    words = '{ "quý 3/2026" = "2026-Q3", "quý ba năm nay" = "2026-Q3", "10/2026" = "2026-M10" }'
    table.write_text(
        re.sub(r"period    = .*", f'period = {{ column = "ky", codes = {words} }}', text),
        encoding="utf-8",
    )
    replayed = world.json_of("replay", "thanh_hoa", "telecom", "--now", NEXT)
    assert replayed["error"] is None, replayed
    left = world.json_of("finding", "quarantine", "--province", "thanh_hoa")
    assert [row["text"] for row in left] == ['=HYPERLINK("http://x";"y")', "VT-99", LONG, "835.960"]
    assert {row["revision"] for row in left} == {2}
