"""The XML of a sheet in an xlsx: how far its cells reach.

XML that is written otherwise is written anew as most programs write it.
"""

from __future__ import annotations

import re

from connectors.workbook.grid import column_of, letters
from connectors.workbook.limits import CELLS, ODD_XML_BYTES
from connectors.workbook.package import parse
from hub_core import SourceChanged

_BLOCK = 4 << 20  # bytes of a sheet looked at in one go
# attributes; none more may start with r, as the cell's place does
ATTRIBUTES = rb'(?: [a-qs-z][\w:]*="[^"<>]*")*'
_PREFIX = re.compile(rb"<([A-Za-z_][\w.-]*:)(?:worksheet|sst)[\s>]")
_FILLED = re.compile(rb'<c r="([A-Z]{1,3}[0-9]{1,7})"' + ATTRIBUTES + rb"\s*>")
_BLANK = re.compile(rb'<c r="[A-Z]{1,3}[0-9]{1,7}"' + ATTRIBUTES + rb"\s*/>")
_LETTERS, _DIGITS = bytes(range(65, 91)), bytes(range(48, 58))


def unprefixed(xml: bytearray) -> bytearray:
    """Return the XML without the prefix of its root, as in ``<x:worksheet>``.

    In sound XML ``<`` only ever starts a tag.
    """
    prefix = _PREFIX.search(xml, 0, 1 << 16)
    return xml.replace(b"<" + prefix[1], b"<").replace(b"</" + prefix[1], b"</") if prefix else xml


def extent(xml: bytearray) -> tuple[int, int] | None:
    """Return rows and columns from A1 to the last cell not written as empty.

    None where a cell does not say its place plainly. That each does is proven by counting the tags.
    They are looked at some megabytes at a time.
    """
    if any(mark in xml for mark in (b":c ", b":c>", b":c/", b"<c\n", b"<c\t", b"<c\r")):
        return None
    rows = columns = start = 0
    while start < len(xml):
        end = xml.find(b"<", start + _BLOCK)
        end = len(xml) if end < 0 else end
        places = _FILLED.findall(xml, start, end)
        cells = sum(xml.count(mark, start, end) for mark in (b"<c ", b"<c>", b"<c/"))
        if cells != len(places) and cells != len(places) + len(_BLANK.findall(xml, start, end)):
            return None
        joined = b" ".join(places)
        rows = max(rows, *map(int, set(joined.translate(None, _LETTERS).split())), 0)
        columns = max(
            columns,
            *(_column(name) + 1 for name in set(joined.translate(None, _DIGITS).split())),
            0,
        )
        start = end
    return rows, columns


def rewritten(name: str, xml: bytearray) -> bytearray:
    """Return the same sheet without prefixes, comments and CDATA, where each cell says its place.

    A cell that does not say it is placed beside the one before, and a row under the one before.
    Raises SourceChanged where the XML is broken, or too large to be read so.
    """
    if len(xml) > ODD_XML_BYTES:
        raise SourceChanged(
            f"{name} in the file is written oddly, and larger than {ODD_XML_BYTES} bytes"
        )
    copy = _Copy()
    parse(name, xml, copy.start, copy.end, copy.text)
    return bytearray("".join(copy.pieces).encode())


class _Copy:
    """The XML as it is written anew, and the place of the next cell."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._row = self._column = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Write an element that opens."""
        tag = tag.rpartition(":")[2]
        place = attributes.pop("r", "").strip()
        if tag == "row":
            self._row = int(place) if place.isascii() and place.isdigit() else self._row + 1
            self._column = 0
        elif tag == "c":
            place = place or f"{letters(self._column)}{self._row}"
            self._column = _column(place.rstrip("0123456789").encode()) + 1
        first = f' r="{_escaped(place)}"' if place else ""
        others = "".join(
            f' {key}="{_escaped(value)}"' for key, value in attributes.items() if key != "xmlns"
        )
        self.pieces.append(f"<{tag}{first}{others}>")

    def end(self, tag: str) -> None:
        """Write an element that closes."""
        self.pieces.append(f"</{tag.rpartition(':')[2]}>")

    def text(self, data: str) -> None:
        """Write text, also of CDATA."""
        self.pieces.append(_escaped(data))


def _column(name: bytes) -> int:
    try:
        return column_of(name.decode())
    except ValueError:
        return CELLS


def _escaped(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )
