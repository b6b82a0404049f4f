import dataclasses
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.readers.form import FormReader
from connectors.writers.form import FormWriter
from hub_core.contracts import Form, FormLine, PayloadPart
from hub_core.errors import SourceChanged
from hub_core.testing.connectors import written

LINES = (
    FormLine(
        "VT.03",
        "Số thuê bao di động",
        "Mobile subscriptions",
        "vn-ha-noi",
        "Hà Nội",
        ("thuê bao", "nghìn"),
        0,
    ),
    FormLine(
        "VT.04",
        "Số thuê bao cố định",
        "Fixed subscriptions",
        "vn-ha-noi",
        "Hà Nội",
        ("thuê bao", "nghìn"),
        0,
    ),
    FormLine("VT.06", "Tỷ lệ thuê bao", "Share of subscriptions", "vn-ha-noi", "Hà Nội", ("%",), 2),
)
FORM = Form(
    dataflow="TELECOM",
    title="Báo cáo viễn thông",
    title_en="Telecom report",
    province="ha_noi",
    province_name="Hà Nội",
    provision="telecom",
    provider="HA_NOI.SKHCN",
    provider_name="Sở Khoa học và Công nghệ Hà Nội",
    period="2026-Q3",
    calendar="S",
    due="2026-10-10",
    legal="Thông tư 04/2022/TT-BTTTT",
    lines=LINES,
)
READER = FormReader(FormReader.Settings())
Change = Callable[[openpyxl.Workbook], None]


def part(content: bytes) -> PayloadPart:
    return PayloadPart(content, "application/octet-stream", "/in/form.xlsx", "form.xlsx")


def edited(change: Change | None = None, form: Form = FORM) -> PayloadPart:
    """The form, as it looks after somebody was at it."""
    content = written(FormWriter(FormWriter.Settings()), form)
    if change is None:
        return part(content)
    book, saved = openpyxl.load_workbook(io.BytesIO(content)), io.BytesIO()
    change(book)
    book.save(saved)
    return part(saved.getvalue())


def put(**cells: object) -> Change:
    def change(book: openpyxl.Workbook) -> None:
        for place, value in cells.items():
            book["Biểu"][place] = value

    return change


def rows(change: Change | None = None, form: Form = FORM) -> list[dict[str, Any]]:
    [frame] = READER.read(edited(change, form))
    return list(frame.iter_rows(named=True))


def hidden(**cells: object) -> Change:
    def change(book: openpyxl.Workbook) -> None:
        for place, value in cells.items():
            book["lienthong"][place] = value

    return change


# What stands in the form


def test_a_filled_form_in_the_hubs_own_words() -> None:
    [frame] = READER.read(
        edited(put(G8=1702.33, F8="nghìn", H8="Sơ bộ", G9="1.702.330", G10=78.5, I10="ghi chú"))
    )
    assert dict(frame.schema) == {
        **dict.fromkeys(
            ("indicator", "org_unit", "period", "status", "unit", "value", "value#number", "nil"),
            pl.String,
        ),
        "column": pl.String,
        "row": pl.UInt64,
        "#refused": pl.String,
        "#of": pl.String,
    }
    assert frame.rows() == [
        (
            "VT.03",
            "vn-ha-noi",
            "2026-Q3",
            "P",
            "nghìn",
            None,
            "1702.33",
            None,
            "G",
            7,
            None,
            "ha_noi/telecom",
        ),
        (
            "VT.04",
            "vn-ha-noi",
            "2026-Q3",
            "A",
            "thuê bao",
            "1.702.330",
            None,
            None,
            "G",
            8,
            None,
            "ha_noi/telecom",
        ),
        (
            "VT.06",
            "vn-ha-noi",
            "2026-Q3",
            "A",
            "%",
            None,
            "78.5",
            None,
            "G",
            9,
            None,
            "ha_noi/telecom",
        ),
    ]


def test_an_empty_form_has_its_lines_and_no_figure() -> None:
    found = rows()
    assert [
        (row["indicator"], row["value"], row["value#number"], row["#refused"]) for row in found
    ] == [(line.indicator, None, None, None) for line in LINES]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Chính thức", "A"),
        ("Sơ bộ", "P"),
        ("Ước tính", "E"),
        ("Thiếu", "M"),
        (" sơ bộ ", "P"),
        ("tạm", "tạm"),
        (None, None),
    ],
)
def test_the_words_for_a_status(word: str | None, code: str | None) -> None:
    assert rows(put(H8=word))[0]["status"] == code


