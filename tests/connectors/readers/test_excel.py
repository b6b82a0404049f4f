"""The excel reader: its ten keys, what it makes of cells, and the six real books."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import openpyxl
import polars as pl
import pytest
import xlsxwriter
from pydantic import ValidationError

from connectors.readers.excel import ExcelReader
from connectors.workbook.grid import column_of, letters, plain_decimal
from hub_core import PayloadPart, SourceChanged
from hub_core.model.formats import explain

Cells = dict[str, object]


def book(
    *sheets: tuple[str, Cells],
    dress: Callable[[Any, dict[str, Any]], None] = lambda _book, _sheets: None,
) -> bytes:
    """An xlsx.

    A tuple as a value is what the method of xlsxwriter that its first word names takes.
    """
    target = io.BytesIO()
    made = xlsxwriter.Workbook(target, {"in_memory": True})
    named = {}
    for name, cells in sheets:
        named[name] = sheet = made.add_worksheet(name)
        for place, value in cells.items():
            if isinstance(value, tuple):
                getattr(sheet, value[0])(place, *value[1:])
            elif isinstance(value, str):
                sheet.write_string(place, value)
            else:
                sheet.write(place, value)
    dress(made, named)
    made.close()
    return target.getvalue()


def one(cells: Cells, **more: Any) -> bytes:
    return book(("S", cells), **more)


def changed(content: bytes, name: str, old: str, new: str) -> bytes:
    """The zip with a text in one of its parts replaced."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as before,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for part in before.namelist():
            data = before.read(part).decode()
            assert part != name or old in data, data
            after.writestr(part, data.replace(old, new) if part == name else data)
    return target.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def part(content: bytes) -> PayloadPart:
    return PayloadPart(content, "application/octet-stream", "/bao-cao/bang.xlsx", "bang.xlsx")


def read(content: bytes, **settings: Any) -> pl.DataFrame:
    return pl.concat(ExcelReader(ExcelReader.Settings(**settings)).read(part(content)))


def refused(content: bytes, **settings: Any) -> str:
    with pytest.raises(SourceChanged) as error:
        list(ExcelReader(ExcelReader.Settings(**settings)).read(part(content)))
    assert error.value.place["part"] == "bang.xlsx"
    return error.value.message


def locate(content: bytes, row: int, column: str | None, **settings: Any) -> tuple[str, str]:
    return ExcelReader(ExcelReader.Settings(**settings)).locate(part(content), row, column)


def faults(**settings: Any) -> str:
    with pytest.raises(ValidationError) as error:
        ExcelReader.Settings(**settings)
    return explain(error.value)


PLAIN: Cells = {
    "A1": "Tỉnh",
    "B1": "Thuê bao",
    "A2": "Nghệ An",
    "B2": 1505,
    "A3": "Hà Tĩnh",
    "B3": 20.25,
}


# cells


def test_columns_are_named_by_their_headings_and_numbers_stand_beside_texts() -> None:
    frame = read(one(PLAIN), header=[1, 1])
    assert frame.schema == {
        "Tỉnh": pl.String,
        "Thuê bao": pl.String,
        "Thuê bao#number": pl.String,
        "row": pl.UInt64,
    }
    assert frame.rows() == [("Nghệ An", None, "1505", 1), ("Hà Tĩnh", None, "20.25", 2)]


def test_a_column_of_texts_and_numbers_comes_as_two() -> None:
    cells = {"A1": "a", "A2": "1.234,5", "A3": 7, "A4": "00123", "A5": "=1+1", "A6": " x "}
    assert read(one(cells), header=[1, 1]).rows() == [
        ("1.234,5", None, 1),
        (None, "7", 2),
        ("00123", None, 3),
        ("=1+1", None, 4),
        (" x ", None, 5),
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (14457467.0, "14457467"),
        (9.28322505950928, "9.28322505950928"),  # a 32-bit float
        (58.1953125, "58.1953125"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (-0.0, "0"),
        (-12.5, "-12.5"),
        (999999999999999, "999999999999999"),
        (1e15, "1000000000000000"),
        (123456789012.345, "123456789012.345"),
    ],
)
def test_a_number_is_the_shortest_decimal_that_gives_the_stored_one(
    number: float, text: str
) -> None:
    content = one({"A1": "a", "A2": number, "A3": "x"})
    assert read(content, header=[1, 1])["a#number"].to_list() == [text, None]
    assert locate(content, 1, "a", header=[1, 1]) == ("S!A2", text)
    assert plain_decimal(number) == text


