"""A client of HTTP services: bounded in bytes and time, and paced.

It asks again where that may help.
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
from typing import BinaryIO

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
_PIECE_BYTES = 1 << 20  # unpacked at once
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one answer: seconds for a read, seconds in total, bytes when unpacked.

    A question is asked again ``retries`` times; failed answers and the waiting after them take
    ``retry_seconds`` at most, for all questions of a client together.
    """

    read_seconds: float
    total_seconds: float
    max_bytes: int
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
        """Open a client that connects only to the addresses that ``addresses`` gives for a host.

        ``context`` is the TLS context for https; None stands for httpcore's own.
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
        self._next_question_at = time.monotonic()
        self._retry_seconds_used = 0.0

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
        self, method: str, url: httpx.URL, headers: Headers, content: BinaryIO | None = None
    ) -> Answer:
        """Return the answer to a question, the last one where it was asked again.

        A question must bear being repeated. ``content`` is sent from its beginning each time, and
        ``headers`` is called each time right before sending: a token may have ended while the
        client waited.
        """
        attempt = 0
        while True:
            self._keep_pace()
            began = time.monotonic()
            answer = self._ask_once(method, url, headers(), content)
            if not answer.retryable or attempt >= self._limits.retries:
                return answer
            seconds = answer.retry_after or _backoff(attempt)
            self._retry_seconds_used += time.monotonic() - began + seconds
            if self._retry_seconds_used > self._limits.retry_seconds:
                return answer
            time.sleep(seconds)
            attempt += 1

    def _keep_pace(self) -> None:
        if self._limits.per_minute is None:
            return
        seconds = self._next_question_at - time.monotonic()
        if seconds > 0:
            time.sleep(seconds)
        self._next_question_at = time.monotonic() + 60 / self._limits.per_minute

    def _ask_once(
        self, method: str, url: httpx.URL, headers: dict[str, str], content: BinaryIO | None
    ) -> Answer:
        body = io.BytesIO()
        response: httpx.Response | None = None
        broken: Exception | None = None
        defect = ""
        self._backend.deadline = time.monotonic() + self._limits.total_seconds
        if content is not None:
            content.seek(0)
        try:
            with self._client.stream(method, url, headers=headers, content=content) as response:
                encoding = response.headers.get("content-encoding", "identity").strip().lower()
                if encoding not in {"identity", "gzip", "x-gzip"}:
                    defect = f"is packed as {encoding}, which was not asked for"
                else:
                    blocks = response.iter_raw()
                    defect = self._read(
                        body, blocks if encoding == "identity" else unpacked(blocks)
                    )
        except _BREAKS as error:
            broken = error
        if response is None:
            return Answer(url=url, broken=broken)
        return Answer(
            url=url,
            status=response.status_code,
            headers=response.headers,
            content=body.getvalue(),
            broken=broken,
            defect=defect,
        )

    def _read(self, body: io.BytesIO, blocks: Iterable[bytes]) -> str:
        """Write the blocks into the body; return what is odd about them, or nothing (empty)."""
        for block in blocks:
            body.write(block)
            if body.tell() > self._limits.max_bytes:
                return f"gave more than {self._limits.max_bytes} bytes"
        return ""


def unpacked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of a gzip stream in bounded pieces.

    httpx would unfold each block at once, a thousandfold. Raises httpx.DecodingError, also where
    the stream ends before its end.
    """
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    begun = False
    for block in blocks:
        remaining = block
        while remaining:
            begun = True
            try:
                yield inflate.decompress(remaining, _PIECE_BYTES)
            except zlib.error as error:
                raise httpx.DecodingError(f"it is not packed as it says: {error}") from error
            remaining = inflate.unconsumed_tail
            if inflate.eof:
                remaining = inflate.unused_data
                inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
                begun = bool(remaining)
    if begun:
        raise httpx.DecodingError("the packed content ends before its end")


def _backoff(attempt: int) -> float:
    """Return the seconds to wait before asking again.

    They double with each attempt, and are not the same for everybody.
    """
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
