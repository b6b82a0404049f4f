"""An access token of OAuth2 client credentials, asked for once and renewed before it ends."""

from __future__ import annotations

import math
import time
from io import BytesIO
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec

from connectors.http.addresses import redacted_url
from connectors.http.answers import answer_error
from connectors.http.auth import ClientCredentials, basic_credentials
from connectors.http.client import HttpClient
from hub_core import SourceChanged

# seconds before its end, a tenth of its life at most: some gateways hand out what is left of one
_EARLY_SECONDS = 30.0


class _Granted(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a kind, no token
    expires_in: float | None = None


_ANSWER = msgspec.json.Decoder(_Granted, strict=False)


class Token:
    """The token that a gateway gives, for as many questions as it lasts."""

    def __init__(self, auth: ClientCredentials, client: HttpClient) -> None:
        self._auth, self._client = auth, client
        self._token = ""
        self._renew_at = -math.inf

    def headers(self) -> dict[str, str]:
        """Return the header that carries the token, renewed where its time is over."""
        if time.monotonic() >= self._renew_at:
            self._fetch()
        return {"Authorization": f"Bearer {self._token}"}

    def hidden(self) -> list[str]:
        """List the secrets, in every form in which they are sent."""
        return [self._token, self._basic_credentials(), *self._auth.hidden()]

    def renew(self) -> bool:
        """Give the token up: the service did not take it, and may take the next one."""
        self._renew_at = -math.inf
        return True

    def _fetch(self) -> None:
        """Ask the gateway for a token.

        The question is a ``POST`` of a form, with id and secret by basic (RFC 6749, sections 2.3.1
        and 4.4.2). Raises SourceUnavailable, SourceRefused where id and secret are not taken,
        SourceChanged where no bearer token comes.
        """
        form = {"grant_type": "client_credentials"} | (
            {"scope": self._auth.scope} if self._auth.scope else {}
        )
        headers = {
            "Authorization": f"Basic {self._basic_credentials()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        url = httpx.URL(self._auth.token_url)
        asked_at = time.monotonic()
        content = BytesIO(urlencode(form).encode("ascii"))
        answer = self._client.ask("POST", url, lambda: headers, content)
        failure = answer_error(answer, self.hidden())
        if failure is not None:
            raise failure
        try:
            granted = _ANSWER.decode(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceChanged(
                f"{redacted_url(url)} gave no token, but {answer.media_type}"
            ) from error
        token = granted.access_token
        if (
            granted.token_type.lower() != "bearer"
            or not token
            or not all("!" <= letter <= "~" for letter in token)
        ):
            raise SourceChanged(f"{redacted_url(url)} gave no bearer token")
        lifetime = math.inf if granted.expires_in is None else granted.expires_in
        self._token = token
        self._renew_at = asked_at + lifetime - min(_EARLY_SECONDS, lifetime / 10)

    def _basic_credentials(self) -> str:
        return basic_credentials(
            quote_plus(self._auth.id.get_secret_value()),
            quote_plus(self._auth.secret.get_secret_value()),
        )
