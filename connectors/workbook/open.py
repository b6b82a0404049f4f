"""Opens a workbook that somebody sent: one sheet of an xls, xlsx or ods.

Where the file is something else, says what it is.
"""

from __future__ import annotations

from connectors.workbook.biff import read_xls
from connectors.workbook.compound import SIGNATURE
from connectors.workbook.grid import Grid
from connectors.workbook.limits import FILE_BYTES
from connectors.workbook.ooxml import read_xlsx
from connectors.workbook.opendocument import is_opendocument, read_ods
from connectors.workbook.package import Package
from hub_core import PayloadPart, SourceChanged

_SAVE = "open it in a spreadsheet program, save it as .xlsx and send it again"


def open_sheet(part: PayloadPart, name: str | None) -> Grid:
    """Return the cells of the sheet of that exact name, or of the only visible one.

    The content says what the file is, not its name. Raises SourceChanged where it is no workbook,
    has a password, is damaged or over a limit of ``connectors.workbook.limits``.
    """
    try:
        return _opened(part.content, name)
    except SourceChanged as error:
        error.located(part=part.name)
        raise


def _opened(content: bytes, name: str | None) -> Grid:
    if len(content) > FILE_BYTES:
        raise SourceChanged(f"the file has {len(content)} bytes, and {FILE_BYTES} are the limit")
    if content.startswith(SIGNATURE):
        return read_xls(content, name)
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        package = Package(content)
        return read_ods(package, name) if is_opendocument(package) else read_xlsx(package, name)
    raise SourceChanged(_what_it_is(content))


def _what_it_is(content: bytes) -> str:
    beginning = " ".join(content[:400].decode("utf-8", "replace").replace("\0", " ").split())[:60]
    if not content.strip(b"\0 \r\n\t"):
        return "the file is empty"
    if beginning.lstrip("\ufeff").startswith("<"):
        return f"the file is no workbook but a web page or XML with a workbook's name; {_SAVE}: {beginning}"
    if content.startswith(b"%PDF"):
        return "the file is no workbook but a PDF: send the workbook that it was made from"
    if b"\0" not in content[:4096]:
        return f"the file is no workbook but text, such as CSV; {_SAVE}: {beginning}"
    return f"the file is no workbook that can be read (xls since Excel 95, xlsx, ods); {_SAVE}"
