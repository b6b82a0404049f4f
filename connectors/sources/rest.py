"""The REST source: the pages of an HTTP service, each given as it came, before it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from pydantic import ConfigDict, Field, field_validator, model_validator

from connectors.http.addresses import check_host, open_addresses, origin, redacted_url
from connectors.http.auth import AnyAuth, Auth, ClientCertificate, ClientCredentials, NoAuth
from connectors.http.paging import AnyPaging, OnePage, Pointer, value_at
from hub_core import PayloadPart, Request, Settings, Source, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    import httpx

    from connectors.http.answers import Answer
    from connectors.http.client import HttpClient
    from connectors.http.token import Token

PLACEHOLDER = re.compile(r"\{(?:period|year|first|last)\}")
_TOKEN_BYTES = 1 << 20
# of a header's value that may be a secret; striking shorter ones out would spoil a message
_SHORTEST_SECRET = 8
_RAW, _STRING = msgspec.json.Decoder(msgspec.Raw), msgspec.json.Decoder(str)


class RestSettings(Settings):
    """``url`` may hold ``{period}``, ``{year}``, ``{first}`` and ``{last}`` after its host.

    ``expect``: by JSON pointer, the regular expression that each page's value there must hold.
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
    """Asks once for each period, or once where the URL has no placeholder; follows the pages.

    Neither ``auth`` nor ``headers`` go to another scheme, host or port than those of ``url``.
    """

    kind = "rest"
    Settings = RestSettings
    settings: RestSettings

    def fetch(self, request: Request, cursor: str | None) -> Iterator[PayloadPart]:  # noqa: ARG002 - asked anew
        """Yield one part for each answer, also for one that says no.

        Of a question that was asked again, the last answer. Raises SourceUnavailable where the
        service cannot be reached, breaks off or fails; SourceRefused where it does not let the hub
        in or leads to a host that is not allowed; SourceChanged where it has moved, its pages
        repeat or are not what was expected.
        """
        import httpx

        first_urls = [("", self.settings.url)]
        if PLACEHOLDER.search(self.settings.url):
            first_urls = [
                (f"{period.label} ", period.fill(self.settings.url)) for period in request.periods
            ]
        with ExitStack() as clients:
            client, access = self._connect(request, clients)
            for label, first_url in first_urls:
                yield from _Walker(self.settings, request, client, access).pages(
                    httpx.URL(first_url), label
                )

    def _connect(self, request: Request, clients: ExitStack) -> tuple[HttpClient, Auth | Token]:
        """Return the client for the service, and what tells it who asks.

        Tokens are asked for over a client of their own, without pace.
        """
        import httpx

        from connectors.http.client import HttpClient, Limits
        from connectors.http.token import Token

        settings, auth = self.settings, self.settings.auth
        needs_tls = settings.url.startswith("https:") or isinstance(auth, ClientCredentials)
        context = httpx.create_ssl_context() if needs_tls else None  # it takes 20 ms
        if context is not None and isinstance(auth, ClientCertificate):
            auth.load_into(context)
        limits = Limits(
            read_seconds=settings.timeout_seconds,
            total_seconds=settings.page_seconds,
            max_bytes=settings.part_bytes,
            retries=settings.retries,
            retry_seconds=settings.retry_seconds,
        )

        def open_client(limits: Limits) -> HttpClient:
            return clients.enter_context(
                HttpClient(limits, lambda host, port: open_addresses(host, port, request), context)
            )

        data_client = open_client(replace(limits, per_minute=settings.per_minute))
        if not isinstance(auth, ClientCredentials):
            return data_client, auth
        url = httpx.URL(auth.token_url)
        # https or not: see the settings
        check_host(url, (url.scheme, httpx.URL(settings.url).host, 0), request)
        return data_client, Token(auth, open_client(replace(limits, max_bytes=_TOKEN_BYTES)))


