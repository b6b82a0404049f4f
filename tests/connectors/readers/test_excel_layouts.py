"""The same table in csv, xlsx, ods and xls, wherever it lies, reads to the same figures and the same cells."""

from __future__ import annotations

import csv
import io
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import openpyxl
import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.csv import CsvReader
from connectors.readers.excel import ExcelReader
from connectors.workbook.compound import compound
from connectors.workbook.grid import letters
from hub_core import PayloadPart, SourceChanged

Value = str | Decimal | None
Cells = dict[tuple[int, int], Value]
SHEET = "Bảng số 1"
NAMES = ("office", "table", "text", "style", "calcext")


def xlsx(cells: Cells) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet(SHEET)
    for (row, column), value in cells.items():
        if isinstance(value, Decimal):
            sheet.write_number(row, column, float(value))
        elif value is not None:
            sheet.write_string(row, column, value)
    book.close()
    return target.getvalue()


def ods_of(rows: str, styles: str = "", more: str = "") -> bytes:
    names = "".join(f' xmlns:{name}="urn:{name}"' for name in NAMES)
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names}>'
        f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:spreadsheet>"
        f"<table:table table:name={quoteattr(SHEET)}>{rows}</table:table>{more}"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", content)
    return target.getvalue()


def ods(cells: Cells) -> bytes:
    """Runs of like cells and of empty rows are written once and repeated, as LibreOffice does."""
    last, width = max((r for r, _ in cells), default=-1), max((c for _, c in cells), default=-1) + 2
    rows = [[cells.get((row, column)) for column in range(width)] for row in range(last + 1)]
    out = []
    for row, again in ((list(row), len(list(same))) for row, same in groupby(map(tuple, rows))):
        inner = ""
        for value, same in groupby(row):
            repeated = f' table:number-columns-repeated="{len(list(same))}"'
            if isinstance(value, Decimal):
                inner += f'<table:table-cell office:value-type="float" office:value="{value}"{repeated}/>'
            elif value is None:
                inner += f"<table:table-cell{repeated}/>"
            else:
                text = escape(value).replace(" ", "<text:s/>")
                told = f'office:value-type="string"{repeated}'
                inner += f"<table:table-cell {told}><text:p>{text}</text:p></table:table-cell>"
        out.append(
            f'<table:table-row table:number-rows-repeated="{again}">{inner}</table:table-row>'
        )
    return ods_of("".join(out))


def record(kind: int, form: str, *values: Any, text: bytes = b"") -> bytes:
    data = struct.pack("<" + form, *values) + text
    return struct.pack("<HH", kind, len(data)) + data


BOF, EOF = record(0x809, "HHHHII", 0x600, 5, 0, 0, 0, 0), record(0x0A, "")


