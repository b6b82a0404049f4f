"""A JSON document split into its rows and the rest, which is small and is read without them."""

from __future__ import annotations


def split_rows(content: bytes) -> tuple[bytes, bytes] | None:
    """Return a document with its one array emptied, and the bytes of that array.

    None where it has no array, or may have several. Neither is well-formed for certain: whoever
    decodes them finds out. Where both are, so is the document.
    """
    start, end = content.find(b"["), content.rfind(b"]")
    if start < 0 or end < start or content.find(b"[", start + 1) >= 0 or content.find(b"]") != end:
        return None
    return content[:start] + b"[]" + content[end + 1 :], content[start : end + 1]
