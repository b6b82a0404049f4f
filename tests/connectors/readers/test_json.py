import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.readers import json as reading
from connectors.readers.json import JsonReader
from hub_core import PayloadPart, SourceChanged


def part(content: bytes | str, name: str = "page 3") -> PayloadPart:
    data = content.encode() if isinstance(content, str) else content
    return PayloadPart(data, "application/json", "http://so.example/", name)


def read(content: bytes | str, rows: str = "") -> pl.DataFrame:
    frames = list(JsonReader(JsonReader.Settings(rows=rows)).read(part(content)))
    assert len(frames) == 1
    return frames[0]


def refused(content: bytes | str, rows: str = "") -> SourceChanged:
    with pytest.raises(SourceChanged) as error:
        list(JsonReader(JsonReader.Settings(rows=rows)).read(part(content)))
    assert error.value.place["part"] == "page 3"
    return error.value


def locate(content: bytes | str, row: int, column: str | None, rows: str = "") -> tuple[str, str]:
    return JsonReader(JsonReader.Settings(rows=rows)).locate(part(content), row, column)


def cells(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.drop("row").to_dicts()


def test_texts_come_as_they_are_with_their_rows() -> None:
    frame = read(
        '{"data": [{"don_vi": "Nghệ An", "gia_tri": "1.234,50"}, {"don_vi": "", "gia_tri": "2"}]}',
        "/data",
    )
    assert frame.schema == {"don_vi": pl.String, "gia_tri": pl.String, "row": pl.UInt64}
    assert frame.rows() == [("Nghệ An", "1.234,50", 0), ("", "2", 1)]


def test_columns_stand_in_the_order_in_which_they_first_appear() -> None:
    frame = read('[{"b": "1"}, {"c": "2", "a": "3"}, {"a": "4", "b": "5"}]')
    assert frame.columns == ["b", "c", "a", "row"]
    assert cells(frame)[0] == {"b": "1", "c": None, "a": None}


def test_a_key_that_comes_late_is_not_lost() -> None:
    rows = [{"a": "x"}] * 2500 + [{"a": "y", "b": "z"}]
    assert read(json.dumps(rows))["b"].to_list() == [None] * 2500 + ["z"]


@pytest.mark.parametrize("rows", ["/a b/c~1d/m~0n", "/list/1/m~0n"])
def test_rows_are_found_by_a_json_pointer(rows: str) -> None:
    document = {"a b": {"c/d": {"m~n": [{"x": "1"}]}}, "list": [0, {"m~n": [{"x": "1"}]}]}
    assert cells(read(json.dumps(document), rows)) == [{"x": "1"}]


def test_a_large_part_is_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps([{"a": str(k), "b": "x"} for k in range(2500)])
    small = read(content)
    monkeypatch.setattr(reading, "LARGE", 1000)
    assert read(content).equals(small)


def test_an_empty_array_gives_no_frame() -> None:
    assert list(JsonReader(JsonReader.Settings()).read(part("[ ]"))) == []


def test_rows_without_any_cell_are_still_rows() -> None:
    assert read("[{}, {}]").to_dict(as_series=False) == {"row": [0, 1]}


def test_a_byte_order_mark_and_spaces_are_nothing() -> None:
    assert cells(read(b'\xef\xbb\xbf \r\n[ {"a" : "x"} ]\n')) == [{"a": "x"}]


def test_whole_numbers_are_integers_however_long() -> None:
    frame = read('[{"a": 12, "b": 123456789012345678901234567890}, {"a": null, "b": -1}]')
    assert frame.schema["a"] == pl.Int64
    assert frame.schema["b"] == pl.Int128
    assert frame["b"].to_list() == [123456789012345678901234567890, -1]


def test_other_numbers_are_plain_decimal_text_with_all_their_digits() -> None:
    frame = read(
        '[{"a": 1505.00}, {"a": 0.1234567890123456789}, {"a": 1.5e3}, {"a": 2E-3}, {"a": 7}]'
    )
    assert frame["a"].to_list() == [None] * 5
    assert frame["a#number"].to_list() == ["1505.00", "0.1234567890123456789", "1500", "0.002", "7"]


def test_a_number_with_an_absurd_exponent_is_not_written_out() -> None:
    assert read('[{"a": 1e999999999}]')["a#number"].to_list() == ["1e999999999"]


def test_a_number_of_more_digits_than_any_integer_has_is_text() -> None:
    assert read('[{"a": %s}]' % ("9" * 60))["a#number"].to_list() == ["9" * 60]


def test_a_column_of_texts_and_numbers_comes_as_two() -> None:
    frame = read('[{"a": "1.505"}, {"a": 1.505}, {"a": 3}, {"a": null}]')
    assert frame["a"].to_list() == ["1.505", None, None, None]
    assert frame["a#number"].to_list() == [None, "1.505", "3", None]


def test_one_number_late_among_many_texts_is_seen() -> None:
    rows: list[dict[str, object]] = [{"a": "1", "b": "x"} for _ in range(3000)]
    rows[2999] = {"a": 1.5, "b": "x"}
    frame = read(json.dumps(rows))
    assert frame["a#number"].to_list()[2999] == "1.5"
    assert frame["a"].null_count() == 1


def test_true_and_false_are_texts_and_null_is_null() -> None:
    assert read('[{"a": true}, {"a": false}, {"a": null}, {}]')["a"].to_list() == [
        "true",
        "false",
        None,
        None,
    ]


def test_true_among_numbers_is_not_one() -> None:
    frame = read('[{"a": 1}, {"a": true}]')
    assert frame["a"].to_list() == [None, "true"]
    assert frame["a#number"].to_list() == ["1", None]


def test_a_column_of_nulls_is_text() -> None:
    assert read('[{"a": null}]').schema["a"] == pl.String


def test_of_a_key_that_stands_twice_the_last_stands() -> None:
    content = '[{"a": "1", "a": "2", "b": "x"}, {"b": "y", "a": "3"}]'
    assert read(content)["a"].to_list() == ["2", "3"]
    assert locate(content, 0, "a")[1] == "2"


@pytest.mark.parametrize(
    "content",
    [
        '[{"a": "1", "b": "2"}, {"a": "3", "a": "4"}]',
        '[{"a": "1", "b": "2"}, {"a": "3", "c": "4"}]',
        '[{"a": "1", "b": "2"}, {"a": 3, "b" : "4", "c": 5}]',
        '[{"a":"1"},{"a":2,"c" :3}]',
        '[{"a":"1:"},{"a":2,"c":3}]',
        '[{"a":":"},{"a":"b","c":""}]',
    ],
)
def test_counts_that_only_seem_to_fit_prove_nothing(content: str) -> None:
    given_rows = json.loads(content)
    names = {name for row in given_rows for name in row}
    frame = read(content)
    for k, row in enumerate(given_rows):
        for name in names:
            text, number = (
                frame[name][k],
                frame[name + "#number"][k] if name + "#number" in frame.columns else None,
            )
            found = number if number is not None else text
            assert (None if found is None else str(found)) == (
                None if row.get(name) is None else str(row[name])
            )


def test_escapes_in_names_and_texts_are_read() -> None:
    content = r'[{"\u0111\u01a1n v\u1ecb": "a\"b\\c\/\n\ud83d\ude00"}]'
    assert cells(read(content)) == [{"đơn vị": 'a"b\\c/\n😀'}]


@pytest.mark.parametrize("cell", ['{"x": 1}', "[1]", "[]"])
def test_a_nested_cell_has_changed_and_names_its_column(cell: str) -> None:
    error = refused('[{"a": "1", "b": "x"}, {"b": "y", "a": ' + cell + "}]")
    assert "column a" in str(error)
    assert error.place["row"] == 1


@pytest.mark.parametrize(
    ("content", "rows", "says"),
    [
        ("[1]", "", "row 0"),
        ('[{"a": "x"}, null]', "", "row 1"),
        ('[{"a": "x"}, "a"]', "", "row 1"),
        ('{"data": []}', "/rows", "/rows is not there"),
        ('{"data": []}', "/data/0", "/data/0 is not there"),
        ('{"data": 1}', "/data/x", "/data/x is not there"),
        ('{"data": {}}', "/data", "/data is no array"),
        ('{"data": "[]"}', "/data", "/data is no array"),
        ("{}", "", "the document is no array"),
        (
            "<html>\n<body>Đăng nhập",
            "",
            "HTML or XML where JSON was expected, as application/json: <html> <body>",
        ),
        ('{"data": [{"a": "x"}, {"a"', "/data", "truncated"),
        ('[{"a": "x"}', "", "truncated"),
        ("", "", "truncated"),
        ('[{"a": "x"}] [', "", "broken JSON"),
        ('[{"a": NaN}]', "", "broken JSON"),
        ('[{"a": "x"},]', "", "broken JSON"),
        ('[{"a": "\\ud83d"}]', "", "broken JSON"),
        ('[{"row": "x"}]', "", "named row"),
        ('[{"a": 1}, {"a#number": "x"}]', "", "named a#number"),
        ('[{"a": %s}]' % ("9" * 5000), "", "out of range"),
        ("[" * 100_000, "", "too deeply"),
        ('[{"a": ' + "[" * 100_000, "", "too deeply"),
    ],
)
def test_what_is_no_array_of_flat_rows_has_changed(content: str, rows: str, says: str) -> None:
    assert says in str(refused(content, rows))


def test_bytes_that_are_not_utf8_have_changed() -> None:
    refused(b'[{"a": "\xe0\xe1"}]')
    refused(b'[{"\xe0": "a"}]')


def test_a_cell_is_located_by_part_and_pointer() -> None:
    content = '{"data": [{"a/b": "1.505,00"}, {"a/b": 1.50e3, "c": null, "d": true}]}'
    assert locate(content, 0, "a/b", "/data") == ("page 3 /data/0/a~1b", "1.505,00")
    assert locate(content, 1, "a/b", "/data") == ("page 3 /data/1/a~1b", "1.50e3")
    assert locate(content, 1, "a/b#number", "/data") == ("page 3 /data/1/a~1b", "1.50e3")
    assert locate(content, 1, "c", "/data")[1] == "null"
    assert locate(content, 1, "d", "/data")[1] == "true"
    assert locate(content, 0, "c", "/data") == ("page 3 /data/0/c", "")
    assert locate(content, 1, None, "/data") == ("page 3 /data/1", "")


def test_a_row_that_is_not_there_has_changed() -> None:
    with pytest.raises(SourceChanged, match="/data/5 is not there"):
        locate('{"data": []}', 5, None, "/data")


@pytest.mark.parametrize("rows", ["data", "/a~2", "/a~"])
def test_a_pointer_that_is_none_is_refused(rows: str) -> None:
    with pytest.raises(ValidationError):
        JsonReader.Settings(rows=rows)


NAMES = st.text(st.characters(codec="utf-8"), max_size=8).filter(
    lambda n: n != "row" and not n.endswith("#number")
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ['"', "\\", ":", '":"', "null", "1.50"]
)
NUMBERS = (
    st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.floats(-1e15, 1e15)
)
CELLS = st.none() | st.booleans() | TEXTS | NUMBERS


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, object]]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    cell = draw(st.sampled_from([TEXTS, TEXTS, TEXTS | st.none(), st.integers(), CELLS]))
    rows = st.fixed_dictionaries(dict.fromkeys(names, cell))
    if draw(st.booleans()):
        rows = st.fixed_dictionaries({}, optional=dict.fromkeys(names, cell))
    return draw(st.lists(rows, min_size=1, max_size=5))


