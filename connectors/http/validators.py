"""Questions under a condition: *send it only if it is no longer what you sent before* (RFC 9110, section 13).

A strong ETag says that bytes are the same; a weak one, and a date, that they mean the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from connectors.http.answers import Answer
    from hub_core import CachedPart, PayloadPart

_ETAG, _DATE = "If-None-Match", "If-Modified-Since"


def condition(known: CachedPart | None, *, exact: bool) -> dict[str, str]:
    """The header that asks whether what is known still stands, or none; ``exact``: only by what vouches for bytes.

    Never both: a service that minds the date alone would pass over an ETag that has changed.
    """
    if known is None:
        return {}
    if known.etag is not None:
        return {} if exact and known.etag.startswith("W/") else {_ETAG: known.etag}
    return {} if exact or known.last_modified is None else {_DATE: known.last_modified}


def stands(answer: Answer, asked: dict[str, str], *, exact: bool) -> bool:
    """Whether a 304 is about what was asked.

    It does not name another ETag, nor another date where a date was asked.
    """
    if _DATE in asked:
        return bool(answer.headers.get("last-modified", asked[_DATE]) == asked[_DATE])
    sent = asked[_ETAG]
    told: str = answer.headers.get("etag", sent)
    return told == sent or (not exact and told.removeprefix("W/") == sent.removeprefix("W/"))


def as_before(answer: Answer, known: CachedPart, part: PayloadPart) -> Answer:
    """The answer of then, by what the service says of it now (RFC 9111, section 4.3.4)."""
    headers = httpx.Headers({"content-type": part.media_type})
    for name, before in (
        ("date", None),
        ("etag", known.etag),
        ("last-modified", known.last_modified),
    ):
        if (told := answer.headers.get(name, before)) is not None:
            headers[name] = told
    return replace(answer, status=200, headers=headers, content=part.content)


def validators(answer: Answer) -> tuple[str | None, str | None]:
    """The ETag and the date by which a page is known.

    A date only where the page was sent a second after it or later (RFC 9110, section 8.8.2.2): what
    changes twice within a second keeps its date.
    """
    if answer.status != 200:
        return None, None
    changed = answer.moment("last-modified")
    sent = answer.moment("date")
    past = changed is not None and sent is not None and (sent - changed).total_seconds() >= 1
    return answer.headers.get("etag"), answer.headers["last-modified"] if past else None
