from __future__ import annotations

import hashlib
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub_core.contracts import PayloadPart
from hub_core.errors import HubError, StateError, StoreError
from hub_core.landing.layout import QUARANTINE
from hub_core.landing.parts import open_part
from hub_core.landing.scratch import Scratch
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Landing, Part
from hub_core.model.observation import QUARANTINE as QUARANTINE_SCHEMA
from hub_core.pipeline.quarantine import quarantined
from tests.hub_core.landing.conftest import GATHER, LATER, flip, landing, payload, tree

# Parts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.binary(max_size=2000))
def test_a_part_is_read_back_as_it_was_landed(scratch: Scratch, content: bytes) -> None:
    part = scratch.land(payload(content))
    assert part.digest == hashlib.sha256(content).hexdigest()
    assert part.size == len(content)
    assert open_part(scratch.root / "parts", part) == payload(content)


def test_a_part_is_told_with_its_place_and_name(scratch: Scratch) -> None:
    part = scratch.land(PayloadPart(b"a", "application/json", "https://x/?ky=1", "trang 2"))
    assert (part.media_type, part.origin, part.name) == (
        "application/json",
        "https://x/?ky=1",
        "trang 2",
    )


def test_equal_bytes_are_kept_once_and_listed_each_time(scratch: Scratch) -> None:
    one, two = scratch.land(payload(b"same", "1")), scratch.land(payload(b"same", "2"))
    assert one.digest == two.digest
    assert [part.name for part in scratch.landed()] == ["1", "2"]
    assert [path.name for path in (scratch.root / "parts").iterdir()] == [f"{one.digest}.zst"]


ETAGS = [
    ('"33a64df5"', True),
    ('W/"33a64df5"', True),
    ('""', True),
    ('"' + "e" * 200 + '"', True),
    ('"' + "e" * 201 + '"', False),
    ('"' + "e" * 100_000 + '"', False),
    ('"one\r\nX: two"', False),
    ('"one"\n', False),
    ('"one two"', False),
    ('"one", "two"', False),
    ('w/"one"', False),
    ("one", False),
    ('"số"', False),
    ("", False),
]


@pytest.mark.parametrize(("etag", "kept"), ETAGS)
def test_an_etag_that_is_none_is_left_out(scratch: Scratch, etag: str, kept: bool) -> None:
    part = scratch.land(PayloadPart(b"a", "", "", "", "GET /", etag), lambda _: "0" * 64)
    assert (part.etag, part.question) == ((etag, "0" * 64) if kept else (None, None))
    with nullcontext() if kept else pytest.raises(ValidationError):
        Part(digest="0" * 64, size=0, media_type="", origin="", name="", etag=etag)


@pytest.mark.parametrize(
    "date", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "1994", "\r\nX: y"]
)
def test_a_date_of_another_form_is_left_out(scratch: Scratch, date: str) -> None:
    part = scratch.land(PayloadPart(b"a", "", "", "", "GET /", None, date), lambda _: "0" * 64)
    kept = date.endswith("GMT") and "-" not in date
    assert (part.last_modified, part.question) == ((date, "0" * 64) if kept else (None, None))


def test_a_question_is_written_nowhere_but_as_a_digest(scratch: Scratch) -> None:
    part = scratch.land(PayloadPart(b"a", "", "", "", "GET /?khoa=bi-mat", '"one"'))
    assert part.question is None
    assert b"bi-mat" not in b"".join(tree(scratch.root).values())


def test_a_part_that_is_lent_is_landed_without_being_written_again(
    tmp_path: Path, scratch: Scratch
) -> None:
    other = Scratch(tmp_path / "other")
    part = other.land(payload(b"1"))
    lent = scratch.lend(other.root / "parts", part)
    assert scratch.land(lent) == part
    assert list((scratch.root / "parts").iterdir()) == []
    assert scratch.open(part) == payload(b"1")
    assert (scratch.landed(), scratch.landed(other.root / "parts")) == ([], [part])


