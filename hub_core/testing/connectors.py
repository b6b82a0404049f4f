"""What the tests of a connector need: a writer's bytes, a document with its figures."""

from __future__ import annotations

import io
from typing import Any, TypeVar

from hub_core.contracts import Document, DocumentFigure, Writer

Written = TypeVar("Written")


def written(writer: Writer[Written], document: Written) -> bytes:
    """Return what a writer writes into an empty file."""
    file = io.BytesIO()
    writer.write(document, file)
    return file.getvalue()


def figure_of(**fields: Any) -> DocumentFigure:
    """Make a figure of a release; what is not given is as in a sample report of Nghệ An."""
    sample: dict[str, Any] = {
        "indicator": "VT.03",
        "name_vi": "Số thuê bao điện thoại di động",
        "name_en": "Mobile telephone subscriptions",
        "unit": "thuê bao",
        "org_unit": "vn-nghe-an",
        "org_unit_name": "Nghệ An",
        "period": "2025-Q1",
        "calendar": "S",
        "measure": "actual",
        "dims": "",
        "value": "3150517",
        "decimals": 0,
        "status": "A",
        "coverage": "",
        "method": "reported",
    }
    return DocumentFigure(**(sample | fields))


def document_of(*figures: DocumentFigure, **fields: Any) -> Document:
    """Make the document of a release of these figures; what is not given is a sample's."""
    sample: dict[str, Any] = {
        "manifest": {"format": 1, "dataflow": "TELECOM", "reason": "đính chính"},
        "manifest_digest": "9b" * 32,
        "title": "Báo cáo",
        "title_en": "Report",
        "period": "2025-Q1",
        "previous_period": "2024-Q4",
        "figures": figures,
        "previous": (),
        "reporters": (),
    }
    return Document(**(sample | fields))
