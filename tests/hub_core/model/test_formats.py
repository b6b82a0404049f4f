"""What is kept is read by the class of its own format, whatever comes after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import pytest

from hub_core.model.canonical import canonical, digest_of
from hub_core.model.exchange import Exchanged, Landing, Manifest
from hub_core.model.formats import LANDINGS, MANIFESTS, Formats

LANDING = Landing(
    gather="20250101-00000001",
    sequence=1,
    origin_start="2025-01-01",  # type: ignore[arg-type]  # as it stands in JSON
    province="nghe_an",
    provision="telecom",
    periods=["2026-M10"],
    parts=[],
    complete=True,
    landed_at=datetime(2026, 11, 6, tzinfo=UTC),
)


class Format1(Exchanged):
    format: Literal[1] = 1
    name: str


class Format2(Exchanged):
    format: Literal[2] = 2
    name: str
    comment: str = ""


def test_each_format_is_read_by_its_own_class() -> None:
    both: Formats[Format1 | Format2] = Formats(Format1, Format2)
    assert both.read('{"format": 1, "name": "x"}') == Format1(name="x")
    assert both.read('{"format": 2, "name": "x", "comment": "y"}') == Format2(name="x", comment="y")
    with pytest.raises(ValueError, match="comment: unknown key"):
        both.read('{"format": 1, "name": "x", "comment": "y"}')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": 2}', "it has format 2, and this hub reads format 1: upgrade the hub"),
        ('{"format": "two"}', "format: "),
        ("{}", "format: Field required"),
        ("[1]", "object"),
        ("{", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        ("", "Invalid JSON"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(text: str | bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LANDINGS.read(text)


def test_a_landing_and_a_manifest_come_back_as_they_were(
    manifest: Callable[..., Manifest],
) -> None:
    assert LANDINGS.read(LANDING.model_dump_json()) == LANDING
    sealed = manifest()
    assert MANIFESTS.read(sealed.model_dump_json(indent=1).encode()) == sealed


def test_a_digest_is_over_what_is_kept_and_not_over_the_model_that_reads_it() -> None:
    """A field that a later class adds with a default changes no digest of what was kept."""
    kept = canonical(Format1(name="tên")).decode()
    digest = digest_of(kept)
    later = Format2.model_validate(json.loads(kept) | {"format": 2})
    assert canonical(later).decode() != kept
    assert digest_of(kept) == digest
