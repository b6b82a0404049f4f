"""Which parts are read where a gather brings what the one before brought."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub_core.child.seen import to_read
from hub_core.contracts import PayloadPart
from hub_core.landing import Scratch
from hub_core.model.exchange import Part


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
def test_all_are_read_in_their_order_or_none(tmp_path: Path, before: str, now: str, read: str) -> None:
    scratch = Scratch(tmp_path)
    known = [part.digest for part, _ in landed(scratch, before)]
    arriving, parts = landed(scratch, now), list[Part]()
    found = [(n, payload.content.decode()) for n, payload in to_read(arriving, parts, known, scratch.open)]
    assert found == list(enumerate(read))
    assert parts == [part for part, _ in arriving]
