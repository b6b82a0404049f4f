"""A JSON document around its rows: what stands beside them is small, and is read without them."""

from __future__ import annotations


def apart(content: bytes) -> tuple[bytes, bytes] | None:
    """A document with its one array emptied, and that array; None where it has none, or may have several.

    Neither is well-formed for certain: whoever reads them finds out. Where both are, so is the
    document.
    """
    start, end = content.find(b"["), content.rfind(b"]")
    if start < 0 or end < start or content.find(b"[", start + 1) >= 0 or content.find(b"]") != end:
        return None
    return content[:start] + b"[]" + content[end + 1 :], content[start : end + 1]
