"""A line to HTTP services.

Bounded in bytes and time, paced, and asking again where that may help.
"""

from __future__ import annotations

import io
import random
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType

import httpcore
import httpx

from connectors.http.answers import Answer
from connectors.http.network import Addresses, Backend, Transport

Headers = Callable[[], dict[str, str]]

_BREAKS = (
    httpx.RequestError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
)
_PIECE = 1 << 20  # unpacked at once
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one answer may take: seconds for a read, seconds as a whole, bytes unpacked.

    A question is asked again ``retries`` times; failed answers and the waiting after them take
    ``retry_seconds`` at most, all questions of a line together.
    """

    read_seconds: float
    whole_seconds: float
    size: int
    retries: int = 0
    retry_seconds: float = 0
    per_minute: float | None = None


class HttpClient:
    """Asks one question after another.

    Never follows a redirect, never uses a proxy of the environment.
    """

    def __init__(
        self, limits: Limits, addresses: Addresses, context: ssl.SSLContext | None = None
    ) -> None:
        """``addresses``: those of a host that may be asked; ``context``.

        For https, httpcore's own if None.
        """
        self._limits = limits
        self._backend = Backend(addresses)
        self._client = httpx.Client(
            headers={"Accept-Encoding": "gzip", "User-Agent": "lienthong"},
            timeout=limits.read_seconds,
            transport=Transport(self._backend, context),
            trust_env=False,
            follow_redirects=False,
        )
        self._due = time.monotonic()
        self._lost = 0.0

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._client.close()

    def ask(
        self, method: str, url: httpx.URL, headers: Headers, content: bytes | None = None
    ) -> Answer:
        """The answer to a question, the last one where it was asked again: a question must bear being repeated.

        ``headers`` is asked each time right before sending: a token may have ended while the line
        waited.
        """
        attempt = 0
        while True:
            self._keep_pace()
            began = time.monotonic()
            answer = self._once(method, url, headers(), content)
            if not answer.passing or attempt >= self._limits.retries:
                return answer
            wait = answer.retry_after or _wait(attempt)
            self._lost += time.monotonic() - began + wait
            if self._lost > self._limits.retry_seconds:
                return answer
            time.sleep(wait)
            attempt += 1

    def _keep_pace(self) -> None:
        if self._limits.per_minute is None:
            return
        wait = self._due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._due = time.monotonic() + 60 / self._limits.per_minute

    def _once(
        self, method: str, url: httpx.URL, headers: dict[str, str], content: bytes | None
    ) -> Answer:
        body = io.BytesIO()
        response: httpx.Response | None = None
        broken: Exception | None = None
        odd = ""
        self._backend.until = time.monotonic() + self._limits.whole_seconds
        try:
            with self._client.stream(method, url, headers=headers, content=content) as response:
                packing = response.headers.get("content-encoding", "identity").strip().lower()
                if packing not in {"identity", "gzip", "x-gzip"}:
                    odd = f"is packed as {packing}, which was not asked for"
                else:
                    raw = response.iter_raw()
                    odd = self._read(body, raw if packing == "identity" else unpacked(raw))
        except _BREAKS as error:
            broken = error
        if response is None:
            return Answer(url, broken=broken)
        return Answer(url, response.status_code, response.headers, body.getvalue(), broken, odd)

    def _read(self, body: io.BytesIO, blocks: Iterable[bytes]) -> str:
        """Fill the body; what is odd about it."""
        for block in blocks:
            body.write(block)
            if body.tell() > self._limits.size:
                return f"gave more than {self._limits.size} bytes"
        return ""


def unpacked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream in bounded pieces; httpx would unfold each block at once, a thousandfold.

    Raises httpx.DecodingError, also where the stream ends before its end.
    """
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    begun = False
    for block in blocks:
        rest = block
        while rest:
            begun = True
            try:
                yield inflate.decompress(rest, _PIECE)
            except zlib.error as error:
                raise httpx.DecodingError(f"it is not packed as it says: {error}") from error
            rest = inflate.unconsumed_tail
            if inflate.eof:
                rest = inflate.unused_data
                inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
                begun = bool(rest)
    if begun:
        raise httpx.DecodingError("the packed content ends before its end")


def _wait(attempt: int) -> float:
    """Twice as long each time, and not for everybody at the same moment."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
