"""What a service knows bytes by (RFC 9110, section 8.8), as far as the hub keeps it and sends it back."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

_ETAG = r'^(W/)?"[!#-~]{0,200}"$'  # section 8.8.3; in ASCII, and bounded
_DATE = r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$"  # section 5.6.7

ETag = Annotated[str, StringConstraints(pattern=_ETAG)]
HttpDate = Annotated[str, StringConstraints(pattern=_DATE)]


def etag(text: str | None) -> str | None:
    """An ETag, or None for what is none."""
    return text if text is not None and re.fullmatch(_ETAG, text) else None


def http_date(text: str | None) -> str | None:
    """A date as a header has it, or None for what is none."""
    return text if text is not None and re.fullmatch(_DATE, text) else None
