"""The excel reader on six real books of the ministries: configuration alone."""

from __future__ import annotations

import csv
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.connectors.readers.test_excel import locate, read, refused

# the six real books

NUMBER = r"[0-9]+(\.[0-9]+)?"
PLAN = {
    "where": {"column": "C", "is": NUMBER},
    "columns": {"tinh": "B", "thu": "C", "chi": "E"},
    "ignore": ["A", "D", "F:K"],
}
SIX: dict[str, dict[str, Any]] = {
    "Plan_2008.xls": {
        "sheet": "Sheet1",
        "header": [8, 13],
        "expect": {"A4": "NĂM 2008", "K7": "Triệu đồng"},
        "headings": {
            "B": "^Tỉnh, thành phố",
            "C": "^Tổng thu NSNN trên địa bàn",
            "E": "^Tổng chi cân đối",
        },
        **PLAN,
    },
    "Plan_2012.xls": {
        "sheet": "M08",
        "header": [7, 13],
        "expect": {"A2": "NĂM 2012", "K6": "triệu đồng"},
        "headings": {
            "B": "^TỈNH, THÀNH PHỐ",
            "C": "^TỔNG THU NSNN TRÊN ĐỊA BÀN",
            "E": "^TỔNG CHI CÂN ĐỐI .* 3$",
        },
        **PLAN,
    },
    "Plan_2016.xls": {
        "sheet": "M09",
        "header": [7, 12],
        "expect": {"A3": "NĂM 2016", "K6": "triệu đồng"},
        "headings": {
            "B": "^TỈNH, THÀNH PHỐ",
            "C": "^TỔNG THU NSNN TRÊN ĐỊA BÀN",
            "E": "^TỔNG CHI CÂN ĐỐI",
        },
        **PLAN,
    },
    "PCI_2009.xls": {
        "sheet": "Tong Hop",
        "header": [2, 3],
        "where": {"column": "A", "is": r"[0-9]+"},
        "columns": {"tinh": "C", **{letter: letter for letter in "DEFGHIJKLM"}},
        "headings": {
            "C": "^Tỉnh",
            "D": "Gia nhập thị trường$",
            "E": "Tiếp cận đất đai$",
            "F": "Tính minh bạch$",
            "G": "Chi phí thời gian$",
            "H": "Chi phí không chính thức$",
            "I": "Tính năng động$",
            "J": "Dịch vụ hỗ trợ DN$",
            "K": "Đào tạo lao động$",
            "L": "Thiết chế pháp lý$",
            "M": "^PCI 2009 có trọng số$",
        },
        "ignore": ["B"],
    },
    "PCI_2012.xlsx": {
        "sheet": "Tong hop",
        "header": [1, 1],
        "where": {"column": "A", "is": r"[0-9]+"},
        "pairs": {value: name for name, value in zip("BDFHJLNPRT", "CEGIKMOQSU", strict=True)},
        "headings": {"A": "^Thứ tự$", "U": "^PCI 2012$"},
        "ignore": ["V:Y"],
    },
    "PCI_2016.xlsx": {
        "sheet": "Summary_VN",
        "header": [1, 1],
        "where": {"column": "A", "is": r"[0-9]+"},
        "pairs": {value: name for name, value in zip("BDFHJLNPRTV", "CEGIKMOQSUW", strict=True)},
        "headings": {"A": "^Thứ tự$", "W": "^PCI 2016$"},
        "ignore": ["X:AA"],
    },
}
ROWS = {
    "Plan_2008.xls": 64 + 7,  # a total and six regions
    "Plan_2012.xls": 63 + 7,
    "Plan_2016.xls": 63 + 7,
    "PCI_2009.xls": 63,
    "PCI_2012.xlsx": 63 * 10,
    "PCI_2016.xlsx": 63 * 11,
}


def figures(name: str, frame: pl.DataFrame) -> dict[str, str]:
    """The numbers of a frame of one of the six, by locator."""
    sheet, found = SIX[name]["sheet"], {}
    if "value#number" in frame.columns:
        for row, letter, number in frame.select("row", "column", "value#number").rows():
            found[f"{sheet}!{letter}{row + 1}"] = number
        return found
    for ours, letter in SIX[name]["columns"].items():
        if ours + "#number" in frame.columns:
            for row, number in frame.select("row", ours + "#number").rows():
                found[f"{sheet}!{letter}{row + 1}"] = number
    return found


def expected(path: Path, year: str, decimals: int) -> dict[str, str]:
    found = {}
    with path.open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            cells = line.pop("cell").split(";")
            values = [value for key, value in line.items() if key not in {"prov", "year"}]
            if line["year"] == year:
                found |= {
                    cell: value for cell, value in zip(cells, values, strict=True) if cell != "NA"
                }
    return {cell: rounded(value, decimals) for cell, value in found.items()}


def rounded(number: str, decimals: int) -> str:
    return str(Decimal(number).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


@pytest.mark.shared
@pytest.mark.parametrize("name", SIX)
def test_the_six_books_are_configuration_alone(name: str, shared: Path) -> None:
    content = (shared / "real" / name).read_bytes()
    frame = read(content, **SIX[name])
    assert frame.height == ROWS[name]
    kind, decimals = ("budget_plan", 1) if name.startswith("Plan") else ("pci", 6)
    wanted = expected(
        shared / "real" / f"expected_{kind}.csv",
        name[-9:-5] if "xlsx" in name else name[-8:-4],
        decimals,
    )
    assert len(wanted) in {126, 128, 630, 693}
    found = figures(name, frame)
    assert {cell: rounded(found[cell], decimals) for cell in wanted} == wanted


@pytest.mark.shared
def test_locators_of_the_real_books(shared: Path) -> None:
    def found(name: str, row: int, column: str) -> tuple[str, str]:
        return locate((shared / "real" / name).read_bytes(), row, column, **SIX[name])

    assert found("Plan_2008.xls", 87, "chi") == ("Sheet1!E88", "2175909")
    assert found("Plan_2008.xls", 18, "tinh") == ("Sheet1!B19", "\xa0Hà Giang")
    assert found("PCI_2009.xls", 20, "M") == ("Tong Hop!M21", "62.4729")
    assert found("PCI_2016.xlsx", 34, "W") == ("Summary_VN!W35", "58.1953125")
    assert found("PCI_2012.xlsx", 1, "C")[0] == "Tong hop!C2"


@pytest.mark.shared
def test_a_wrong_sheet_of_a_real_book_is_refused(shared: Path) -> None:
    content = (shared / "real" / "PCI_2016.xlsx").read_bytes()
    hidden = SIX["PCI_2016.xlsx"] | {"sheet": "Summary"}
    assert "the heading of Summary!" in refused(content, **hidden)