def test_blanks_are_null_and_texts_are_left_as_they_are() -> None:
    cells = {"A1": "a", "B1": "b", "A2": " \xa0 ", "B2": "\xa0x", "A3": "y", "B3": "\t"}
    assert read(one(cells), header=[1, 1]).rows() == [(None, "\xa0x", 1), ("y", None, 2)]


def test_dates_times_and_truths_are_texts() -> None:
    def dress(made: Any, sheets: dict[str, Any]) -> None:
        day, hour = (
            made.add_format({"num_format": "dd/mm/yyyy"}),
            made.add_format({"num_format": "hh:mm:ss"}),
        )
        span = made.add_format({"num_format": "[h]:mm:ss"})
        sheet = sheets["S"]
        sheet.write_datetime("A2", date(2025, 3, 1), day)
        moment = datetime.combine(date(2025, 3, 1), time(7, 30))
        sheet.write_datetime("A3", moment, made.add_format({"num_format": "dd/mm/yyyy hh:mm"}))
        sheet.write_datetime("A4", time(7, 30, 15), hour)
        sheet.write_number("A5", 1.5, span)
        sheet.write_boolean("A6", True)
        sheet.write_boolean("A7", False)

    content = one({"A1": "a"}, dress=dress)
    texts = ["2025-03-01", "2025-03-01T07:30:00", "07:30:15", "PT36H0M0S", "true", "false"]
    assert read(content, header=[1, 1])["a"].to_list() == texts
    assert locate(content, 1, "a", header=[1, 1]) == ("S!A2", "2025-03-01")


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#DIV/0!", "#SPILL!", "#GETTING_DATA"])
def test_an_error_is_its_text(error: str) -> None:
    content = one({"A1": "a", "A2": 1, "A3": 2})
    content = changed(
        content, SHEET, '<c r="A3"><v>2</v></c>', f'<c r="A3" t="e"><f>B1/0</f><v>{error}</v></c>'
    )
    content = changed(content, "xl/workbook.xml", ' fullCalcOnLoad="1"', "")
    assert read(content, header=[1, 1]).rows() == [(None, "1", 1), (error, None, 2)]
    assert locate(content, 2, "a", header=[1, 1]) == ("S!A3", error)


def test_a_formula_with_its_result_is_that_result() -> None:
    content = one({"A1": "a", "A2": 1, "A3": 2, "A4": 3})
    content = changed(content, SHEET, '<c r="A2"><v>1</v>', '<c r="A2"><f>SUM(A3:A4)</f><v>5</v>')
    content = changed(
        content, SHEET, '<c r="A3"><v>2</v>', '<c r="A3" t="str"><f>IF(1,"x")</f><v>x</v>'
    )
    content = changed(content, SHEET, '<c r="A4"><v>3</v>', '<c r="A4" t="str"><f>""</f><v></v>')
    assert refused(content, header=[1, 1]) == UNCALCULATED.format(
        "S!A2"
    )  # xlsxwriter asks to be calculated
    content = changed(content, "xl/workbook.xml", ' fullCalcOnLoad="1"', "")
    assert read(content, header=[1, 1]).rows() == [(None, "5", 1), ("x", None, 2)]


UNCALCULATED = (
    "the book was never calculated: {} is a formula without a result; open, save and send it"
)


