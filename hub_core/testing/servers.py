"""Sample systems of departments: real servers on this machine, for tests and for the demo."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, quote, urlsplit

Row = Mapping[str, object]
Rows = Sequence[Row] | Mapping[str, Sequence[Row]]
Validators = Literal["none", "etag", "weak", "date"]
Fault = Literal[
    "500", "401", "timeout", "truncated", "html", "repeat", "same bytes", "empty", "drip"
]

LOGIN = "<!DOCTYPE html>\n<html lang='vi'><head><title>Đăng nhập</title></head><body>Phiên đã hết hạn</body></html>"
LONG_AGO = "Sun, 01 Feb 2026 00:00:00 GMT"
DRIP_SECONDS = 0.05  # between two bytes of a dripping answer


class System(ABC):
    """A server on a loopback port, from the moment it is made until it is stopped.

    It serves over TLS where it is given a context. ``answer`` says what it does with a request.
    What it knows its pages by, and answers conditions by, is said by ``validators``: an ETag over
    the body's bytes, a weak one, or the date of their last change.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests = 0
        self.headers: dict[str, str] = {}  # of the last request, names in lower case
        self.stopping = Event()
        self.validators: Validators = "none"
        self.not_modified = 0  # answers 304
        self.sent = 0  # bytes of bodies
        # by address: a body's digest, and since when it is so
        self._changed: dict[str, tuple[str, str]] = {}
        self._lock = Lock()
        self._server = _Server(self, tls)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"

    @abstractmethod
    def answer(self, request: RequestHandler) -> None:
        """Answer one request."""

    def stop(self) -> None:
        """Close every connection and end every thread; may be called again."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def validators_of(self, address: str, body: bytes) -> dict[str, str]:
        """Return the headers that a body is known by.

        What is shown for the first time has long been so.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            previous = self._changed.get(address)
            if previous is None or previous[0] != digest:
                self._changed[address] = (
                    digest,
                    LONG_AGO if previous is None else formatdate(usegmt=True),
                )
        match self.validators:
            case "etag":
                return {"ETag": f'"{digest}"'}
            case "weak":
                return {"ETag": f'W/"{digest}"'}
            case "date":
                return {"Last-Modified": self._changed[address][1]}
        return {}

    def count_request(self, headers: Mapping[str, str]) -> None:
        """Count a request and keep its headers."""
        with self._lock:
            self.requests += 1
            self.headers = {name.lower(): value for name, value in headers.items()}


