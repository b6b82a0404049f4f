import csv
import io
import tracemalloc
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.readers import csv as reading
from connectors.readers.csv import CsvReader
from hub_core import PayloadPart, SourceChanged


def part(content: bytes | str) -> PayloadPart:
    data = content.encode() if isinstance(content, str) else content
    return PayloadPart(data, "text/csv", "/bao-cao/payload.csv", "payload.csv")


def read(content: bytes | str, **settings: object) -> pl.DataFrame:
    frames = list(CsvReader(CsvReader.Settings(**settings)).read(part(content)))
    return pl.concat(frames)


def refused(content: bytes | str, **settings: object) -> str:
    with pytest.raises(SourceChanged) as error:
        list(CsvReader(CsvReader.Settings(**settings)).read(part(content)))
    assert error.value.place["part"] == "payload.csv"
    return str(error.value)


def locate(
    content: bytes | str, row: int, column: str | None, **settings: object
) -> tuple[str, str]:
    return CsvReader(CsvReader.Settings(**settings)).locate(part(content), row, column)


def test_all_cells_are_texts_as_they_stand() -> None:
    frame = read("don_vi,so_thue_bao\n00123, 1505.00 \nNghệ An,1e3\n")
    assert frame.schema == {"don_vi": pl.String, "so_thue_bao": pl.String, "row": pl.UInt64}
    assert frame.rows() == [("00123", " 1505.00 ", 0), ("Nghệ An", "1e3", 1)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\r\n\n"])
def test_line_ends_of_both_kinds_and_a_last_empty_line(end: str, last: str) -> None:
    assert read(f"a,b{end}1,2{end}3,4{last}").rows() == [("1", "2", 0), ("3", "4", 1)]


@pytest.mark.parametrize("empty", ["", '""'])
def test_an_empty_cell_is_null(empty: str) -> None:
    assert read(f"a,b\n{empty},2\n1,{empty}\n{empty},{empty}\n").rows() == [
        (None, "2", 0),
        ("1", None, 1),
        (None, None, 2),
    ]


def test_quoted_cells_may_hold_separators_quotes_and_lines() -> None:
    frame = read('a,"b\nc"\n"x, ""y""","1\r\n2"\n3,4\n')
    assert frame.columns == ["a", "b\nc", "row"]
    assert frame.rows() == [('x, "y"', "1\r\n2", 0), ("3", "4", 1)]


def test_a_quote_inside_a_bare_cell_is_just_a_quote() -> None:
    assert read('a,b\n5" ống,1\n').rows() == [('5" ống', "1", 0)]


def test_a_byte_order_mark_at_the_start_is_nothing_and_later_is_text() -> None:
    assert read("\ufeffa\n\ufeffx\n").rows() == [("\ufeffx", 0)]


def test_a_table_read_with_another_separator_is_one_column_which_no_mapping_knows() -> None:
    assert read("a;b\n1;2\n").columns == ["a;b", "row"]


def test_utf8_is_left_as_it_stands_and_composed_letters_are_folded_later() -> None:
    apart = unicodedata.normalize("NFD", "đơn vị\nNghệ An\n")
    assert read(apart).rows() == [(unicodedata.normalize("NFD", "Nghệ An"), 0)]
    composed = [
        unicodedata.normalize("NFC", text)
        for text in (read(apart).columns[0], read(apart).item(0, 0))
    ]
    assert composed == ["đơn vị", "Nghệ An"]


def test_without_a_header_columns_are_numbered() -> None:
    assert read("x;y\n1;2\n", header=False, separator=";").to_dict(as_series=False) == {
        "1": ["x", "1"],
        "2": ["y", "2"],
        "row": [0, 1],
    }


def test_other_separators_and_quotes() -> None:
    assert read("a\tb\n'x\ty'\t1\n", separator="\t", quote="'").rows() == [("x\ty", "1", 0)]


def test_a_table_without_rows_gives_no_frame() -> None:
    assert list(CsvReader(CsvReader.Settings()).read(part("a,b\n\n"))) == []
    for content in ("", "\n\r\n"):
        assert list(CsvReader(CsvReader.Settings(header=False)).read(part(content))) == []


def test_empty_lines_are_no_rows_and_lines_are_counted_on() -> None:
    content = "\na,b\n\n1,2\n\r\n\n3,4\n"
    assert read(content)["row"].to_list() == [0, 1]
    assert locate(content, 0, "a") == ("payload.csv line 4 column a", "1")
    assert locate(content, 1, "b") == ("payload.csv line 7 column b", "4")


def test_empty_lines_in_a_table_of_one_column_are_no_rows() -> None:
    content = 'a\n\n1\n\n""\n2'
    assert read(content)["a"].to_list() == ["1", None, "2"]
    assert locate(content, 1, "a") == ("payload.csv line 5 column a", "")


def test_a_cell_is_located_by_line_and_column_with_its_text() -> None:
    content = 'don_vi,so_thue_bao\n"Nghệ\nAn",1505.00\nHuế,"2,5"\n'
    assert locate(content, 0, "so_thue_bao") == ("payload.csv line 2 column so_thue_bao", "1505.00")
    assert locate(content, 1, "so_thue_bao") == ("payload.csv line 4 column so_thue_bao", "2,5")
    assert locate(content, 1, None) == ("payload.csv line 4", "")
    assert locate("x;1\n", 0, "2", header=False, separator=";") == (
        "payload.csv line 1 column 2",
        "1",
    )


@pytest.mark.parametrize(("row", "column"), [(1, "a"), (0, "b")])
def test_what_is_not_there_cannot_be_located(row: int, column: str) -> None:
    with pytest.raises(SourceChanged):
        locate("a\n1\n", row, column)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b\n1,2\n3\n", "line 3 has 1 cells where 2 are due"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4 has 3 cells where 2 are due"),
        ("a,b,c\n1,2\n3,4,5,6\n", "line 2 has 2 cells"),
        ('a,b\n"1\n2",2\n3\n', "line 4 has 1 cells"),
        ("a,b\n \n", "line 2 has 1 cells"),
        ("a,b\n1,2\n3,4,", "line 3 has 3 cells"),
        ("a,b,a\n", "line 1 names a column twice: a"),
        ("\na,,b\n", "line 2 names a column with nothing"),
        ("a,row\n", "line 1 names a column row"),
        ("", "line 1 should be a header"),
        ("a,b\n1,2\n3,\0\n", "line 3 has a NUL byte"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3 does not read as a row"),
        ('a,b\n1,2\n"3"x,4\n', "line 3 does not read as a row"),
        ("a,b\n1,2\r3,4\n", "line 2 does not read as a row: a CR by itself ends no line"),
        ("a,b\r1,2\r3,4\r", "line 1 does not read as a row: a CR by itself ends no line"),
        ("a\r1\r", "line 1 does not read as a row: a CR by itself ends no line"),
        ("a,b\n1,\0", "line 2 has a NUL byte"),
        ("\0a,b\n", "line 1 has a NUL byte"),
        ('a,b\n"1\0\n2",2\n', "line 2 has a NUL byte"),
        ("a;b\n1;2,5\n", "line 2 has 2 cells where 1 are due"),
    ],
)
def test_what_is_no_sound_table_has_changed_and_names_its_line(content: str, says: str) -> None:
    assert says in refused(content)


