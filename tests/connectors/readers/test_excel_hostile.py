"""Workbooks made to break a reader.

Each is refused with its place, in a child process that stays small.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from connectors.workbook.compound import compound
from tests.connectors.readers.hostile_books import (
    BLANKS,
    DEEP,
    DTD,
    GOOD_ODS,
    LABELLED,
    MERGES,
    SPAN,
    TABLE,
    Parts,
    big,
    cell,
    looping,
    lying,
    many_sheets,
    number,
    ods,
    record,
    row,
    text,
    truncated,
    xls,
    zipped,
)

MEGABYTES = 300  # what a child may take at its peak; polars alone takes a third of it
CHILD = """
import json, sys, time
from pathlib import Path
from subprocess import PIPE
import polars
from connectors.readers.excel import ExcelReader
from hub_core import PayloadPart, SourceChanged

def read(path):
    part = PayloadPart(Path(path).read_bytes(), "application/vnd.ms-excel", path, Path(path).name)
    return sum(frame.height for frame in ExcelReader(ExcelReader.Settings(header=[1, 1])).read(part))

for line in sys.stdin:
    path, good = json.loads(line)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    start, said, place, rows = time.process_time(), None, {}, None
    try:
        rows = read(path)
    except SourceChanged as error:
        said, place = error.message, error.place
    seconds = time.process_time() - start
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    answer = {"said": said, "place": place, "rows": rows, "after": read(good)}
    answer |= {"kilobytes": int(peak), "seconds": seconds}
    print(json.dumps(answer), flush=True)