@pytest.mark.parametrize(
    ("typed", "number", "text"),
    [
        (5, "5", None),
        (0, "0", None),
        (-0.5, "-0.5", None),
        (1e21, "1000000000000000000000", None),
        (1e-7, "0.0000001", None),
        (0.1, "0.1", None),
        ("12,5", None, "12,5"),
        ("  ", None, None),
        ("…", None, "…"),
        ("#DIV/0!", None, "#DIV/0!"),
        (True, None, "true"),
    ],
)
def test_what_a_clerk_types_comes_as_it_is(
    typed: object, number: str | None, text: str | None
) -> None:
    row = rows(put(G8=typed))[0]
    assert (row["value#number"], row["value"]) == (number, text)


@settings(max_examples=20, deadline=None)
@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 6))
def test_a_number_of_fifteen_digits_comes_back_as_typed(digits: int, decimals: int) -> None:
    typed = Decimal(digits).scaleb(-decimals)
    text = rows(put(G8=float(typed)))[0]["value#number"]
    assert "E" not in text.upper()
    assert Decimal(text) == typed


def test_a_formula_of_the_clerk_that_has_no_result_is_refused() -> None:
    row = rows(put(G8="=1+1"))[0]  # openpyxl stores no result
    assert str(row["#refused"]).startswith("G8: công thức")
    assert row["value"] == ""


def test_reading_twice_gives_the_same() -> None:
    there = edited(put(G8=5, G9=6))
    [one], [two] = READER.read(there), READER.read(there)
    assert one.equals(two)


# The nil box


@pytest.mark.parametrize("mark", ["x", "X", " x "])
def test_the_nil_box_marked(mark: str) -> None:
    box, *lines = rows(put(G5=mark))
    assert box.pop("period") == "2026-Q3"
    assert box.pop("#of") == "ha_noi/telecom"
    assert {name: value for name, value in box.items() if value is not None} == {
        "nil": "x",
        "row": 4,
        "column": "G",
    }
    assert [row["nil"] for row in lines] == [None, None, None]


def test_something_else_in_the_nil_box_is_refused() -> None:
    box = rows(put(G5="không"))[0]
    assert (box["nil"], box["value"]) == (None, "không")
    assert box["#refused"] == "G5: biểu mẫu ghi x, ô ghi không / the form has x, the cell không"


# What the hub does not vouch for


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (
            {"B9": "VT.03"},
            "B9: biểu mẫu ghi VT.04, ô ghi VT.03 / the form has VT.04, the cell VT.03",
        ),
        (
            {"B9": None},
            "B9: biểu mẫu ghi VT.04, ô để trống / the form has VT.04, the cell is empty",
        ),
        (
            {"D9": "vn-hue"},
            "D9: biểu mẫu ghi vn-ha-noi, ô ghi vn-hue / the form has vn-ha-noi, the cell vn-hue",
        ),
        (
            {"F9": "hộ", "G9": 1},
            "F9: biểu mẫu ghi thuê bao | nghìn, ô ghi hộ / the form has thuê bao | nghìn, the cell hộ",
        ),
    ],
)
def test_a_changed_cell_is_told(cells: dict[str, object], why: str) -> None:
    assert [row["#refused"] for row in rows(put(**cells))] == [None, why, None]


def test_an_inserted_row_refuses_every_line_after_it() -> None:
    def insert(book: openpyxl.Workbook) -> None:
        put(G8=1, G9=2, G10=3)(book)
        book["Biểu"].insert_rows(9)

    found = rows(insert)
    assert [(row["row"], row["#refused"] is None) for row in found] == [
        (7, True),
        (8, False),
        (9, False),
        (10, False),
    ]
    assert [row["value#number"] for row in found] == ["1", None, "2", "3"]
    assert found[3]["#refused"].startswith(
        "G11: có số liệu ở dòng mà biểu mẫu không có / a figure in a row"
    )


def test_a_removed_row_refuses_every_line_after_it() -> None:
    def remove(book: openpyxl.Workbook) -> None:
        put(G8=1, G9=2, G10=3)(book)
        book["Biểu"].delete_rows(8)

    assert [row["#refused"] is None for row in rows(remove)] == [False, False, False]


def test_two_lines_that_change_places_are_both_refused() -> None:
    def swap(book: openpyxl.Workbook) -> None:
        sheet = book["Biểu"]
        for column in "ABCDEFGHI":
            one, other = sheet[f"{column}8"], sheet[f"{column}9"]
            one.value, other.value = other.value, one.value

    assert [row["#refused"] is None for row in rows(swap)] == [False, False, True]


@pytest.mark.parametrize("place", ["G2", "G12", "G40"])
def test_a_figure_where_no_line_is_is_refused(place: str) -> None:
    def unmerged(book: openpyxl.Workbook) -> None:
        for area in list(book["Biểu"].merged_cells.ranges):
            book["Biểu"].unmerge_cells(str(area))
        put(**{place: 7})(book)

    stray = next(row for row in rows(unmerged) if row["value#number"] == "7")
    assert stray["row"] == int(place[1:]) - 1
    assert str(stray["#refused"]).startswith(f"{place}: ")


