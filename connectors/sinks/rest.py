"""A recipient's REST service: a delivery is put at its own address, and may be asked for there."""

from __future__ import annotations

from os import SEEK_END
from typing import TYPE_CHECKING, Annotated, BinaryIO
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from connectors.http.auth import BearerAuth, NoAuth
from hub_core import DeliveryRefused, DeliveryUnavailable, Receipt, Settings, Sink

if TYPE_CHECKING:
    from connectors.http.answers import Answer

_ACCEPTED = (200, 201, 202)
_RETRYABLE = (408, 425, 429)  # Request Timeout, Too Early, Too Many Requests: the same again may do
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# a receipt that rejects every figure of a release is well below this
_ANSWER_BYTES = 16 * 1024 * 1024
_SLOWEST_SENDING = 64 * 1024  # bytes a second at which a release is sent at least
# shorter ones guard nothing, and striking them out of an answer would spoil it
_SHORTEST_SECRET = 8


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
        if (
            isinstance(self.auth, BearerAuth)
            and parts.scheme == "http"
            and parts.hostname not in _LOOPBACK
        ):
            raise ValueError("a token is sent over https only")
        if any(len(secret) < _SHORTEST_SECRET for secret in self.auth.hidden()):
            raise ValueError(f"a token has at least {_SHORTEST_SECRET} characters")
        return self


class RestSink(Sink):
    """Sends ``PUT {url}/{delivery}`` with an idempotency key.

    ``GET`` at the same address asks *do you have it?*.
    """

    kind = "rest"
    Settings = RestSettings
    settings: RestSettings
    idempotent = True
    askable = True

    def send(self, delivery: str, file: BinaryIO, media_type: str) -> Receipt:
        """Send a delivery; return the recipient's receipt, also one that rejects it.

        Raises DeliveryUnavailable where the effect is in doubt, DeliveryRefused where there is
        none.
        """
        headers = {"Content-Type": media_type, "Idempotency-Key": delivery}
        return self._receipt_from(delivery, self._exchange("PUT", delivery, headers, file))

    def ask(self, delivery: str) -> Receipt | None:
        """Return the receipt that the recipient has for a delivery; None where it knows none (404).

        Raises DeliveryUnavailable or DeliveryRefused, as sending does.
        """
        answer = self._exchange("GET", delivery, {}, None)
        return None if answer.status == 404 else self._receipt_from(delivery, answer)

    def _receipt_from(self, delivery: str, answer: Answer) -> Receipt:
        status = answer.status or 0
        answered = f"{self._host} answered {status}{answer.excerpt(self.settings.auth.hidden())}"
        if status in (401, 403):
            raise DeliveryRefused(f"{answered}; it does not take the hub's credentials")
        if 300 <= status < 400:
            raise DeliveryUnavailable(
                f"{self._host} answered {status}, a redirect, which is not followed"
            )
        if status in _RETRYABLE or status >= 500:
            raise DeliveryUnavailable(answered)
        is_refusal = 400 <= status < 500
        receipt = _parsed_receipt(answer.text(self.settings.auth.hidden()))
        if is_refusal and receipt is None:
            raise DeliveryRefused(answered)
        if (
            receipt
            and receipt.delivery == delivery
            and (status in _ACCEPTED or (is_refusal and receipt.state == "rejected"))
        ):
            return receipt
        raise DeliveryUnavailable(
            f"{answered}; the answer could not be understood, so the effect is in doubt"
        )

    def _exchange(
        self, method: str, delivery: str, headers: dict[str, str], file: BinaryIO | None
    ) -> Answer:
        """Send one request and return the whole answer.

        Raises DeliveryUnavailable where none came.
        """
        import httpcore
        import httpx

        from connectors.http.client import HttpClient, Limits

        seconds = self.settings.timeout_seconds
        limits = Limits(
            read_seconds=seconds,
            total_seconds=seconds + (file.seek(0, SEEK_END) if file else 0) / _SLOWEST_SENDING,
            max_bytes=_ANSWER_BYTES,
        )
        context = httpx.create_ssl_context() if self.settings.url.startswith("https:") else None
        headers |= {"Accept": "application/json"} | self.settings.auth.headers()
        with HttpClient(limits, lambda host, _: [host], context) as client:
            answer = client.ask(
                method, httpx.URL(f"{self.settings.url}/{delivery}"), lambda: headers, file
            )
        if isinstance(answer.broken, httpcore.TimeoutException):
            raise DeliveryUnavailable(
                f"{self._host} did not answer in time; the effect is in doubt"
            ) from answer.broken
        if answer.broken is not None:
            why = type(answer.broken).__name__
            raise DeliveryUnavailable(
                f"{self._host}: no answer ({why}); the effect is in doubt"
            ) from answer.broken
        if answer.defect:
            raise DeliveryUnavailable(
                f"{self._host}: an answer that {answer.defect}; the effect is in doubt"
            )
        return answer

    @property
    def _host(self) -> str:
        return urlsplit(self.settings.url).netloc


def _parsed_receipt(text: str) -> Receipt | None:
    """Parse a text as a receipt; return None where it is none."""
    try:
        return Receipt.model_validate_json(text)
    except ValidationError:
        return None
