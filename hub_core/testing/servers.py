"""Sample systems of departments: real servers on this machine, for tests and for the demo."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlsplit

Row = Mapping[str, object]
Rows = Sequence[Row] | Mapping[str, Sequence[Row]]
Fault = Literal["500", "401", "timeout", "truncated", "html", "repeat", "same bytes", "empty", "drip"]

LOGIN = "<!DOCTYPE html>\n<html lang='vi'><head><title>Đăng nhập</title></head><body>Phiên đã hết hạn</body></html>"
DRIP_SECONDS = 0.05  # between two bytes of a dripping answer


class PagedJson:
    """A department's REST service: ``GET /bao-cao?ky=<period label>&page=<from 1>`` gives a page of rows.

    ``rows`` may be one list, or a list for each period label; a label that is not there has no rows. ``rows_at`` and
    ``next_at`` are the JSON pointers (through objects) at which a page holds its rows and the address of the next
    page, null on the last. With a ``token`` the service asks for it as a bearer token.

    ``rows``, ``token``, ``fault`` and ``fault_from`` may be changed while it runs. A fault strikes from page
    ``fault_from`` on:

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
        self.requests = 0
        self.headers: dict[str, str] = {}  # of the last request, names in lower case
        self.stopping = Event()
        self._lock = Lock()
        self._server = _Server(self)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="PagedJson")
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address without a query; add ``?ky={period}``."""
        return f"http://127.0.0.1:{self._server.server_port}/bao-cao"

    def stop(self) -> None:
        """Close every connection and end every thread; may be called again."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.end()

    def __enter__(self) -> PagedJson:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

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

    def note(self, headers: Mapping[str, str]) -> None:
        """Count a request and keep its headers."""
        with self._lock:
            self.requests += 1
            self.headers = {name.lower(): value for name, value in headers.items()}


def _put(document: dict[str, Any], pointer: str, value: object) -> None:
    *path, last = pointer.split("/")[1:]
    for token in path:
        document = document.setdefault(token, {})
    document[last] = value


class _Server(ThreadingHTTPServer):
    """Keeps its connections, so that it can end the threads that wait on them."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, system: PagedJson) -> None:
        self.system = system
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def end(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was quicker
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # whoever asked has gone: not our trouble
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        system = self.server.system
        system.note(dict(self.headers.items()))
        asked = parse_qs(urlsplit(self.path).query)
        label, number = asked.get("ky", [""])[0], int(asked.get("page", ["1"])[0])
        fault = system.fault if number >= system.fault_from else None
        if system.token is not None and self.headers.get("Authorization") != f"Bearer {system.token}":
            fault = "401"
        body = system.page(label, 1 if fault == "same bytes" else number)
        match fault:
            case "500" | "401":
                self._answer(int(fault), '{"loi": "không được"}'.encode())
            case "timeout":
                system.stopping.wait()
                self.close_connection = True
            case "truncated":
                self._answer(200, body[: len(body) // 2], length=len(body))
                self.close_connection = True
            case "html":
                self._answer(200, LOGIN.encode(), "text/html; charset=utf-8")
            case "empty":
                self._answer(200, b"")
            case "drip":
                self._answer(200, b"", length=len(body))
                self._drip(body)
            case _:
                self._answer(200, body)

    def _answer(
        self, status: int, body: bytes, media_type: str = "application/json", length: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        for k in range(len(body)):
            if self.server.system.stopping.wait(DRIP_SECONDS):
                self.close_connection = True
                return
            self.wfile.write(body[k : k + 1])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing: a test's output is its own."""
