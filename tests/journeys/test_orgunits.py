"""``hub orgunit``: who is meant, what they were called when, and what became of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.command import hub


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("orgunits") / "home"
    assert hub("init", str(folder), environment=os.environ).returncode == 0
    return folder


def orgunit(home: Path, *words: str) -> CompletedProcess[str]:
    return hub("orgunit", *words, "--home", str(home), environment=os.environ)


def json_of(home: Path, *words: str, code: int = 0) -> Any:
    done = orgunit(home, *words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_an_org_unit_is_shown_with_the_days_of_each_of_its_names_and_codes(home: Path) -> None:
    hue = json_of(home, "show", "vn-thua-thien-hue")
    assert [(n["name"], n["valid_from"], n["valid_to"]) for n in hue["names"]] == [
        ("Thừa Thiên Huế", None, "2024-12-31"),
        ("Huế", "2025-01-01", None),
    ]
    assert {(c["scheme"], c["code"]) for c in hue["codes"]} >= {("GSO", "46"), ("AGENCY", "H57")}
    assert (hue["level"], hue["parent"]) == ("province", "vn")
    assert [c["cluster"] for c in hue["clusters"]] == ["cluster-5"]
    assert [s["legal_act"] for s in hue["successions"]] == ["Nghị quyết 175/2024/QH15"]


def test_on_a_day_only_what_holds_is_shown(home: Path) -> None:
    assert [
        n["name"] for n in json_of(home, "show", "vn-thua-thien-hue", "--at", "2024-12-31")["names"]
    ] == ["Thừa Thiên Huế"]
    six, five = (
        json_of(home, "show", "cluster-5", "--at", day)["members"]
        for day in ("2025-06-30", "2025-07-01")
    )
    assert (len(six), len(five)) == (6, 5)
    done = orgunit(home, "show", "vn-quang-tri", "--at", "2025-07-01")
    assert "It did not live on 2025-07-01." in done.stdout


def test_a_code_is_resolved_on_its_day_and_otherwise_all_that_it_meant_are_json_of(
    home: Path,
) -> None:
    assert json_of(home, "resolve", "44", "--at", "2025-07-01")["org_unit"] == "vn-quang-tri-2025"
    both = json_of(home, "resolve", "44", code=1)
    assert both["org_unit"] is None
    assert [c["org_unit"] for c in both["candidates"]] == ["vn-quang-binh", "vn-quang-tri-2025"]
    assert "'44' stands for 2 org units." in orgunit(home, "resolve", "44").stdout
    assert (
        "'Quảng Bình' stands for no org units on 2026-01-01."
        in orgunit(home, "resolve", "Quảng Bình", "--at", "2026-01-01").stdout
    )


def test_a_timeline_tells_both_directions_with_dates_and_legal_acts(home: Path) -> None:
    line = json_of(home, "timeline", "vn-vinh-phuc")
    assert line["came_from"] == []
    assert [(b["date"], b["kind"], b["org_unit"]) for b in line["became"]] == [
        ("2008-08-01", "boundary transfer", "vn-ha-noi-2008"),
        ("2025-07-01", "merge", "vn-phu-tho-2025"),
    ]
    shown = orgunit(home, "timeline", "vn-dong-nai-2025").stdout
    assert "├── 2025-07-01 merged from vn-binh-phuoc: Bình Phước (tỉnh)" in shown
    assert "2026-04-30 renamed: Đồng Nai (thành phố trực thuộc trung ương)" in shown
    assert "Nghị quyết 30/2026/QH16" in shown
    assert "No succession names it." in orgunit(home, "timeline", "vn-son-la").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "vn-nope"], "there is no org unit with the id 'vn-nope'"),
        (["timeline", "Quảng Trị"], "it may mean vn-quang-tri, vn-quang-tri-2025"),
        (["resolve", "Atlantis"], "no org unit has the id, code, name or alias 'Atlantis'"),
        (["resolve", "44", "--at", "30/06/2025"], "30/06/2025"),
    ],
)
def test_what_is_unknown_is_a_usage_error_in_a_sentence(
    home: Path, words: list[str], says: str
) -> None:
    done = orgunit(home, *words)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