class _Walker:
    """A walk through the pages of one answer of a service."""

    def __init__(
        self, settings: RestSettings, request: Request, client: HttpClient, access: Auth | Token
    ) -> None:
        self._settings, self._request = settings, request
        self._client, self._access = client, access

    def pages(self, first_url: httpx.URL, label: str) -> Iterator[PayloadPart]:
        """Yield each page as it came, then raise what is wrong with it.

        Raises SourceChanged where a page repeats, or where there are more than ``max_parts``.
        """
        own_origin, max_parts = origin(first_url), self._settings.max_parts
        walk = self._settings.pages.walk(first_url)
        link = next(walk)
        asked_links: set[httpx.URL] = set()
        digests: set[str] = set()
        while True:
            if origin(link) != own_origin or not asked_links:
                check_host(link, own_origin, self._request)
            asked_links.add(link)
            question = f"GET {link}"
            answer = self._answer(link, origin(link) == own_origin, question)
            part = self._part(answer, link, f"{label}page {len(asked_links)}", question)
            digests.add(part.digest)
            if answer.status is not None and (answer.content or answer.broken is None):
                yield part
            self._check(answer, part)
            if len(digests) < len(asked_links):
                raise SourceChanged("a page repeats the bytes of an earlier one", part=part.name)
            try:
                link = walk.send(part)
            except StopIteration:
                return
            if link in asked_links:
                raise SourceChanged(
                    f"a page repeats: the next is said to be {redacted_url(link)}", part=part.name
                )
            if len(asked_links) >= max_parts:
                raise SourceChanged(
                    f"there are more than {max_parts} pages (max_parts)", part=part.name
                )

    def _part(self, answer: Answer, link: httpx.URL, name: str, question: str) -> PayloadPart:
        from connectors.http.validators import validators

        etag, date = validators(answer) if self._settings.validators else (None, None)
        return PayloadPart(
            content=answer.content,
            media_type=answer.media_type,
            origin=redacted_url(link),
            name=name,
            question=question,
            etag=etag,
            last_modified=date,
        )

    def _answer(self, url: httpx.URL, is_own_origin: bool, question: str) -> Answer:
        """Return the answer of one page.

        It is the earlier one where the service says that it is unchanged. The service is not taken
        at its word where the bytes of the earlier one are gone, or where it speaks of others: then
        the page is asked for without a condition.
        """
        from connectors.http.validators import (
            cached_answer,
            conditional_headers,
            confirms_unchanged,
        )

        # where a page ends or goes on is in its bytes
        exact = not isinstance(self._settings.pages, OnePage)
        cached = self._request.cached(question) if self._settings.validators else None
        condition = conditional_headers(cached, exact=exact)
        answer = self._ask(url, is_own_origin, condition)
        if (
            cached is None
            or not condition
            or answer.status != 304
            or answer.broken
            or answer.defect
        ):
            return answer
        part = cached.part() if confirms_unchanged(answer, condition, exact=exact) else None
        return (
            self._ask(url, is_own_origin, {})
            if part is None
            else cached_answer(answer, cached, part)
        )

    def _ask(self, url: httpx.URL, is_own_origin: bool, condition: dict[str, str]) -> Answer:
        """Return the answer to one question.

        It is asked once more, with a new token, where the service no longer takes the one it was
        given.
        """

        def headers() -> dict[str, str]:
            return (
                {**self._settings.headers, **self._access.headers(), **condition}
                if is_own_origin
                else condition
            )

        answer = self._client.ask("GET", url, headers)
        if answer.status == 401 and is_own_origin and self._access.renew():
            answer = self._client.ask("GET", url, headers)
        return answer

    def _check(self, answer: Answer, part: PayloadPart) -> None:
        """Raise what is wrong with an answer, also a failure that comes in the body of a 200."""
        from connectors.http.answers import answer_error

        secrets = [
            *self._access.hidden(),
            *(text for text in self._settings.headers.values() if len(text) >= _SHORTEST_SECRET),
        ]
        failure = answer_error(answer, secrets)
        if failure is not None:
            raise failure.located(part=part.name)
        for pointer, pattern in self._settings.expect.items():
            if not re.search(pattern, _text(part, pointer)):
                why = f"{part.origin} does not have {pattern} at {pointer}{answer.excerpt(secrets)}"
                raise SourceUnavailable(why, part=part.name)


def _text(part: PayloadPart, pointer: str) -> str:
    """Return the value at a JSON pointer as text; empty where nothing is there."""
    raw = bytes(value_at(part, pointer, _RAW)).strip()
    if raw.startswith(b'"'):
        return value_at(part, pointer, _STRING)
    return "" if raw == b"null" else raw.decode("utf-8", "replace")