def never_calculated(**cells: object) -> bytes:
    made = openpyxl.Workbook()
    for place, value in cells.items():
        made.active[place] = value
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def test_a_formula_that_was_never_calculated_is_named() -> None:
    content = never_calculated(A1="a", B1="b", A2=1, B2="=A2*2", A3=2, B3="x")
    assert refused(content, header=[1, 1]) == UNCALCULATED.format("Sheet!B2")
    assert read(content, header=[1, 1], ignore=["B"]).height == 2
    assert read(
        content, header=[1, 1], where={"column": "A", "is": "2"}, columns={"a": "A", "b": "B"}
    ).rows() == [(None, "2", "x", 2)]
    assert "Sheet!B2" in refused(content, columns={"a": "A", "b": "B"}, expect={"B2": "."})


def test_a_never_calculated_cell_of_the_where_column_does_not_hide_its_row() -> None:
    content = never_calculated(A1="a", B1="b", A2="=ROW()", B2=5, A3=2, B3=6)
    settings = {"header": [1, 1], "where": {"column": "A", "is": "[0-9]+"}, "columns": {"b": "B"}}
    assert refused(content, **settings) == UNCALCULATED.format("Sheet!A2")


# where a table lies


def test_empty_first_rows_and_columns_shift_nothing() -> None:
    cells = {"C5": "a", "D5": "b", "C6": 1, "D6": "x", "C9": 2, "D9": "y"}
    content = one(cells)
    frame = read(content, header=[5, 5])
    assert frame.rows() == [(None, "1", "x", 5), (None, "2", "y", 8)]
    assert locate(content, 8, "b", header=[5, 5]) == ("S!D9", "y")
    assert locate(content, 8, "a#number", header=[5, 5]) == ("S!C9", "2")
    assert locate(content, 8, None, header=[5, 5]) == ("S!9:9", "")
    with pytest.raises(SourceChanged, match="no such row or no column c"):
        locate(content, 8, "c", header=[5, 5])
    with pytest.raises(SourceChanged, match="row 90"):
        locate(content, 90, "a", header=[5, 5])
    reader = ExcelReader(ExcelReader.Settings(header=[5, 5]))
    assert reader.locate_all(
        part(content), [(5, "b"), (8, "a"), (8, "c"), (90, "a"), (90, None), (5, None)]
    ) == {
        (5, "b"): ("S!D6", "x"),
        (8, "a"): ("S!C9", "2"),
        (5, None): ("S!6:6", ""),
    }


def test_rows_bound_where_data_are_looked_for() -> None:
    cells = {"A1": "a", **{f"A{n}": n for n in range(2, 9)}}
    assert read(one(cells), header=[1, 1], rows=[4])["row"].to_list() == [3, 4, 5, 6, 7]
    assert read(one(cells), header=[1, 1], rows=[4, 5])["row"].to_list() == [3, 4]
    assert read(one(cells), header=[1, 1], rows=[1, 3])["row"].to_list() == [1, 2]
    assert (
        list(ExcelReader(ExcelReader.Settings(header=[1, 1], rows=[20])).read(part(one(cells))))
        == []
    )


def test_where_says_which_rows_are_data() -> None:
    cells = {
        "A1": "tt",
        "B1": "tên",
        "A2": "I",
        "B2": "Vùng",
        "A3": 1,
        "B3": "x",
        "A4": " 2 ",
        "B4": "y",
        "B5": "Ghi chú",
    }
    settings = {"header": [1, 1], "where": {"column": "A", "is": r"\d+"}}
    assert read(one(cells), **settings)["row"].to_list() == [2, 3]
    assert read(one(cells), columns={"ten": "B"}, **settings).rows() == [("x", 2), ("y", 3)]
    cells["A3"], cells["A4"] = "III", "IV"
    assert (
        refused(one(cells), **settings)
        == r"no cell from S!A2 to A5 matches '\\d+': the table has moved"
    )


def test_an_empty_table_has_no_frame() -> None:
    for settings in ({}, {"where": {"column": "A", "is": "x"}}):
        assert (
            list(
                ExcelReader(ExcelReader.Settings(header=[1, 1], **settings)).read(
                    part(one({"A1": "a"}))
                )
            )
            == []
        )
    assert list(ExcelReader(ExcelReader.Settings(header=[1, 1])).read(part(one({})))) == []


