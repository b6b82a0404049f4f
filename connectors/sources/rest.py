"""REST source.

The pages of an HTTP service, each given as it came before anything looks into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from pydantic import ConfigDict, Field, field_validator, model_validator

from connectors.http.addresses import check_host, open_addresses, origin, shown
from connectors.http.auth import AnyAuth, Auth, ClientCertificate, ClientCredentials, NoAuth
from connectors.http.paging import AnyPaging, OnePage, Pointer, told
from hub_core import PayloadPart, Request, Settings, Source, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    import httpx

    from connectors.http.answers import Answer
    from connectors.http.client import HttpClient
    from connectors.http.token import Token

PLACEHOLDER = re.compile(r"\{(?:period|year|first|last)\}")
_TOKEN_BYTES = 1 << 20
_SHORTEST = (
    8  # of a header's value that may be a secret; striking shorter ones out would spoil a message
)
_RAW, _STRING = msgspec.json.Decoder(msgspec.Raw), msgspec.json.Decoder(str)


class RestSettings(Settings):
    """``url`` may hold ``{period}``, ``{year}``, ``{first}`` and ``{last}`` after its host.

    ``expect``: what must stand in each page at a JSON pointer, as a regular expression.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    url: str
    auth: AnyAuth = NoAuth()
    pages: AnyPaging = OnePage()
    headers: dict[str, str] = Field(default={})
    expect: dict[Pointer, str] = Field(default={})
    timeout_seconds: float = Field(default=30, gt=0)
    page_seconds: float = Field(default=120, gt=0)
    part_bytes: int = Field(default=64 << 20, gt=0)
    max_parts: int = Field(default=10_000, gt=0)
    retries: int = Field(default=3, ge=0, le=20)
    retry_seconds: float = Field(default=120, ge=0)
    per_minute: float | None = Field(default=None, gt=0)
    validators: bool = True

    @field_validator("url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        if not re.match(r"https?://[^/?#@{}\s]+([/?#]|$)", url) or re.search(
            r"[{}]", PLACEHOLDER.sub("", url)
        ):
            raise ValueError(
                "must be http(s)://host/..., without user or password, and no unknown {placeholder}"
            )
        return url

    @field_validator("headers")
    @classmethod
    def _printable(cls, headers: dict[str, str]) -> dict[str, str]:
        if not all(
            re.fullmatch("[!-9;-~]+", name) and re.fullmatch("[ -~]*", headers[name])
            for name in headers
        ):
            raise ValueError("header names and values are printable ASCII")
        return headers

    @field_validator("expect")
    @classmethod
    def _patterns(cls, expect: dict[str, str]) -> dict[str, str]:
        for pattern in expect.values():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern} is no regular expression: {error}") from error
        return expect

    @model_validator(mode="after")
    def _covered(self) -> RestSettings:
        open_url = self.url.startswith("http:")
        if (
            isinstance(self.auth, ClientCredentials)
            and not open_url
            and self.auth.token_url.startswith("http:")
        ):
            raise ValueError("auth.token_url must be https://, as url is")
        if isinstance(self.auth, ClientCertificate) and open_url:
            raise ValueError("a client certificate needs an https:// url")
        return self


class RestSource(Source):
    """Asks once for each period, or once where the URL has no placeholder, and follows the pages of each answer.

    Neither ``auth`` nor ``headers`` go to another scheme, host or port than those of ``url``.
    """

    kind = "rest"
    Settings = RestSettings
    settings: RestSettings

    def fetch(self, request: Request, cursor: str | None) -> Iterator[PayloadPart]:  # noqa: ARG002 - asked anew
        """One part for each answer, also for one that says no; of one that was asked for again, the last.

        Raises SourceUnavailable where the service cannot be reached, breaks off or fails;
        SourceRefused where it does not let the hub in or leads to a host that is not allowed;
        SourceChanged where it has moved, its pages repeat or are not what was expected.
        """
        import httpx

        starts = [("", self.settings.url)]
        if PLACEHOLDER.search(self.settings.url):
            starts = [
                (f"{asked.label} ", asked.fill(self.settings.url)) for asked in request.periods
            ]
        with ExitStack() as lines:
            line, access = self._lines(request, lines)
            for label, start in starts:
                yield from _Asking(self.settings, request, line, access).pages(
                    httpx.URL(start), label
                )

    def _lines(self, request: Request, lines: ExitStack) -> tuple[HttpClient, Auth | Token]:
        """The line to the service, and who is said to ask.

        For tokens there is a line of its own, without pace.
        """
        import httpx

        from connectors.http.client import HttpClient, Limits
        from connectors.http.token import Token

        s, auth = self.settings, self.settings.auth
        secure = s.url.startswith("https:") or isinstance(auth, ClientCredentials)
        context = httpx.create_ssl_context() if secure else None  # it takes 20 ms
        if context is not None and isinstance(auth, ClientCertificate):
            auth.load_into(context)
        limits = Limits(s.timeout_seconds, s.page_seconds, s.part_bytes, s.retries, s.retry_seconds)

        def line(limits: Limits) -> HttpClient:
            return lines.enter_context(
                HttpClient(limits, lambda host, port: open_addresses(host, port, request), context)
            )

        data = line(replace(limits, per_minute=s.per_minute))
        if not isinstance(auth, ClientCredentials):
            return data, auth
        url = httpx.URL(auth.token_url)
        check_host(
            url, (url.scheme, httpx.URL(s.url).host, 0), request
        )  # https or not: see the settings
        return data, Token(auth, line(replace(limits, size=_TOKEN_BYTES)))


