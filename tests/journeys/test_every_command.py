"""Every command once as a process, as it is installed: it starts with what it loads itself, and ends by its code.

Elsewhere most commands are given within a test's process, where all that they need may be loaded
already.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hub_core.cli.app import app
from tests.journeys.world import NEXT, World

CELL = ("TELECOM/2026-M10", "VT.03", "cluster-5")
ELSEWHERE = {("init",), ("demo",), ("serve",), ("admit",)}  # as processes, in journeys of their own
GIVEN: dict[str, str] = {"secret set thanh_hoa gateway_token": "a-token"}
WALK = {  # what is given, in this order, and what it says; FOLDER is the test's own
    "check": "quang_tri",
    "status": "thanh_hoa",
    f"gather --now {NEXT} --province thanh_hoa": "2026-M10 r2",
    f"publish TELECOM 2026-M10 --now {NEXT}": "TELECOM/2026-M10/v2",
    f"night --now {NEXT} --province quang_tri": "unchanged",
    f"replay thanh_hoa telecom --now {NEXT}": "unchanged",
    f"backfill 2026-M09 2026-M10 --now {NEXT}": "2026-M09",
    "template TELECOM --provision quang_tri/telecom --period 2026-M10 --out FOLDER": "11 lines",
    "trace " + " ".join(CELL): "3.402.218",
    "series VT.03 cluster-5 --from 2026-M10 --to 2026-M10": "5104548",
    "doctor --deep": "Found: none",
    "province list": "TONG_CUC_THONG_KE.DAN_SO",
    "province try quang_tri/telecom FOLDER/telecom-2026-M10.csv --period 2026-M10": "VT.03",
    "province install FOLDER/nghe_an": "nghe_an",
    "province remove nghe_an": "nghe_an",
    "finding list": "V002",
    "finding quarantine": "6l",
    "obligation list": "HUE.SKHCN",
    "obligation nil TELECOM 2026-Q3 --provider HA_TINH.SKHCN --by Sở --why CV-12": "HA_TINH",
    "orgunit show vn-thua-thien-hue": "Nghị quyết 175/2024/QH15",
    "orgunit resolve 44 --at 2025-07-01": "vn-quang-tri-2025",
    "orgunit timeline vn-vinh-phuc": "vn-phu-tho-2025",
    "revision list thanh_hoa/telecom": "correction",
    "revision diff thanh_hoa/telecom 2026-M10": "3402218",
    "release list": "TELECOM/2026-M10/v2",
    "release show TELECOM/2026-M10": "Số thuê bao điện thoại di động",
    "release export TELECOM/2026-M10 FOLDER --format json": "TELECOM-2026-M10-v2.json",
    "release diff TELECOM/2026-M10": "correction",
    "release verify TELECOM/2026-M10": "TELECOM/2026-M10/v2",
    "delivery list": "accepted",
    f"delivery send --now {NEXT}": "Deliveries: none",
    "secret list": "gateway_token",
    "secret set thanh_hoa gateway_token": "is written to",
    "secret test": "ok",
    "brake on nights --why sửa": "nights",
    "brake list": "sửa",
    "brake off nights": "nights",
    "backup FOLDER/set": "set",
    "restore FOLDER/set --home FOLDER/new": "new",
}


def commands(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    if not hasattr(group, "commands"):
        yield path
        return
    for name, command in group.commands.items():
        yield from commands(command, *path, name)


def test_every_command_is_walked() -> None:
    every = set(commands(typer.main.get_command(app)))
    walked = {tuple(words.split()[: len(path)]) for words in WALK for path in every} & every
    assert walked | ELSEWHERE == every
    assert not walked & ELSEWHERE


@pytest.mark.slow(seconds=40)
def test_every_command_runs_as_a_process(morning: World, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    shutil.copytree(
        morning.packages.parent / "systems/quang_tri/telecom", folder, dirs_exist_ok=True
    )
    shutil.copytree(Path(__file__).parents[2] / "plugins" / "nghe_an", folder / "nghe_an")
    [row] = [
        r for r in morning.rows("thanh_hoa/telecom", "2026-M10") if r["ma_chi_tieu"] == "VT-03"
    ]
    row["gia_tri"] = "3.402.218"
    for words, says in WALK.items():
        done = morning.process(
            *words.replace("FOLDER", str(folder)).split(), given=GIVEN.get(words, "")
        )
        said = " ".join((done.stdout + done.stderr).split())
        assert (done.returncode, says in said) == (0, True), (words, done.returncode, said)
