"""REST source: the pages of an HTTP service, each given as it came before anything looks into it."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import unquote

import msgspec
from pydantic import ConfigDict, Field, SecretStr, field_validator

from hub_core import PayloadPart, Request, Settings, Source, SourceChanged, SourceRefused, SourceUnavailable

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    import httpx

PLACEHOLDER = re.compile(r"\{(?:period|year|first|last)\}")
SECRET_NAME = re.compile("token|key|secret|pass|pwd|sig|auth|credential|mat_?khau", re.IGNORECASE)
ENCODINGS = {"identity", "gzip", "deflate"}  # of bodies; others can swell without bound
_NODE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LINK = msgspec.json.Decoder(str | None)


class NoAuth(Settings):
    """The service is open."""

    kind: Literal["none"] = "none"


class BearerAuth(Settings):
    """A bearer token (RFC 6750), sent to the host of ``url`` only."""

    kind: Literal["bearer"]
    token: SecretStr

    @field_validator("token")
    @classmethod
    def _sendable(cls, token: SecretStr) -> SecretStr:
        text = token.get_secret_value().strip()
        if not re.fullmatch("[!-~]+", text):
            raise ValueError("a token is visible ASCII, without spaces")
        return SecretStr(text)


class OnePage(Settings):
    """The service gives all at once."""

    kind: Literal["none"] = "none"


class NextLink(Settings):
    """Each page holds the address of the next at a JSON pointer; null, empty or absent on the last."""

    kind: Literal["next_link"]
    at: str = Field(pattern=r"^(/([^~/]|~[01])*)+$")


class RestSettings(Settings):
    """``url`` may hold ``{period}``, ``{year}``, ``{first}`` and ``{last}`` after its host."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: str
    auth: Annotated[NoAuth | BearerAuth, Field(discriminator="kind")] = NoAuth()
    pages: Annotated[OnePage | NextLink, Field(discriminator="kind")] = OnePage()
    headers: dict[str, str] = Field(default={})
    timeout_seconds: float = Field(default=30, gt=0)
    part_bytes: int = Field(default=64 << 20, gt=0)
    max_parts: int = Field(default=100_000, gt=0)

    @field_validator("url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        if not re.match(r"https?://[^/?#@{}\s]+([/?#]|$)", url) or re.search(r"[{}]", PLACEHOLDER.sub("", url)):
            raise ValueError("must be http(s)://host/..., without user or password, and no unknown {placeholder}")
        return url

    @field_validator("headers")
    @classmethod
    def _printable(cls, headers: dict[str, str]) -> dict[str, str]:
        if not all(re.fullmatch("[!-9;-~]+", name) and re.fullmatch("[ -~]*", headers[name]) for name in headers):
            raise ValueError("header names and values are printable ASCII")
        return headers


class RestSource(Source):
    """Asks once for each period, or once where the URL has no placeholder, and follows the pages of each answer.

    Neither the token nor ``headers`` go to another scheme, host or port than those of ``url``.
    """

    kind = "rest"
    Settings = RestSettings
    settings: RestSettings

    def fetch(self, request: Request, cursor: str | None) -> Iterator[PayloadPart]:  # noqa: ARG002 - asked anew
        """One part for each answer, also for one that says no.

        Raises SourceUnavailable where the service cannot be reached, breaks off or fails; SourceRefused where it
        does not let the hub in or leads to a host that is not allowed; SourceChanged where it has moved or its pages
        repeat.
        """
        import httpx

        starts = [("", self.settings.url)]
        if PLACEHOLDER.search(self.settings.url):
            starts = [(f"{asked.label} ", asked.fill(self.settings.url)) for asked in request.periods]
        with self._client() as client:
            for label, start in starts:
                yield from self._pages(client, request, httpx.URL(start), label)

    def _client(self) -> httpx.Client:
        import ssl

        import httpx

        secure = self.settings.url.startswith("https:")  # an http source never turns to https: it needs no authorities
        return httpx.Client(
            headers={"Accept-Encoding": "gzip, deflate", "User-Agent": "lienthong"},
            verify=httpx.create_ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=self.settings.timeout_seconds,
            trust_env=False,
            follow_redirects=False,
        )

    def _pages(self, client: httpx.Client, request: Request, url: httpx.URL, label: str) -> Iterator[PayloadPart]:
        own, link = _origin(url), url
        links: set[httpx.URL] = set()
        checked: set[tuple[str, str, int]] = set()
        digests: set[bytes] = set()
        while len(links) < self.settings.max_parts:
            if _origin(link) not in checked:
                check_host(link, own, request)
                checked.add(_origin(link))
            links.add(link)
            headers = self._headers() if _origin(link) == own else {}
            part = yield from self._page(client, request, link, headers, f"{label}page {len(links)}")
            digests.add(sha256(part.content).digest())
            if len(digests) < len(links):
                raise SourceChanged("a page repeats the bytes of an earlier one", part=part.name)
            following = self._following(part, link)
            if following is None:
                return
            if following in links:
                raise SourceChanged(f"a page repeats: the next is said to be {_shown(following)}", part=part.name)
            link = following
        raise SourceChanged(f"there are more than {self.settings.max_parts} pages")

    def _headers(self) -> dict[str, str]:
        auth = self.settings.auth
        bearer = {"Authorization": f"Bearer {auth.token.get_secret_value()}"} if isinstance(auth, BearerAuth) else {}
        return {**self.settings.headers, **bearer}

    def _page(
        self, client: httpx.Client, request: Request, url: httpx.URL, headers: dict[str, str], name: str
    ) -> Generator[PayloadPart, None, PayloadPart]:
        """Give one answer, as far as it came; then say what is wrong with it, or return it."""
        import httpx

        blocks: list[bytes] = []
        size, limit = 0, self.settings.part_bytes
        response: httpx.Response | None = None
        broken: httpx.RequestError | None = None
        try:
            with client.stream("GET", url, headers=headers) as response:
                _check_answer(response, request)
                for block in response.iter_bytes():
                    blocks.append(block)
                    size += len(block)
                    if size > limit:
                        break
        except httpx.RequestError as error:
            broken = error
        where = _shown(url)
        if response is not None and (blocks or broken is None):
            media_type = response.headers.get("content-type", "application/octet-stream").partition(";")[0].strip()
            part = PayloadPart(b"".join(blocks), media_type, where, name)
            yield part
        if response is None or broken is not None:
            told = None if isinstance(broken, httpx.LocalProtocolError) else broken  # that one quotes our headers
            what = "did not answer" if response is None else "broke off"
            raise SourceUnavailable(f"{where} {what}: {type(broken).__name__} {told or ''}", part=name) from told
        if size > limit:
            raise SourceChanged(f"{where} gave more than {limit} bytes", part=name)
        _check_status(response, where, name)
        return part

    def _following(self, part: PayloadPart, url: httpx.URL) -> httpx.URL | None:
        """The address of the next page, without user, password and fragment; None on the last."""
        import httpx

        if not isinstance(self.settings.pages, NextLink):
            return None
        raw = part.content.removeprefix(b"\xef\xbb\xbf")
        try:
            for token in self.settings.pages.at.split("/")[1:]:
                raw = bytes(_NODE.decode(raw).get(token.replace("~1", "/").replace("~0", "~"), b"null")).strip()
                if raw == b"null":
                    return None
            link = (_LINK.decode(raw) or "").strip()
            return url.join(link).copy_with(fragment=None, userinfo=b"") if link else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, httpx.InvalidURL) as error:
            start = " ".join(part.content[:400].decode("utf-8", "replace").split())[:80]
            why = f"no link to a next page at {self.settings.pages.at} of this {part.media_type}: {start}"
            raise SourceChanged(why, part=part.name) from error


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def _shown(url: httpx.URL) -> str:
    """An address as people may see it: no user, no password, no fragment, no value of a key."""
    address = str(url.copy_with(userinfo=b"", fragment=None, query=None))
    if not url.query:
        return address
    pairs = (pair.partition("=") for pair in url.query.decode("ascii").split("&"))
    return address + "?" + "&".join(n + e + ("***" if SECRET_NAME.search(unquote(n)) else v) for n, e, v in pairs)