def written(rows: list[dict[str, object]], *, ascii_only: bool, spaced: bool) -> str:
    """JSON with decimals as numbers that keep their digits."""

    def cell(value: object) -> str:
        return (
            str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=ascii_only)
        )

    colon, comma = (" : ", " ,\n") if spaced else (":", ",")
    objects = (
        "{" + comma.join(cell(n) + colon + cell(v) for n, v in row.items()) + "}" for row in rows
    )
    return "[" + comma.join(objects) + "]"


@given(rows=tables(), ascii_only=st.booleans(), spaced=st.booleans())
def test_any_flat_table_is_read_back_exactly(
    rows: list[dict[str, object]], ascii_only: bool, spaced: bool
) -> None:
    content = written(rows, ascii_only=ascii_only, spaced=spaced)
    frame = read(content)
    assert frame["row"].to_list() == list(range(len(rows)))
    names = list(dict.fromkeys(name for row in rows for name in row))
    assert [name for name in frame.columns[:-1] if not name.endswith("#number")] == names
    for k, row in enumerate(rows):
        for name in names:
            text = frame[name][k]
            number = frame[name + "#number"][k] if name + "#number" in frame.columns else None
            value = row.get(name)
            if value is None:
                assert (text, number) == (None, None)
            elif isinstance(value, str | bool):
                assert (text, number) == (
                    value if isinstance(value, str) else str(value).lower(),
                    None,
                )
            else:
                assert text is None or isinstance(text, int)
                assert Decimal(number or text) == Decimal(
                    json.dumps(value) if isinstance(value, float) else str(value)
                )
            if name in row:
                shown = (
                    value
                    if isinstance(value, str)
                    else written([{"x": value}], ascii_only=True, spaced=False)[6:-2]
                )
                assert locate(content, k, name)[1] == shown
