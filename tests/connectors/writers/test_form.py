import dataclasses
import io
import re
import zipfile
from decimal import Decimal

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from connectors.writers.form import FormWriter
from hub_core.contracts import Form, FormLine
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
        "VT.03",
        "Số thuê bao di động",
        "Mobile subscriptions",
        "vn-hue",
        "Huế",
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
    legal="Thông tư 04/2022/TT-BTTTT, phụ lục II",
    lines=LINES,
)
FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "{=1}",
    "\t=1",
    '=HYPERLINK("http://a.example","b")',
)


def bytes_of(form: Form) -> bytes:
    return written(FormWriter(FormWriter.Settings()), form)


def book(form: Form) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(bytes_of(form)))


def sheet(form: Form) -> Worksheet:
    return book(form)["Biểu"]


def said(sheet: Worksheet) -> str:
    return "\n".join(
        str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None
    )


def parts(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name).decode() for name in package.namelist()}


def test_it_says_what_is_asked_of_whom_by_when() -> None:
    text = said(sheet(FORM))
    for told in (
        "SỞ KHOA HỌC VÀ CÔNG NGHỆ HÀ NỘI",
        "BÁO CÁO VIỄN THÔNG",
        "Quý III/2026",
        "Hạn gửi: 10/10/2026. Căn cứ: Thông tư 04/2022/TT-BTTTT, phụ lục II",
        "Telecom report, 2026-Q3",
    ):
        assert told in text


def test_each_figure_asked_for_has_a_line() -> None:
    rows = list(sheet(FORM).iter_rows(min_row=8, max_row=10, values_only=True))
    assert [(row[1], row[3], row[4], row[5], row[6], row[7]) for row in rows] == [
        ("VT.03", "vn-ha-noi", "Hà Nội", "thuê bao", None, "Chính thức"),
        ("VT.03", "vn-hue", "Huế", "thuê bao", None, "Chính thức"),
        ("VT.06", "vn-ha-noi", "Hà Nội", "%", None, "Chính thức"),
    ]
    assert [str(row[0]) for row in rows] == ["1", "2", "3"]


def test_english_stands_beneath_an_indicator_once() -> None:
    names = [str(row[2]) for row in sheet(FORM).iter_rows(min_row=8, max_row=10, values_only=True)]
    assert names == [
        "Số thuê bao di động\nMobile subscriptions",
        "Số thuê bao di động",
        "Tỷ lệ thuê bao\nShare of subscriptions",
    ]


def test_only_what_is_to_be_filled_is_open() -> None:
    there = sheet(FORM)
    assert there.protection.sheet
    assert not there.protection.password
    assert {cell.coordinate for row in there.iter_rows() for cell in row if not cell.protection.locked} == {
        "G5", "G8", "G9", "G10", "H8", "H9", "H10", "I8", "I9", "I10", "F8", "F9",
    }  # fmt: skip


def test_what_may_be_put_where() -> None:
    rules = {str(each.sqref): each for each in sheet(FORM).data_validations.dataValidation}
    assert (rules["G8:G10"].type, rules["G8:G10"].operator) == (
        "decimal",
        None,
    )  # between is the default
    assert rules["H8:H10"].formula1 == '"Chính thức,Sơ bộ,Ước tính,Thiếu"'
    assert rules["G5"].formula1 == '"x"'
    assert all(
        each.errorStyle in (None, "stop") and each.showErrorMessage for each in rules.values()
    )
    hidden = book(FORM)["lienthong"]
    choices = {}
    for place in ("F8", "F9"):
        area = str(rules[place].formula1).removeprefix("lienthong!").replace("$", "")
        choices[place] = [cell.value for row in hidden[area] for cell in row]
    assert choices == {"F8": ["thuê bao", "nghìn"], "F9": ["thuê bao", "nghìn"]}
    assert not [place for place in rules if "F10" in place]


