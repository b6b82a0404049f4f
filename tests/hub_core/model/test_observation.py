from __future__ import annotations

import hashlib
import random
from decimal import Context, Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_core.model.observation import (
    INDEXED,
    KEY,
    QUARANTINE,
    SCHEMA,
    content_digest,
    packed,
    quarantine_digest,
)

Row = dict[str, Any]
EXACT = Context(prec=60)
WORDS = [
    "VT.01",
    "vn-nghe-an",
    "Đắk Lắk",
    "ấp 5",
    "AREA=U;SEX=F",
    "",
    "2025-Q1",
    "actual",
    "A\u0301",
]
words = st.sampled_from(WORDS) | st.text(
    st.characters(blacklist_categories=["Cs", "Cc"]), max_size=4
)
values = (
    st.none()
    | st.sampled_from(
        [
            "0",
            "-0",
            "-0.000000",
            "1.500000",
            "100",
            "1E+3",
            "0.000001",
            "-0.1",
            "9" * 26 + ".999999",
        ]
    ).map(Decimal)
    | st.decimals(-(10**26) + 1, 10**26 - 1, places=6)
)
rows = st.fixed_dictionaries(
    {**dict.fromkeys(KEY, words), "value": values, "status": st.sampled_from("AEPFM")}
)


def frame(told: list[Row]) -> pl.DataFrame:
    fixed = {"part": 0, "row": 0, "column": None, "status": "A", "value": None}
    return pl.DataFrame([{**fixed, **row} for row in told], schema=SCHEMA)


def canonical(told: list[Row], *, nil: bool = False) -> bytes:
    """The canonical text of figures, from the words of design section 10."""
    lines = [f"lienthong-content 1 nil={1 if nil else 0}\n"]
    for row in told:
        value = row["value"]
        text = (
            ""
            if value is None
            else f"{EXACT.normalize(value):f}".removeprefix("-" if value == 0 else "?")
        )
        lines.append("\t".join([*(row[key] for key in KEY), text, row["status"]]) + "\n")
    return "".join(lines).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# Content digest


@given(st.lists(rows, max_size=12), st.booleans())
def test_the_content_digest_is_the_sha256_of_the_canonical_text(told: list[Row], nil: bool) -> None:
    assert content_digest(frame(told), nil=nil) == sha256(canonical(told, nil=nil))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("-0", "0"),
        ("0.000000", "0"),
        ("1.500000", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("-0.000001", "-0.000001"),
        ("10.10", "10.1"),
        (None, ""),
        ("-" + "9" * 26 + ".999999", "-" + "9" * 26 + ".999999"),
    ],
)
def test_a_value_is_written_plainly(value: str | None, text: str) -> None:
    row = {
        **dict.fromkeys(KEY, "k"),
        "value": None if value is None else Decimal(value),
        "status": "P",
    }
    told = f"lienthong-content 1 nil=0\nk\tk\tk\tk\tk\tk\t{text}\tP\n"
    assert content_digest(frame([row])) == sha256(told.encode())


def test_no_figures_are_the_first_line_alone() -> None:
    assert content_digest(frame([])) == sha256(b"lienthong-content 1 nil=0\n")
    assert content_digest(frame([]), nil=True) == sha256(b"lienthong-content 1 nil=1\n")