class _Asking:
    """One answer of a service, page after page."""

    def __init__(
        self, settings: RestSettings, request: Request, line: HttpClient, access: Auth | Token
    ) -> None:
        self._settings, self._request, self._line, self._access = settings, request, line, access

    def pages(self, start: httpx.URL, label: str) -> Iterator[PayloadPart]:
        """Each page as it came; then what is wrong with it."""
        from connectors.http.validators import validators

        own, limit = origin(start), self._settings.max_parts
        walk = self._settings.pages.walk(start)
        link = next(walk)
        asked: set[httpx.URL] = set()
        digests: set[str] = set()
        while True:
            if origin(link) != own or not asked:
                check_host(link, own, self._request)
            asked.add(link)
            question = f"GET {link}"
            answer = self._answer(link, origin(link) == own, question)
            told = validators(answer) if self._settings.validators else (None, None)
            name = f"{label}page {len(asked)}"
            part = PayloadPart(
                answer.content, answer.media_type, shown(link), name, question, *told
            )
            digests.add(part.digest)
            if answer.status is not None and (answer.content or answer.broken is None):
                yield part
            self._check(answer, part)
            if len(digests) < len(asked):
                raise SourceChanged("a page repeats the bytes of an earlier one", part=part.name)
            try:
                link = walk.send(part)
            except StopIteration:
                return
            if link in asked:
                raise SourceChanged(
                    f"a page repeats: the next is said to be {shown(link)}", part=part.name
                )
            if len(asked) >= limit:
                raise SourceChanged(
                    f"there are more than {limit} pages (max_parts)", part=part.name
                )

    def _answer(self, url: httpx.URL, own: bool, question: str) -> Answer:
        """The answer of one page; where the service says that it is as it was, that of then.

        It is not taken at its word where the bytes of then are gone, or where it speaks of others:
        then it is asked without a condition.
        """
        from connectors.http.validators import as_before, condition, stands

        exact = not isinstance(
            self._settings.pages, OnePage
        )  # where a page ends or goes on is in its bytes
        known = self._request.cached(question) if self._settings.validators else None
        asked = condition(known, exact=exact)
        answer = self._ask(url, own, asked)
        if known is None or not asked or answer.status != 304 or answer.broken or answer.odd:
            return answer
        part = known.part() if stands(answer, asked, exact=exact) else None
        return self._ask(url, own, {}) if part is None else as_before(answer, known, part)

    def _ask(self, url: httpx.URL, own: bool, condition: dict[str, str]) -> Answer:
        """The answer to one question; where the service no longer takes a token, with a new one."""

        def headers() -> dict[str, str]:
            return (
                {**self._settings.headers, **self._access.headers(), **condition}
                if own
                else condition
            )

        answer = self._line.ask("GET", url, headers)
        if answer.status == 401 and own and self._access.renew():
            answer = self._line.ask("GET", url, headers)
        return answer

    def _check(self, answer: Answer, part: PayloadPart) -> None:
        """Raise what is wrong with an answer, also where it is a failure in the body of a 200."""
        from connectors.http.answers import trouble

        hide = [
            *self._access.hidden(),
            *(text for text in self._settings.headers.values() if len(text) >= _SHORTEST),
        ]
        wrong = trouble(answer, hide)
        if wrong is not None:
            raise wrong.located(part=part.name)
        for pointer, pattern in self._settings.expect.items():
            if not re.search(pattern, _text(part, pointer)):
                why = f"{part.origin} does not have {pattern} at {pointer}{answer.words(hide)}"
                raise SourceUnavailable(why, part=part.name)


def _text(part: PayloadPart, pointer: str) -> str:
    """What stands at a JSON pointer, as text; empty where nothing does."""
    raw = bytes(told(part, pointer, _RAW)).strip()
    if raw.startswith(b'"'):
        return told(part, pointer, _STRING)
    return "" if raw == b"null" else raw.decode("utf-8", "replace")
