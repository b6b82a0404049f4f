"""Which parts are read where a gather brings what the one before brought."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hub_core.child.reading import parts_to_read, reading_digest
from hub_core.config import province
from hub_core.contracts import PayloadPart
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import GatherOrder, Part, Plugin
from hub_core.rules import RULES
from tests.hub_core.conftest import ROOT


def landed(scratch: Scratch, texts: str) -> list[tuple[Part, PayloadPart]]:
    payloads = [PayloadPart(text.encode(), "text/plain", "x", text) for text in texts]
    return [(scratch.land(payload), payload) for payload in payloads]


@pytest.mark.parametrize(
    ("before", "now", "read"),
    [
        ("", "abc", "abc"),
        ("abc", "abc", ""),
        ("abc", "abd", "abd"),
        ("abc", "xbc", "xbc"),
        ("abc", "ab", "ab"),  # one is gone
        ("ab", "abc", "abc"),  # one came
        ("abc", "acb", "acb"),
        ("aab", "aab", ""),
        ("abc", "", ""),
        ("", "", ""),
    ],
)
def test_all_are_read_in_their_order_or_none(
    tmp_path: Path, before: str, now: str, read: str
) -> None:
    scratch = Scratch(tmp_path)
    known = [part.digest for part, _ in landed(scratch, before)]
    arriving, parts = landed(scratch, now), list[Part]()
    found = [
        (n, payload.content.decode())
        for n, payload in parts_to_read(arriving, parts, known, scratch.open)
    ]
    assert found == list(enumerate(read))
    assert parts == [part for part, _ in arriving]


def test_another_library_or_environment_is_another_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ROOT / "plugins" / "quang_tri" / "hub_provinces" / "quang_tri"
    plugin = Plugin(name="quang_tri", module="hub_provinces.quang_tri", root=str(root))
    order = GatherOrder(
        gather="20250101-00000001",
        replay=0,
        sequence=1,
        origin_start=date(2025, 1, 1),
        plugin=plugin,
        trusted=["connectors"],
        provision="telecom",
        periods=["2026-M10"],
        catalogue="",
        speaks_for=[],
        indicators=[],
        scratch="",
        now=datetime(2026, 11, 6, tzinfo=UTC),
    )

    def read(**other: str) -> str:
        mine = order.model_copy(update={"plugin": plugin.model_copy(update=other)})
        return reading_digest(mine, province.read(root), "", RULES)

    before = read()
    assert (read(), read(version="2")) == (before, before)
    (tmp_path / "lib-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    first = read()
    (tmp_path / "lib-1.0.dist-info").rename(tmp_path / "lib-1.1.dist-info")
    assert len({before, first, read(), read(environment="/srv/a"), read(environment="/srv/b")}) == 5
    (tmp_path / "lib-1.1.dist-info").rmdir()
    assert read() == before
