"""What stands beside the rows of a page is read without them, and is what the whole page says."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.paging import value_at
from connectors.text.json_rows import split_rows
from hub_core import PayloadPart, SourceChanged

ANY = msgspec.json.Decoder(Any)
LEAVES = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='[]{}",:a\\ ', max_size=4)
)
NAMES = st.sampled_from(["next", "data", "a", "["])
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def part(content: bytes) -> PayloadPart:
    return PayloadPart(content, "application/json", "https://a.example/", "page 1")


@given(st.dictionaries(NAMES, DOCUMENTS, max_size=4), st.lists(NAMES, min_size=1, max_size=2))
def test_it_is_what_the_whole_page_says(page: dict[str, Any], names: list[str]) -> None:
    node: Any = page
    for name in names:
        node = (node or {}).get(name) if isinstance(node, dict | None) else ANY
        if node is ANY:
            break
    pointer = "".join(f"/{name}" for name in names)
    for separators in ((",", ":"), None):
        content = json.dumps(page, separators=separators).encode()
        if node is ANY:
            with pytest.raises((SourceChanged, msgspec.ValidationError)):
                value_at(part(content), pointer, ANY)
        else:
            assert value_at(part(content), pointer, ANY) == node


@pytest.mark.parametrize(
    ("content", "parted"),
    [
        (b'{"next":"u","data":[{"a":"x"}]}', (b'{"next":"u","data":[]}', b'[{"a":"x"}]')),
        (b"[]", (b"[]", b"[]")),
        (b'{"data":[1],"more":[2]}', None),
        (b'{"data":[[1]]}', None),
        (b'{"data":["]"]}', None),
        (b'{"data":[1', None),
        (b'{"data":1]', None),
        (b'{"a":"]","data":[', None),
        (b"{}", None),
    ],
)
def test_only_an_array_that_is_alone_is_taken_out(
    content: bytes, parted: tuple[bytes, bytes] | None
) -> None:
    assert split_rows(content) == parted