@given(st.lists(rows, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_no_position_chunk_or_column_order_enters_it(
    told: list[Row], chance: random.Random
) -> None:
    moved = [
        {
            **row,
            "part": chance.randrange(9),
            "row": chance.randrange(99),
            "column": chance.choice("ab"),
        }
        for row in told
    ]
    pieces = pl.concat([frame([row]) for row in moved], rechunk=False)
    turned = pieces.select(chance.sample(pieces.columns, len(pieces.columns)))
    categories = turned.with_columns(pl.col(KEY).cast(pl.Categorical))
    expected = content_digest(frame(told))
    assert [content_digest(each) for each in (pieces, turned, categories)] == [expected] * 3


@settings(max_examples=3)
@given(st.integers(99_990, 100_010))
def test_a_long_frame_is_one_text(height: int) -> None:
    told = frame([{**dict.fromkeys(KEY, "k"), "value": Decimal("2.50")}])
    long = pl.concat([told] * height)
    lines = "k\tk\tk\tk\tk\tk\t2.5\tA\n" * height
    assert content_digest(long) == sha256(f"lienthong-content 1 nil=0\n{lines}".encode())


@given(st.lists(rows, min_size=1, max_size=5), st.data())
def test_every_key_value_and_status_enters_it(told: list[Row], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(told) - 1))
    name = data.draw(st.sampled_from([*KEY, "value", "status"]))
    other = data.draw({"value": values, "status": st.sampled_from("AEPFM")}.get(name, words))
    changed = [{**row, name: other} if n == at else row for n, row in enumerate(told)]
    same = told[at][name] == other
    assert (content_digest(frame(changed)) == content_digest(frame(told))) == same


# Quarantine digest

keys = st.fixed_dictionaries({name: st.sampled_from(["a", "b", None]) for name in KEY})
places = st.fixed_dictionaries(
    {"part": st.integers(0, 1), "row": st.integers(0, 1), "column": st.sampled_from([None, "gt"])}
)
lost = st.builds(
    lambda key, place, code, text: {**key, **place, "code": code, "text": text, "field": "value"},
    keys | st.just(dict.fromkeys(KEY, "a")),
    places,
    st.sampled_from(["V001", "V002"]),
    st.sampled_from(["x", "không rõ"]),
)


def quarantine(told: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(told, schema=QUARANTINE) if told else pl.DataFrame(schema=QUARANTINE)


def marks(told: list[Row]) -> set[tuple[Any, ...]]:
    """(key, or place where the key is not whole; code)."""
    whole = [tuple(row[name] for name in KEY) for row in told]
    places_ = [(row["part"], row["row"], row["column"] or "") for row in told]
    return {
        (key if None not in key else place, row["code"])
        for key, place, row in zip(whole, places_, told, strict=True)
    }


@given(st.lists(lost, max_size=6), st.lists(lost, max_size=6), st.randoms(use_true_random=False))
def test_quarantines_are_the_same_where_keys_or_places_and_codes_are(
    one: list[Row], other: list[Row], chance: random.Random
) -> None:
    assert (quarantine_digest(quarantine(one)) == quarantine_digest(quarantine(other))) == (
        marks(one) == marks(other)
    )
    again = [*one, *one]
    chance.shuffle(again)
    again = [{**row, "text": "khác"} for row in again]
    assert quarantine_digest(quarantine(again)) == quarantine_digest(quarantine(one))


@given(st.lists(st.tuples(*(st.integers(0, n) for n in (3, 10, 2, 7))), unique=True, max_size=30))
def test_a_packed_key_is_one_number_a_key_in_their_order(keys: list[tuple[int, ...]]) -> None:
    frame = pl.DataFrame(keys, schema=dict.fromkeys(INDEXED, pl.UInt32), orient="row")
    key = packed((4, 11, 3, 8))
    assert key is not None
    numbers = frame.select(key).to_series().to_list()
    assert [keys[n] for n in sorted(range(len(keys)), key=numbers.__getitem__)] == sorted(keys)
    assert len(set(numbers)) == len(keys)


@pytest.mark.parametrize(
    ("sizes", "room", "fits"),
    [
        ((2**16, 2**16, 2**16, 2**16), 1, False),
        ((2**16, 2**16, 2**16, 2**16 - 1), 1, True),
        ((2**16, 2**16, 2**16, 2**8), 2**8, False),
        ((0, 0, 0, 0), 2**63, True),
    ],
)
def test_a_key_that_does_not_fit_is_not_packed(
    sizes: tuple[int, ...], room: int, fits: bool
) -> None:
    assert (packed(sizes, room=room) is not None) is fits
