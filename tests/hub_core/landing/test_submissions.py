"""Submissions in the landing zone: sealed, taken over, and read as frames."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from hub_core.errors import SubmissionError
from hub_core.home import figures_of
from hub_core.landing.layout import MANIFEST, OBSERVATIONS, QUARANTINE, read_manifest, write
from hub_core.landing.scratch import Scratch
from hub_core.landing.zone import LandingZone
from hub_core.model.observation import CODED, content_digest
from hub_core.pipeline.inputs import with_age
from tests.hub_core.landing.conftest import (
    GATHER,
    NOTHING,
    Figures,
    Sealed,
    flip,
    landing,
    payload,
    tree,
)

# Submissions


def test_a_sealed_folder_is_read_with_its_files_checked(tmp_path: Path, sealed: Sealed) -> None:
    manifest = sealed(tmp_path / "s")
    assert read_manifest(tmp_path / "s") == manifest
    assert set(manifest.files) == {OBSERVATIONS, QUARANTINE}
    assert (
        manifest.files[OBSERVATIONS]
        == hashlib.sha256((tmp_path / "s" / OBSERVATIONS).read_bytes()).hexdigest()
    )
    assert (
        content_digest(pl.read_parquet(tmp_path / "s" / OBSERVATIONS)) == manifest.digests.content
    )


def change(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        fields = json.loads((folder / MANIFEST).read_text())
        edit(fields)
        (folder / MANIFEST).write_text(json.dumps(fields))

    return changed


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), "never sealed"),
    "a manifest that is no JSON": (
        lambda folder: (folder / MANIFEST).write_text("{"),
        "manifest.json",
    ),
    "a manifest that is empty": (
        lambda folder: (folder / MANIFEST).write_text(""),
        "manifest.json",
    ),
    "a flipped byte": (
        lambda folder: flip(folder / OBSERVATIONS, 100),
        "is not the file that was sealed",
    ),
    "a flipped byte in the quarantine": (
        lambda folder: flip(folder / QUARANTINE, 10),
        "is not the file",
    ),
    "a truncated file": (
        lambda folder: os.truncate(folder / OBSERVATIONS, 20),
        "is not the file that was sealed",
    ),
    "a missing file": (lambda folder: (folder / QUARANTINE).unlink(), "is not there"),
    "another format": (change(lambda fields: fields.update(format=2)), "format"),
    "an unknown key": (change(lambda fields: fields.update(x=1)), "x: unknown key"),
    "one file more": (change(lambda fields: fields["files"].update({"x": NOTHING})), "other files"),
    "one file less": (change(lambda fields: fields["files"].pop(QUARANTINE)), "other files"),
    "a file elsewhere": (
        change(lambda fields: fields["files"].update({"../x": NOTHING})),
        "other files",
    ),
    "a digest in capitals": (
        change(lambda fields: fields["digests"].update(content="A" * 64)),
        "content",
    ),
    "a negative replay": (change(lambda fields: fields.update(replay=-1)), "replay"),
    "another calendar": (change(lambda fields: fields.update(calendar="X")), "calendar"),
    "a period that is none": (change(lambda fields: fields.update(period="2025-Q9")), "period"),
    "a period that leads elsewhere": (
        change(lambda fields: fields.update(period="/../../../../evil")),
        "period",
    ),
    "a sequence that is not its gather's": (
        change(lambda fields: fields.update(sequence=999)),
        "sequence",
    ),
    "a start that is not its gather's": (
        change(lambda fields: fields.update(origin_start="2030-01-01")),
        "origin_start",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_folder_that_is_not_as_it_was_sealed_is_refused(
    tmp_path: Path, what: str, sealed: Sealed
) -> None:
    sealed(tmp_path / "s")
    spoil, words = BROKEN[what]
    spoil(tmp_path / "s")
    with pytest.raises(SubmissionError, match=words):
        read_manifest(tmp_path / "s")


def test_a_link_in_place_of_a_sealed_file_is_refused(tmp_path: Path, sealed: Sealed) -> None:
    sealed(tmp_path / "s")
    (tmp_path / "s" / OBSERVATIONS).rename(tmp_path / "o")
    (tmp_path / "s" / OBSERVATIONS).symlink_to(tmp_path / "o")
    with pytest.raises(SubmissionError, match="is not there"):
        read_manifest(tmp_path / "s")


def test_a_submission_is_taken_over_under_its_period_and_gather(
    tmp_path: Path, zone: LandingZone, sealed: Sealed
) -> None:
    manifest = sealed(tmp_path / "s", replay=2)
    before = tree(tmp_path / "s")
    path = zone.adopt_submission(tmp_path / "s", manifest)
    assert path == Path("nghe_an/telecom/submissions/S.2025-Q1") / f"{GATHER}-2"
    assert tree(zone.root / path) == before
    assert read_manifest(zone.root / path) == manifest


def test_a_leftover_of_a_cut_off_night_is_replaced(
    tmp_path: Path, zone: LandingZone, sealed: Sealed, figures: Figures
) -> None:
    old = sealed(tmp_path / "old", figures("1"))
    place = zone.root / zone.adopt_submission(tmp_path / "old", old)
    (place / MANIFEST).unlink()
    (place / "stray.new").write_bytes(b"")
    manifest = sealed(tmp_path / "s", figures("2"))
    assert zone.root / zone.adopt_submission(tmp_path / "s", manifest) == place
    assert read_manifest(place) == manifest
    assert sorted(path.name for path in place.iterdir()) == sorted(
        [MANIFEST, OBSERVATIONS, QUARANTINE]
    )


def test_sealing_the_same_twice_gives_the_same_bytes(tmp_path: Path, sealed: Sealed) -> None:
    sealed(tmp_path / "1")
    sealed(tmp_path / "2")
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


# Frames of many


def test_figures_of_many_submissions_say_where_they_are_from(
    tmp_path: Path, sealed: Sealed, figures: Figures
) -> None:
    for name in ("1", "2"):
        sealed(tmp_path / name, figures(name))
    found = figures_of([tmp_path / "2", tmp_path / "1"]).sort("source").collect()
    assert found.select("value", "source").rows() == [(Decimal(2), 0), (Decimal(1), 1)]
    aged = with_age(
        figures_of([tmp_path / "1", tmp_path / "2", tmp_path / "2"]), [7, 0, 3]
    ).collect()
    assert sorted(aged.select("source", "age").rows()) == [(0, 7), (1, 0), (2, 3)]


def test_a_part_that_is_kept_already_is_not_packed_again(
    zone: LandingZone, scratch: Scratch, tmp_path: Path
) -> None:
    part = scratch.land(payload(b"one"))
    zone.adopt_landing(scratch.root, landing([part]))
    kept = zone.parts("nghe_an", "telecom")
    again = Scratch(tmp_path / "again", kept=kept)
    assert again.land(payload(b"one")) == part
    assert again.open(part).content == b"one"
    assert list((again.root / "parts").iterdir()) == []
    assert again.landed(kept) == [part]


@pytest.mark.parametrize(
    "held", [b"", b"no part", zstandard.compress(b"two"), zstandard.compress(b"one and more")]
)
def test_a_part_that_is_kept_damaged_is_landed_anew(
    scratch: Scratch, tmp_path: Path, held: bytes
) -> None:
    digest = hashlib.sha256(b"one").hexdigest()
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / f"{digest}.zst").write_bytes(held)
    again = Scratch(tmp_path / "again", kept=kept)
    part = again.land(payload(b"one"))
    assert [path.name for path in (again.root / "parts").iterdir()] == [f"{digest}.zst"]
    assert again.open(part).content == b"one"


def test_figures_of_no_submission_are_none() -> None:
    assert figures_of([]).collect().height == 0
    assert with_age(figures_of([]), []).collect().schema == {
        **CODED,
        "source": pl.UInt32(),
        "age": pl.Int32(),
    }


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write(tmp_path / "a", b"one")
    write(tmp_path / "a", b"two")
    assert tree(tmp_path) == {"a": b"two"}
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none" / "a", b"")
