"""Landings, and the zone that takes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hub_core.contracts import PayloadPart
from hub_core.landing.scratch import Scratch
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Landing, Manifest, Part

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
GATHER, LATER = "20250101-00000001", "20250101-00000002"
NOTHING = "0" * 64


def payload(content: bytes, name: str = "trang 1") -> PayloadPart:
    return PayloadPart(content, "text/csv", f"/srv/{name}", name)


def landing(parts: list[Part], gather: str = GATHER, **more: Any) -> Landing:
    usual: dict[str, Any] = {
        "gather": gather,
        "sequence": int(gather[-8:]),
        "origin_start": date(2025, 1, 1),
        "province": "nghe_an",
        "provision": "telecom",
        "periods": ["2025-Q1"],
        "parts": parts,
        "complete": True,
        "landed_at": NOW,
    }
    return Landing.model_validate(usual | more)


Sealed = Callable[..., Manifest]
Figures = Callable[..., pl.DataFrame]


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "scratch")


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(tmp_path / "landing")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
