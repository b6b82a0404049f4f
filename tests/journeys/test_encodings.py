"""One table in every encoding that departments write.

The same figures to the digest, or refused.
"""

from __future__ import annotations

import codecs
import unicodedata
from typing import TYPE_CHECKING

import pytest

from tests.connectors.text.test_vietnamese import bytewise, in_1258, in_vni
from tests.journeys.world import opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.journeys.world import World

pytestmark = pytest.mark.slow

NIGHT = "2026-11-06T02:00"
WRITTEN: dict[str, tuple[str, Callable[[str], bytes]]] = {  # declared, and how it is written
    "BOM": ("utf-8", lambda text: codecs.BOM_UTF8 + text.encode()),
    "UTF-16": ("utf-16", lambda text: text.encode("utf-16")),
    "NFD": ("utf-8", lambda text: unicodedata.normalize("NFD", text).encode()),
    "TCVN3": ("tcvn3", bytewise("tcvn3")),
    "VNI": ("vni", in_vni),
    "windows-1258": ("windows-1258", in_1258),
}


def _declare(world: World, encoding: str) -> None:
    path = world.packages / "quang_tri" / "hub_provinces" / "quang_tri" / "telecom.toml"
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("encoding")
    ]
    lines.insert(lines.index('kind      = "csv"') + 1, f'encoding  = "{encoding}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def table(world: World) -> tuple[Path, str]:
    """The department's file of a quarter, and its text."""
    [path] = (world.home.parent / "systems" / "quang_tri" / "telecom").glob("*2026-Q3*")
    return path, path.read_text(encoding="utf-8-sig")


def _gathered(world: World) -> tuple[str, str]:
    answer = world.json_of(
        "gather", "--now", NIGHT, "--province", "quang_tri", "--period", "2026-Q3"
    )
    [report] = answer["gathers"]
    return report["outcome"], report["error"] or ""


def _digest(world: World) -> tuple[str, str]:
    with opened(world) as hub:
        submissions = hub.store.submissions(province="quang_tri", period="2026-Q3")
    return submissions[-1].content_digest, submissions[-1].quarantine_digest


def test_the_same_table_gives_the_same_content_digest_in_every_encoding(
    world: World, table: tuple[Path, str]
) -> None:
    path, text = table
    path.write_bytes(text.encode())
    assert _gathered(world) == ("done", "")
    plain = _digest(world)
    path.write_bytes(text.replace("1.698.450", "1.698.451").encode())
    assert _gathered(world) == (
        "done",
        "",
    )  # so that what is the same as the first is seen to be a change again
    assert _digest(world) != plain
    for name, (declared, write) in WRITTEN.items():
        _declare(world, declared)
        path.write_bytes(write(text))
        outcome = _gathered(world)
        assert outcome in (("done", ""), ("unchanged", "")), (name, outcome)
        assert _digest(world) == plain, name


def test_a_wrong_declaration_is_refused_and_the_next_right_file_is_taken(
    world: World, table: tuple[Path, str]
) -> None:
    path, text = table
    for written, declared in (("TCVN3", "vni"), ("windows-1258", "utf-8"), ("VNI", "tcvn3")):
        _declare(world, declared)
        path.write_bytes(WRITTEN[written][1](text))
        outcome, error = _gathered(world)
        assert outcome == "failed"
        assert path.name in error
        assert "encoding" in error, error
    _declare(world, "vni")
    path.write_bytes(WRITTEN["VNI"][1](text))
    assert _gathered(world) == ("done", "")
