"""A recipient's REST service: a delivery is put at its own address, and may be asked for there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from hub_core import DeliveryRefused, DeliveryUnavailable, Receipt, Settings, Sink

if TYPE_CHECKING:
    import httpx

_TAKEN = (200, 201, 202)
_LATER = (408, 425, 429)  # Request Timeout, Too Early, Too Many Requests: the same again may do
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LARGEST = 16 * 1024 * 1024  # a receipt that rejects every figure of a release is well below this
_SHOWN = 300
_SHORTEST = 8  # shorter ones guard nothing, and striking them out of an answer would spoil it


class NoAuth(Settings):
    """The recipient asks for no credentials."""

    kind: Literal["none"] = "none"


class BearerAuth(Settings):
    """A bearer token (RFC 6750)."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Literal["bearer"]
    token: SecretStr

    @field_validator("token")
    @classmethod
    def _sendable(cls, token: SecretStr) -> SecretStr:
        text = token.get_secret_value()
        if len(text) < _SHORTEST or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(f"a bearer token is at least {_SHORTEST} printable ASCII characters, without spaces")
        return token


class RestSettings(Settings):
    """``url`` is the base under which each delivery has its address."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: str
    auth: Annotated[NoAuth | BearerAuth, Field(discriminator="kind")] = NoAuth()
    timeout_seconds: float = Field(default=30, gt=0)

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the url must begin with https:// (or http://) and a host")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("the url may hold no user, query or fragment")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _covered(self) -> RestSettings:
        parts = urlsplit(self.url)
        if isinstance(self.auth, BearerAuth) and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("a token is sent over https only")
        return self


class RestSink(Sink):
    """``PUT {url}/{delivery}`` with an idempotency key; ``GET`` at the same address asks *do you have it?*."""

    kind = "rest"
    Settings = RestSettings
    settings: RestSettings
    idempotent = True
    askable = True

    def send(self, delivery: str, content: bytes, media_type: str) -> Receipt:
        """The receipt, also one that rejects.

        Raises DeliveryUnavailable where the effect is in doubt, DeliveryRefused where there is none.
        """
        headers = {"Content-Type": media_type, "Idempotency-Key": delivery}
        return self._judged(delivery, *self._exchange("PUT", delivery, headers, content))

    def ask(self, delivery: str) -> Receipt | None:
        """The receipt that the recipient has for a delivery; None where it does not know it (404).

        Raises DeliveryUnavailable or DeliveryRefused, as sending does.
        """
        status, text = self._exchange("GET", delivery, {}, None)
        return None if status == 404 else self._judged(delivery, status, text)

    def _judged(self, delivery: str, status: int, text: str) -> Receipt:
        told = f"{self._host} answered {status}{_shown(text)}"
        if status in (401, 403):
            raise DeliveryRefused(f"{told}; it does not take the hub's credentials")
        if 300 <= status < 400:
            raise DeliveryUnavailable(f"{self._host} answered {status}, a redirect, which is not followed")
        if status in _LATER or status >= 500:
            raise DeliveryUnavailable(told)
        refused = 400 <= status < 500
        receipt = _receipt(text)
        if refused and receipt is None:
            raise DeliveryRefused(told)
        if receipt and receipt.delivery == delivery and (status in _TAKEN or (refused and receipt.state == "rejected")):
            return receipt
        raise DeliveryUnavailable(f"{told}; the answer could not be understood, so the effect is in doubt")

    def _exchange(self, method: str, delivery: str, headers: dict[str, str], content: bytes | None) -> tuple[int, str]:
        """The answer's status and text, with the token struck out should the recipient repeat it."""
        import httpx

        limit = self.settings.timeout_seconds
        url, headers = f"{self.settings.url}/{delivery}", headers | {"Accept": "application/json"} | self._credentials
        with (
            _told(self._host),
            httpx.Client(trust_env=False, follow_redirects=False, timeout=limit) as client,
            client.stream(method, url, headers=headers, content=content) as answer,
        ):
            text = _read(answer, until=time.monotonic() + limit).decode("utf-8", "replace")
            return answer.status_code, text.replace(self._token, "***") if self._token else text

    @property
    def _token(self) -> str:
        auth = self.settings.auth
        return auth.token.get_secret_value() if isinstance(auth, BearerAuth) else ""

    @property
    def _credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    @property
    def _host(self) -> str:
        return urlsplit(self.settings.url).netloc


@contextmanager
def _told(host: str) -> Iterator[None]:
    """What the HTTP client raises, in our words."""
    import httpx

    try:
        yield
    except httpx.TimeoutException as error:
        raise DeliveryUnavailable(f"{host} did not answer in time; the effect is in doubt") from error
    except httpx.HTTPError as error:
        raise DeliveryUnavailable(f"{host}: no answer ({type(error).__name__}); the effect is in doubt") from error


def _read(answer: httpx.Response, until: float) -> bytes:
    """The body, unless it is larger or slower than a receipt can be."""
    import httpx

    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > _LARGEST:
            raise httpx.DecodingError("larger than any receipt", request=answer.request)
        if time.monotonic() > until:
            raise httpx.ReadTimeout("slower than any receipt", request=answer.request)
    return bytes(body)


def _receipt(text: str) -> Receipt | None:
    """The receipt that a text is, or None where it is none."""
    try:
        return Receipt.model_validate_json(text)
    except ValidationError:
        return None


def _shown(text: str) -> str:
    """The beginning of an answer, on one line."""
    line = " ".join(text.split())
    return f": {line[:_SHOWN]}" if line else ""
