"""Connections for httpx that lead only where they may, and that end in time.

httpx limits each read and not all of them together: a byte a second, in headers or in a body, would
go on for ever.
"""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore
import httpx

Addresses = Callable[[str, int], list[str]]
SocketOptions = Iterable[httpcore.SOCKET_OPTION]

_WRITE_BYTES = 1 << 16
_READ_BYTES = 1 << 20  # bytes: httpcore asks for so few that most of the time would go into asking


class Backend(httpcore.NetworkBackend):
    """A network that connects only to the addresses that ``addresses`` gives for a host.

    ``deadline`` is the moment of ``time.monotonic`` at which the exchange under way must have
    ended.
    """

    def __init__(self, addresses: Addresses) -> None:
        self.deadline = math.inf
        self._addresses = addresses
        self._plain = httpcore.SyncBackend()

    def seconds_left(self, timeout: float | None) -> float | None:
        """Return the seconds for the next step, ``timeout`` at most.

        Raises httpcore.ReadTimeout where there are none.
        """
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise httpcore.ReadTimeout("it took too long as a whole")
        if remaining == math.inf:
            return timeout
        return remaining if timeout is None else min(remaining, timeout)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers.

        What ``addresses`` gives is what is connected to: the name is not resolved again.
        """
        try:
            addresses = self._addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        last_error: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(
                    address, port, self.seconds_left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last_error = error
            else:
                return _Connection(stream, self)
        raise last_error


class _Connection(httpcore.NetworkStream):
    """A connection in which each step gets the time that its backend has left."""

    def __init__(self, stream: httpcore.NetworkStream, backend: Backend) -> None:
        self._stream, self._backend = stream, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max(max_bytes, _READ_BYTES), self._backend.seconds_left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._stream.write(
                buffer[start : start + _WRITE_BYTES], self._backend.seconds_left(timeout)
            )

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        encrypted = self._stream.start_tls(
            ssl_context, server_hostname, self._backend.seconds_left(timeout)
        )
        return _Connection(encrypted, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Transport(httpx.BaseTransport):
    """The transport of httpx: HTTP/1.1 over the connections of a backend.

    Its errors are those of httpcore.
    """

    def __init__(self, backend: Backend, context: ssl.SSLContext | None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, keepalive_expiry=30, network_backend=backend
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over the pool and return its answer, whose body is a stream."""
        url = request.url
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        content = request.stream if isinstance(request.stream, httpx.SyncByteStream) else None
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                target,
                headers=request.headers.raw,
                content=content,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
