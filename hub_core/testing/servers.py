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
    """A server on a loopback port, from the moment it is made until it is stopped; over TLS with a context.

    ``answer`` says what it does with a question. What it knows its pages by, and answers conditions
    by, is said by ``validators``: an ETag over the body's bytes, a weak one, or the date of their
    last change.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests = 0
        self.headers: dict[str, str] = {}  # of the last request, names in lower case
        self.stopping = Event()
        self.validators: Validators = "none"
        self.not_modified = 0  # answers 304
        self.sent = 0  # bytes of bodies
        self._changed: dict[
            str, tuple[str, str]
        ] = {}  # by address: a body's digest, and since when it is so
        self._lock = Lock()
        self._server = _Server(self, tls)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"

    @abstractmethod
    def answer(self, asked: RequestHandler) -> None:
        """Answer one question."""

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

    def known_by(self, address: str, body: bytes) -> dict[str, str]:
        """The headers that a body is known by.

        What is shown for the first time has long been so.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            before = self._changed.get(address)
            if before is None or before[0] != digest:
                self._changed[address] = (
                    digest,
                    LONG_AGO if before is None else formatdate(usegmt=True),
                )
        match self.validators:
            case "etag":
                return {"ETag": f'"{digest}"'}
            case "weak":
                return {"ETag": f'W/"{digest}"'}
            case "date":
                return {"Last-Modified": self._changed[address][1]}
        return {}

    def note(self, headers: Mapping[str, str]) -> None:
        """Count a request and keep its headers."""
        with self._lock:
            self.requests += 1
            self.headers = {name.lower(): value for name, value in headers.items()}


class PagedJson(System):
    """A department's REST service: ``GET /bao-cao?ky=<period label>&page=<from 1>`` gives a page of rows.

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
        """The body of a page as it is without a fault."""
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

    def answer(self, asked: RequestHandler) -> None:
        """A page, or the fault that is set."""
        self.note(dict(asked.headers.items()))
        query = asked.query
        label, number = query.get("ky", ""), int(query.get("page", "1"))
        fault = self.fault if number >= self.fault_from else None
        if self.token is not None and asked.headers.get("Authorization") != f"Bearer {self.token}":
            fault = "401"
        body = self.page(label, 1 if fault == "same bytes" else number)
        match fault:
            case "500" | "401":
                asked.reply(int(fault), '{"loi": "không được"}'.encode())
            case "timeout":
                asked.hang()
            case "truncated":
                asked.reply(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
                asked.close_connection = True
            case "html":
                asked.reply(200, LOGIN.encode(), {"Content-Type": "text/html; charset=utf-8"})
            case "empty":
                asked.reply(200, b"")
            case "drip":
                asked.reply(200, b"", {"Content-Length": str(len(body))})
                asked.drip(body)
            case _:
                asked.give(body)


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
    """A question to a system, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Remember the connection."""
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
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
        """An answer, as JSON and of the body's length unless its headers say otherwise."""
        self.send_response(status)
        usual = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.server.system.sent += len(body)
        self.wfile.write(body)

    def give(self, body: bytes) -> None:
        """A body.

        Or, where the question is under a condition that it meets, that it is as it was.
        """
        known = self.server.system.known_by(self.path, body)
        if self.is_known(known):
            self.not_modified(known)
        else:
            self.reply(200, body, known)

    def not_modified(self, known: Mapping[str, str], body: bytes = b"") -> None:
        """304; with a body, which it must not have (RFC 9110, section 15.4.5)."""
        self.server.system.not_modified += 1
        self.send_response(304)
        for name, value in known.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def is_known(self, known: Mapping[str, str]) -> bool:
        """Whether the condition of RFC 9110, section 13.2.2, tells of these.

        An ETag goes before a date.
        """
        if "If-None-Match" in self.headers:
            told = re.findall(r'"[^"]*"|\*', self.headers["If-None-Match"])
            return "ETag" in known and ("*" in told or known["ETag"].removeprefix("W/") in told)
        if "If-Modified-Since" in self.headers and "Last-Modified" in known:
            since = parsedate_to_datetime(self.headers["If-Modified-Since"])
            return parsedate_to_datetime(known["Last-Modified"]) <= since
        return False

    def hang(self) -> None:
        """No answer until the server stops."""
        self.server.system.stopping.wait()
        self.close_connection = True

    def drip(self, content: bytes) -> None:
        """Bytes, one by one."""
        for k in range(len(content)):
            if self.server.system.stopping.wait(DRIP_SECONDS):
                self.close_connection = True
                return
            self.wfile.write(content[k : k + 1])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing: a test's output is its own."""
