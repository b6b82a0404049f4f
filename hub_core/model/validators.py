"""ETags and dates by which a service knows bytes (RFC 9110, section 8.8), checked and bounded.

The hub keeps those of the answers that it got, and sends them back.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

_ETAG = r'^(W/)?"[!#-~]{0,200}"$'  # section 8.8.3; in ASCII, and bounded
_DATE = r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$"  # section 5.6.7

ETag = Annotated[str, StringConstraints(pattern=_ETAG)]
HttpDate = Annotated[str, StringConstraints(pattern=_DATE)]


def etag(text: str | None) -> str | None:
    """Return a text that is an ETag, or None for any other."""
    return text if text is not None and re.fullmatch(_ETAG, text) else None


def http_date(text: str | None) -> str | None:
    """Return a text that is a date as headers have it, or None for any other."""
    return text if text is not None and re.fullmatch(_DATE, text) else None