def test_columns_by_letter() -> None:
    frame = read(one(PLAIN), header=[1, 1], columns={"so": "B", "tinh": "A"})
    assert frame.columns == ["so", "so#number", "tinh", "row"]
    assert locate(one(PLAIN), 1, "so", columns={"so": "B", "tinh": "A"}) == ("S!B2", "1505")
    assert (
        read(one(PLAIN), columns={"so": "B", "tinh": "A"}).height == 3
    )  # no header: its row is one like the others


def test_a_column_that_nobody_named_is_said_with_its_heading() -> None:
    settings = {"header": [1, 1], "columns": {"tinh": "A"}}
    assert (
        refused(one(PLAIN), **settings)
        == "column B 'Thuê bao' of sheet S is neither named nor ignored"
    )
    assert read(one(PLAIN), ignore=["B"], **settings).columns == [
        "Tỉnh".lower().replace("ỉ", "i"),
        "row",
    ]
    assert "column B, D 'x' of" in refused(one({**PLAIN, "B1": "", "D1": "x"}), **settings)
    assert (
        read(one({**PLAIN, "B2": "", "B3": "", "B1": " "}), **settings).height == 2
    )  # blanks hold nothing
    assert (
        refused(one(PLAIN), columns={"tinh": "A"})
        == "column B of sheet S is neither named nor ignored"
    )


def test_a_column_that_moved_by_one_is_noticed() -> None:
    moved = {"B1": "Tỉnh", "C1": "Thuê bao", "B2": "Nghệ An", "C2": 1505}
    assert "column C 'Thuê bao'" in refused(
        one(moved), header=[1, 1], columns={"tinh": "A", "so": "B"}
    )


def test_columns_are_not_named_twice_or_with_nothing_or_with_our_own_words() -> None:
    assert (
        refused(one({**PLAIN, "C1": " Thuê\nbao"}), header=[1, 1])
        == "columns B and C of sheet S are both 'Thuê bao'"
    )
    assert (
        refused(one({**PLAIN, "C3": 0}), header=[1, 1])
        == "column C of sheet S holds something, and has no heading"
    )
    for name in ("row", "column", "part", "x#number"):
        assert f"headed {name!r}" in refused(one({**PLAIN, "B1": name}), header=[1, 1])
    assert read(one({**PLAIN, "C1": "Thuê bao"}), header=[1, 1], ignore=["C:D"]).width == 4


def test_pairs_make_a_long_frame() -> None:
    cells = {
        "A1": "TT",
        "B1": "Gia nhập",
        "D1": "Đất\nđai",
        "A2": 1,
        "B2": "Kiên Giang",
        "C2": 9.5,
        "D2": "Lào Cai",
        "E2": 8,
        "A3": 2,
        "B3": "Long An",
        "C3": "-",
        "D3": "Sơn La",
        "C1": "x",
    }
    settings = {"header": [1, 1], "pairs": {"C": "B", "E": "D"}, "columns": {"tt": "A"}}
    content = one(cells)
    frame = read(content, **settings)
    assert set(frame.columns) == {
        "name",
        "value",
        "value#number",
        "heading",
        "column",
        "tt",
        "tt#number",
        "row",
    }
    assert frame.select(
        "name", "heading", "value", "value#number", "column", "tt#number", "row"
    ).rows() == [
        ("Kiên Giang", "x", None, "9.5", "C", "1", 1),
        ("Lào Cai", "", None, "8", "E", "1", 1),
        ("Long An", "x", "-", None, "C", "2", 2),
        ("Sơn La", "", None, None, "E", "2", 2),
    ]
    assert locate(content, 1, "E", **settings) == ("S!E2", "8")
    assert locate(content, 2, "tt", **settings) == ("S!A3", "2")
    with pytest.raises(SourceChanged):
        locate(content, 1, "D", **settings)


def test_years_as_columns_are_pairs_with_one_name_column() -> None:
    cells = {"A1": "Tỉnh", "B1": 2023, "C1": 2024, "A2": "Nghệ An", "B2": 1, "C2": 2}
    frame = read(one(cells), header=[1, 1], pairs={"B": "A", "C": "A"})
    assert frame.select("name", "heading", "value#number", "column").rows() == [
        ("Nghệ An", "2023", "1", "B"),
        ("Nghệ An", "2024", "2", "C"),
    ]