class PagedJson(System):
    """A department's REST service.

    ``GET /bao-cao?ky=<period label>&page=<from 1>`` gives a page of rows.

    ``rows`` may be one list, or a list for each period label; a label that is not there has no
    rows. ``rows_at`` and ``next_at`` are the JSON pointers (through objects) at which a page holds
    its rows and the address of the next page, null on the last. With a ``token`` the service asks
    for it as a bearer token.

    ``rows``, ``token``, ``fault`` and ``fault_from`` may be changed while it runs. A fault strikes
    from page ``fault_from`` on:

    - ``500``, ``401``: that status, with a JSON body
    - ``timeout``: no answer until the server stops
    - ``truncated``: half of the body that its Content-Length promises
    - ``html``: a login page with status 200
    - ``repeat``: the next page is the first one again
    - ``same bytes``: the first page, whichever is asked for
    - ``empty``: status 200 and no body
    - ``drip``: the body byte by byte
    """

    def __init__(
        self,
        rows: Rows,
        page_size: int = 100,
        token: str | None = None,
        rows_at: str = "/data",
        next_at: str = "/next",
    ) -> None:
        self.rows, self.page_size, self.token = rows, page_size, token
        self.rows_at, self.next_at = rows_at, next_at
        self.fault: Fault | None = None
        self.fault_from = 1
        super().__init__()

    @property
    def url(self) -> str:
        """Its address without a query; add ``?ky={period}``."""
        return f"{self.address}/bao-cao"

    def page(self, label: str, number: int) -> bytes:
        """Return the body of a page as it is without a fault."""
        rows = self.rows.get(label, ()) if isinstance(self.rows, Mapping) else self.rows
        start = (number - 1) * self.page_size
        following: str | None = None
        if start + self.page_size < len(rows):
            following = f"/bao-cao?ky={quote(label)}&page={number + 1}"
        if self.fault == "repeat" and number >= self.fault_from:
            following = f"/bao-cao?ky={quote(label)}&page=1"
        shown = list(rows[start : start + self.page_size])
        document: Any = {} if self.rows_at else shown
        if self.rows_at:
            _put(document, self.rows_at, shown)
            _put(document, self.next_at, following)
        return json.dumps(document, ensure_ascii=False).encode()

    def answer(self, request: RequestHandler) -> None:
        """Answer with a page, or with the fault that is set."""
        self.count_request(dict(request.headers.items()))
        query = request.query
        label, number = query.get("ky", ""), int(query.get("page", "1"))
        fault = self.fault if number >= self.fault_from else None
        if (
            self.token is not None
            and request.headers.get("Authorization") != f"Bearer {self.token}"
        ):
            fault = "401"
        body = self.page(label, 1 if fault == "same bytes" else number)
        match fault:
            case "500" | "401":
                request.reply(int(fault), '{"loi": "không được"}'.encode())
            case "timeout":
                request.hang()
            case "truncated":
                request.reply(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
                request.close_connection = True
            case "html":
                request.reply(200, LOGIN.encode(), {"Content-Type": "text/html; charset=utf-8"})
            case "empty":
                request.reply(200, b"")
            case "drip":
                request.reply(200, b"", {"Content-Length": str(len(body))})
                request.drip(body)
            case _:
                request.send_body(body)


def _put(document: dict[str, Any], pointer: str, value: object) -> None:
    *path, last = pointer.split("/")[1:]
    for token in path:
        document = document.setdefault(token, {})
    document[last] = value


class _Server(ThreadingHTTPServer):
    """Keeps its connections, so that it can end the threads that wait on them."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, system: System, tls: ssl.SSLContext | None) -> None:
        self.system = system
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), RequestHandler)
        if tls:  # the handshake is the thread's of the connection
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def end(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was quicker
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(
            sys.exception(), (ConnectionError, ssl.SSLError)
        ):  # whoever asked has gone: not our trouble
            super().handle_error(request, client_address)


class RequestHandler(BaseHTTPRequestHandler):
    """A request to a system, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Remember the connection."""
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        """Let the system answer."""
        self.server.system.answer(self)

    def do_POST(self) -> None:
        """Let the system answer."""
        self.server.system.answer(self)

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the first of each name."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send an answer, as JSON and of the body's length unless its headers say otherwise."""
        self.send_response(status)
        usual = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.server.system.sent += len(body)
        self.wfile.write(body)

    def send_body(self, body: bytes) -> None:
        """Send a body.

        Where the request is under a condition that the body meets, say that it is not modified
        instead.
        """
        validators = self.server.system.validators_of(self.path, body)
        if self.meets_condition(validators):
            self.not_modified(validators)
        else:
            self.reply(200, body, validators)

    def not_modified(self, validators: Mapping[str, str], body: bytes = b"") -> None:
        """Answer 304; with a body, which it must not have (RFC 9110, section 15.4.5)."""
        self.server.system.not_modified += 1
        self.send_response(304)
        for name, value in validators.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def meets_condition(self, validators: Mapping[str, str]) -> bool:
        """Tell whether the request's condition names these validators (RFC 9110, section 13.2.2).

        An ETag goes before a date.
        """
        if "If-None-Match" in self.headers:
            etags = re.findall(r'"[^"]*"|\*', self.headers["If-None-Match"])
            return "ETag" in validators and (
                "*" in etags or validators["ETag"].removeprefix("W/") in etags
            )
        if "If-Modified-Since" in self.headers and "Last-Modified" in validators:
            since = parsedate_to_datetime(self.headers["If-Modified-Since"])
            return parsedate_to_datetime(validators["Last-Modified"]) <= since
        return False

    def hang(self) -> None:
        """Give no answer until the server stops."""
        self.server.system.stopping.wait()
        self.close_connection = True

    def drip(self, content: bytes) -> None:
        """Send bytes one by one."""
        for k in range(len(content)):
            if self.server.system.stopping.wait(DRIP_SECONDS):
                self.close_connection = True
                return
            self.wfile.write(content[k : k + 1])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing: a test's output is its own."""
