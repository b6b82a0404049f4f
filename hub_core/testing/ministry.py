"""A sample ministry.

A real HTTP server that checks what it is sent, and counts its effects in a ledger.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError

from hub_core.model.exchange import Digest, Exchanged, Receipt, ReleaseManifest
from hub_core.testing.received import Body, Entry, Figure, ReleaseRefusedError, check_release

Mode = Literal["accept", "remarks", "reject", "slow", "down", "lose answer"]
Opinion = Literal["accepted", "accepted with remarks", "rejected"]
_DELIVERY = TypeAdapter(Digest)
_REMARK = "Đã tiếp nhận; đề nghị đơn vị thuyết minh số liệu biến động lớn (received, with remarks)"
_REJECTION = "Không tiếp nhận số liệu (figures not accepted)"
_CONTROL = ("/ledger", "/mode")


class _Orders(Exchanged):
    """What ``POST /mode`` may say."""

    mode: Mode
    delay: float = 2.0
    reject_figures: list[dict[str, str]] = Field(default=[])


class SampleMinistry:
    """Takes deliveries at ``url``; one effect each, however often they are sent.

    ``mode`` says how it behaves: ``accept``, ``remarks``, ``reject`` (the figures that hold what an
    entry of ``reject_figures`` says by key and value, with its ``message``; the release as a whole
    where that list is empty), ``slow`` (waits ``delay`` seconds first), ``down`` (no answer, no
    effect), ``lose answer`` (effect, no answer). ``GET /ledger`` and ``POST /mode`` are answered in
    every mode. What does not hold is in ``refused``, not in the ledger.
    """

    def __init__(
        self,
        *,
        mode: Mode = "accept",
        token: str = "",
        ledger_path: Path | None = None,
        prefix: str = "BTTTT",
        port: int = 0,
    ) -> None:
        self.mode: Mode = mode
        self.delay = 2.0
        self.reject_figures: list[dict[str, str]] = []
        self.token, self.prefix, self.port, self.ledger_path = token, prefix, port, ledger_path
        self.ledger: list[Entry] = []
        self.refused: list[Receipt] = []
        self.lock = threading.Lock()
        self._server: _Server | None = None
        if ledger_path and ledger_path.exists():
            self._reload(ledger_path)

    def __enter__(self) -> SampleMinistry:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base under which each delivery has its address."""
        return f"http://127.0.0.1:{self.port}/releases"

    def start(self) -> None:
        """Open, at the same port as before."""
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close, also to those who wait for an answer; the ledger stays."""
        if self._server:
            self._server.close_all()
            self._server = None

    def entry(self, delivery: str) -> Entry | None:
        """Return the effect that a delivery had, or None."""
        return next((entry for entry in self.ledger if entry["delivery"] == delivery), None)

    def take(self, delivery: str, content: bytes) -> tuple[int, object]:
        """Take a delivery; return the HTTP status and the receipt.

        It is the first receipt where the delivery was taken before.
        """
        with self.lock:
            if entry := self.entry(delivery):
                self._append_to_ledger({"resent": delivery})
                entry["resent"] += 1
                return 200, entry["receipt"]
            try:
                body, release = check_release(content)
                self._check_version(release)
            except ReleaseRefusedError as refusal:
                receipt = Receipt(delivery=delivery, state="rejected", message=refusal.words)
                self.refused.append(receipt)
                return refusal.status, receipt.model_dump(mode="json")
            return 201, self._effect(delivery, release, body)

    def _check_version(self, release: ReleaseManifest) -> None:
        release_key = (release.dataflow, release.calendar, release.period)
        versions = [
            e["version"]
            for e in self.ledger
            if (e["dataflow"], e["calendar"], e["period"]) == release_key
        ]
        due_version = max(versions, default=0) + 1
        if release.version != due_version:
            raise ReleaseRefusedError(
                409,
                f"Phiên bản phải là {due_version}, không phải {release.version} (version {due_version} is due)",
            )

    def _effect(self, delivery: str, release: ReleaseManifest, body: Body) -> dict[str, object]:
        order = len(self.ledger) + 1
        state, message, rejected = self._opinion(body.figures)
        reference = f"{self.prefix}-{release.now.year}-{order:06d}"
        receipt = Receipt(
            delivery=delivery, state=state, reference=reference, message=message, rejected=rejected
        )
        entry = Entry(
            order=order,
            delivery=delivery,
            dataflow=release.dataflow,
            calendar=release.calendar,
            period=release.period,
            version=release.version,
            figures_digest=release.figures_digest,
            manifest_digest=body.manifest_digest,
            state=state,
            resent=0,
            receipt=receipt.model_dump(mode="json"),
        )
        self._append_to_ledger(entry)
        self.ledger.append(entry)
        return entry["receipt"]

    def _opinion(self, figures: list[Figure]) -> tuple[Opinion, str, list[dict[str, str]]]:
        if self.mode == "remarks":
            return "accepted with remarks", _REMARK, []
        if self.mode != "reject":
            return "accepted", "", []
        rejected = []
        for fields in (figure.key_and_value for figure in figures):
            for rejection in self.reject_figures:
                if all(
                    fields.get(name) == text
                    for name, text in rejection.items()
                    if name != "message"
                ):
                    rejected.append({**fields, "message": rejection.get("message", _REJECTION)})
                    break
        if self.reject_figures and not rejected:
            return "accepted", "", []
        return "rejected", _REJECTION, rejected

    def _append_to_ledger(self, line: object) -> None:
        """Write a line to disk before it is answered."""
        if self.ledger_path:
            with self.ledger_path.open("ab") as file:
                file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())

    def _reload(self, path: Path) -> None:
        """Read the ledger again.

        A last line that a kill cut off was never answered, and is removed.
        """
        complete_lines, end, torn_line = path.read_bytes().rpartition(b"\n")
        if torn_line:
            os.truncate(path, len(complete_lines + end))
        for line in complete_lines.splitlines():
            entry = json.loads(line)
            if delivered := self.entry(entry.get("delivery") or entry["resent"]):
                delivered["resent"] += 1
            else:
                self.ledger.append(entry)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for them, so that nothing is left open

    def __init__(self, ministry: SampleMinistry) -> None:
        self.ministry = ministry
        self.stopping = threading.Event()
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", ministry.port), _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        request, address = super().get_request()
        self.open.add(request)
        return request, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of those who hang up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed on as it came

    def close_all(self) -> None:
        self.stopping.set()
        self.shutdown()
        for request in list(self.open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_POST = do_GET  # noqa: N815 - the standard library's names

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        answer = self._answer(content) if len(content) == length else None
        if answer is None:
            self.close_connection = True
            return
        body = json.dumps(answer[1], ensure_ascii=False).encode()
        self.send_response(answer[0])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, content: bytes) -> tuple[int, object] | None:
        """Return status and body, or None for no answer."""
        ministry, mode = self.server.ministry, self.server.ministry.mode
        if mode == "down" and self.path not in _CONTROL:
            return None
        if ministry.token and self.headers.get("Authorization") != f"Bearer {ministry.token}":
            return 401, {"error": "a bearer token is asked for"}
        if self.path in _CONTROL:
            return self._control(content)
        if mode == "slow" and self.server.stopping.wait(ministry.delay):
            return None
        return self._release(content, self.path.removeprefix("/releases/"))

    def _control(self, content: bytes) -> tuple[int, object]:
        ministry = self.server.ministry
        with ministry.lock:
            if self.path == "/ledger":
                return 200, [dict(entry) for entry in ministry.ledger]
            try:
                orders = _Orders.model_validate_json(content)
            except ValidationError as error:
                return 400, {"error": str(error)}
            ministry.mode, ministry.delay, ministry.reject_figures = (
                orders.mode,
                orders.delay,
                orders.reject_figures,
            )
            return 200, {"mode": ministry.mode}

    def _release(self, content: bytes, delivery: str) -> tuple[int, object] | None:
        try:
            _DELIVERY.validate_python(delivery)
        except ValidationError:
            return 404, {"error": "no such address"}
        if self.command == "GET":
            entry = self.server.ministry.entry(delivery)
            return (200, entry["receipt"]) if entry else (404, {"error": "no such delivery"})
        if self.headers.get("Idempotency-Key") != delivery:
            return 400, {"error": "the idempotency key is not the delivery"}
        answer = self.server.ministry.take(delivery, content)
        return None if self.server.ministry.mode == "lose answer" else answer


def main() -> None:
    """Run until stopped; the first line printed is the url."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--token", default="")
    options = parser.parse_args()
    with SampleMinistry(
        port=options.port, ledger_path=options.ledger, token=options.token
    ) as ministry:
        sys.stdout.write(ministry.url + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
