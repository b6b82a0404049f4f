"""What came of a question to an HTTP service, and what it means for a source."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpcore
import httpx

from connectors.http.addresses import shown
from hub_core import SourceChanged, SourceRefused, SourceUnavailable

if TYPE_CHECKING:
    from datetime import datetime

_LATER = {408, 425, 429, 502, 503, 504}  # the same question again may do
_GONE = {404, 410}
_SHOWN = 200
_LOOKED_AT = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole or not, or none at all.

    ``status`` is None where nothing came; ``broken`` is what ended it early, ``odd`` what is wrong
    with it as a message, so that it was not read to its end.
    """

    url: httpx.URL
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    content: bytes = field(default=b"", repr=False)
    broken: Exception | None = None
    odd: str = ""

    @property
    def passing(self) -> bool:
        """Whether asking again may help."""
        if self.broken is not None:
            return not isinstance(self.broken, httpcore.LocalProtocolError) and not self.distrusted
        return self.status in _LATER

    @property
    def distrusted(self) -> bool:
        """Whether TLS failed because one side does not take the other's certificate."""
        error: BaseException | None = self.broken
        while error is not None:
            if isinstance(error, ssl.SSLCertVerificationError):
                return True
            if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
                return True
            error = error.__cause__ or error.__context__
        return False

    @property
    def retry_after(self) -> float | None:
        """The seconds that the service asks to wait (RFC 9110, section 10.2.3), a date measured by its own clock."""
        told = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}", told):
            return float(told)
        until, now = _moment(told), self.moment("date")
        return max(0.0, (until - now).total_seconds()) if until and now else None

    def moment(self, name: str) -> datetime | None:
        """The date in a header."""
        return _moment(self.headers.get(name, ""))

    @property
    def media_type(self) -> str:
        """The media type without its parameters."""
        return (
            str(self.headers.get("content-type", "application/octet-stream"))
            .partition(";")[0]
            .strip()
        )

    def text(self, hide: Iterable[str], size: int | None = None) -> str:
        """The answer's text, as far as its first bytes, without secrets."""
        text = self.content[:size].decode("utf-8", "replace")
        for secret in sorted(filter(None, hide), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def words(self, hide: Iterable[str]) -> str:
        """How the answer begins, on one line, without secrets."""
        line = " ".join(self.text(hide, _LOOKED_AT).split())
        return f": {line[:_SHOWN]}" if line else ""


def trouble(
    answer: Answer, hide: Iterable[str]
) -> SourceUnavailable | SourceRefused | SourceChanged | None:
    """The error that an answer is; None where it is as it should be."""
    where = shown(answer.url)
    if answer.broken is not None:
        return _break(answer, where)
    if answer.odd:
        return SourceChanged(f"{where} {answer.odd}")
    if answer.status is None or 200 <= answer.status < 300:
        return None
    return _refusal(answer, answer.status, where, hide)


def _refusal(
    answer: Answer, status: int, where: str, hide: Iterable[str]
) -> SourceUnavailable | SourceRefused | SourceChanged:
    told = f"{where} answered {status}{answer.words(hide)}"
    if status in _LATER or status >= 500:
        wait = answer.retry_after
        return SourceUnavailable(told if wait is None else f"{told}; it asks to wait {wait:g} s")
    if status == 304:
        return SourceChanged(
            f"{where} answered 304 (not modified), and was not asked whether it is"
        )
    if status in _GONE:
        return SourceChanged(f"{told}: it is no longer there")
    if status >= 400:
        return SourceRefused(told)
    target = re.sub(r"(?<=//)[^/]*@|[?#].*", "", answer.headers.get("location", "somewhere"))
    return SourceChanged(f"{where} has moved to {target} ({status})")


def _break(answer: Answer, where: str) -> SourceUnavailable | SourceRefused:
    error = answer.broken
    if answer.distrusted:
        return SourceRefused(f"{where}: a certificate is not taken: {error}")
    what = (
        "did not answer"
        if answer.status is None
        else f"broke off after {len(answer.content)} bytes"
    )
    told = (
        "" if isinstance(error, httpcore.LocalProtocolError) else str(error)
    )  # that one quotes our headers
    return SourceUnavailable(f"{where} {what}: {type(error).__name__} {told}".rstrip())


def _moment(text: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(text)
        return (
            told if told.tzinfo else told.replace(tzinfo=UTC)
        )  # -0000 is UTC of a clock that knows no zone
    except (ValueError, IndexError):
        return None
