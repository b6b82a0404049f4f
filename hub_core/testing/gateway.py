"""A sample gateway: tokens at one address, rows behind them at another, and real troubles."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Literal
from urllib.parse import parse_qs, unquote_plus, urlsplit

from hub_core.testing.servers import RequestHandler, Row, System

Guard = Literal["oauth2", "basic", "api_key", "none"]
GatewayFault = Literal[
    "expire",
    "cut",
    "401",
    "429",
    "503",
    "error body",
    "inside",
    "next inside",
    "page size",
    "total",
    "same cursor",
    "endless",
    "drip",
    "drip headers",
    "gzip",
    "gzip bomb",
    "torn gzip",
    "304",
    "304 other",
    "304 body",
    "stale",
    "long etag",
    "torn etag",
]
INSIDE = "http://169.254.169.254/latest/meta-data/"


class Gateway(System):
    """An API gateway in the manner of WSO2.

    ``POST /token`` gives tokens, ``GET /bao-cao`` gives pages of rows.

    ``guard`` says what it asks for: a token got with ``id`` and ``secret``, both by basic, or
    ``secret`` in the header ``apikey``. A page is asked for by ``page`` (from 1), ``offset`` or
    ``cursor``, and holds ``data``, ``total``, ``has_more``, ``next`` (a link, null on the last),
    ``next_cursor`` and ``success``.

    ``fault`` may be changed while it runs. It strikes from the page at row ``fault_from`` on,
    ``times`` times or always:

    - ``expire``: every token given so far has ended; ``cut``: so it has, and half of the page is
      there already; ``401``: no token is taken
    - ``429``, ``503``: that status, with ``Retry-After`` where ``retry_after`` is set
    - ``error body``: status 200, ``success`` false and an error
    - ``inside``: a redirect to an address inside the network; ``next inside``: a next link to it
    - ``page size``: half as many rows a page; ``total``: another total each time
    - ``same cursor``: the next cursor is that of this page; ``endless``: the same rows with a new
      cursor for ever
    - ``drip``, ``drip headers``: byte by byte
    - ``gzip``: packed, as it should be; ``gzip bomb``: ``bomb_bytes`` of blanks packed small;
      ``torn gzip``: packed, without its end
    - ``304``: not modified, asked under a condition or not; ``304 other``: so, and it names another
      ETag or date; ``304 body``: where it is true, with the body behind it; ``stale``: to every
      condition, whatever has changed
    - ``long etag``: of ``etag_length`` letters; ``torn etag``: with a break of line in it
    """

    def __init__(
        self,
        rows: Sequence[Row],
        page_size: int = 100,
        guard: Guard = "oauth2",
        lasts: float | None = 3600,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.rows, self.page_size, self.guard = rows, page_size, guard
        self.lasts = lasts  # seconds of a token; None: it does not say
        self.id, self.secret = "so-tttt", secrets.token_urlsafe(12)
        self.fault: GatewayFault | None = None
        self.fault_from = 0
        self.times: int | None = None
        self.retry_after = ""
        self.bomb_bytes = 64 << 20
        self.etag_length = 50_000
        self.granted = 0  # tokens given
        self.asked_at: list[float] = []  # when rows were asked for, by time.monotonic
        self._tokens: dict[str, float] = {}
        super().__init__(tls)

    @property
    def url(self) -> str:
        """Where the rows are."""
        return f"{self.address}/bao-cao"

    @property
    def token_url(self) -> str:
        """Where tokens are given."""
        return f"{self.address}/token"

    def answer(self, request: RequestHandler) -> None:
        """Answer with a token, a page, or the fault that is set."""
        path = urlsplit(request.path).path
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if (request.command, path) == ("POST", "/token"):
            self._send_token(request, body.decode())
        elif (request.command, path) == ("GET", "/bao-cao"):
            self.count_request(dict(request.headers.items()))
            self.asked_at.append(time.monotonic())
            self._send_page(request)
        else:
            request.reply(404, b'{"fault": {"code": 404, "message": "No matching resource found"}}')

    def _send_token(self, request: RequestHandler, form: str) -> None:
        fields = {name: values[0] for name, values in parse_qs(form).items()}
        if not self._has_credentials(request, unquote_plus):
            request.reply(
                401,
                b'{"error": "invalid_client", "error_description": "Client Authentication failed."}',
            )
        elif fields.get("grant_type") != "client_credentials":
            request.reply(400, b'{"error": "unsupported_grant_type"}')
        elif self.fault in {"429", "503"} and self._fault_strikes():
            self._send_retry_later(request)
        else:
            token = secrets.token_urlsafe(24)
            self.granted += 1
            self._tokens[token] = time.monotonic() + (3600 if self.lasts is None else self.lasts)
            grant: dict[str, object] = {"access_token": token, "token_type": "Bearer"}
            grant |= {"scope": fields.get("scope", "default")} | (
                {} if self.lasts is None else {"expires_in": self.lasts}
            )
            request.reply(200, json.dumps(grant).encode())

    def _has_credentials(self, request: RequestHandler, decode: Callable[[str], str]) -> bool:
        scheme, _, packed = request.headers.get("Authorization", "").partition(" ")
        name, _, password = (
            base64.b64decode(packed).decode().partition(":") if scheme == "Basic" else ("", "", "")
        )
        return (decode(name), decode(password)) == (self.id, self.secret)

    def _is_admitted(self, request: RequestHandler) -> bool:
        match self.guard:
            case "oauth2":
                token = request.headers.get("Authorization", "").removeprefix("Bearer ")
                return self._tokens.get(token, 0) > time.monotonic()
            case "basic":
                return self._has_credentials(request, str)
            case "api_key":
                return request.headers.get("apikey") == self.secret
            case _:
                return True

    def _fault_strikes(self) -> bool:
        if self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def _send_page(self, request: RequestHandler) -> None:
        start = self._first_row(request.query)
        fault = (
            self.fault
            if self.fault is not None and start >= self.fault_from and self._fault_strikes()
            else None
        )
        if fault == "expire":
            self._tokens.clear()
        if fault == "401" or not self._is_admitted(request):
            request.reply(401, b'{"fault": {"code": 900901, "message": "Invalid Credentials"}}')
            return
        body = json.dumps(self._page(start, fault), ensure_ascii=False).encode()
        match fault:
            case "429" | "503":
                self._send_retry_later(request)
            case "error body":
                error_body = {
                    "success": False,
                    "error": {"code": "DB-08001", "message": "Hệ thống đang bảo trì"},
                }
                request.reply(200, json.dumps(error_body, ensure_ascii=False).encode())
            case "inside":
                request.reply(302, b"", {"Location": INSIDE})
            case "cut":
                self._tokens.clear()
                request.reply(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
                request.close_connection = True
            case "drip":
                request.reply(200, b"", {"Content-Length": str(len(body))})
                request.drip(body)
            case "drip headers":
                request.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"s" * 10_000)
            case _:
                self._send_whole_page(request, fault, body)

    def _send_whole_page(
        self, request: RequestHandler, fault: GatewayFault | None, body: bytes
    ) -> None:
        """Send a page that is whole, or says that it is."""
        match fault:
            case "gzip":
                request.reply(200, packed(body), {"Content-Encoding": "gzip"})
            case "gzip bomb":
                request.reply(200, bomb(self.bomb_bytes), {"Content-Encoding": "gzip"})
            case "torn gzip":
                request.reply(200, packed(body)[:-20], {"Content-Encoding": "gzip"})
            case "304" | "304 other" | "304 body" | "stale":
                self._send_not_modified(request, fault, body)
            case "long etag":
                request.reply(200, body, {"ETag": f'"{"e" * self.etag_length}"'})
            case "torn etag":
                request.reply(200, body, {"ETag": '"one\r\n two"'})
            case _:
                request.send_body(body)

    def _send_not_modified(self, request: RequestHandler, fault: GatewayFault, body: bytes) -> None:
        """Say that a page is as it was, in one of the wrong ways."""
        validators = self.validators_of(request.path, body)
        conditional = bool({"If-None-Match", "If-Modified-Since"} & set(request.headers))
        if fault == "304":
            request.not_modified({})
        elif fault == "304 other" and conditional:
            request.not_modified(
                {"ETag": '"another"', "Last-Modified": "Thu, 01 Jan 2015 00:00:00 GMT"}
            )
        elif fault == "304 body" and request.meets_condition(validators):
            request.not_modified(validators, body)
        elif fault == "stale" and conditional:
            request.not_modified({})
        else:
            request.send_body(body)

    def _send_retry_later(self, request: RequestHandler) -> None:
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        request.reply(
            int(self.fault or 503),
            b'{"fault": {"code": 900802, "message": "Message throttled out"}}',
            headers,
        )

    def _first_row(self, query: dict[str, str]) -> int:
        """Return the first row that a query asks for."""
        if "cursor" in query:
            return int(base64.urlsafe_b64decode(query["cursor"]).decode().partition("/")[0])
        if "offset" in query:
            return int(query["offset"])
        return (int(query.get("page", "1")) - 1) * self.page_size

    def _page(self, start: int, fault: GatewayFault | None) -> dict[str, object]:
        size = self.page_size // 2 if fault == "page size" else self.page_size
        end = start + size
        more = end < len(self.rows) or fault == "endless"
        link: str | None = f"/bao-cao?page={end // self.page_size + 1}" if more else None
        cursor = f"{end}/"
        if fault == "endless":
            cursor = f"{start}/{self.requests}"
        elif fault == "same cursor":
            cursor, more = f"{start}/", True
        return {
            "success": True,
            "data": list(self.rows[start:end]),
            "total": len(self.rows) + (self.requests if fault == "total" else 0),
            "has_more": more,
            "next": INSIDE if fault == "next inside" else link,
            "next_cursor": base64.urlsafe_b64encode(cursor.encode()).decode() if more else None,
        }


def packed(content: bytes) -> bytes:
    """Return content as gzip."""
    pack = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return pack.compress(content) + pack.flush()


def bomb(size: int) -> bytes:
    """Return a small gzip stream that unfolds to ``size`` bytes."""
    pack = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    piece = b" " * (1 << 20)
    return b"".join(pack.compress(piece) for _ in range(size >> 20)) + pack.flush()
