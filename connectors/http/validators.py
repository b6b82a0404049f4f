"""Conditional questions: send it only if it is not what you sent before (RFC 9110, section 13).

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


def conditional_headers(cached: CachedPart | None, *, exact: bool) -> dict[str, str]:
    """Return the header that asks for a page only if it has changed; empty where none can.

    ``exact``: only a strong ETag will do, which vouches for the bytes. Never both headers: a
    service that minds the date alone would pass over an ETag that has changed.
    """
    if cached is None:
        return {}
    if cached.etag is not None:
        return {} if exact and cached.etag.startswith("W/") else {_ETAG: cached.etag}
    return {} if exact or cached.last_modified is None else {_DATE: cached.last_modified}


def confirms_unchanged(answer: Answer, condition: dict[str, str], *, exact: bool) -> bool:
    """Tell whether a 304 is about what was asked.

    It is where it names no other ETag, and no other date where a date was asked.
    """
    if _DATE in condition:
        return bool(answer.headers.get("last-modified", condition[_DATE]) == condition[_DATE])
    sent_etag = condition[_ETAG]
    etag: str = answer.headers.get("etag", sent_etag)
    return etag == sent_etag or (
        not exact and etag.removeprefix("W/") == sent_etag.removeprefix("W/")
    )


def cached_answer(answer: Answer, cached: CachedPart, part: PayloadPart) -> Answer:
    """Return the earlier answer, updated by what the service says of it now.

    See RFC 9111, section 4.3.4.
    """
    headers = httpx.Headers({"content-type": part.media_type})
    for name, cached_value in (
        ("date", None),
        ("etag", cached.etag),
        ("last-modified", cached.last_modified),
    ):
        if (value := answer.headers.get(name, cached_value)) is not None:
            headers[name] = value
    return replace(answer, status=200, headers=headers, content=part.content)


def validators(answer: Answer) -> tuple[str | None, str | None]:
    """Return the ETag and the date by which a page is known.

    The date only where the page was sent a second after it or later (RFC 9110, section 8.8.2.2):
    what changes twice within a second keeps its date.
    """
    if answer.status != 200:
        return None, None
    changed_at = answer.moment("last-modified")
    sent_at = answer.moment("date")
    is_settled = (
        changed_at is not None
        and sent_at is not None
        and (sent_at - changed_at).total_seconds() >= 1
    )
    return answer.headers.get("etag"), answer.headers["last-modified"] if is_settled else None
