"""A package may bring rules of its own.

A warning stays beside its row, an error takes the row out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.journeys.world import World

pytestmark = pytest.mark.slow

NIGHT = "2026-11-06T02:00"
RULES = '''
import polars as pl

from hub_core import RowCheck, Rule, RuleText, Severity


def made(code, severity, vi, en, broken):
    return Rule(RuleText(code, severity, "province", "row", vi, en), lambda limits: [RowCheck("value", broken)])


@hookimpl
def hub_rules():
    """What this package adds."""
    return [
        made("X001", Severity.WARNING, "Số làm tròn", "A round figure", pl.col("value") % 10 == 0),
        made("X002", Severity.ERROR, "Quá lớn với tỉnh này", "Too large here", pl.col("value") > 3_400_000),
    ]
'''


def test_rules_of_a_package_are_asked_by_hub_rules(world: World) -> None:
    path = world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "__init__.py"
    path.write_text(path.read_text(encoding="utf-8") + RULES, encoding="utf-8")
    flow = world.home / "config" / "dataflows" / "TELECOM.toml"
    text = flow.read_text(encoding="utf-8")
    flow.write_text(
        text.replace("quarantined_percent = 5", "quarantined_percent = 50"), encoding="utf-8"
    )
    night = world.night(NIGHT, "--period", "2026-M10")
    assert world.gathers(night)["thanh_hoa/telecom"]["counts"]["quarantined"] == 1
    found = {f["code"]: f for f in world.json_of("finding", "list", "--province", "thanh_hoa")}
    assert (found["X001"]["severity"], found["X001"]["vi"]) == ("warning", "Số làm tròn")
    assert (found["X002"]["rows"], found["X002"]["en"]) == (1, "Too large here")
    figures = world.figures("TELECOM/2026-M10")
    assert ("VT.03", "vn-thanh-hoa") not in figures  # 3.402.118 left by X002
    assert figures["VT.07", "vn-thanh-hoa"] == "842310"  # round, and stays
    assert [
        r["code"] for r in world.json_of("finding", "quarantine", "--province", "thanh_hoa")
    ] == ["X002"]
    assert (
        world.gathers(world.night(NIGHT, "--period", "2026-M10"))["quang_tri/telecom"]["outcome"]
        == "unchanged"
    )
