"""The settings by which a service is told who asks, and what each kind adds to a question."""

from __future__ import annotations

import base64
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StringConstraints

from hub_core import Settings, SourceRefused

if TYPE_CHECKING:
    import ssl

_PEM_BYTES = 32 << 10  # a chain and its key are below 10 kB; a pipe holds 64 kB


def _sendable(secret: SecretStr) -> SecretStr:
    """Return a secret as a header can carry it, without the line end that a file gave it.

    Raises ValueError where it is empty or not visible ASCII.
    """
    text = secret.get_secret_value().strip()
    if not text or not all("!" <= letter <= "~" for letter in text):
        raise ValueError("must be visible ASCII, without spaces")
    return SecretStr(text)


def _one_line(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip("\r\n")
    if not text or not text.isprintable():
        raise ValueError("must be one printable line")
    return SecretStr(text)


def _without_colon(user: SecretStr) -> SecretStr:
    if ":" in user.get_secret_value():
        raise ValueError("may hold no colon")
    return user


Sendable = Annotated[SecretStr, AfterValidator(_sendable)]
OneLine = Annotated[SecretStr, AfterValidator(_one_line)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
Pem = Annotated[SecretStr, Field(max_length=_PEM_BYTES)]


class Auth(Settings):
    """What every kind has: the headers that it adds, and the texts that no message may hold."""

    model_config = ConfigDict(hide_input_in_errors=True)

    def headers(self) -> dict[str, str]:
        """Return the headers that tell who asks."""
        return {}

    def hidden(self) -> list[str]:
        """List the secrets, in every form in which they are sent."""
        return []

    def renew(self) -> bool:
        """Tell whether there will be other headers, where a service did not take these."""
        return False


class NoAuth(Auth):
    """The service is open."""

    kind: Literal["none"] = "none"


class BearerAuth(Auth):
    """A bearer token (RFC 6750)."""

    kind: Literal["bearer"]
    token: Sendable

    def headers(self) -> dict[str, str]:
        """Return the header that signs a request in."""
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"}

    def hidden(self) -> list[str]:
        """List the texts that must be kept out of all that is written."""
        return [self.token.get_secret_value()]


class BasicAuth(Auth):
    """User and password (RFC 7617), in UTF-8."""

    kind: Literal["basic"]
    user: Annotated[OneLine, AfterValidator(_without_colon)]
    password: OneLine

    def headers(self) -> dict[str, str]:
        """Return the header that signs a request in."""
        return {"Authorization": f"Basic {self._credentials()}"}

    def hidden(self) -> list[str]:
        """List the texts that must be kept out of all that is written."""
        return [self._credentials(), self.password.get_secret_value()]

    def _credentials(self) -> str:
        return basic_credentials(self.user.get_secret_value(), self.password.get_secret_value())


class ApiKey(Auth):
    """A key in a header of the service's own choice."""

    kind: Literal["api_key"]
    header: HeaderName = "apikey"
    key: Sendable

    def headers(self) -> dict[str, str]:
        """Return the header that signs a request in."""
        return {self.header: self.key.get_secret_value()}

    def hidden(self) -> list[str]:
        """List the texts that must be kept out of all that is written."""
        return [self.key.get_secret_value()]


class ClientCertificate(Auth):
    """A certificate with its chain, and its key without a password, both PEM."""

    kind: Literal["client_certificate"]
    certificate: Pem
    key: Pem

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load the certificate and its key into a TLS context.

        Raises SourceRefused where the two do not fit. OpenSSL reads files only: it is given pipes,
        so that a key never lies on a disk.
        """
        with ExitStack() as pipes:
            certificate, key = (
                _pipe_holding(secret.get_secret_value(), pipes)
                for secret in (self.certificate, self.key)
            )
            try:
                context.load_cert_chain(certificate, key, password=lambda: "")
            except OSError as error:
                raise SourceRefused(
                    "auth: certificate and key cannot be used together, or are no PEM"
                ) from error


class ClientCredentials(Auth):
    """OAuth2 client credentials (RFC 6749, section 4.4), as a WSO2 gateway takes them.

    Id and secret are sent by the basic scheme.
    """

    kind: Literal["oauth2_client_credentials"]
    token_url: Annotated[str, StringConstraints(pattern=r"^https?://[^/?#@{}\s]+(/[^#{}\s]*)?$")]
    id: OneLine
    secret: OneLine
    scope: Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$")] | None = (
        None
    )

    def hidden(self) -> list[str]:
        """List the texts that must be kept out of all that is written."""
        return [self.secret.get_secret_value()]


AnyAuth = Annotated[
    NoAuth | BearerAuth | BasicAuth | ApiKey | ClientCertificate | ClientCredentials,
    Field(discriminator="kind"),
]


def basic_credentials(user: str, password: str) -> str:
    """Return user and password as the basic scheme sends them."""
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _pipe_holding(text: str, pipes: ExitStack) -> str:
    """Write a text into a pipe and return the path at which it can be read.

    ``pipes`` closes the pipe.
    """
    reading_end, writing_end = os.pipe()
    pipes.callback(os.close, reading_end)
    with os.fdopen(writing_end, "w", encoding="utf-8") as file:
        file.write(text)
    return f"/dev/fd/{reading_end}"