def test_a_part_that_is_damaged_is_not_lent(tmp_path: Path, scratch: Scratch) -> None:
    other = Scratch(tmp_path / "other")
    part = other.land(payload(b"1" * 100))
    flip(other.root / "parts" / f"{part.digest}.zst", -1)
    with pytest.raises(StoreError):
        scratch.lend(other.root / "parts", part)
    scratch.land(payload(b"1" * 100))
    assert scratch.open(part).content == b"1" * 100


@pytest.mark.parametrize("at", [0, 4, 8, -6, -1])
def test_a_flipped_byte_in_a_part_is_found(scratch: Scratch, at: int) -> None:
    part = scratch.land(payload(b"chi tieu;gia tri\n" * 50))
    flip(scratch.root / "parts" / f"{part.digest}.zst", at)
    with pytest.raises(StoreError, match=r"cannot be read|does not hold") as raised:
        open_part(scratch.root / "parts", part)
    assert raised.value.place["part"] == "trang 1"


@pytest.mark.parametrize("keep", [0, 3, 10, -1])
def test_a_truncated_part_is_found(scratch: Scratch, keep: int) -> None:
    part = scratch.land(payload(bytes(range(256)) * 20))
    path = scratch.root / "parts" / f"{part.digest}.zst"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError):
        open_part(scratch.root / "parts", part)


def test_a_missing_part_is_named(scratch: Scratch) -> None:
    part = scratch.land(payload(b"a"))
    (scratch.root / "parts" / f"{part.digest}.zst").unlink()
    with pytest.raises(StoreError, match=part.digest):
        open_part(scratch.root / "parts", part)


def test_other_bytes_under_a_parts_name_are_found(scratch: Scratch) -> None:
    part = scratch.land(payload(b"a" * 100))
    (scratch.root / "parts" / f"{part.digest}.zst").write_bytes(zstandard.compress(b"b" * 100))
    with pytest.raises(StoreError, match="does not hold the bytes that were landed"):
        open_part(scratch.root / "parts", part)


def test_a_part_that_unpacks_to_much_more_than_it_says_is_not_unpacked(scratch: Scratch) -> None:
    part = scratch.land(payload(b"a" * 100))
    packed = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    bomb = packed.compress(bytes(50_000_000)) + packed.flush()
    (scratch.root / "parts" / f"{part.digest}.zst").write_bytes(bomb)
    with pytest.raises(StoreError, match="cannot be read"):
        open_part(scratch.root / "parts", part)


# The journal of a child that ended in the middle


def test_what_was_landed_is_known_without_the_child(scratch: Scratch) -> None:
    parts = [scratch.land(payload(each, each.decode())) for each in (b"1", b"2")]
    assert Scratch(scratch.root).landed() == parts


def test_nothing_landed_is_no_part(tmp_path: Path) -> None:
    assert Scratch(tmp_path / "new").landed() == []


@pytest.mark.parametrize(
    "tail", [b"", b"{", b'{"digest": "', b"\xff\xfe\n", b"rubbish\n", b"null\n", b"[]\n", b"\n"]
)
def test_a_line_cut_off_in_the_middle_is_left_out(scratch: Scratch, tail: bytes) -> None:
    parts = [scratch.land(payload(b"1"))]
    with (scratch.root / "parts.jsonl").open("ab") as journal:
        journal.write(tail)
    assert scratch.landed() == parts


def test_a_last_line_without_its_end_is_no_surprise(scratch: Scratch) -> None:
    scratch.land(payload(b"1"))
    path = scratch.root / "parts.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    assert scratch.landed() == []


def test_a_part_that_is_a_link_was_not_landed(scratch: Scratch, tmp_path: Path) -> None:
    """The hub would refuse to take it over, and with it whatever else was landed."""
    good, bad = scratch.land(payload(b"1", "1")), scratch.land(payload(b"2", "2"))
    path = scratch.root / "parts" / f"{bad.digest}.zst"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert scratch.landed() == [good]


