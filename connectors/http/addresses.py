"""Addresses of services: how people may see them, and which of them a source may ask."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hub_core import Request, SourceRefused

if TYPE_CHECKING:
    import httpx

Origin = tuple[str, str, int]

_SECRET_NAME = re.compile("token|key|secret|pass|pwd|sig|auth|credential|mat_?khau", re.IGNORECASE)

# What organisations give out themselves (RFC 1918, RFC 4193); addresses of cloud metadata are not
# among them.
_PRIVATE = [
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/8")
]


def origin(url: httpx.URL) -> Origin:
    """Return the scheme, host and port of an address."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def redacted_url(url: httpx.URL) -> str:
    """Return an address as people may see it.

    It has no user, password or fragment, and no value of a key or other secret.
    """
    address = str(url.copy_with(userinfo=b"", fragment=None, query=None))
    if not url.query:
        return address
    pairs = (pair.partition("=") for pair in url.query.decode("ascii").split("&"))
    return (
        address
        + "?"
        + "&".join(
            name + equals + ("***" if _SECRET_NAME.search(unquote(name)) else value)
            for name, equals, value in pairs
        )
    )


def check_host(url: httpx.URL, own: Origin, request: Request) -> None:
    """Raise SourceRefused where the province does not allow a host, or the scheme is another.

    ``own`` is the origin of the service's own address: its scheme is the one that is meant, and
    where the province names no host, its host is the only one allowed.
    """
    allowed = {_ascii_host(host) for host in request.allowed_hosts} or {_ascii_host(own[1])}
    if url.scheme != own[0] or _ascii_host(url.raw_host.decode("ascii")) not in allowed:
        raise SourceRefused(f"{redacted_url(url)} is not on an allowed host, or not by {own[0]}")


def open_addresses(host: str, port: int, request: Request) -> list[str]:
    """Resolve a host to the addresses that may be connected to.

    Raises SourceRefused where one lies inside our own network, OSError where there is no address.
    """
    if request.allow_loopback:
        return [host]
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OSError(f"the name {host} does not resolve") from error
    addresses = [str(entry[4][0]) for entry in entries]
    if any(_is_internal(address, host, request) for address in addresses):
        raise SourceRefused(f"{host} is an address inside this network")
    return addresses


def _ascii_host(host: str) -> str:
    """Return a host as it is resolved: in ASCII, also where its name is Vietnamese."""
    import httpx

    return httpx.URL(scheme="http", host=host).raw_host.decode("ascii").lower().rstrip(".")


def _is_internal(address: str, host: str, request: Request) -> bool:
    """Tell whether an address is loopback, link-local or otherwise not public.

    Link-local ones include those of cloud metadata. A private address is taken where the province
    names its host: gateways stand in the government's own network.
    """
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    is_named_host = _ascii_host(host) in {_ascii_host(allowed) for allowed in request.allowed_hosts}
    if is_named_host and any(
        ip.version == network.version and ip in network for network in _PRIVATE
    ):
        return False
    return not ip.is_global or ip.is_multicast
