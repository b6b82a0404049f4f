"""Books that are made to do harm, part by part."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any

import xlsxwriter

from connectors.workbook.compound import compound

TABLE = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row>'


@dataclass
class Parts:
    """An xlsx as its parts, to be spoilt before it is zipped."""

    table: str | bytes = TABLE
    before: str = ""
    after: str = ""
    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>'
    sheets: str = '<sheet name="S" sheetId="1" r:id="s"/>'
    strings: str | bytes = ""
    more: dict[str, str | bytes] = field(default_factory=dict)

    def named(self) -> dict[str, bytes]:
        office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        relations = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        )

        def relation(id_: str, kind: str, target: str) -> str:
            return f'<Relationship Id="{id_}" Type="{office}/{kind}" Target="{target}"/>'

        table = self.table if isinstance(self.table, bytes) else self.table.encode()
        main = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        parts: dict[str, str | bytes] = {
            "_rels/.rels": relations
            + relation("w", "officeDocument", "xl/workbook.xml")
            + "</Relationships>",
            "xl/workbook.xml": self.declaration
            + f'<workbook xmlns:r="{office}"><sheets>{self.sheets}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations
            + relation("s", "worksheet", "worksheets/sheet1.xml")
            + relation("t", "sharedStrings", "sharedStrings.xml")
            + "</Relationships>",
            "xl/worksheets/sheet1.xml": b"".join(
                [
                    f"{self.declaration}{main}{self.before}<sheetData>".encode(),
                    table,
                    f"</sheetData>{self.after}</worksheet>".encode(),
                ]
            ),
        }
        if self.strings:
            parts["xl/sharedStrings.xml"] = self.strings
        parts |= self.more
        return {
            name: text if isinstance(text, bytes) else text.encode() for name, text in parts.items()
        }

    def zipped(self) -> bytes:
        return zipped(self.named())


def zipped(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return target.getvalue()


def ods(rows: str, styles: str = "", declaration: str = "", **more: bytes) -> bytes:
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{urn}:1.0"'
        for name, urn in {
            "office": "office",
            "table": "table",
            "text": "text",
            "style": "style",
        }.items()
    )
    content = (
        f"{declaration}<office:document-content{names}><office:automatic-styles>{styles}</office:automatic-styles>"
        f'<office:body><office:spreadsheet><table:table table:name="S">{rows}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = more.pop("manifest", b"<manifest/>")
    return zipped(
        {
            "mimetype": kind,
            "content.xml": content.encode(),
            "META-INF/manifest.xml": manifest,
            **more,
        }
    )


def text(words: str) -> str:
    return (
        f'<table:table-cell office:value-type="string"><text:p>{words}</text:p></table:table-cell>'
    )


def record(kind: int, *values: Any, form: str = "") -> bytes:
    data = struct.pack("<" + form, *values) if form else b"".join(values)
    return struct.pack("<HH", kind, len(data)) + data


BOF, EOF = record(0x809, 0x600, 5, 0, 0, 0, 0, form="HHHHII"), record(0x0A)
LABELLED = record(0x204, struct.pack("<HHHHB", 0, 0, 0, 1, 0), b"a")


def number(row: int, column: int, value: float) -> bytes:
    return record(0x203, row, column, 0, value, form="HHHd")


def xls(*cells: bytes, head: bytes = b"", sheets: int = 1) -> bytes:
    """An xls of sheets that are all the same; the cells as records."""
    names = [f"S{k or ''}".encode() for k in range(sheets)]
    size = len(BOF) + len(head) + sum(4 + 8 + len(name) for name in names) + 4
    listed = b"".join(
        record(0x85, struct.pack("<IBBBB", size, 0, 0, len(name), 0) + name) for name in names
    )
    return compound("Workbook", BOF + head + listed + EOF + BOF + b"".join(cells) + EOF)


def many_sheets(count: int) -> bytes:
    target = io.BytesIO()
    made = xlsxwriter.Workbook(target, {"in_memory": True})
    for k in range(count):
        made.add_worksheet(f"Trang {k}")
    made.close()
    return target.getvalue()


def lying(parts: dict[str, bytes], name: str, size: int, *, crc: bool) -> bytes:
    """The zip with a part that says it is ``size`` bytes large, in both places.

    ``crc`` that of as many bytes.
    """
    content = bytearray(zipped(parts))
    for mark, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        where = 0
        while (where := content.find(mark, where)) >= 0:
            start = where + (30 if at == 14 else 46)
            if content[start : start + len(name)] == name.encode():
                if crc:
                    content[where + at : where + at + 4] = struct.pack(
                        "<I", zlib.crc32(parts[name][:size])
                    )
                content[where + at + 8 : where + at + 12] = struct.pack("<I", size)
            where += 4
    return bytes(content)


def looping(which: str) -> bytes:
    """A good xls whose stream, directory or table of tables runs in a circle.

    Its stream takes ten sectors.
    """
    content = bytearray(xls(LABELLED, *(number(1, 0, k) for k in range(2000))))
    sector = 4096
    tables, directory = (
        struct.unpack_from("<I", content, 76)[0],
        struct.unpack_from("<I", content, 48)[0],
    )
    fat = (tables + 1) * sector
    if which == "stream":
        struct.pack_into("<I", content, fat + 4 * 5, 2)  # sector 5 is followed by sector 2
        struct.pack_into(
            "<Q", content, (directory + 1) * sector + 128 + 120, 1 << 30
        )  # and the stream is said to be 1 GB
    elif which == "directory":
        struct.pack_into("<I", content, fat + 4 * directory, directory)
    elif which == "tables":
        more = len(content) // sector - 1
        content += struct.pack("<1023I", *[0xFFFFFFFF] * 1023) + struct.pack("<I", more)
        struct.pack_into("<II", content, 68, more, 1)
    elif which == "table twice":
        struct.pack_into("<I", content, 80, tables)
    return bytes(content)


def truncated(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def cell(place: str, value: int = 1) -> str:
    return f'<c r="{place}"><v>{value}</v></c>'


def row(*cells: str) -> str:
    return "<row>" + "".join(cells) + "</row>"


def big(unit: str, megabytes: int) -> bytes:
    return unit.encode() * ((megabytes << 20) // len(unit))


MERGES = "".join(f'<mergeCell ref="A{k}:B{k}"/>' for k in range(1, 50_001))
SPAN = '<table:table-cell table:number-columns-spanned="2"/>'
GOOD_ODS = ods(
    f"<table:table-row>{text('a')}</table:table-row><table:table-row>{text('b')}</table:table-row>"
)
DTD = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
BLANKS = '<text:s text:c="900000000"/>'
DEEP = "<b>" * 500_000 + "</b>" * 500_000