def xls_of(*records: bytes, hidden: dict[str, int] | None = None, head: bytes = b"") -> bytes:
    """An xls of sheets that are all the same.

    By name, whether it is visible (0), hidden or very hidden (2).
    """
    sheets = {name.encode("utf-16-le"): state for name, state in (hidden or {SHEET: 0}).items()}
    start = len(BOF) + len(head) + sum(4 + 8 + len(name) for name in sheets) + len(EOF)
    listed = b"".join(
        record(0x85, "IBBBB", start, state, 0, len(name) // 2, 1, text=name)
        for name, state in sheets.items()
    )
    return compound("Workbook", BOF + head + listed + EOF + BOF + b"".join(records) + EOF)


def label(row: int, column: int, text: str) -> bytes:
    wide = text.encode("utf-16-le")
    return record(0x204, "HHHHB", row, column, 0, len(wide) // 2, 1, text=wide)


def number(row: int, column: int, value: float, style: int = 0) -> bytes:
    return record(0x203, "HHHd", row, column, style, value)


def xls(cells: Cells) -> bytes:
    return xls_of(
        *(
            number(*place, float(value)) if isinstance(value, Decimal) else label(*place, value)
            for place, value in sorted(cells.items())
            if value is not None
        )
    )


WRITERS: dict[str, Callable[[Cells], bytes]] = {"xlsx": xlsx, "ods": ods, "xls": xls}


def part(content: bytes, name: str = "bang.xlsx") -> PayloadPart:
    return PayloadPart(content, "application/octet-stream", name, name)


def read(content: bytes, **settings: Any) -> pl.DataFrame:
    frames = list(ExcelReader(ExcelReader.Settings(**settings)).read(part(content)))
    return pl.concat(frames) if frames else pl.DataFrame()


def refused(content: bytes, **settings: Any) -> str:
    with pytest.raises(SourceChanged) as error:
        read(content, **settings)
    return error.value.message


def plain(value: Value) -> str | None:
    """What a cell should come to as text; written apart from the reader's own."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text in {"-0", ""} else text
    return value if value and value.strip() else None


def of(frame: pl.DataFrame, name: str) -> list[str | None]:
    """A column's texts and numbers as one; never both in a row."""
    texts = frame[name].to_list()
    if name + "#number" not in frame.columns:
        return texts
    both = list(zip(texts, frame[name + "#number"].to_list(), strict=True))
    assert all(text is None or figure is None for text, figure in both)
    return [text or figure for text, figure in both]


digits = st.builds(
    lambda whole, places: Decimal(whole).scaleb(-places),
    st.integers(1 - 10**15, 10**15 - 1),
    st.integers(0, 9),
)
words = st.sampled_from(
    [
        "Nghệ An",
        "Thừa Thiên Huế",
        "=1+1",
        "+84",
        "@tên",
        "-",
        "1.234,5",
        "00123",
        "x\xa0y",
        'a <b> & "c"',
        "Đắk Lắk",
        "#",
    ]
) | st.text("ăâđêôơưáạ AB,;.'0123456789", min_size=1, max_size=9).filter(str.strip)
values = st.none() | digits | words | digits.map(str)
names = st.lists(
    st.sampled_from(["Tỉnh", "Chỉ tiêu", "Thuê bao", "Ghi chú", "Số, lượng", "=x"]),
    min_size=1,
    max_size=5,
    unique=True,
)


@given(names, st.data())
def test_a_table_reads_the_same_from_csv_and_from_a_workbook(
    heads: list[str], data: st.DataObject
) -> None:
    line = st.lists(values, min_size=len(heads), max_size=len(heads)).filter(any)
    rows = data.draw(st.lists(line, min_size=1, max_size=5))
    target = io.StringIO()
    csv.writer(target).writerows([heads, *[[plain(value) or "" for value in row] for row in rows]])
    [flat] = CsvReader(CsvReader.Settings()).read(part(target.getvalue().encode(), "bang.csv"))
    cells: Cells = {(0, k): head for k, head in enumerate(heads)}
    cells |= {(r, c): value for r, row in enumerate(rows, 1) for c, value in enumerate(row)}
    for kind, write in WRITERS.items():
        frame = read(write(cells), header=[1, 1])
        assert [name for name in frame.columns if not name.endswith("#number")] == flat.columns
        for head in heads:
            assert of(frame, head) == flat[head].to_list(), kind
        assert frame["row"].to_list() == [row + 1 for row in flat["row"].to_list()]


@dataclass
class Layout:
    """A table somewhere in a sheet.

    Its cells, the settings that read it, and what should come of it.
    """

    cells: Cells
    settings: dict[str, Any]
    columns: dict[str, int]
    rows: list[int]
    pairs: dict[str, int]


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    top, left, height = draw(st.integers(0, 5)), draw(st.integers(0, 28)), draw(st.integers(0, 3))
    width, by_pairs = draw(st.integers(2, 5)), draw(st.booleans()) and height > 0
    cells: Cells = {}
    if top and draw(st.booleans()):
        cells[draw(st.integers(0, top - 1)), draw(st.integers(0, 30))] = "TIÊU ĐỀ"
    heads = draw(st.lists(words, min_size=width * height, max_size=width * height))
    cells |= {(top + k // width, left + 1 + k % width): head for k, head in enumerate(heads)}
    row, found = top + height, []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.integers(0, 3)) == 0:
            cells |= {(row, left): "II", (row, left + 1): draw(words)}  # a group's own row
            row += 1
        cells[row, left] = Decimal(
            len(found) + 1
        )  # the running number says that this is a row of data
        cells |= {(row, left + 1 + k): draw(values) for k in range(width)}
        found.append(row)
        row += draw(st.integers(1, 2))
    if draw(st.booleans()):
        cells[row + 3, left] = "Ghi chú"
    settings: dict[str, Any] = {
        "where": {"column": letters(left), "is": "[0-9]+"},
        "rows": [top + height + 1, 500],
    }
    if height:
        settings["header"] = [top + 1, top + height]
    if draw(st.booleans()):
        cells[found[0], left + width + 2] = "bên lề"
        settings["ignore"] = [f"{letters(left + width + 1)}:{letters(left + width + 4)}"]
    columns = {f"cột {k}": left + 1 + k for k in range(width)}
    if not by_pairs:
        return Layout(
            cells,
            settings | {"columns": {n: letters(c) for n, c in columns.items()}},
            columns,
            found,
            {},
        )
    pairs = {letters(left + 1 + k): left + k for k in range(1, width, 2)}
    kept = {f"cột {width - 1}": left + width} if width % 2 else {}
    settings["pairs"] = {value: letters(name) for value, name in pairs.items()}
    settings["columns"] = {name: letters(column) for name, column in kept.items()}
    return Layout(cells, settings, kept, found, pairs)


@given(layouts(), st.sampled_from(sorted(WRITERS)))
def test_a_table_reads_the_same_wherever_it_lies(layout: Layout, kind: str) -> None:
    content, cells = WRITERS[kind](layout.cells), layout.cells
    frame = read(content, **layout.settings)
    again = max(len(layout.pairs), 1)
    assert frame["row"].to_list() == [row for row in layout.rows for _ in range(again)]
    for name, column in layout.columns.items():
        assert of(frame, name) == [
            plain(cells.get((row, column))) for row in layout.rows for _ in range(again)
        ]
    if layout.pairs:
        places = [
            (row, letter, name) for row in layout.rows for letter, name in layout.pairs.items()
        ]
        assert frame["column"].to_list() == [letter for _, letter, _ in places]
        assert of(frame, "name") == [plain(cells.get((row, name))) for row, _, name in places]
        assert of(frame, "value") == [plain(cells.get((row, name + 1))) for row, _, name in places]
    reader = ExcelReader(ExcelReader.Settings(**layout.settings))
    named = layout.columns | {letter: name + 1 for letter, name in layout.pairs.items()}
    for row in layout.rows[:2]:
        for name, column in named.items():
            locator, text = reader.locate(part(content), row, name)
            assert locator == f"{SHEET}!{letters(column)}{row + 1}"
            assert (text if text.strip() else None) == plain(cells.get((row, column)))


# what is of one format only


def xls_formula(row: int, column: int, value: bytes) -> bytes:
    return record(
        0x06, "HHH", row, column, 0, text=value + struct.pack("<HIH", 0, 0, 3) + b"\x1e\x01\x00"
    )


def test_cells_of_an_xls() -> None:
    string = "chữ".encode("utf-16-le")
    content = xls_of(
        label(0, 0, "a"),
        record(0x205, "HHHBB", 1, 0, 0, 42, 1),  # an error
        record(0x205, "HHHBB", 2, 0, 0, 1, 0),  # true
        xls_formula(3, 0, bytes([2, 0, 23, 0, 0, 0, 0xFF, 0xFF])),  # a formula that gives an error
        xls_formula(4, 0, struct.pack("<d", 2.5)),
        xls_formula(
            5, 0, bytes([0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
        ),  # a formula that gives a text, which follows
        record(0x207, "HB", 3, 1, text=string),
        xls_formula(6, 0, bytes([1, 0, 0, 0, 0, 0, 0xFF, 0xFF])),
        record(
            0xBD, "HHHIHIH", 7, 0, 0, (7 << 2) | 2, 0, (1234 << 2) | 3, 1
        ),  # 7 and 12.34 in one record
        record(0x3C, "I", 0),  # what goes on with a record nobody reads
    )
    frame = read(content, header=[1, 1], ignore=["B"])
    assert of(frame, "a") == ["#N/A", "true", "#REF!", "2.5", "chữ", "false", "7"]
    assert read(content, columns={"b": "B"}, ignore=["A"]).rows() == [(None, "12.34", 7)]


def test_dates_of_an_xls() -> None:
    styles = record(0xE0, "HHH", 0, 0, 0, text=bytes(14)) + record(
        0xE0, "HHH", 0, 14, 0, text=bytes(14)
    )
    content = xls_of(
        label(0, 0, "a"), number(1, 0, 45717, style=1), number(2, 0, 45717), head=styles
    )
    assert of(read(content, header=[1, 1]), "a") == ["2025-03-01", "45717"]


def test_a_merged_header_and_sheets_of_an_xls() -> None:
    merged = record(0xE5, "H4H4H", 2, 0, 0, 0, 1, 0, 1, 2, 2)
    cells = [
        label(0, 0, "nhóm"),
        label(0, 2, "c"),
        label(1, 0, "a"),
        label(1, 1, "b"),
        number(2, 0, 1),
    ]
    content = xls_of(*cells, merged, hidden={"Ẩn": 1, "Hiện": 0, "Kín": 2})
    assert [n for n in read(content, header=[1, 2]).columns if "#" not in n] == [
        "nhóm a",
        "nhóm b",
        "c",
        "row",
    ]
    reader = ExcelReader(ExcelReader.Settings(header=[1, 2], sheet="Kín"))
    assert reader.locate(part(content), 2, "nhóm a") == ("Kín!A3", "1")
    assert "its sheets are: Ẩn (hidden), Hiện, Kín (hidden)" in refused(
        content, header=[1, 2], sheet="Khác"
    )


def test_a_book_of_excel_95() -> None:
    old = record(0x809, "HHHH", 0x500, 5, 0, 0)
    page, name = record(0x42, "H", 1252), b"Trang1"
    start = len(old) + len(page) + 4 + 7 + len(name) + len(EOF)
    listed = record(0x85, "IBBB", start, 0, 0, len(name), text=name)
    cells = record(0x204, "HHHH", 0, 0, 0, 4, text="TØnh".encode("cp1252")) + number(1, 0, 1505)
    content = compound("Book", old + page + listed + EOF + old + cells + EOF)
    assert read(content, header=[1, 1]).rows() == [(None, "1505", 1)]
    reader = ExcelReader(ExcelReader.Settings(header=[1, 1], encoding="tcvn3", sheet="Trang1"))
    assert reader.locate(part(content), 1, "Tỉnh") == ("Trang1!A2", "1505")


def test_a_chart_within_a_sheet_of_an_xls_adds_no_cells() -> None:
    content = xls_of(label(0, 0, "a"), number(1, 0, 1), BOF, number(2, 0, 99), EOF, number(3, 0, 2))
    assert of(read(content, header=[1, 1]), "a") == ["1", "2"]


def ods_row(*cells: str) -> str:
    return "<table:table-row>" + "".join(cells) + "</table:table-row>"


def ods_cell(text: str, given: str = 'office:value-type="string"') -> str:
    return f"<table:table-cell {given}>{text}</table:table-cell>"


def test_cells_of_an_ods() -> None:
    note = "<office:annotation><text:p>lời ghi</text:p></office:annotation>"
    each = {
        ods_cell(
            '<text:p>một<text:s text:c="2"/>hai<text:tab/>ba</text:p><text:p><text:span>bốn</text:span></text:p>'
        ): ("một  hai\tba\nbốn"),
        ods_cell(note + "<text:p>x</text:p>"): "x",
        ods_cell(
            "<text:p>1.234,50</text:p>", 'office:value-type="float" office:value="1234.50"'
        ): "1234.5",
        ods_cell(
            "<text:p>12 %</text:p>", 'office:value-type="percentage" office:value="0.12"'
        ): "0.12",
        ods_cell("<text:p>5 đ</text:p>", 'office:value-type="currency" office:value="5"'): "5",
        ods_cell(
            "<text:p>ĐÚNG</text:p>", 'office:value-type="boolean" office:boolean-value="true"'
        ): "true",
        ods_cell(
            "<text:p>1/3</text:p>", 'office:value-type="date" office:date-value="2025-03-01"'
        ): "2025-03-01",
        ods_cell(
            "<text:p>1/3</text:p>",
            'office:value-type="date" office:date-value="2025-03-01T07:30:00"',
        ): ("2025-03-01T07:30:00"),
        ods_cell(
            "<text:p>7h</text:p>", 'office:value-type="time" office:time-value="PT07H30M00S"'
        ): "07:30:00",
        ods_cell(
            "<text:p>36h</text:p>", 'office:value-type="time" office:time-value="PT36H00M01.5S"'
        ): "PT36H0M1.5S",
        ods_cell(
            "<text:p>#DIV/0!</text:p>",
            'table:formula="of:=1/0" office:value-type="string" office:string-value="" calcext:value-type="error"',
        ): ("#DIV/0!"),
        ods_cell(
            "<text:p>#REF!</text:p>",
            'table:formula="of:=B1" office:value-type="float" office:value="0"',
        ): "#REF!",
        ods_cell("<text:p>###</text:p>", 'office:value-type="float" office:value="31"'): "31",
        ods_cell(
            "<text:p>Err:502</text:p>",
            'table:formula="of:=B1" office:value-type="float" office:value="0"',
        ): ("Err:502"),
        ods_cell(
            "<text:p>3</text:p>",
            'table:formula="of:=1+2" office:value-type="float" office:value="3"',
        ): "3",
    }
    content = ods_of(ods_row(ods_cell("<text:p>a</text:p>")) + "".join(map(ods_row, each)))
    assert of(read(content, header=[1, 1]), "a") == list(each.values())
    assert "content.xml in the file holds a float that is none: 'x'" in refused(
        ods_of(
            ods_row(ods_cell("<text:p>x</text:p>", 'office:value-type="float" office:value="x"'))
        ),
        header=[1, 1],
    )


def test_a_formula_of_an_ods_that_was_never_calculated() -> None:
    head, empty = ods_cell("<text:p>a</text:p>"), '<table:table-cell table:formula="of:=1"{}/>'
    content = ods_of(
        ods_row(head) + ods_row(ods_cell("<text:p>x</text:p>")) + ods_row(empty.format(""))
    )
    assert f"{SHEET}!A3 is a formula without a result" in refused(content, header=[1, 1])
    shown = '<table:table-cell table:formula="of:=&quot;&quot;"><text:p/></table:table-cell>'
    assert read(ods_of(ods_row(head) + ods_row(shown)), header=[1, 1]).height == 0


def test_a_merged_header_and_sheets_of_an_ods() -> None:
    def p(text: str, given: str = "") -> str:
        return ods_cell(f"<text:p>{text}</text:p>", f'office:value-type="string" {given}')

    covered = "<table:covered-table-cell/>"
    rows = ods_row(
        p("nhóm", 'table:number-columns-spanned="2"'),
        covered,
        p("c", 'table:number-rows-spanned="2"'),
    )
    rows = f"<table:table-header-rows>{rows}{ods_row(p('a'), p('b'), covered)}</table:table-header-rows>"
    rows += f"<table:table-row-group>{ods_row(p('1'), p('2'), p('3'))}</table:table-row-group>"
    style = (
        '<style:style style:name="an"><style:table-properties table:display="false"/></style:style>'
    )
    more = (
        '<table:table table:name="Ẩn" table:style-name="an">'
        + ods_row(p("x"))
        + ods_row(p("y"))
        + "</table:table>"
    )
    content = ods_of(rows, style, more)
    assert read(content, header=[1, 2]).rows() == [("1", "2", "3", 2)]
    assert read(content, header=[1, 2]).columns == ["nhóm a", "nhóm b", "c", "row"]
    assert read(content, header=[1, 1], sheet="Ẩn").rows() == [("y", 1)]


def odd(table: str) -> bytes:
    """An xlsx written as some programs do.

    Prefixes, other quotes, cells without their place, CDATA.
    """
    cells: Cells = {(0, 0): "a"}
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx(cells))) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            data = table.encode() if name == "xl/worksheets/sheet1.xml" else before.read(name)
            after.writestr(name.replace("/", "\\") if "worksheets" in name else name, data)
    return target.getvalue()


@pytest.mark.parametrize(
    "table",
    [
        "<x:worksheet xmlns:x='y'><x:sheetData><x:row r='1'><x:c r='B1' t='str'><x:v>a</x:v></x:c></x:row>"
        "<x:row r='2'><x:c r='B2'><x:v>1.50</x:v></x:c></x:row></x:sheetData></x:worksheet>",
        '<worksheet><sheetData><row><c/><c t="str"><v>a</v></c></row><row><c></c><c><v>1.50</v></c></row>'
        "</sheetData></worksheet>",
        '<worksheet><!-- <c r="Z9"> --><sheetData><row r="1"><c t="inlineStr" r="B1"><is><t><![CDATA[a]]></t></is>'
        '</c></row><row r="2"><c s="0" r="B2"><v>1.50</v></c></row></sheetData></worksheet>',
        '<worksheet>\n <sheetData>\n <row r="1">\n  <c\n r="B1" t="str"><v>a</v></c>\n </row>\n'
        ' <row r="2">\n  <c r="B2">\n   <v>1.50</v>\n  </c>\n </row>\n </sheetData>\n</worksheet>',
    ],
)
def test_an_xlsx_that_is_written_oddly(table: str) -> None:
    content = odd(table)
    assert read(content, header=[1, 1]).rows() == [(None, "1.5", 1)]
    assert ExcelReader(ExcelReader.Settings(header=[1, 1])).locate(part(content), 1, "a") == (
        f"{SHEET}!B2",
        "1.5",
    )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes, str], bytes]:
    if not shutil.which("soffice"):
        pytest.skip("LibreOffice is not installed")
    folder = tmp_path_factory.mktemp("office")

    def convert(content: bytes, kind: str) -> bytes:
        (folder / "a.xlsx").write_bytes(content)
        profile = f"-env:UserInstallation=file://{folder}/profile"
        command = [
            "soffice",
            "--headless",
            profile,
            "--convert-to",
            kind,
            "--outdir",
            str(folder / kind),
            "a.xlsx",
        ]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        return (folder / kind / Path("a").with_suffix(f".{kind}")).read_bytes()

    return convert


@pytest.mark.parametrize("kind", ["xls", "ods", "xlsx"])
def test_libreoffice_writes_what_we_read(kind: str, office: Callable[[bytes, str], bytes]) -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    hidden = book.add_worksheet("Ẩn")
    hidden.write_string("A1", "x")
    sheet = book.add_worksheet(SHEET)
    sheet.activate()
    sheet.set_first_sheet()
    hidden.hide()
    sheet.merge_range("C3:D3", "Số thuê bao")
    sheet.write_row("B4", ["Tỉnh", "2023", "2024", "Tổng", "Ngày"])
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for row, (name, a, b) in enumerate([("Nghệ An", 1505.25, 0.1), ("Hà Tĩnh", "-", 14457467)], 4):
        sheet.write_row(row, 1, [name, a, b])
        sheet.write_formula(row, 4, f"=C{row + 1}+D{row + 1}")
        sheet.write_number(row, 5, 45717, day)
    book.close()
    uncalculated = io.BytesIO()
    openpyxl.load_workbook(target).save(uncalculated)
    frame = read(office(uncalculated.getvalue(), kind), header=[3, 4])
    assert of(frame, "Tỉnh") == ["Nghệ An", "Hà Tĩnh"]
    assert of(frame, "Số thuê bao 2023") == ["1505.25", "-"]
    assert of(frame, "Số thuê bao 2024") == ["0.1", "14457467"]
    assert of(frame, "Tổng") == ["1505.35", "#VALUE!"]
    assert of(frame, "Ngày") == ["2025-03-01", "2025-03-01"]
    assert frame["row"].to_list() == [4, 5]
