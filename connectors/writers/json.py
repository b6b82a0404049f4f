"""A release as JSON: its manifest and one figure a line."""

from __future__ import annotations

import json
from typing import BinaryIO

from hub_core import Document, DocumentFigure, Writer

_COPIED = ("indicator", "org_unit", "period", "calendar", "measure")


class JsonWriter(Writer[Document]):
    """JSON, format 1: ``format``, ``manifest``, ``manifest_digest``, ``figures``."""

    kind = "json"
    media_type = "application/json"
    suffix = ".json"

    def write(self, document: Document, file: BinaryIO) -> None:
        """Write UTF-8 text, one figure a line.

        A figure's value is a string of exact decimal text, or null where it is missing.
        """
        head = {
            "format": 1,
            "manifest": document.manifest,
            "manifest_digest": document.manifest_digest,
        }
        opening = ",\n".join(f"{_text(name)}: {_text(value)}" for name, value in head.items())
        file.write(f'{{{opening},\n"figures": [\n'.encode())
        separator = ""
        for figure in document.figures:
            file.write(f"{separator}{_text(_unfolded(figure))}".encode())
            separator = ",\n"
        file.write(b"\n]}\n")


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _unfolded(figure: DocumentFigure) -> dict[str, object]:
    """Give a figure with its dimensions apart: ``AREA=U`` as ``{"AREA": "U"}``."""
    folded = figure.dims
    return {
        **{name: getattr(figure, name) for name in _COPIED},
        "dims": dict(pair.split("=", 1) for pair in folded.split(";")) if folded else {},
        "value": figure.value or None,
        "unit": figure.unit,
        "status": figure.status,
        "coverage": figure.coverage,
    }
