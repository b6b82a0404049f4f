"""Every command as a person and as a machine would use it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import python_calamine

from tests.command import HUB

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.world import World

NIGHT = "2026-11-06T02:00"


def hub(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HUB, *words], capture_output=True, text=True, cwd=cwd, check=False)


@pytest.mark.slow
def test_a_home_is_made_checked_and_used_with_nothing_but_the_commands(tmp_path: Path) -> None:
    home = tmp_path / "cụm 5"
    made = hub("init", str(home))
    assert made.returncode == 0, made.stderr
    assert hub("init", str(home)).returncode == 2  # never over a home that is there
    checked = hub("check", "--home", str(home))
    assert checked.returncode == 0, checked.stdout
    assert "owes reports and has no package here" in checked.stdout
    night = hub("night", "--home", str(home), "--now", NIGHT)
    assert night.returncode == 0, night.stderr
    assert "Gathered: none" in night.stdout


def test_a_folder_that_is_no_home_is_said_so(tmp_path: Path) -> None:
    done = hub("status", cwd=tmp_path)
    assert done.returncode == 2
    assert "hub init" in done.stderr
    assert "Traceback" not in done.stderr


def test_words_that_are_wrong_are_usage_errors(world: World) -> None:
    assert world.run("night", "--period", "2026-M13").returncode == 2
    assert world.run("publish", "NOTHING", "2026-M10").returncode == 1
    assert world.run("admit").returncode == 2
    assert world.run("admit", "--accept", "1").returncode == 2
    assert world.run("admit", "--accept", "99", "--reason", "x").returncode == 1
    assert world.run("replay", "thanh_hoa", "telecom", "--now", NIGHT).returncode == 1


def test_a_period_that_does_not_exist_or_is_not_reported_is_said_so(world: World) -> None:
    for label, right in (
        ("2026-M13", "M01 to M12"),
        ("2026-Q5", "Q1 to Q4"),
        ("2026-M1", "2026-M01"),
    ):
        done = world.run("obligation", "list", "--period", label)
        assert done.returncode == 2
        assert right in done.stderr
    for words in (
        ("obligation", "list", "--dataflow", "TELECOM", "--period", "2026-N1"),
        ("publish", "TELECOM", "2026-N1"),
    ):
        done = world.run(*words)
        assert done.returncode == 1
        assert "TELECOM is reported by M, Q, A, and 2026-N1 is none of these" in " ".join(
            done.stderr.split()
        )


def test_obligations_show_the_due_day_and_its_rule(world: World) -> None:
    owed = world.json_of(
        "obligation", "list", "--dataflow", "TELECOM", "--period", "2026-Q3", "--now", NIGHT
    )
    assert {(each["due"], each["due rule"]) for each in owed} == {
        ("2026-10-12", "+10 days")
    }  # the 10th: a Saturday


def test_gather_and_publish_do_what_the_night_does(world: World) -> None:
    gathered = world.json_of("gather", "--now", NIGHT, "--period", "2026-M10")
    assert {g["outcome"] for g in gathered["gathers"]} == {"done"}
    assert world.json_of("release", "list") == []
    published = world.json_of("publish", "TELECOM", "2026-M10", "--now", NIGHT)
    assert published["release"]["release"] == "TELECOM/2026-M10/v1"
    assert [d["state"] for d in published["deliveries"]] == ["accepted"]


@pytest.mark.slow
def test_what_people_read_names_the_same_things(morning: World) -> None:
    world = morning
    shown = {
        words: world.run(*words.split()).stdout
        for words in ("status", "province list", "release list")
    }
    assert re.search(r"thanh_hoa +telecom", shown["status"])
    assert "TONG_CUC_THONG_KE.DAN_SO" in shown["province list"]
    assert "TELECOM/2026-Q3/v1" in shown["release list"]
    findings = world.run("finding", "list").stdout
    assert "Giá trị không phải là số" in findings
    obligations = world.run("obligation", "list", "--now", NIGHT).stdout
    assert re.search(r"2026-M10 +HUE\.SKHCN +vn-thua-thien-hue +2026-11-05 +missing", obligations)
    release = world.run("release", "show", "TELECOM/2026-M10").stdout
    assert "Số thuê bao điện thoại di động" in release
    assert "BTTTT-2026-" in release
    traced = world.run("trace", "TELECOM/2026-M10", "VT.03", "cluster-5").stdout
    assert "'1.702.330'" in traced
    assert "'3.402.118'" in traced


def test_a_release_is_handed_on_as_a_workbook_and_as_json(morning: World, tmp_path: Path) -> None:
    world = morning
    assert world.run("release", "export", "TELECOM/2026-M10", str(tmp_path)).returncode == 0
    book = python_calamine.CalamineWorkbook.from_path(tmp_path / "TELECOM-2026-M10-v1.xlsx")
    assert book.sheet_names == ["Báo cáo", "Đơn vị thiếu", "Nguồn số liệu"]
    cells = [cell for row in book.get_sheet_by_index(0).to_python() for cell in row]
    assert 5104448.0 in cells
    assert (
        world.run(
            "release", "export", "TELECOM/2026-M10", str(tmp_path), "--format", "json"
        ).returncode
        == 0
    )
    document = json.loads((tmp_path / "TELECOM-2026-M10-v1.json").read_text(encoding="utf-8"))
    figure = next(
        f for f in document["figures"] if (f["indicator"], f["org_unit"]) == ("VT.03", "cluster-5")
    )
    assert (figure["value"], figure["coverage"]) == ("5104448", "2/5")
    assert (
        world.run(
            "release", "export", "TELECOM/2026-M10", str(tmp_path), "--format", "odt"
        ).returncode
        == 2
    )


def test_the_quarantine_is_exported_without_live_formulas(world: World, tmp_path: Path) -> None:
    row = world.rows("thanh_hoa/telecom", "2026-Q3")[0]
    row["gia_tri"] = '=HYPERLINK("http://x";"y")'
    world.night(NIGHT, "--province", "thanh_hoa")
    target = tmp_path / "quarantine.csv"
    assert world.run("finding", "quarantine", "--export", str(target)).returncode == 0
    with target.open(encoding="utf-8-sig", newline="") as file:
        [bad] = csv.DictReader(file)
    assert bad["text"] == "'" + row["gia_tri"]
    assert bad["locator"].endswith("/gia_tri")
    assert (bad["code"], bad["vi"]) == ("V002", "Giá trị không phải là số")


def test_a_sealed_submission_from_elsewhere_is_admitted_and_a_forged_one_is_not(
    world: World, tmp_path: Path
) -> None:
    import shutil

    world.night(NIGHT, "--province", "quang_tri")
    [sealed] = (world.home / "landing/quang_tri/telecom/submissions/S.2026-M10").iterdir()
    carried = tmp_path / "usb"
    shutil.copytree(sealed, carried)
    shutil.rmtree(world.home / "landing")
    for path in world.home.glob("hub.db*"):
        path.unlink()
    forged = tmp_path / "forged"
    shutil.copytree(carried, forged)
    manifest = json.loads((forged / "manifest.json").read_text())
    manifest["province"] = "thanh_hoa"
    (forged / "manifest.json").write_text(json.dumps(manifest))
    assert "SubmissionError" in world.run("admit", str(forged), "--now", NIGHT).stderr
    flipped = tmp_path / "flipped"
    shutil.copytree(carried, flipped)
    content = bytearray((flipped / "observations.parquet").read_bytes())
    content[100] ^= 1
    (flipped / "observations.parquet").write_bytes(content)
    refused = world.run("admit", str(flipped), "--now", NIGHT)
    assert refused.returncode == 1
    assert "not the file that was sealed" in refused.stderr
    admitted = world.json_of("admit", str(carried), "--now", NIGHT)
    assert admitted == {"revision": 1, "held": False, "period": "2026-M10"}
    assert world.run("admit", str(carried), "--now", NIGHT).returncode == 1
