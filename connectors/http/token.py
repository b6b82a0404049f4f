"""An access token of OAuth2 client credentials: asked for once, renewed a little before it ends."""

from __future__ import annotations

import math
import time
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec

from connectors.http.addresses import shown
from connectors.http.answers import trouble
from connectors.http.auth import ClientCredentials, packed
from connectors.http.client import HttpClient
from hub_core import SourceChanged

# seconds before its end, a tenth of its life at most: some gateways hand out what is left of one
_EARLY = 30.0


class _Granted(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a kind, no token
    expires_in: float | None = None


_ANSWER = msgspec.json.Decoder(_Granted, strict=False)


class Token:
    """The token that a gateway gives, for as many questions as it lasts."""

    def __init__(self, auth: ClientCredentials, line: HttpClient) -> None:
        self._auth, self._line = auth, line
        self._token = ""
        self._until = -math.inf

    def headers(self) -> dict[str, str]:
        """The header that carries the token, renewed where its time is over."""
        if time.monotonic() >= self._until:
            self._ask()
        return {"Authorization": f"Bearer {self._token}"}

    def hidden(self) -> list[str]:
        """The secrets, in every form in which they are sent."""
        return [self._token, self._basic(), *self._auth.hidden()]

    def renew(self) -> bool:
        """Give the token up: the service did not take it, and the next one may do."""
        self._until = -math.inf
        return True

    def _ask(self) -> None:
        """Ask for a token (``POST``, a form, id and secret by basic: RFC 6749, sections 2.3.1 and 4.4.2).

        Raises SourceUnavailable, SourceRefused where id and secret are not taken, SourceChanged
        where no bearer token comes.
        """
        form = {"grant_type": "client_credentials"} | (
            {"scope": self._auth.scope} if self._auth.scope else {}
        )
        headers = {
            "Authorization": f"Basic {self._basic()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        url = httpx.URL(self._auth.token_url)
        asked = time.monotonic()
        answer = self._line.ask("POST", url, lambda: headers, urlencode(form).encode("ascii"))
        wrong = trouble(answer, self.hidden())
        if wrong is not None:
            raise wrong
        try:
            granted = _ANSWER.decode(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceChanged(f"{shown(url)} gave no token, but {answer.media_type}") from error
        token = granted.access_token
        if (
            granted.token_type.lower() != "bearer"
            or not token
            or not all("!" <= letter <= "~" for letter in token)
        ):
            raise SourceChanged(f"{shown(url)} gave no bearer token")
        lasts = math.inf if granted.expires_in is None else granted.expires_in
        self._token, self._until = token, asked + lasts - min(_EARLY, lasts / 10)

    def _basic(self) -> str:
        return packed(
            quote_plus(self._auth.id.get_secret_value()),
            quote_plus(self._auth.secret.get_secret_value()),
        )