def test_an_inserted_column_refuses_all_lines() -> None:
    def insert(book: openpyxl.Workbook) -> None:
        put(G8=1)(book)
        book["Biểu"].insert_cols(7)

    assert {row["#refused"] for row in rows(insert)} == {
        "G7: biểu mẫu ghi Số liệu, ô để trống / the form has Số liệu, the cell is empty"
    }


def test_rows_inserted_above_the_nil_box_do_not_hide_it() -> None:
    def insert(book: openpyxl.Workbook) -> None:
        put(G5="x")(book)
        book["Biểu"].insert_rows(1)

    found = rows(insert)
    assert all(row["#refused"] for row in found)
    assert {row["nil"] for row in found} == {None}


def test_any_line_moved_is_refused_and_no_figure_is_lost() -> None:
    lines = tuple(dataclasses.replace(LINES[0], org_unit=f"vn-{k}") for k in range(30))

    def mixed(book: openpyxl.Workbook) -> None:
        sheet = book["Biểu"]
        for k in range(30):
            sheet.cell(8 + k, 7).value = k
        sheet.insert_rows(20, 3)
        sheet.delete_rows(10)

    found = rows(mixed, dataclasses.replace(FORM, lines=lines))
    assert {row["value#number"] for row in found} - {None} == {str(k) for k in range(30) if k != 2}
    assert [row["row"] for row in found if row["#refused"] is None] == [7, 8]


# Not a form


@pytest.mark.parametrize(
    "change",
    [
        hidden(B2="OTHER"),
        hidden(B6="2026-Q4"),
        hidden(B10="VT.99"),
        hidden(D10="tỷ"),
        hidden(A10="9"),
        hidden(A10="tám"),
        hidden(A13="11", B13="VT.01", C13="vn-ha-noi", D13="%"),
        hidden(B8="0" * 64),
        hidden(B1="something else"),
        hidden(A1=None, B1=None),
        lambda book: book.remove(book["lienthong"]),
        lambda book: book["lienthong"].delete_rows(10),
        lambda book: book["lienthong"].delete_rows(1, 20),
    ],
)
def test_a_hidden_sheet_that_was_changed_or_is_gone(change: Change) -> None:
    with pytest.raises(
        SourceChanged, match="this is not a form of the hub, or its hidden sheet was changed"
    ):
        rows(change)


def test_a_form_of_a_newer_hub() -> None:
    with pytest.raises(SourceChanged, match="a newer hub made this form \\(lienthong-form 2\\)"):
        rows(hidden(B1="lienthong-form 2"))


def test_a_form_whose_sheet_was_renamed() -> None:
    def rename(book: openpyxl.Workbook) -> None:
        book["Biểu"].title = "Quý 3"

    with pytest.raises(SourceChanged, match="no sheet Biểu"):
        rows(rename)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04nothing", b"%PDF-1.7"])
def test_what_is_no_workbook(content: bytes) -> None:
    with pytest.raises(SourceChanged):
        list(READER.read(part(content)))


# Where things stand


def test_locate_gives_the_cell_as_a_spreadsheet_names_it() -> None:
    there = edited(put(G8=1702.33, G9="1.702.330", H8="Sơ bộ"))
    assert READER.locate(there, 7, "G") == ("Biểu!G8", "1702.33")
    assert READER.locate(there, 8, "G") == ("Biểu!G9", "1.702.330")
    assert READER.locate(there, 7, "status") == ("Biểu!H8", "Sơ bộ")
    assert READER.locate(there, 7, "indicator") == ("Biểu!B8", "VT.03")
    assert READER.locate(there, 7, None) == ("Biểu!8:8", "")
    for row, column in ((7, "Z"), (7, "giá trị"), (900, "G")):
        with pytest.raises(SourceChanged):
            READER.locate(there, row, column)


def test_every_row_is_found_where_it_stands() -> None:
    there = edited(put(G5="x", G8=1, G9=2.5, G14=9))
    [frame] = READER.read(there)
    places = list(frame.select("row", "column").iter_rows())
    found = READER.locate_all(there, [*places, (0, "nowhere")])
    assert found == {
        (4, "G"): ("Biểu!G5", "x"),
        (7, "G"): ("Biểu!G8", "1"),
        (8, "G"): ("Biểu!G9", "2.5"),
        (9, "G"): ("Biểu!G10", ""),
        (13, "G"): ("Biểu!G14", "9"),
    }
