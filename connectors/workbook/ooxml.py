"""Reads the sheets of an xlsx, which are checked before python-calamine reads one.

python-calamine is given a copy to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.workbook.grid import Grid, Merge, SheetEntry, cell_of, check_size, choose_sheet
from connectors.workbook.limits import CELLS
from connectors.workbook.package import Package, elements, zip_of
from connectors.workbook.sheet_xml import ATTRIBUTES, extent, rewritten, unprefixed
from connectors.workbook.typed import typed_rows
from hub_core import SourceChanged

_TABLE = re.compile(rb"<sheetData(?=[\s/>])[^<>]*>")
_TABLE_END = re.compile(rb"</sheetData\s*>")
_ERROR = re.compile(rb'(<c r="[A-Z0-9]+"' + ATTRIBUTES + rb') t="e"')
_FORMULA = re.compile(
    rb'<c r="([A-Z]{1,3}[0-9]{1,7})"([^<>]*)>\s*<f(?:\s[^<>]*)?(?:/>|>[^<]*</f\s*>)\s*(<v(?:\s[^<>]*)?>[^<])?'
)
_MERGE = re.compile(rb'<mergeCell [^<>]*?ref="([A-Z]{1,3}[0-9]{1,7}):([A-Z]{1,3}[0-9]{1,7})"')
_STRINGS = re.compile(rb"<sst(?=[\s/>])[^<>]*?(/?)>")

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """Where the parts of a book are, and how it counts days."""

    path: str
    folder: str
    related: dict[str, tuple[str, str]]  # by id: kind, path
    sheets: list[SheetEntry[str]]
    starts_1904: bool
    to_calculate: bool

    def part(self, kind: str) -> str | None:
        """Return the path of the part of a kind, such as ``styles``; None where there is none."""
        return next((path for part_kind, path in self.related.values() if part_kind == kind), None)


def read_xlsx(package: Package, name: str | None) -> Grid:
    """Read the sheet of that name, or the only visible one.

    Raises SourceChanged.
    """
    book = _book(package)
    sheet = choose_sheet(book.sheets, name)
    xml = unprefixed(package.xml(sheet.handle))
    if (values := xml.count(b"<v>") + xml.count(b"<is>")) > CELLS:
        raise SourceChanged(
            f"sheet {sheet.name} holds {values} values, and {CELLS} cells are the limit"
        )
    size = None if b"<!" in xml else extent(xml)
    if size is None:
        xml = rewritten(sheet.handle, xml)
        size = extent(xml)
    if size is None:
        raise SourceChanged(f"sheet {sheet.name} has cells that say their place in no known way")
    check_size(sheet.name, *size)
    table, tail = _table(sheet.name, xml)
    del xml
    merges = _merges(sheet.name, tail)
    uncalculated = _uncalculated(sheet.name, table, every=book.to_calculate)
    # python-calamine gives an error as nothing, and refuses a sheet with a newer one
    if b' t="e"' in table:
        table = bytearray(_ERROR.sub(rb'\1 t="str"', table))
    copy = _copy(package, book, table)
    del table
    return Grid(sheet.name, typed_rows(copy, sheet.name), merges, uncalculated)


def _book(package: Package) -> _Book:
    path = "xl/workbook.xml"
    if "_rels/.rels" in package:
        main_paths = [
            path for kind, path in _related(package, "").values() if kind == "officeDocument"
        ]
        path = main_paths[0] if main_paths else path
    if path.endswith(".bin"):
        raise SourceChanged(
            "the file is a binary workbook (xlsb): save it as .xlsx and send it again"
        )
    if path not in package:
        raise SourceChanged("the file is a zip, but no workbook: it has no list of sheets")
    related_parts = _related(package, path)
    sheets, options = [], dict[str, str]()
    for tag, attributes in elements(path, package.xml(path), {"sheet", "workbookPr", "calcPr"}):
        if tag != "sheet":
            options |= attributes
        elif related_parts.get(attributes.get("id", ""), ("",))[0] == "worksheet":
            visible = attributes.get("state", "visible") == "visible"
            sheets.append(
                SheetEntry(attributes.get("name", ""), visible, related_parts[attributes["id"]][1])
            )
    return _Book(
        path=path,
        folder=path.rpartition("/")[0],
        related=related_parts,
        sheets=sheets,
        starts_1904=options.get("date1904") in {"1", "true"},
        to_calculate=options.get("fullCalcOnLoad") in {"1", "true"},
    )


def _related(package: Package, path: str) -> dict[str, tuple[str, str]]:
    """Return the parts that a part refers to, by id.

    Each is the last word of its type, and its path in the zip.
    """
    folder, _, name = path.rpartition("/")
    list_path = f"{folder}/_rels/{name}.rels".lstrip("/")
    parts_by_id = {}
    for _, attributes in elements(list_path, package.xml(list_path), {"Relationship"}):
        target = attributes.get("Target", "")
        full_path = target if target.startswith("/") else f"{folder}/{target}"
        steps: list[str] = []
        for step in full_path.split("/"):
            if step == "..":
                del steps[-1:]
            elif step not in {"", "."}:
                steps.append(step)
        parts_by_id[attributes.get("Id", "")] = (
            attributes.get("Type", "").rpartition("/")[2],
            "/".join(steps),
        )
    return parts_by_id


def _table(sheet: str, xml: bytearray) -> tuple[bytearray, bytearray]:
    """Return what is between the tags of the sheet's table, and all that comes after it."""
    opening = _TABLE.search(xml)
    if not opening:
        raise SourceChanged(f"sheet {sheet} is no table of cells, or was cut off")
    if opening[0].endswith(b"/>"):
        return bytearray(), xml[opening.end() :]
    closing = _TABLE_END.search(xml, opening.end())
    if not closing:
        raise SourceChanged(f"sheet {sheet} was cut off: its table does not end")
    return xml[opening.end() : closing.start()], xml[closing.end() :]