# sheets


def three(*hidden: str, very: str = "") -> bytes:
    def dress(_made: Any, sheets: dict[str, Any]) -> None:
        for name in hidden:
            sheets[name].hide()
        if very:
            sheets[very].very_hidden()

    return book(*((name, {"A1": "a", "A2": name}) for name in ("Một", "Hai", "Ba")), dress=dress)


def test_the_only_visible_sheet_need_not_be_named() -> None:
    assert read(three("Hai", very="Ba"), header=[1, 1])["a"].to_list() == ["Một"]
    assert refused(three("Hai"), header=[1, 1]) == (
        "the book has 2 visible sheets and none is named in `sheet`: Một, Hai (hidden), Ba"
    )


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_hidden_sheet_is_read_when_it_is_named(form: Any) -> None:
    content = three("Hai", very="Một")
    for name in ("Một", "Hai", "Ba"):
        assert read(content, header=[1, 1], sheet=unicodedata.normalize(form, name))[
            "a"
        ].to_list() == [name]
    assert "no sheet hai; its sheets are" in refused(content, header=[1, 1], sheet="hai")
    assert locate(content, 1, "a", header=[1, 1], sheet="Hai") == ("Hai!A2", "Hai")


# headers and guards


def test_headings_are_stacked_and_merged_ranges_spread() -> None:
    def dress(_made: Any, sheets: dict[str, Any]) -> None:
        sheets["S"].merge_range("B1:D1", unicodedata.normalize("NFD", "Bổ sung"))
        sheets["S"].merge_range("A1:A3", "Tỉnh\xa0 \nthành")
        sheets["S"].merge_range("C2:D2", "có mục tiêu")

    cells = {
        "B2": "Cân\nđối",
        "B3": 1,
        "C3": "Tổng",
        "D3": " ",
        "A4": "x",
        "B4": 1,
        "C4": 2,
        "D4": 3,
    }
    frame = read(one(cells, dress=dress), header=[1, 3])
    assert [name for name in frame.columns if "#" not in name] == [
        "Tỉnh thành",
        "Bổ sung Cân đối 1",
        "Bổ sung có mục tiêu Tổng",
        "Bổ sung có mục tiêu",
        "row",
    ]


def test_what_a_merged_range_covers_is_no_heading() -> None:
    def dress(_made: Any, sheets: dict[str, Any]) -> None:
        sheets["S"].merge_range("A1:B1", "nhóm")
        sheets["S"].write_string("B1", "cũ")

    cells = {"A2": "a", "B2": "b", "A3": 1, "B3": 2}
    assert read(one(cells, dress=dress), header=[1, 2]).columns[::2] == ["nhóm a", "nhóm b", "row"]


def test_expect_guards_cells() -> None:
    cells = {**PLAIN, "D1": unicodedata.normalize("NFD", "Đơn vị:\n  nghìn\xa0người"), "E1": 2024}
    settings = {"header": [1, 1], "ignore": ["D:E"]}
    assert (
        read(one(cells), expect={"D1": "Đơn vị: nghìn người$", "E1": "^2024$"}, **settings).height
        == 2
    )
    assert (
        refused(one(cells), expect={"E1": "2025"}, **settings)
        == "S!E1 should hold '2025', and holds '2024'"
    )
    assert (
        refused(one(cells), expect={"Z99": "x"}, **settings)
        == "S!Z99 should hold 'x', and holds ''"
    )


def test_headings_guard_columns() -> None:
    assert read(one(PLAIN), header=[1, 1], headings={"B": "^Thuê"}).height == 2
    assert read(one(PLAIN), header=[1, 1], headings={"B": "^Thuê"}, ignore=["B"]).width == 2
    assert refused(one(PLAIN), header=[1, 1], headings={"A": "Huyện"}) == (
        "the heading of S!A should hold 'Huyện', and is 'Tỉnh'"
    )
    assert "S!ZZ should hold" in refused(one(PLAIN), header=[1, 1], headings={"ZZ": "x"})


