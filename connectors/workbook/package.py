"""The zip around an xlsx or ods, and its parts.

Each part is unfolded under a limit, and checked before anybody parses it.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from io import BytesIO
from xml.parsers import expat

from connectors.workbook.limits import (
    DECLARED_BYTES,
    EXPANDED_BYTES,
    XML_DEPTH,
    XML_ELEMENTS,
    ZIP_MEMBERS,
)
from hub_core import SourceChanged

_COMPRESS_FROM = 16 << 20  # bytes
_CHUNK = 1 << 18  # bytes unfolded at a time
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_DECLARED = re.compile(rb"<!(?!--|\[CDATA\[)")  # DOCTYPE, ENTITY: no office program writes them
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)""")
_PLAIN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


class Package:
    """The parts of a zip by name; case and the slash's direction do not count."""

    def __init__(self, content: bytes) -> None:
        if (entries := content.count(b"PK\x01\x02")) > ZIP_MEMBERS:
            raise SourceChanged(
                f"the file is a zip of {entries} parts, and {ZIP_MEMBERS} are the limit"
            )
        try:
            self._zip = zipfile.ZipFile(BytesIO(content))
        except _BROKEN as error:
            raise SourceChanged(
                "the file is damaged or was cut off: the list of its parts is not whole"
            ) from error
        self._parts = {_folded(info.filename): info for info in self._zip.infolist()}
        declared = sum(info.file_size for info in self._zip.infolist())
        if declared > DECLARED_BYTES:
            raise SourceChanged(
                f"the file unfolds to {declared} bytes, and {DECLARED_BYTES} are the limit"
            )
        self._bytes_left = EXPANDED_BYTES

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self._parts

    def xml(self, name: str) -> bytearray:
        """Return an XML part, in UTF-8, without declarations and not deep.

        Raises SourceChanged, also where it is missing.
        """
        data = self.raw(name)
        encoding = _ENCODING.match(data)
        if b"\0" in data or (
            encoding and encoding[1].lower() not in {b"utf-8", b"us-ascii", b"ascii"}
        ):
            raise SourceChanged(f"{name} in the file is not UTF-8")
        if b"<!" in data and (declaration := _DECLARED.search(data)):
            raise SourceChanged(
                f"{name} in the file declares entities or a DTD at byte {declaration.start()}"
            )
        _check_depth(name, data)
        return data

    def raw(self, name: str) -> bytearray:
        """Return the bytes of a part; never more than its header says, nor than the limit leaves.

        Raises SourceChanged where it is missing, encrypted, damaged or over the limit.
        """
        info = self._parts.get(_folded(name))
        if info is None:
            raise SourceChanged(f"the file has no {name}: it is no whole workbook")
        if info.flag_bits & 1:
            raise SourceChanged(f"{name} in the file is encrypted: send it without a password")
        if info.file_size > self._bytes_left or info.compress_type not in _PLAIN:
            raise SourceChanged(
                f"{name} in the file unfolds to {info.file_size} bytes: over the limit, or packed oddly"
            )
        self._bytes_left -= info.file_size
        data = bytearray()
        try:
            # stops at the size that the header says, and checks its CRC
            with self._zip.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    data += chunk
        except _BROKEN as error:
            raise SourceChanged(
                f"{name} in the file is damaged, or larger than it says: {error}"
            ) from error
        return data


def zip_of(parts: dict[str, bytes | bytearray]) -> bytes:
    """Return a zip of these parts and no others.

    Large ones are packed, as the zip is copied more than once.
    """
    target = BytesIO()
    compression = (
        zipfile.ZIP_DEFLATED
        if sum(map(len, parts.values())) > _COMPRESS_FROM
        else zipfile.ZIP_STORED
    )
    with zipfile.ZipFile(target, "w", compression, compresslevel=1) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return target.getvalue()


def parse(
    name: str,
    data: bytes | bytearray,
    start: Start,
    end: End | None = None,
    text: Text | None = None,
) -> None:
    """Run expat over a part, names as they are written.

    Raises SourceChanged where the XML is broken or too much.
    """
    if data.count(b"<") - data.count(b"</") > XML_ELEMENTS:
        raise SourceChanged(f"{name} in the file has more than {XML_ELEMENTS} elements")
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(bytes(data), True)
    except expat.ExpatError as error:
        raise SourceChanged(f"{name} in the file is broken XML: {error}") from error


def elements(name: str, data: bytearray, names: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """List the elements of these names, in order, with their attributes; prefixes left off."""
    matches: list[tuple[str, dict[str, str]]] = []
    tags = frozenset(names)

    def start(tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag in tags:
            matches.append(
                (tag, {key.rpartition(":")[2]: value for key, value in attributes.items()})
            )

    parse(name, data, start)
    return matches


Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


def _folded(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _check_depth(name: str, data: bytearray) -> None:
    """Raise SourceChanged where the XML is nested too deeply.

    The depth is measured at each 256 kB, by counting tags: what opens less what closes.
    """
    depth, size, has_marks = 0, 1 << 18, b"<!" in data or data.count(b"<?") > 1
    for start in range(0, len(data), size):
        end = start + size
        depth += data.count(b"<", start, end)  # a mark of two characters may lie across the edge
        depth -= 2 * data.count(b"</", start, end + 1) + data.count(b"/>", start, end + 1)
        if has_marks:
            depth -= data.count(b"<!", start, end + 1) + data.count(b"<?", start, end + 1)
        if depth > XML_DEPTH:
            raise SourceChanged(
                f"{name} in the file is nested deeper than {XML_DEPTH} levels at byte {end}"
            )
