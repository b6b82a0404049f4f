"""A release as JSON: its manifest and one figure a line."""

from __future__ import annotations

import json

from hub_core import Document, Writer

_COPIED = ("indicator", "org_unit", "period", "calendar", "measure")


class JsonWriter(Writer[Document]):
    """JSON, format 1: ``format``, ``manifest``, ``manifest_digest``, ``figures``."""

    kind = "json"
    media_type = "application/json"
    suffix = ".json"

    def write(self, document: Document) -> bytes:
        """UTF-8 text in which a figure's value is a string of exact decimal text, or null where it is missing."""
        head = {
            "format": 1,
            "manifest": document.manifest,
            "manifest_digest": document.manifest_digest,
        }
        opening = ",\n".join(f"{_text(name)}: {_text(value)}" for name, value in head.items())
        figures = ",\n".join(_text(_unfolded(figure)) for figure in document.figures)
        return f'{{{opening},\n"figures": [\n{figures}\n]}}\n'.encode()


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _unfolded(figure: dict[str, str]) -> dict[str, object]:
    """A figure with its dimensions apart, ``AREA=U;SEX=F`` as ``{"AREA": "U", "SEX": "F"}``."""
    folded = figure["dims"]
    return {
        **{name: figure[name] for name in _COPIED},
        "dims": dict(pair.split("=", 1) for pair in folded.split(";")) if folded else {},
        "value": figure["value"] or None,
        "unit": figure["unit"],
        "status": figure["status"],
        "coverage": figure["coverage"],
    }