# Taking a landing over


def test_a_landing_is_taken_over_whole(scratch: Scratch, zone: LandingZone) -> None:
    parts = [scratch.land(payload(each)) for each in (b"1", b"2")]
    landed = landing(parts)
    scratch.commit(landed)
    zone.adopt_landing(scratch.root, landed)
    assert zone.landing("nghe_an", "telecom", GATHER) == landed
    assert zone.landings("nghe_an", "telecom") == [GATHER]
    there = zone.parts("nghe_an", "telecom")
    assert [open_part(there, part).content for part in parts] == [b"1", b"2"]


def test_two_landings_share_a_part(tmp_path: Path, zone: LandingZone) -> None:
    tellings = []
    for gather in (GATHER, LATER):
        mine = Scratch(tmp_path / gather)
        tellings.append(
            landing([mine.land(payload(b"same")), mine.land(payload(gather.encode()))], gather)
        )
        zone.adopt_landing(mine.root, tellings[-1])
    there = zone.parts("nghe_an", "telecom")
    assert len(list(there.iterdir())) == 3
    assert zone.landings("nghe_an", "telecom") == [GATHER, LATER]
    for landed in tellings:
        assert open_part(there, landed.parts[0]).content == b"same"


def test_a_landing_is_taken_over_again_over_what_a_cut_off_hub_left(
    tmp_path: Path, scratch: Scratch, zone: LandingZone
) -> None:
    landed = landing([scratch.land(payload(b"1")), scratch.land(payload(b"2"))])
    copy = shutil.copytree(scratch.root, tmp_path / "copy")
    zone.adopt_landing(copy, landed)
    (zone.provision("nghe_an", "telecom") / "gathers" / GATHER / "landing.json").unlink()
    zone.adopt_landing(scratch.root, landed)
    assert zone.landing("nghe_an", "telecom", GATHER) == landed


def test_without_its_commit_point_there_is_no_landing(scratch: Scratch, zone: LandingZone) -> None:
    landed = landing([scratch.land(payload(b"1"))])
    zone.adopt_landing(scratch.root, landed)
    (zone.provision("nghe_an", "telecom") / "gathers" / GATHER / "landing.json").unlink()
    assert zone.landings("nghe_an", "telecom") == []
    with pytest.raises(StateError, match=GATHER):
        zone.landing("nghe_an", "telecom", GATHER)


def test_a_landing_that_does_not_read_is_named(scratch: Scratch, zone: LandingZone) -> None:
    zone.adopt_landing(scratch.root, landing([]))
    path = zone.provision("nghe_an", "telecom") / "gathers" / GATHER / "landing.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(StoreError, match=r"landing\.json.*format"):
        zone.landing("nghe_an", "telecom", GATHER)


def test_a_part_that_the_child_did_not_leave_is_missed_before_the_commit(
    scratch: Scratch, zone: LandingZone
) -> None:
    part = scratch.land(payload(b"1"))
    (scratch.root / "parts" / f"{part.digest}.zst").unlink()
    with pytest.raises(StoreError, match="missing"):
        zone.adopt_landing(scratch.root, landing([part]))
    assert zone.landings("nghe_an", "telecom") == []


def test_a_link_in_place_of_a_part_is_not_taken(
    tmp_path: Path, scratch: Scratch, zone: LandingZone
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"another province's")
    part = scratch.land(payload(b"1"))
    path = scratch.root / "parts" / f"{part.digest}.zst"
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(StoreError):
        zone.adopt_landing(scratch.root, landing([part]))
    assert secret.read_bytes() == b"another province's"


