"""Models as the bytes that their digests are taken over."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def canonical(model: BaseModel) -> bytes:
    """The JSON bytes of a model that its digest is taken over: sorted keys, no blanks, UTF-8."""
    told = model.model_dump(mode="json")
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest_of(model: BaseModel) -> str:
    """The sha256, lower-case hex, of a model's canonical JSON."""
    return hashlib.sha256(canonical(model)).hexdigest()
