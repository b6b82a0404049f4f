"""Parts are taken over while their child still reads."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hub_core.contracts import PayloadPart
from hub_core.landing.layout import JOURNAL
from hub_core.landing.parts import check_part
from hub_core.landing.scratch import Scratch
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Part
from hub_core.pipeline.receiving import Receiving


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(tmp_path / "landing")


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "scratch")


def land(scratch: Scratch, *numbers: int) -> list[Part]:
    texts = [f"page {n} ".encode() * 1000 for n in numbers]
    return [
        scratch.land(PayloadPart(text, "text/plain", "x", str(n)))
        for n, text in zip(numbers, texts, strict=True)
    ]


def receiving(zone: LandingZone, scratch: Scratch) -> Receiving:
    return Receiving(zone, scratch.root, "nghe_an", "telecom")


def taken(zone: LandingZone) -> set[str]:
    folder = zone.parts("nghe_an", "telecom")
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def names(parts: list[Part]) -> set[str]:
    return {f"{part.digest}.zst" for part in parts}


def until_taken(zone: LandingZone, parts: list[Part]) -> None:
    deadline = time.monotonic() + 60
    while taken(zone) != names(parts):
        assert time.monotonic() < deadline, taken(zone) ^ names(parts)
        time.sleep(0.01)


def test_many_parts_are_taken_as_they_come_and_each_holds(
    zone: LandingZone, scratch: Scratch
) -> None:
    early = receiving(zone, scratch)
    first = land(scratch, *range(20))
    early.on_parts(20)
    until_taken(zone, first)
    second = land(scratch, *range(20, 40))
    early.on_parts(40)
    until_taken(zone, first + second)
    early.close()
    for part in first + second:
        check_part(zone.parts("nghe_an", "telecom") / f"{part.digest}.zst", part)
        assert (scratch.root / "parts" / f"{part.digest}.zst").exists()  # the child still reads


def test_a_few_are_left_to_the_end(zone: LandingZone, scratch: Scratch) -> None:
    early = receiving(zone, scratch)
    land(scratch, *range(15))
    early.on_parts(15)
    early.close()
    assert taken(zone) == set()


def test_after_its_end_nothing_is_taken(zone: LandingZone, scratch: Scratch) -> None:
    early = receiving(zone, scratch)
    land(scratch, *range(20))
    early.close()
    early.on_parts(20)
    assert taken(zone) == set()


def test_what_its_child_changes_afterwards_changes_nothing(
    zone: LandingZone, scratch: Scratch
) -> None:
    early = receiving(zone, scratch)
    parts = land(scratch, *range(20))
    early.on_parts(20)
    until_taken(zone, parts)
    early.close()
    for path in (scratch.root / "parts").iterdir():
        with path.open("r+b") as file:
            file.write(b"something else")
    for part in parts:
        check_part(zone.parts("nghe_an", "telecom") / f"{part.digest}.zst", part)


@pytest.mark.parametrize("how", ["other bytes", "link", "pipe", "gone", "folder"])
def test_a_part_that_is_not_what_it_says_is_not_taken_nor_waited_for(
    tmp_path: Path, zone: LandingZone, scratch: Scratch, how: str
) -> None:
    early = receiving(zone, scratch)
    parts = land(scratch, *range(20))
    bad = scratch.root / "parts" / f"{parts[7].digest}.zst"
    whole = bad.read_bytes()
    bad.unlink()
    if how == "other bytes":
        bad.write_bytes((scratch.root / "parts" / f"{parts[8].digest}.zst").read_bytes())
    elif how == "link":
        (tmp_path / "elsewhere").write_bytes(whole)
        bad.symlink_to(tmp_path / "elsewhere")
    elif how == "pipe":
        os.mkfifo(bad)
    elif how == "folder":
        bad.mkdir()
    early.on_parts(20)
    until_taken(zone, parts[:7])
    early.close()
    assert taken(zone) == names(parts[:7])


@pytest.mark.parametrize("line", [b"no JSON\n", b"{}\n", b"\xff\n", b"x" * 100])
def test_a_journal_that_does_not_read_ends_it(
    zone: LandingZone, scratch: Scratch, line: bytes
) -> None:
    early = receiving(zone, scratch)
    parts = land(scratch, *range(20))
    with (scratch.root / JOURNAL).open("ab") as journal:
        journal.write(line)
    early.on_parts(20)
    until_taken(zone, parts)
    land(scratch, 20)
    early.on_parts(40)
    early.close()
    assert taken(zone) == names(parts)
