from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hub_core.model.catalogue import Catalogue, Indicator
from hub_core.model.finding import Finding, Severity
from hub_core.model.observation import (
    KEY,
    MEASURES,
    QUARANTINE,
    SCHEMA,
    STATUSES,
    VALUE,
    content_digest,
)
from hub_core.model.org_unit import OrgUnit, Validity
from hub_core.rules import RuleContext
from hub_core.stages.validate import (
    INDICES,
    Codes,
    Validator,
    duplicates,
    figures,
    findings,
    share_quarantined,
    share_withdrawn,
    sort_by_key,
)

DIMS = [
    "",
    "SEX=M",
    "AREA=U;SEX=F",
    "AREA=U",
    "AREA=R",
    "SEX=F",
]  # in the order in which a payload says them
INDICATORS = ["VT.01", "VT.1", "VT.10", "VT-1", "Đ.1", "đ.1", "a"]
UNITS = ["vn", "vn-ha-noi", "vn-ha-noi-1", "vna"]


def codes(**lists: list[str]) -> Codes:
    told = {
        "indicator": sorted(INDICATORS, key=str.encode),
        "org_unit": sorted(UNITS, key=str.encode),
        "period": ["2025-Q1"],
        "measure": list(MEASURES),
        "dims": DIMS,
        "status": list(STATUSES),
    }
    return Codes("S", told | lists)


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as the rules leave them: indices, value and place."""
    made = [
        {
            **dict.fromkeys(INDICES, 0),
            "value": Decimal(n),
            "part": 0,
            "row": n,
            "column": "c",
            **row,
        }
        for n, row in enumerate(rows)
    ]
    schema = {
        **dict.fromkeys(INDICES, pl.UInt32),
        "value": VALUE,
        "part": pl.UInt32,
        "row": pl.UInt64,
        "column": pl.String,
    }
    return pl.DataFrame(made, schema=schema)


def place(rows: pl.DataFrame) -> list[tuple[int, int]]:
    return list(zip(rows["part"].to_list(), rows["row"].to_list(), strict=True))


def naive(rows: pl.DataFrame, known: Codes) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """What Python's own sort makes of it.

    Keys by their UTF-8 bytes, of each the first by (part, row).
    """
    columns = ("indicator", "org_unit", "measure", "dims")
    keyed = [
        (tuple(known.lists[c][each[c]].encode() for c in columns), (each["part"], each["row"]))
        for each in rows.iter_rows(named=True)
    ]
    kept, repeated, seen = [], [], set()
    for key, where in sorted(keyed):
        (repeated if key in seen else kept).append(where)
        seen.add(key)
    return kept, repeated


keys = st.fixed_dictionaries(
    {
        "indicator": st.integers(0, len(INDICATORS) - 1),
        "org_unit": st.integers(0, len(UNITS) - 1),
        "measure": st.integers(0, 2),
        "dims": st.integers(0, len(DIMS) - 1),
    }
)


def odd(name: str, size: int) -> list[str]:
    return [f"{name}{n}" for n in random.Random(size).sample(range(10 * size), size)]


@pytest.fixture(scope="module")
def too_large() -> Codes:
    """Codes whose keys do not pack into 64 bits."""
    return codes(
        **{name: odd(name, 70_000) for name in ("indicator", "org_unit", "measure", "dims")}
    )


# Order and duplicates


@given(st.lists(keys, max_size=40))
def test_rows_are_sorted_as_python_sorts_the_bytes_of_their_keys(
    rows: list[dict[str, int]],
) -> None:
    known, given_rows = codes(), frame(rows)
    kept, repeated = sort_by_key(given_rows, known)
    assert (place(kept), sorted(place(repeated))) == (
        naive(given_rows, known)[0],
        sorted(naive(given_rows, known)[1]),
    )
    assert kept.columns == repeated.columns == given_rows.columns


@settings(max_examples=6)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_rows_whose_keys_do_not_pack_into_one_number_are_sorted_the_same(
    too_large: Codes, picks: list[int], chance: random.Random
) -> None:
    few = [chance.randrange(70_000) for _ in range(3)]
    rows = frame(
        [
            {
                name: few[(n + k) % 3]
                for k, name in enumerate(("indicator", "org_unit", "measure", "dims"))
            }
            for n in picks
        ]
    )
    kept, repeated = sort_by_key(rows, too_large)
    assert (place(kept), sorted(place(repeated))) == (
        naive(rows, too_large)[0],
        sorted(naive(rows, too_large)[1]),
    )
    assert kept.columns == repeated.columns == rows.columns


def test_of_duplicates_the_first_stays_and_each_later_one_leaves() -> None:
    kept, repeated = sort_by_key(frame([{}, {"dims": 1}, {}, {}]), codes())
    assert place(kept) == [(0, 0), (0, 1)]
    assert place(repeated) == [(0, 2), (0, 3)]


@pytest.mark.parametrize("path", ["packed", "too large"])
@settings(max_examples=6, phases=[Phase.generate])
@given(order=st.permutations([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)]))
def test_the_first_is_the_first_by_part_and_row_in_whatever_order_rows_come(
    too_large: Codes, path: str, order: list[tuple[int, int]]
) -> None:
    """A ``prepare`` may turn a table round; design section 7 says which duplicate stays."""
    rows = frame([{"part": part, "row": row} for part, row in order])
    kept, repeated = sort_by_key(rows, codes() if path == "packed" else too_large)
    assert place(kept) == [(0, 0)]
    assert sorted(place(repeated)) == [(0, 1), (0, 2), (1, 0), (1, 1), (2, 0)]


def test_a_duplicate_in_a_later_batch_is_found() -> None:
    batches = [
        frame([{"row": 0}, {"row": 1, "dims": 2}]),
        frame([{"row": 2}]),
        frame([{"row": 0, "part": 1}]),
    ]
    kept, repeated = sort_by_key(pl.concat(batches), codes())
    assert place(kept) == [(0, 0), (0, 1)]
    assert place(repeated) == [(0, 2), (1, 0)]


def test_figures_are_in_the_order_of_the_bytes_of_their_six_keys() -> None:
    rows = frame(
        [{"dims": n, "indicator": k} for n in range(len(DIMS)) for k in range(len(INDICATORS))]
    )
    kept, _ = sort_by_key(rows, codes())
    table = figures(kept, codes())
    texts = [tuple(text.encode() for text in each) for each in table.select(KEY).iter_rows()]
    assert texts == sorted(texts)
    assert table.cast(dict(SCHEMA)).schema == SCHEMA


@given(
    st.lists(keys, min_size=1, max_size=30, unique_by=lambda key: tuple(key.values())),
    st.randoms(use_true_random=False),
)
def test_the_content_digest_does_not_depend_on_the_order_of_rows_or_dimensions(
    rows: list[dict[str, int]], chance: random.Random
) -> None:
    def digest(order: list[dict[str, int]], dims: list[str]) -> str:
        known = codes(dims=dims)
        told = [
            {**row, "dims": dims.index(DIMS[row["dims"]]), "value": Decimal(len(str(row)))}
            for row in order
        ]
        return content_digest(figures(sort_by_key(frame(told), known)[0], known))

    mixed, shuffled = list(rows), ["", *chance.sample(DIMS[1:], len(DIMS) - 1)]
    chance.shuffle(mixed)
    assert digest(rows, DIMS) == digest(mixed, shuffled)


def test_a_duplicate_goes_to_the_quarantine_with_its_key_value_and_place() -> None:
    _, repeated = sort_by_key(
        frame([{}, {"value": Decimal("2.5"), "row": 7, "dims": 2}, {"dims": 2, "part": 1}]), codes()
    )
    left = duplicates(repeated, codes())
    assert left.schema == QUARANTINE
    [row] = left.rows(named=True)
    assert Decimal(row.pop("text")) == 2
    assert row == {
        "code": "V006",
        "field": "value",
        "indicator": "VT-1",
        "org_unit": "vn",
        "period": "2025-Q1",
        "calendar": "S",
        "measure": "actual",
        "dims": "AREA=U;SEX=F",
        "part": 1,
        "row": 2,
        "column": "c",
    }


# The quarantine of a gather

CATALOGUE = Catalogue(
    {},
    {"I": Indicator("I", "F", "", "", "u", "stock", "sum", "last", "", "", ("Q",), ">=0")},
    {},
    {
        **{unit: OrgUnit(unit, "province", "", Validity()) for unit in ("mine", "other")},
        "new": OrgUnit("new", "province", "", Validity(date(2025, 4, 1), None)),
    },
    (),
    (),
    "",
)


NEW, OTHER = (CATALOGUE.org_unit_ids.index(unit) for unit in ("new", "other"))


def normalised(rows: list[dict[str, Any]]) -> pl.DataFrame:
    texts = {f"~{name}": name for name in (*INDICES, "unit", "value")}
    sound = {
        **dict.fromkeys(INDICES, 0),
        "status": STATUSES.index("A"),
        "unit": 0,
        "value": Decimal(1),
        "fault": 0,
        "part": 0,
        "column": "c",
        **texts,
    }
    schema = {
        **dict.fromkeys([*INDICES, "unit"], pl.UInt32),
        "value": VALUE,
        "fault": pl.UInt8,
        "part": pl.UInt32,
        "row": pl.UInt64,
        "column": pl.String,
        **dict.fromkeys([*texts, "~refused"], pl.String),
    }
    return pl.DataFrame([{**sound, "row": n, **row} for n, row in enumerate(rows)], schema=schema)


def validator(asked: list[str] | None = None, periods: list[str] | None = None) -> Validator:
    known = codes(indicator=["I"], org_unit=CATALOGUE.org_unit_ids, period=periods or ["2025-Q1"])
    limits = RuleContext(
        CATALOGUE, frozenset(["mine", "new"]), frozenset(["I"]), periods=known.lists["period"]
    )
    return Validator(limits, known, asked)


def test_a_row_may_leave_under_two_codes_and_is_one_row() -> None:
    validate = validator()
    assert validate(normalised([{"value": Decimal(-1), "org_unit": OTHER}, {}]))[
        "row"
    ].to_list() == [1]
    left = pl.concat(validate.quarantine)
    assert left.schema == QUARANTINE
    assert sorted(left["code"]) == ["V005", "V015"]
    assert [(f.code, f.rows, f.severity) for f in findings(left)] == [
        ("V005", 1, Severity.ERROR),
        ("V015", 1, Severity.BLOCKING),
    ]
    assert share_quarantined(left, 19, Decimal(5)) == []


def test_a_quarantined_row_keeps_what_of_its_key_could_be_read() -> None:
    validate = validator()
    validate(normalised([{"indicator": None, "~indicator": "VT?", "dims": 1}]))
    [row] = pl.concat(validate.quarantine).rows(named=True)
    assert [row[name] for name in KEY] == [None, "mine", "2025-Q1", "S", "actual", "SEX=M"]
    assert (row["field"], row["text"]) == ("indicator", "VT?")


@pytest.mark.parametrize(
    ("asked", "kept", "not_asked"),
    [
        (None, [0, 1], 0),
        (["2025-Q1"], [0], 1),
        (["2025-Q2"], [1], 1),
        (["2024"], [], 2),
        ([], [], 2),
    ],
)
def test_v012_periods_not_asked_for_are_left_out_and_counted(
    asked: list[str] | None, kept: list[int], not_asked: int
) -> None:
    validate = validator(asked, ["2025-Q1", "2025-Q2"])
    rows = normalised([{}, {"period": 1}, {"period": None}])
    assert validate(rows)["row"].to_list() == kept
    assert validate.not_asked == not_asked
    assert [
        (r["row"], r["code"], r["field"]) for r in pl.concat(validate.quarantine).rows(named=True)
    ] == [(2, "V001", "period")]


def test_what_was_not_asked_for_is_no_finding() -> None:
    validate = validator(["2025-Q1"], ["2025-Q1", "2025-Q2"])
    validate(normalised([{"period": 1, "value": Decimal(-1), "org_unit": OTHER}]))
    assert validate.quarantine == []


def test_a_period_first_met_in_a_later_frame_is_known_then() -> None:
    periods = ["2025-Q1"]
    validate = validator(["2025-Q2"], periods)
    assert validate(normalised([{}])).height == 0
    periods.append("2025-Q2")
    assert validate(normalised([{"period": 1}])).height == 1


def test_v013_is_asked_of_a_period_that_comes_when_others_were_checked() -> None:
    periods = ["2025-Q2"]
    validate = validator(periods=periods)
    assert validate(normalised([{"org_unit": NEW}])).height == 1
    periods += ["2025-Q1", "2025"]
    rows = [
        {"row": 1, "org_unit": NEW, "period": 1},
        {"row": 2, "org_unit": NEW, "period": 2},
        {"row": 3, "period": 1},
    ]
    assert validate(normalised(rows))["row"].to_list() == [2, 3]
    assert [
        (r["row"], r["code"], r["period"]) for r in pl.concat(validate.quarantine).rows(named=True)
    ] == [(1, "V013", "2025-Q1")]


def test_a_finding_tells_how_many_rows_and_shows_the_first() -> None:
    validate = validator()
    validate(normalised([{"row": 9, "fault": 2, "value": None, "~value": "chín"}]))
    validate(
        normalised(
            [
                {"row": 3, "fault": 2, "value": None, "~value": "ba", "column": "x"},
                {"row": 0, "part": 1, "fault": 2, "value": None},
            ]
        )
    )
    assert findings(pl.concat(validate.quarantine)) == [
        Finding("V002", Severity.ERROR, 3, "ba", 0, 3, "x", "value")
    ]


def test_a_row_with_two_unknown_codes_is_one_row_of_its_finding() -> None:
    validate = validator()
    validate(normalised([{"indicator": None, "dims": None}, {}]))
    assert [(f.code, f.rows) for f in findings(pl.concat(validate.quarantine))] == [("V001", 1)]


# Shares


def lost(count: int, **told: Any) -> pl.DataFrame:
    empty = dict.fromkeys(QUARANTINE.names())
    return pl.DataFrame(
        [{**empty, "code": "V002", "part": 0, "row": n, **told} for n in range(count)],
        schema=QUARANTINE,
    )


@pytest.mark.parametrize(
    ("quarantined", "admitted", "percent", "held"),
    [
        *(
            (0, 0, "5", False),
            (0, 9, "0", False),
            (1, 19, "5", False),
            (1, 18, "5", True),
            (5, 95, "5", False),
        ),
        *(
            (6, 94, "5", True),
            (1, 0, "5", True),
            (1, 999, "0", True),
            (1, 199, "0.5", False),
            (1, 198, "0.5", True),
        ),
    ],
)
def test_v016_holds_above_its_limit_and_not_at_it(
    quarantined: int, admitted: int, percent: str, held: bool
) -> None:
    found = share_quarantined(lost(quarantined), admitted, Decimal(percent))
    assert [(f.code, f.severity, f.rows) for f in found] == (
        [("V016", Severity.BLOCKING, quarantined)] if held else []
    )


def test_v016_counts_cells_of_a_wide_row_each_and_findings_of_one_cell_once() -> None:
    twice = pl.concat([lost(1, column="a"), lost(1, column="a", code="V015")])
    assert share_quarantined(twice, 19, Decimal(5)) == []
    cells = pl.concat([lost(1, column="a"), lost(1, column="b")])
    assert [f.rows for f in share_quarantined(cells, 19, Decimal(5))] == [2]


def table(names: list[str]) -> pl.DataFrame:
    rest = {
        "org_unit": "u",
        "period": "2025",
        "calendar": "S",
        "measure": "actual",
        "dims": "",
        "value": Decimal(1),
    }
    rows = [
        {"indicator": name, **rest, "status": "A", "part": 0, "row": 0, "column": None}
        for name in names
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


@given(
    st.sets(st.integers(0, 30)),
    st.sets(st.integers(0, 30)),
    st.sets(st.integers(0, 30)),
    st.sampled_from(["0", "20", "33.3", "100"]),
)
def test_v017_counts_current_keys_that_are_neither_reported_nor_quarantined(
    before: set[int], after: set[int], left: set[int], percent: str
) -> None:
    def named(numbers: set[int]) -> pl.DataFrame:
        return table([f"I{n}" for n in sorted(numbers)])

    quarantined = (
        named(left)
        .select(*KEY)
        .with_columns(
            pl.lit("V002").alias(n) if n == "code" else pl.lit(None, kind).alias(n)
            for n, kind in QUARANTINE.items()
            if n not in KEY
        )
        .select(QUARANTINE.names())
    )
    unread = lost(2)
    found = share_withdrawn(
        named(before), named(after), pl.concat([quarantined, unread]), Decimal(percent)
    )
    gone = before - after - left
    held = len(gone) * 100 > Decimal(percent) * len(before)
    assert [(f.code, f.severity, f.rows) for f in found] == (
        [("V017", Severity.BLOCKING, len(gone))] if held else []
    )


def test_a_quarantined_key_is_not_a_withdrawn_one() -> None:
    current = table(["A", "B"])
    held = share_withdrawn(current, table(["A"]), lost(0), Decimal(20))
    assert [f.rows for f in held] == [1]
    told = {name: table(["B"])[name][0] for name in KEY}
    assert share_withdrawn(current, table(["A"]), lost(1, **told), Decimal(20)) == []