"""  # VmHWM and not ru_maxrss, which starts at what the parent had when it forked

# name: how it is made, and what the refusal says
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip bomb": (
        lambda: Parts(table=big("<row></row>" + " " * 1000, 300)).zipped(),
        r"the file unfolds to \d+ bytes, and 268435456 are the limit",
    ),
    "smaller zip bomb": (
        lambda: Parts(table=big(" " * 1000, 200)).zipped(),
        "xl/worksheets/sheet1.xml in the file unfolds to",
    ),
    "zip bomb of shared texts": (
        lambda: Parts(strings=b"<sst>" + big("<si/>", 90) + b"</sst>").zipped(),
        "xl/sharedStrings.xml in the file holds 18874368 texts",
    ),
    "lying zip header": (
        lambda: lying(
            Parts(table=big(" " * 1000, 200)).named(), "xl/worksheets/sheet1.xml", 5000, crc=False
        ),
        "xl/worksheets/sheet1.xml in the file is damaged, or larger than it says",
    ),
    "lying zip header with a fitting checksum": (
        lambda: lying(
            Parts(table=big(" " * 1000, 200)).named(), "xl/worksheets/sheet1.xml", 5000, crc=True
        ),
        "sheet S was cut off: its table does not end",
    ),
    "a zip of 20,000 parts": (
        lambda: Parts(more={f"xl/media/{k}": "" for k in range(20_000)}).zipped(),
        "a zip of 20004 parts",
    ),
    "xlsx with a password": (
        lambda: compound("EncryptedPackage", bytes(range(256)) * 40),
        "the workbook has a password: send it without one",
    ),
    "xls with a password": (
        lambda: xls(LABELLED, head=record(0x2F, bytes([1, 0, 1, 0, 1, 0]) + bytes(48))),
        "the workbook has a password: send it without one",
    ),
    "ods with a password": (
        lambda: zipped(
            {
                "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
                "content.xml": bytes(range(256)) * 40,
                "META-INF/manifest.xml": b"<manifest:manifest><manifest:encryption-data/></manifest:manifest>",
            }
        ),
        "the workbook has a password: send it without one",
    ),
    "zip with a password": (
        lambda: (
            Parts()
            .zipped()
            .replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0")
        ),
        "in the file is encrypted: send it without a password",
    ),
    "50,000 merged ranges": (
        lambda: Parts(after=f'<mergeCells count="50000">{MERGES}</mergeCells>').zipped(),
        "sheet S has 50000 merged ranges, and 10000 are the limit",
    ),
    "50,000 merged ranges in an xls": (
        lambda: xls(LABELLED, *[record(0xE5, struct.pack("<H", 1000) + bytes(8000))] * 50),
        r"sheet S has 1\d000 merged ranges",
    ),
    "50,000 merged ranges in an ods": (
        lambda: ods(f"<table:table-row>{SPAN}</table:table-row>" * 50_000),
        "sheet S has 10001 merged ranges",
    ),
    "merged ranges one over the other": (
        lambda: Parts(
            table=TABLE + row(cell("XFD1")),
            after="<mergeCells>" + '<mergeCell ref="A1:XFD1"/>' * 9000 + "</mergeCells>",
        ).zipped(),
        "merged ranges in the header of sheet S overlap",
    ),
    "xls whose stream runs in a circle": (
        lambda: looping("stream"),
        "chain of sectors of 'Workbook' runs in a circle",
    ),
    "xls whose directory runs in a circle": (
        lambda: looping("directory"),
        "of 'directory' runs in a circle",
    ),
    "xls whose tables run in a circle": (
        lambda: looping("tables"),
        "the chain of its sector tables runs in a circle",
    ),
    "xls with a table twice": (lambda: looping("table twice"), "a sector table stands in it twice"),
    "17 billion cells": (
        lambda: Parts(table=row(cell("A1"), cell("XFD1048576"))).zipped(),
        "the sheet reaches to S!XFD1048576: 17179869184 cells, and 2000000 are the limit",
    ),
    "a far cell, its place in other quotes": (
        lambda: Parts(table=row("<c r='XFD1048576'><v>1</v></c>")).zipped(),
        "the sheet reaches to S!XFD1048576",
    ),
    "a far cell that hides behind an entity": (
        lambda: Parts(table=row('<c r="&#88;FD1048576"><v>1</v></c>')).zipped(),
        "the sheet reaches to S!XFD1048576",
    ),
    "a far cell with two places": (
        lambda: Parts(table=row('<c r="A1" r="XFD1048576"><v>1</v></c>')).zipped(),
        "xl/worksheets/sheet1.xml in the file is broken XML: duplicate attribute",
    ),
    "a cell beyond every sheet": (
        lambda: Parts(table=row(cell("ZZZ9999999"))).zipped(),
        "the sheet reaches to S!",
    ),
    "three million cells": (
        lambda: Parts(
            table="".join(row(*(cell(f"{c}{r}") for c in "ABCDEFGHIJ")) for r in range(1, 300_001))
        ).zipped(),
        "sheet S holds 3000000 values, and 2000000 cells are the limit",
    ),
    "far cells in an xls": (
        lambda: xls(LABELLED, number(65535, 255, 1)),
        "the sheet reaches to S!IV65536: 16777216 cells",
    ),
    "far cells in one record of an xls": (
        lambda: xls(
            LABELLED,
            record(0xBD, struct.pack("<HH", 9999, 0) + bytes(6 * 255) + struct.pack("<H", 254)),
        ),
        "the sheet reaches to S!IU10000: 2550000 cells",
    ),
    "16 million records in an xls": (
        lambda: xls(bytes(4) * 15_000_000),
        "sheet S has more than 2500000 records",
    ),
    "texts without end in an xls": (
        lambda: xls(LABELLED, head=record(0xFC, bytes(8)) + record(0x3C, bytes(8000)) * 2500),
        "the workbook's texts take more than 16777216 bytes",
    ),
    "a million repeated rows in an ods": (
        lambda: ods(
            f'<table:table-row table:number-rows-repeated="1000000">{text("a") * 3}</table:table-row>'
        ),
        "the sheet reaches to S!C1000000: 3000000 cells",
    ),
    "repeated cells in an ods": (
        lambda: ods(
            '<table:table-row table:number-rows-repeated="1000"><table:table-cell office:value-type="float" '
            'office:value="1" table:number-columns-repeated="16384"/></table:table-row>'
        ),
        "the sheet reaches to S!XFD1000",
    ),
    "formulas without end in an ods": (
        lambda: ods(
            '<table:table-row table:number-rows-repeated="1000"><table:table-cell table:formula="of:=1" '
            'table:number-columns-repeated="1500"/></table:table-row>'
        ),
        "sheet S was never calculated: more than 100000 formulas",
    ),
    "blanks without end in an ods": (
        lambda: ods(f"<table:table-row>{text(BLANKS)}</table:table-row>"),
        "sheet S holds more than 100663296 blanks",
    ),
    "a number of repetitions that is none": (
        lambda: ods('<table:table-row table:number-rows-repeated="-1"/>'),
        "content.xml in the file says table:number-rows-repeated '-1'",
    ),
    "entities in an xlsx": (
        lambda: Parts(declaration=DTD).zipped(),
        "xl/workbook.xml in the file declares entities or a DTD at byte 0",
    ),
    "entities in a sheet": (
        lambda: Parts(
            more={"xl/worksheets/sheet1.xml": DTD + "<worksheet><sheetData/></worksheet>"}
        ).zipped(),
        "xl/worksheets/sheet1.xml in the file declares entities",
    ),
    "entities in shared texts": (
        lambda: Parts(strings=DTD + "<sst><si><t>&b;</t></si></sst>").zipped(),
        "xl/sharedStrings.xml in the file declares entities",
    ),
    "entities in an ods": (
        lambda: ods("<table:table-row/>", declaration=DTD),
        "content.xml in the file declares entities or a DTD at byte 0",
    ),
    "another encoding": (
        lambda: Parts(declaration='<?xml version="1.0" encoding="UTF-7"?>').zipped(),
        "xl/workbook.xml in the file is not UTF-8",
    ),
    "UTF-16": (
        lambda: Parts(more={"xl/worksheets/sheet1.xml": "<worksheet/>".encode("utf-16")}).zipped(),
        "xl/worksheets/sheet1.xml in the file is not UTF-8",
    ),
    "a truncated xlsx": (
        lambda: truncated(Parts().zipped(), 0.9),
        "damaged or was cut off: the list of its parts",
    ),
    "a truncated ods": (
        lambda: truncated(GOOD_ODS, 0.6),
        "damaged or was cut off: the list of its parts",
    ),
    "a truncated xls": (lambda: truncated(looping(""), 0.6), "damaged or was cut off: sector"),
    "the head of an xls": (lambda: looping("")[:60], "damaged or was cut off: its head"),
    "an xls whose sheet ends early": (
        lambda: compound("Workbook", xls(LABELLED)[4096 : 4096 + 70].rstrip(b"\0")),
        "the workbook was cut off in",
    ),
    "a sheet that ends early": (
        lambda: Parts(more={"xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{TABLE}"}).zipped(),
        "sheet S was cut off",
    ),
    "a large sheet that is broken at its end": (
        lambda: Parts(
            table=big(row('<c r="A1"><v>1234567890123</v></c>'), 80) + b"<row><c"
        ).zipped(),
        "sheet S",
    ),
    "no sheet behind its name": (
        lambda: zipped({k: v for k, v in Parts().named().items() if "sheet1" not in k}),
        "the file has no xl/worksheets/sheet1.xml",
    ),
    "a web page": (
        lambda: (
            b"\r\n<html xmlns:x='urn:schemas-microsoft-com:office:excel'><table><tr><td>1</td></tr></table></html>"
        ),
        "no workbook but a web page or XML with a workbook's name; open it",
    ),
    "a csv": (
        "Tỉnh;Thuê bao\r\nNghệ An;1505\r\n".encode,
        "no workbook but text, such as CSV; .*: Tỉnh;Thuê bao",
    ),
    "a PDF": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "no workbook but a PDF"),
    "nothing": (lambda: b"", "the file is empty"),
    "zeros": (lambda: bytes(5000), "the file is empty"),
    "noise": (lambda: b"\x09\x04\x06\x00\x00\x00\x10\x00" * 10, "no workbook that can be read"),
    "a letter": (
        lambda: zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}),
        "a zip, but no workbook",
    ),
    "an xlsb": (
        lambda: Parts(
            more={"_rels/.rels": Parts().named()["_rels/.rels"].replace(b".xml", b".bin")}
        ).zipped(),
        "a binary workbook .xlsb.: save it as .xlsx",
    ),
    "an odt": (
        lambda: zipped(
            {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"}
        ),
        "an OpenDocument, but no spreadsheet",
    ),
    "a Word document": (
        lambda: compound("WordDocument", bytes(5000)),
        "no workbook: it is of another office program",
    ),
    "1,000 sheets": (lambda: many_sheets(1000), "the book has 1000 sheets, and 200 are the limit"),
    "1,000 sheets in an xls": (lambda: xls(LABELLED, sheets=1000), "the book has 1000 sheets"),
    "a deep sheet": (
        lambda: Parts(before=DEEP).zipped(),
        "xl/worksheets/sheet1.xml in the file is nested deeper than 256 levels",
    ),
    "a deep list of sheets": (
        lambda: Parts(sheets=DEEP).zipped(),
        "xl/workbook.xml in the file is nested deeper than 256 levels",
    ),
    "a deep ods": (lambda: ods(DEEP), "content.xml in the file is nested deeper than 256 levels"),
    "elements without end in an ods": (
        lambda: ods("<table:table-row/>" * 4_000_000),
        "content.xml in the file has more than 1500000 elements",
    ),
    "a large oddly written sheet": (
        lambda: Parts(table=big("<row><c><v>1</v></c></row>", 40)).zipped(),
        "xl/worksheets/sheet1.xml in the file is written oddly, and larger than",
    ),
    "a file of 65 MB": (
        lambda: bytes(65 << 20),
        "the file has 68157440 bytes, and 67108864 are the limit",
    ),
}

HARMLESS: dict[str, Callable[[], bytes]] = {
    "17 billion cells that are only declared": lambda: Parts(
        before='<dimension ref="A1:XFD1048576"/>'
    ).zipped(),
    "a far cell that is only formatted": lambda: Parts(
        table=TABLE + '<row r="1048576"><c r="XFD1048576" s="0"/></row>'
    ).zipped(),
    "a far row without cells": lambda: Parts(table=TABLE + '<row r="1048576" ht="30"/>').zipped(),
    "shared texts that declare a number without end": lambda: Parts(
        strings='<sst count="9999999999999" uniqueCount="9999999999999"><si><t>x</t></si></sst>'
    ).zipped(),
    "an xls that declares 16 million cells": lambda: xls(
        record(0x200, 0, 65536, 0, 256, 0, form="IIHHH"), LABELLED, number(1, 0, 1)
    ),
    "rows repeated to the end of an ods, with nothing in them": lambda: ods(
        f"<table:table-row>{text('a')}</table:table-row><table:table-row>{text('b')}</table:table-row>"
        '<table:table-row table:number-rows-repeated="1048574"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
    ),
}


class Child:
    """A child process that reads one file after another, as the hub's own does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=PIPE, stdout=PIPE, text=True
        )

    def read(self, folder: Path, content: bytes) -> dict[str, Any]:
        (folder / "bang.xls").write_bytes(content)
        (folder / "good.xlsx").write_bytes(Parts().zipped())
        assert self._process.stdin
        assert self._process.stdout
        print(
            json.dumps([str(folder / "bang.xls"), str(folder / "good.xlsx")]),
            file=self._process.stdin,
            flush=True,
        )
        line = self._process.stdout.readline()
        assert line, f"the child died: {self._process.wait()}"
        answer: dict[str, Any] = json.loads(line)
        print(f"{answer['kilobytes'] >> 10} MB, {answer['seconds']:.2f} s: {answer['said']}")
        assert answer["kilobytes"] < MEGABYTES << 10
        assert answer["after"] == 1  # a good book reads in the same process
        return answer

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def children() -> Iterator[list[Child]]:
    """The child, in a list, so that a test whose file kills it can leave none to the next."""
    started: list[Child] = []
    yield started
    for child in started:
        child.end()


@pytest.fixture
def tell(children: list[Child], tmp_path: Path) -> Callable[[bytes], dict[str, Any]]:
    def asked(content: bytes) -> dict[str, Any]:
        child = children.pop() if children else Child()
        answer = child.read(tmp_path, content)
        children.append(child)
        return answer

    return asked


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_book_is_refused_with_its_place(
    name: str, tell: Callable[[bytes], dict[str, Any]]
) -> None:
    make, words = REFUSED[name]
    answer = tell(make())
    assert answer["said"] is not None, f"it was read: {answer['rows']} rows"
    assert re.search(words, answer["said"]), answer["said"]
    assert answer["place"] == {"part": "bang.xls"}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_only_declared_is_harmless(
    name: str, tell: Callable[[bytes], dict[str, Any]]
) -> None:
    answer = tell(HARMLESS[name]())
    assert (answer["said"], answer["rows"]) == (None, 1)