@pytest.mark.parametrize("at", [4, -1])
def test_bytes_that_come_again_take_the_place_of_damaged_ones(
    tmp_path: Path, zone: LandingZone, at: int
) -> None:
    for gather in (GATHER, LATER):
        mine = Scratch(tmp_path / gather)
        landed = landing([mine.land(payload(b"chi tieu" * 50))], gather)
        zone.adopt_landing(mine.root, landed)
        kept = zone.parts("nghe_an", "telecom") / f"{landed.parts[0].digest}.zst"
        if gather == GATHER:
            flip(kept, at)
    assert open_part(kept.parent, landed.parts[0]).content == b"chi tieu" * 50


def test_others_under_the_name_of_what_is_kept_do_not_take_its_place(
    tmp_path: Path, scratch: Scratch, zone: LandingZone
) -> None:
    landed = landing([scratch.land(payload(b"1" * 100))])
    copy = shutil.copytree(scratch.root, tmp_path / "copy")
    zone.adopt_landing(scratch.root, landed)
    left = copy / "parts" / f"{landed.parts[0].digest}.zst"
    left.write_bytes(zstandard.compress(b"2" * 100))
    with pytest.raises(StoreError, match="does not hold"):
        zone.adopt_landing(copy, landed)
    packed = tmp_path / "packed-otherwise"
    packed.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(b"1" * 100))
    left.unlink()
    left.symlink_to(packed)
    zone.adopt_landing(copy, landed)
    assert not (zone.parts("nghe_an", "telecom") / left.name).is_symlink()
    assert open_part(zone.parts("nghe_an", "telecom"), landed.parts[0]).content == b"1" * 100


def test_a_link_in_place_of_the_folder_of_parts_is_not_followed(
    tmp_path: Path, scratch: Scratch, zone: LandingZone
) -> None:
    """Else a child could have the hub move away what another province landed."""
    other = Scratch(tmp_path / "other")
    part = other.land(payload(b"another province's"))
    (scratch.root / "parts").rmdir()
    (scratch.root / "parts").symlink_to(other.root / "parts")
    with pytest.raises(HubError):
        zone.adopt_landing(scratch.root, landing([part]))
    assert open_part(other.root / "parts", part).content == b"another province's"


def test_a_part_whose_bytes_are_others_is_not_taken_over(
    scratch: Scratch, zone: LandingZone
) -> None:
    """The parent verifies what a child left (design section 11).

    Once in the zone it would stand for ever.
    """
    part = scratch.land(payload(b"1" * 100))
    (scratch.root / "parts" / f"{part.digest}.zst").write_bytes(zstandard.compress(b"2" * 100))
    with pytest.raises(HubError):
        zone.adopt_landing(scratch.root, landing([part]))


def test_the_rows_without_a_period_are_taken_over_with_their_gather(
    scratch: Scratch, zone: LandingZone
) -> None:
    rows = pl.DataFrame(
        [dict.fromkeys(QUARANTINE_SCHEMA.names()) | {"code": "V001"}], schema=QUARANTINE_SCHEMA
    )
    rows.write_parquet(scratch.gather_folder(GATHER) / QUARANTINE)
    zone.adopt_landing(scratch.root, landing([]))
    [row] = quarantined(zone.provision("nghe_an", "telecom") / "gathers" / GATHER)
    assert row["code"] == "V001"


def test_a_zone_that_cannot_be_written_is_a_matter_of_the_operator(
    scratch: Scratch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="landing zone"):
        LandingZone(tmp_path / "file").adopt_landing(scratch.root, landing([]))


@pytest.mark.parametrize(
    "told",
    [
        {"gather": "../../x"},
        {"gather": "20250101-1"},
        {"province": "../x"},
        {"provision": "a/b"},
        {"province": "Nghe_An"},
        {"format": 2},
        {"unknown": 1},
        {
            "parts": [
                {
                    "digest": "../../../etc/passwd",
                    "size": 1,
                    "media_type": "",
                    "origin": "",
                    "name": "",
                }
            ]
        },
    ],
)
def test_a_landing_names_no_place_outside_its_provision(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Landing.model_validate(landing([]).model_dump() | told)
