"""The answer to a question to an HTTP service, and what it means for a source."""

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

from connectors.http.addresses import redacted_url
from hub_core import SourceChanged, SourceRefused, SourceUnavailable

if TYPE_CHECKING:
    from datetime import datetime

_RETRYABLE = {408, 425, 429, 502, 503, 504}  # the same question again may do
_GONE = {404, 410}
_EXCERPT_LENGTH = 200
_EXCERPT_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, complete or not, or none at all.

    ``status`` is None where nothing came; ``broken`` is the error that ended it early; ``defect``
    says, as a message, what is wrong with it, so that it was not read to its end.
    """

    url: httpx.URL
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    content: bytes = field(default=b"", repr=False)
    broken: Exception | None = None
    defect: str = ""

    @property
    def retryable(self) -> bool:
        """Tell whether asking again may help."""
        if self.broken is not None:
            return not isinstance(self.broken, httpcore.LocalProtocolError) and not self.distrusted
        return self.status in _RETRYABLE

    @property
    def distrusted(self) -> bool:
        """Tell whether TLS failed because one side does not take the other's certificate."""
        cause: BaseException | None = self.broken
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return True
            if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
                return True
            cause = cause.__cause__ or cause.__context__
        return False

    @property
    def retry_after(self) -> float | None:
        """The seconds that the service asks to wait (RFC 9110, section 10.2.3), or None.

        A date is measured by the service's own clock.
        """
        header = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}", header):
            return float(header)
        until, now = _parsed_date(header), self.moment("date")
        return max(0.0, (until - now).total_seconds()) if until and now else None

    def moment(self, name: str) -> datetime | None:
        """Read the date in a header; return None where there is none."""
        return _parsed_date(self.headers.get(name, ""))

    @property
    def media_type(self) -> str:
        """The media type without its parameters."""
        return (
            str(self.headers.get("content-type", "application/octet-stream"))
            .partition(";")[0]
            .strip()
        )

    def text(self, secrets: Iterable[str], size: int | None = None) -> str:
        """Return the answer's first ``size`` bytes (all where None) as text, without secrets."""
        text = self.content[:size].decode("utf-8", "replace")
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def excerpt(self, secrets: Iterable[str]) -> str:
        """Return the beginning of the answer on one line, after a colon, without secrets."""
        line = " ".join(self.text(secrets, _EXCERPT_BYTES).split())
        return f": {line[:_EXCERPT_LENGTH]}" if line else ""


def answer_error(
    answer: Answer, secrets: Iterable[str]
) -> SourceUnavailable | SourceRefused | SourceChanged | None:
    """Return the error that an answer amounts to; None where it is as it should be."""
    address = redacted_url(answer.url)
    if answer.broken is not None:
        return _interruption(answer, address)
    if answer.defect:
        return SourceChanged(f"{address} {answer.defect}")
    if answer.status is None or 200 <= answer.status < 300:
        return None
    return _refusal(answer, answer.status, address, secrets)


def _refusal(
    answer: Answer, status: int, address: str, secrets: Iterable[str]
) -> SourceUnavailable | SourceRefused | SourceChanged:
    answered = f"{address} answered {status}{answer.excerpt(secrets)}"
    if status in _RETRYABLE or status >= 500:
        wait = answer.retry_after
        return SourceUnavailable(
            answered if wait is None else f"{answered}; it asks to wait {wait:g} s"
        )
    if status == 304:
        return SourceChanged(
            f"{address} answered 304 (not modified), and was not asked whether it is"
        )
    if status in _GONE:
        return SourceChanged(f"{answered}: it is no longer there")
    if status >= 400:
        return SourceRefused(answered)
    target = re.sub(r"(?<=//)[^/]*@|[?#].*", "", answer.headers.get("location", "somewhere"))
    return SourceChanged(f"{address} has moved to {target} ({status})")


def _interruption(answer: Answer, address: str) -> SourceUnavailable | SourceRefused:
    error = answer.broken
    if answer.distrusted:
        return SourceRefused(f"{address}: a certificate is not taken: {error}")
    happened = (
        "did not answer"
        if answer.status is None
        else f"broke off after {len(answer.content)} bytes"
    )
    # that one quotes our headers
    reason = "" if isinstance(error, httpcore.LocalProtocolError) else str(error)
    return SourceUnavailable(f"{address} {happened}: {type(error).__name__} {reason}".rstrip())


def _parsed_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # -0000 is UTC of a clock that knows no zone
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, IndexError):
        return None
