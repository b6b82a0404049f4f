"""The digital transformation index of 2022, as it was published.

Recomputed by its formula, ranked with ties.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.world import World, make_world, put_package

NOW = "2023-07-20T02:00"
TERMS = {
    "DT.01": "awareness_100",
    "DT.02": "institutions_100",
    "DT.03": "infrastructure_100",
    "DT.04": "workforce_100",
    "DT.05": "security_100",
    "DT.06": "gov_activity_200",
    "DT.07": "economy_activity_150",
    "DT.08": "society_activity_150",
}
FLOW = "DIGITAL_TRANSFORMATION_INDEX"
PROVINCE = """id = "dti"
name = "dti.gov.vn"
kind = "agency"
contact = { name = "bài kiểm thử", email = "thu@example.org", telephone = "024 0000 0000" }

[[providers]]
id = "DTI.CONG"
name = "dti.gov.vn"
"""
PROVISION = """dataflow = "{flow}"
provider = "DTI.CONG"
periods = ["2022"]

[source]
kind = "folder"
path = "{path}"

[reader]
kind = "csv"

[map]
org_unit = {{ column = "province"{codes} }}
period = {{ fixed = "2022" }}
value = {{ number = "en" }}

[ignore]
columns = {ignored}

[measures]
{measures}
"""
DUTY = """[[obligation]]
dataflow = "{flow}"
provider = "DTI.CONG"
province = "dti"
speaks_for = ["vn"]
frequencies = ["A"]
due = {{ A = "+200 days" }}
legal = "Quyết định 922/QĐ-BTTTT"
"""
Row = dict[str, str]


def _world(
    world: World,
    files: Path,
    rows: list[Row],
    measures: dict[str, str],
    codes: str = ', codes = "catalogue"',
) -> dict[str, Any]:
    """A portal that publishes these rows, gathered and released.

    The figures of the release by key.
    """
    ignored = [name for name in rows[0] if name not in (*measures.values(), "province")]
    measured = "\n".join(f'"{code}" = "{column}"' for code, column in measures.items())
    text = PROVISION.format(codes=codes, flow=FLOW, path=files, ignored=ignored, measures=measured)
    put_package(world.packages, "dti", "DTI.CONG", {"province.toml": PROVINCE, "index.toml": text})
    duties = world.home / "config" / "obligations"
    for path in duties.iterdir():
        if f'"{FLOW}"' in path.read_text(encoding="utf-8"):
            path.unlink()
    (duties / "dti.toml").write_text(DUTY.format(flow=FLOW), encoding="utf-8")
    files.mkdir()
    with (files / "dti2022.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    night = world.json_of("night", "--now", NOW, "--period", "2022")
    assert world.gathers(night)["dti/index"]["outcome"] == "done", night
    figures = world.json_of("release", "show", f"{FLOW}/2022")["figures"]
    return {(f["indicator"], f["org_unit"]): f for f in figures}


@pytest.fixture
def published(shared: Path) -> list[Row]:
    with (shared / "domain" / "data" / "dti2022.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.shared
def test_the_weights_recompute_every_published_index(published: list[Row], tmp_path: Path) -> None:
    whole = [row for row in published if row["awareness_100"]]
    assert len(whole) == 5
    with make_world(tmp_path / "world", ()) as world:
        figures = _world(world, tmp_path / "files", published, TERMS | {"DT.09": "rank"})
        made = {f["org_unit_name"]: f for (code, _), f in figures.items() if code == "DT.00"}
        assert {f["method"] for f in made.values()} == {"formula"}
        for row in whole:
            apart = Decimal(made[row["province"]]["value"]) - Decimal(row["pdti_published"])
            assert abs(apart) <= Decimal("0.0001"), row["province"]
        assert len(made) == len(whole)  # nothing is made of an index whose parts are not all there
        ranks = {
            f["org_unit_name"]: f["value"] for (code, _), f in figures.items() if code == "DT.09"
        }
        assert ranks == {row["province"]: row["rank"] for row in published}
        step = world.trace(f"{FLOW}/2022", "DT.00", "vn-thua-thien-hue")
        assert step["method"] == "formula"
        assert [below["cell"]["text"] for below in step["below"]] == [
            whole[3][name] for name in TERMS.values()
        ]


@pytest.mark.shared
def test_a_published_index_is_held_against_its_formula(
    published: list[Row], tmp_path: Path
) -> None:
    with make_world(tmp_path / "world", ()) as world:
        published[4]["pdti_published"] = "0.6934"  # Cần Thơ's is 0.6924
        figures = _world(world, tmp_path / "files", published, TERMS | {"DT.00": "pdti_published"})
        assert (
            figures["DT.00", "vn-ho-chi-minh"]["value"] == "0.7163"
        )  # one off in the last decimal is rounding
        [found] = [f for f in world.json_of("finding", "list") if f["code"] == "V009"]
        assert (found["severity"], found["rows"]) == ("warning", 1)
        assert found["text"].startswith("0.6934 ≠ 0.692")


def test_ranks_leave_room_for_ties(tmp_path: Path) -> None:
    """Generated: all provinces have an index, and the fifteenth and sixteenth have one."""
    with make_world(tmp_path / "world", ()) as world:
        units = (
            (world.home / "config" / "catalogue" / "org_units.csv")
            .read_text(encoding="utf-8")
            .splitlines()
        )
        lines = [
            dict(zip(units[0].split(","), line.split(","), strict=False)) for line in units[1:]
        ]
        of_2022 = [
            each["id"]
            for each in lines
            if each["level"] == "province"
            and (each["valid_from"] or "0") <= "2022-12-31"
            and (each["valid_to"] or "9") >= "2022-12-31"
        ]
        assert len(of_2022) == 63
        values = [Decimal(9000 - 50 * n) / 10000 for n in range(63)]
        values[15] = values[14]
        rows = [
            {"province": unit, "index": str(value)}
            for unit, value in zip(reversed(of_2022), values, strict=True)
        ]
        figures = _world(world, tmp_path / "files", rows, {"DT.00": "index"}, codes="")
        ranks = [int(figures["DT.09", row["province"]]["value"]) for row in rows]
        assert ranks == [*range(1, 15), 15, 15, *range(17, 64)]
        assert {figures["DT.09", row["province"]]["method"] for row in rows} == {"rank"}