@pytest.mark.parametrize(("row", "shown"), [(8, "#,##0"), (10, "#,##0.00")])
def test_figures_are_shown_with_the_decimals_of_their_unit(row: int, shown: str) -> None:
    assert sheet(FORM).cell(row, 7).number_format == shown


def test_a_figure_with_more_decimals_is_not_shown_rounded() -> None:
    found = {
        str(rules.sqref): [each.formula for each in rules.rules]
        for rules in sheet(FORM).conditional_formatting
    }
    assert found == {
        "G8:G9": [["AND(ISNUMBER($G8),$G8<>ROUND($G8,0))"]],
        "G10": [["AND(ISNUMBER($G10),$G10<>ROUND($G10,2))"]],
    }


def test_it_prints_on_a4_across_with_its_headings_on_every_page() -> None:
    there = sheet(FORM)
    assert (there.page_setup.orientation, int(there.page_setup.paperSize or 0)) == ("landscape", 9)
    assert there.print_title_rows == "$7:$7"
    assert there.freeze_panes == "D8"
    assert there["B8"].font.name == "Times New Roman"


def test_the_hidden_sheet_cannot_be_shown_by_a_menu() -> None:
    there = book(FORM)
    assert there["lienthong"].sheet_state == "veryHidden"
    assert there["Hướng dẫn"].sheet_state == "visible"
    assert there.active is not None
    assert there.active.title == "Biểu"


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula(text: str) -> None:
    line = dataclasses.replace(
        LINES[0], name_vi=text, name_en=text, org_unit=text, org_unit_name=text, units=(text, "b")
    )
    line = dataclasses.replace(line, indicator=text)
    told = dict.fromkeys(
        ("title", "title_en", "province_name", "provider", "provider_name", "legal", "period"), text
    )
    content = bytes_of(dataclasses.replace(FORM, lines=(line,), **told))
    sheets = {
        name: text for name, text in parts(content).items() if name.startswith("xl/worksheets/")
    }
    assert len([name for name in sheets if "_rels" not in name]) == 3
    assert not [name for name, xml in sheets.items() if re.search(r"<f[ >]|<hyperlink", xml)]
    there = openpyxl.load_workbook(io.BytesIO(content))["Biểu"]
    cell = there["D8"]
    assert (cell.data_type, cell.value) == ("s", text)


def test_one_form_has_one_set_of_bytes() -> None:
    assert bytes_of(FORM) == bytes_of(FORM)
    assert bytes_of(FORM) != bytes_of(dataclasses.replace(FORM, period="2026-Q4"))


def test_a_unit_with_commas_and_quotes_stays_one_choice() -> None:
    line = dataclasses.replace(LINES[0], units=('thôn, bản "xa"', "nghìn, thôn"))
    there = book(dataclasses.replace(FORM, lines=(line,)))
    assert [there["lienthong"].cell(10, column).value for column in (4, 5)] == [
        'thôn, bản "xa"',
        "nghìn, thôn",
    ]


def test_long_words_get_the_room_that_they_need() -> None:
    long = (
        "Báo cáo tình hình phát triển hạ tầng số trên địa bàn các tỉnh, thành phố trực thuộc trung ương "
        * 2
    )
    line = dataclasses.replace(LINES[2], name_vi=long, org_unit_name=long)
    plain, roomy = (
        sheet(FORM),
        sheet(dataclasses.replace(FORM, title=long, legal=long, lines=(*LINES[:2], line))),
    )
    for row in (1, 2, 10):
        assert (roomy.row_dimensions[row].height or 0) > 1.5 * (
            plain.row_dimensions[row].height or 0
        )
        assert roomy.cell(row, 2 if row == 10 else 1).alignment.wrap_text


def test_a_long_form_is_written_whole() -> None:
    lines = tuple(
        dataclasses.replace(LINES[0], org_unit=f"vn-{k}", decimals=int(Decimal(k) % 3))
        for k in range(2000)
    )
    assert sheet(dataclasses.replace(FORM, lines=lines)).cell(2007, 4).value == "vn-1999"
