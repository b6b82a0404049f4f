"""Canonical JSON, and digests of what is kept."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def canonical(model: BaseModel) -> bytes:
    """Write a model as canonical JSON: sorted keys, no blanks, UTF-8."""
    content = model.model_dump(mode="json")
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest_of(kept: str) -> str:
    """Return the sha256, lower-case hex, of a text as it is kept."""
    return hashlib.sha256(kept.encode()).hexdigest()
