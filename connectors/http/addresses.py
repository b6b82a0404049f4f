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
    """Scheme, host and port."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def shown(url: httpx.URL) -> str:
    """An address as people may see it: no user, no password, no fragment, no value of a key."""
    address = str(url.copy_with(userinfo=b"", fragment=None, query=None))
    if not url.query:
        return address
    pairs = (pair.partition("=") for pair in url.query.decode("ascii").split("&"))
    return (
        address
        + "?"
        + "&".join(n + e + ("***" if _SECRET_NAME.search(unquote(n)) else v) for n, e, v in pairs)
    )


def check_host(url: httpx.URL, own: Origin, request: Request) -> None:
    """Raise SourceRefused where the province does not allow a host, or the scheme is not the one meant."""
    allowed = {_bare(host) for host in request.allowed_hosts} or {_bare(own[1])}
    if url.scheme != own[0] or _bare(url.raw_host.decode("ascii")) not in allowed:
        raise SourceRefused(f"{shown(url)} is not on an allowed host, or not by {own[0]}")


def open_addresses(host: str, port: int, request: Request) -> list[str]:
    """The addresses of a host.

    Raises SourceRefused where one lies inside our own network, OSError for no address.
    """
    if request.allow_loopback:
        return [host]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OSError(f"the name {host} does not resolve") from error
    addresses = [str(each[4][0]) for each in found]
    if any(_inside(address, host, request) for address in addresses):
        raise SourceRefused(f"{host} is an address inside this network")
    return addresses


def _bare(host: str) -> str:
    """A host as it is resolved: in ASCII, also where its name is Vietnamese."""
    import httpx

    return httpx.URL(scheme="http", host=host).raw_host.decode("ascii").lower().rstrip(".")


def _inside(address: str, host: str, request: Request) -> bool:
    """Whether an address is loopback, link-local (also of cloud metadata) or otherwise not public.

    A private address is taken where the province names its host: gateways stand in the government's
    own network.
    """
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    named = _bare(host) in {_bare(each) for each in request.allowed_hosts}
    if named and any(ip.version == network.version and ip in network for network in _PRIVATE):
        return False
    return not ip.is_global or ip.is_multicast