def test_a_legacy_encoding_is_read_and_refused_where_it_is_another() -> None:
    cells = {
        "A1": "TØnh",
        "B1": "D©n sè",
        "A2": "NghÖ An",
        "B2": 3,
        "A3": "Hµ TÜnh",
        "B3": "kh«ng râ",
    }
    frame = read(one(cells), header=[1, 1], encoding="tcvn3", headings={"A": "Tỉnh"})
    assert frame.columns == ["Tỉnh", "Dân số", "Dân số#number", "row"]
    assert frame["Tỉnh"].to_list() == ["Nghệ An", "Hà Tĩnh"]
    assert frame["Dân số"].to_list() == [None, "không rõ"]
    assert locate(one(cells), 2, "Dân số", header=[1, 1], encoding="tcvn3") == ("S!B3", "không rõ")
    assert "is not in tcvn3" in refused(one(PLAIN), header=[1, 1], encoding="tcvn3")
    assert "is not in vni" in refused(one(cells), header=[1, 1], encoding="vni")


# settings


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"header": [1, 1], "skip": 3}, "unknown key"),
        ({"columns": {"a": "AAAA"}}, "letters from A to XFD"),
        ({"columns": {"a": "XFE"}}, "letters from A to XFD"),
        ({"columns": {"a": "b"}}, "letters from A to XFD"),
        ({"columns": {"a": "A", "b": "A"}}, "column A is used twice"),
        ({"columns": {"a": "C"}, "pairs": {"C": "B"}, "header": [1, 1]}, "column C is used twice"),
        ({"pairs": {"C": "B", "B": "A"}, "header": [1, 1]}, "B is both a name and a value"),
        ({"columns": {"a": "C"}, "ignore": ["B:D"]}, "column C is both used and ignored"),
        ({"columns": {"row": "C"}}, "the hub's own word"),
        ({"columns": {"a#number": "C"}}, "the hub's own word"),
        ({"columns": {"name": "C"}, "pairs": {"E": "D"}, "header": [1, 1]}, "the hub's own word"),
        ({"columns": {"a": "C"}, "ignore": ["F:E"]}, "F:E ends before it starts"),
        ({"columns": {"a": "C"}, "ignore": ["F-G"]}, "letters from A to XFD"),
        ({"columns": {"a": "C"}, "where": {"column": "C", "is": "("}}, "'(' is no pattern"),
        ({"columns": {"a": "C"}, "where": {"column": "1", "is": "x"}}, "letters from A to XFD"),
        ({"columns": {"a": "C"}, "where": {"column": "C", "matches": "x"}}, "where"),
        ({"columns": {"a": "C"}, "expect": {"4A": "x"}}, "'4A' is no cell, such as C14"),
        ({"columns": {"a": "C"}, "expect": {"A4": "["}}, "'[' is no pattern"),
        ({"columns": {"a": "C"}, "headings": {"C": "x"}}, "header is missing"),
        ({"header": [1, 1], "headings": {"C": "*"}}, "'*' is no pattern"),
        ({"pairs": {"C": "B"}}, "header is missing"),
        ({}, "header is missing"),
        ({"header": [3, 1]}, "[3, 1] are no rows"),
        ({"header": [0, 1]}, "[0, 1] are no rows"),
        ({"header": [1]}, "header"),
        ({"header": [1, 1], "rows": [9, 4]}, "[9, 4] are no rows"),
        ({"header": [4, 6], "rows": [1, 6]}, "rows end before the header does"),
        ({"header": [1, 1], "encoding": "utf-8"}, "tcvn3"),
        ({"header": [1, 1], "sheet": ""}, "sheet"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], why: str) -> None:
    assert why in faults(**settings)


def test_letters_and_columns() -> None:
    for column in (0, 25, 26, 701, 702, 16_383):
        assert column_of(letters(column)) == column
    assert [letters(column) for column in (0, 25, 26, 701, 702, 16_383)] == [
        "A",
        "Z",
        "AA",
        "ZZ",
        "AAA",
        "XFD",
    ]