def check_host(url: httpx.URL, own: tuple[str, str, int], request: Request) -> None:
    """Refuse an address that the province does not allow, or that leads inside our own network."""
    import socket

    allowed = {host.lower().rstrip(".") for host in request.allowed_hosts} or {own[1].rstrip(".")}
    if url.scheme != own[0] or url.host.rstrip(".") not in allowed:
        raise SourceRefused(f"{_shown(url)} is not on an allowed host, or not by {own[0]}")
    if request.allow_loopback:
        return
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceUnavailable(f"the name {url.host} does not resolve") from error
    if any(_inside(str(address[4][0]), url.host, request) for address in found):
        raise SourceRefused(f"{url.host} is an address inside this network")


def _inside(address: str, host: str, request: Request) -> bool:
    """Whether an address is loopback, link-local (also of cloud metadata) or otherwise not public.

    A private address is taken where the province names its host: gateways stand in the government's own network.
    """
    from ipaddress import IPv4Address, IPv6Address, ip_address

    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    if host.lower().rstrip(".") in {each.lower().rstrip(".") for each in request.allowed_hosts} and any(
        ip.version == network.version and ip in network for network in _private()
    ):
        return False
    return not ip.is_global or ip.is_multicast


def _private() -> list[IPv4Network | IPv6Network]:
    """The networks that organisations give out themselves (RFC 1918, RFC 4193); not those of cloud metadata."""
    from ipaddress import ip_network

    return [ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/8")]


def _check_answer(response: httpx.Response, request: Request) -> None:
    """Refuse who answers from inside (a name may resolve anew between two questions) or packs the body oddly."""
    if not request.allow_loopback:
        peer = response.extensions["network_stream"].get_extra_info("server_addr")
        if peer and _inside(str(peer[0]), response.url.host, request):
            raise SourceRefused(f"{response.url.host} is an address inside this network")
    packed = response.headers.get("content-encoding", "identity").lower()
    if not ENCODINGS.issuperset(packed.replace(" ", "").split(",")):
        raise SourceChanged(f"{_shown(response.url)} is packed as {packed}, which was not asked for")


def _check_status(response: httpx.Response, where: str, name: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in {408, 429} or response.is_server_error:
        raise SourceUnavailable(f"{where} answered {status}", part=name)
    if status in {404, 410}:
        raise SourceChanged(f"{where} is no longer there ({status})", part=name)
    if response.is_client_error:
        raise SourceRefused(f"{where} answered {status}", part=name)
    target = re.sub(r"(?<=//)[^/]*@|[?#].*", "", response.headers.get("location", "somewhere"))
    raise SourceChanged(f"{where} has moved to {target} ({status})", part=name)
