"""A province joins: its own folder, and nothing else changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.world import World

pytestmark = pytest.mark.slow

NIGHT = "2026-11-06T02:00"
FILES = {
    "pyproject.toml": """
[project]
name = "lienthong-ha-tinh"
version = "1.0.0.dev0"
dependencies = ["lienthong>=1.0.dev0,<2"]

[project.entry-points.lienthong]
ha_tinh = "hub_provinces.ha_tinh"
""",
    "hub_provinces/ha_tinh/__init__.py": '''
"""Hà Tĩnh: Department of Science and Technology."""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Who they are and what they report stands in the TOML beside this file."""
    return Province.from_package(__name__)
''',
    "hub_provinces/ha_tinh/province.toml": """
id      = "ha_tinh"
name    = "Hà Tĩnh"
contact = { name = "bài kiểm thử", email = "thu@example.org", telephone = "024 0000 0000" }

[[providers]]
id   = "HA_TINH.SKHCN"
name = "Sở Khoa học và Công nghệ Hà Tĩnh"
""",
    "hub_provinces/ha_tinh/telecom.toml": """
dataflow = "TELECOM"
provider = "HA_TINH.SKHCN"

[source]
kind    = "folder"
path    = "PATH"
pattern = "*{period}.csv"

[reader]
kind = "csv"

[map]
org_unit = { fixed = "vn-ha-tinh" }
period   = { column = "ky", pattern = "%Y-%m" }
value    = { number = "vi" }

[measures]
"VT.03" = "di_dong"
"VT.05" = "smartphone"
"VT.07" = "bang_rong"
""",
}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_new_folder_is_a_new_province(world: World) -> None:
    world.night(NIGHT)
    before = {
        name: digests(world.home / "config") | digests(world.packages) for name in ("there",)
    }["there"]
    systems = world.home.parent / "ha_tinh"
    systems.mkdir()
    (systems / "vt-2026-M10.csv").write_text(
        'ky,di_dong,smartphone,bang_rong\n2026-10,"1.402.118","1.101.000","301.250"\n'
    )
    for name, text in FILES.items():
        path = world.packages / "ha_tinh" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip().replace("PATH", str(systems)), encoding="utf-8")
    checked = world.json_of("check", "--now", NIGHT)
    assert [p for p in checked["problems"] if p["severity"] == "error"] == []
    assert "ha_tinh" in checked["provinces"]

    night = world.night(NIGHT, "--province", "ha_tinh")
    assert world.gathers(night)["ha_tinh/telecom"]["counts"]["new"] == 3
    figures = world.figures("TELECOM/2026-M10/v2")
    assert figures["VT.03", "vn-ha-tinh"] == "1402118"
    assert figures["VT.03", "cluster-5"] == str(5104448 + 1402118)
    assert figures["VT.06", "vn-ha-tinh"] == "78.52"
    cell = world.trace("TELECOM/2026-M10", "VT.07", "vn-ha-tinh")["cell"]
    assert (cell["locator"], cell["text"]) == ("vt-2026-M10.csv line 2 column bang_rong", "301.250")
    after = digests(world.home / "config") | digests(world.packages)
    assert {name: after.get(name) for name in before} == before
    assert {name.split("/")[0] for name in set(after) - set(before)} == {"ha_tinh"}