def _uncalculated(sheet: str, table: bytearray, *, every: bool) -> frozenset[tuple[int, int]]:
    """Return the cells of formulas without a stored result.

    With ``every``, of all formulas: the book asks to be calculated when it is opened.
    """
    cells = set()
    for match in _FORMULA.finditer(table) if b"<f" in table else ():
        place, attributes, value = match.groups()
        if every or not (value or b' t="str"' in attributes):
            cells.add(cell_of(place.decode()))
            check_size(sheet, uncalculated=len(cells))
    return frozenset(cells)


def _merges(sheet: str, tail: bytearray) -> tuple[Merge, ...]:
    count = tail.count(b"mergeCell ")
    check_size(sheet, merges=count)
    try:
        return tuple((*cell_of(a.decode()), *cell_of(b.decode())) for a, b in _MERGE.findall(tail))
    except ValueError as error:
        raise SourceChanged(
            f"sheet {sheet} has a merged range beyond the last column: {error}"
        ) from error


def _copy(package: Package, book: _Book, table: bytearray) -> bytes:
    """Return a book of that one table, made of what was checked.

    Calamine finds nothing else in it.
    """
    parts: dict[str, bytes | bytearray] = {
        "_rels/.rels": _relations({"officeDocument": "xl/workbook.xml"}),
        "xl/_rels/workbook.xml.rels": _relations({"worksheet": "worksheets/sheet.xml"}),
        "xl/workbook.xml": (
            f'<workbook><workbookPr date1904="{int(book.starts_1904)}"/>'
            '<sheets><sheet name="S" sheetId="1" r:id="worksheet"/></sheets></workbook>'
        ).encode(),
        "xl/worksheets/sheet.xml": b"".join(
            [b"<worksheet><sheetData>", table, b"</sheetData></worksheet>"]
        ),
    }
    if (styles := book.part("styles")) and styles in package:
        parts["xl/styles.xml"] = package.xml(styles)
    if (strings := book.part("sharedStrings")) and strings in package:
        parts["xl/sharedStrings.xml"] = _strings(strings, unprefixed(package.xml(strings)))
    return zip_of(parts)


def _strings(name: str, xml: bytearray) -> bytearray:
    """Return the shared texts without their declared count.

    calamine would take memory in advance for that count.
    """
    if (count := xml.count(b"<si")) > CELLS:
        raise SourceChanged(f"{name} in the file holds {count} texts, and {CELLS} are the limit")
    opening = _STRINGS.search(xml)
    if not opening:
        raise SourceChanged(f"{name} in the file holds no texts, or was cut off")
    xml[: opening.end()] = b"<sst" + opening[1] + b">"
    return xml


def _relations(parts: dict[str, str]) -> bytes:
    inner = "".join(
        f'<Relationship Id="{kind}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for kind, target in parts.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{inner}</Relationships>'.encode()