@pytest.mark.parametrize("before", ["a,b\n1,2\n", 'a,b\n"1\n",2\n1,2\n', "\ufeffa,b\n1,2\n"])
def test_bytes_that_are_not_utf8_are_named_by_byte_and_line(before: str) -> None:
    content = before.encode() + b"x,\xe0\xe1\n"
    assert (
        f"line {before.count(chr(10)) + 1} is not UTF-8 at byte {len(before.encode()) + 2}"
        in refused(content)
    )


@pytest.mark.parametrize("quoted", ["", '"'])
def test_many_rows_come_in_several_frames(quoted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK", 1000)
    lines = [f"{quoted}{k}{quoted},x" for k in range(3000)]
    content = "a,b\n" + "\n".join(lines[:1500]) + '\n"p\nq",y\n' + "\n".join(lines[1500:])
    frames = list(CsvReader(CsvReader.Settings()).read(part(content)))
    whole = pl.concat(frames)
    assert len(frames) > 2
    assert whole["row"].to_list() == list(range(3001))
    assert whole["a"].to_list() == [str(k) for k in range(1500)] + ["p\nq"] + [
        str(k) for k in range(1500, 3000)
    ]
    assert locate(content, 3000, "a") == ("payload.csv line 3003 column a", "2999")
    assert "line 3004 has 1 cells" in refused(content + "\nz")


def test_memory_does_not_grow_with_the_file() -> None:
    content = part(b"a,b\n" + b"1234567890,abcdefghij\n" * 2_000_000)
    tracemalloc.start()
    rows = sum(frame.height for frame in CsvReader(CsvReader.Settings()).read(content))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 2_000_000
    assert peak < 2 * reading.BLOCK + (1 << 20)


@pytest.mark.parametrize(
    "wrong", [{"separator": ";;"}, {"separator": "\n"}, {"quote": ","}, {"encoding": "viscii"}]
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CsvReader.Settings(**wrong)


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n",'), max_size=8)
WILD = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8
) | st.sampled_from(['"', "\n", ",,"])
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=5)


@given(
    names=st.lists(
        NAMES.filter(lambda n: n.strip() and n != "row" and n[0] != "\ufeff"),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    data=st.data(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_is_read_back_exactly(
    names: list[str], data: st.DataObject, quoting: int, end: str
) -> None:
    cell = data.draw(st.sampled_from([PLAIN, WILD, st.integers().map(str)]))
    rows = data.draw(
        st.lists(st.lists(cell, min_size=len(names), max_size=len(names)), min_size=1, max_size=6)
    )
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting, lineterminator=end).writerows([names, *rows])
    frame = read(out.getvalue())
    assert frame.columns == [*names, "row"]
    assert frame.drop("row").rows() == [tuple(cell or None for cell in row) for row in rows]
    lines = out.getvalue().split("\n")
    for k, row in enumerate(rows):
        place, text = locate(out.getvalue(), k, names[0])
        assert text == row[0]
        line = int(place.split(" ")[2])
        assert row[0].split("\n")[0].replace('"', "") in lines[line - 1].replace('"', "")
