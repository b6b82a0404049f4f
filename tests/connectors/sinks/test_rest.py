import contextlib
import hashlib
import io
import json
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from connectors.sinks.rest import RestSettings, RestSink
from hub_core import DeliveryRefused, DeliveryUnavailable, Receipt
from hub_core.testing.gateway import bomb
from hub_core.testing.ministry import SampleMinistry
from hub_core.testing.servers import RequestHandler, System

TOKEN = "bi-mat-cua-cum-5"
ONE = hashlib.sha256(b"one").hexdigest()
TWO = hashlib.sha256(b"two").hexdigest()


def release(version: int = 1) -> bytes:
    figure = {
        "indicator": "VT.03",
        "org_unit": "vn-nghe-an",
        "period": "2025-Q1",
        "calendar": "S",
        "measure": "actual",
        "dims": {},
        "value": "3150517",
        "unit": "thuê bao",
        "status": "A",
        "coverage": "",
    }
    lines = "lienthong-content 1 nil=0\nVT.03\tvn-nghe-an\t2025-Q1\tS\tactual\t\t3150517\tA\n"
    manifest = {
        "format": 1,
        "dataflow": "TELECOM",
        "calendar": "S",
        "period": "2025-Q1",
        "version": version,
        "reason": "initial",
        "reporters": [],
        "submissions": [],
        "coverage": {},
        "catalogue": "ca" * 32,
        "figures": 1,
        "figures_digest": hashlib.sha256(lines.encode()).hexdigest(),
        "previous": None,
        "now": "2026-04-03T02:00:00Z",
    }
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps(
        {"format": 1, "manifest": manifest, "manifest_digest": digest, "figures": [figure]}
    ).encode()


def sink(url: str, token: str = "", timeout: float = 5) -> RestSink:
    auth = {"kind": "bearer", "token": token} if token else {"kind": "none"}
    return RestSink(
        RestSettings.model_validate({"url": url, "auth": auth, "timeout_seconds": timeout})
    )


def send(to: RestSink, delivery: str = ONE, version: int = 1) -> Receipt:
    return to.send(delivery, io.BytesIO(release(version)), "application/json")


@pytest.fixture
def ministry() -> Iterator[SampleMinistry]:
    with SampleMinistry() as running:
        yield running


@contextlib.contextmanager
def answering(status: int, body: str, **headers: str) -> Iterator[tuple[str, list[str]]]:
    """A recipient that gives one answer to everything; its url and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(f"{self.command} {self.path}\n{self.headers}")
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body.encode())), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT  # noqa: N815 - the standard library's name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/api/releases", asked
        finally:
            server.shutdown()


def receipt(state: str = "accepted", delivery: str = ONE) -> str:
    return json.dumps({"delivery": delivery, "state": state, "reference": "BTTTT-2026-000001"})


def test_a_delivery_is_accepted_with_a_reference(ministry: SampleMinistry) -> None:
    got = send(sink(ministry.url))
    assert got == Receipt(delivery=ONE, state="accepted", reference="BTTTT-2026-000001")
    assert [entry["delivery"] for entry in ministry.ledger] == [ONE]


def test_sent_twice_it_takes_effect_once(ministry: SampleMinistry) -> None:
    to = sink(ministry.url)
    assert send(to) == send(to)
    assert [entry["resent"] for entry in ministry.ledger] == [1]


def test_remarks_are_in_the_receipt(ministry: SampleMinistry) -> None:
    ministry.mode = "remarks"
    got = send(sink(ministry.url))
    assert got.state == "accepted with remarks"
    assert "thuyết minh" in got.message


def test_a_rejection_by_figure_is_an_answer(ministry: SampleMinistry) -> None:
    ministry.mode, ministry.reject_figures = (
        "reject",
        [{"indicator": "VT.03", "message": "Vượt dân số"}],
    )
    got = send(sink(ministry.url))
    assert got.state == "rejected"
    assert [(f["indicator"], f["org_unit"], f["message"]) for f in got.rejected] == [
        ("VT.03", "vn-nghe-an", "Vượt dân số")
    ]


def test_a_rejection_with_a_client_error_status_is_an_answer_too(ministry: SampleMinistry) -> None:
    got = send(sink(ministry.url), version=3)
    assert got.state == "rejected"
    assert "1" in got.message
    assert ministry.ledger == []


def test_a_release_that_does_not_hold_is_rejected(ministry: SampleMinistry) -> None:
    got = sink(ministry.url).send(ONE, io.BytesIO(b"PK\x03\x04"), "application/vnd.ms-excel")
    assert (got.delivery, got.state) == (ONE, "rejected")


def test_a_slow_recipient_is_unavailable_and_has_the_delivery_later(
    ministry: SampleMinistry,
) -> None:
    ministry.mode, ministry.delay = "slow", 0.6
    with pytest.raises(DeliveryUnavailable, match="in time"):
        send(sink(ministry.url, timeout=0.2))
    got = send(sink(ministry.url))
    assert got.state == "accepted"
    assert [entry["resent"] for entry in ministry.ledger] == [1]


def test_a_recipient_that_hangs_up_is_unavailable(ministry: SampleMinistry) -> None:
    ministry.mode = "down"
    to = sink(ministry.url)
    with pytest.raises(DeliveryUnavailable, match="in doubt"):
        send(to)
    with pytest.raises(DeliveryUnavailable):
        to.ask(ONE)
    ministry.mode = "accept"
    assert to.ask(ONE) is None


def test_a_recipient_that_is_not_there_is_unavailable(ministry: SampleMinistry) -> None:
    to = sink(ministry.url)
    ministry.stop()
    with pytest.raises(DeliveryUnavailable, match="ConnectError"):
        send(to)
    ministry.start()
    assert send(to).state == "accepted"


def test_after_a_lost_answer_the_recipient_says_that_it_has_the_delivery(
    ministry: SampleMinistry,
) -> None:
    ministry.mode = "lose answer"
    to = sink(ministry.url)
    with pytest.raises(DeliveryUnavailable):
        send(to)
    assert to.ask(TWO) is None
    assert to.ask(ONE) == Receipt(delivery=ONE, state="accepted", reference="BTTTT-2026-000001")
    assert len(ministry.ledger) == 1


def test_a_bearer_token_opens(ministry: SampleMinistry) -> None:
    ministry.token = TOKEN
    assert send(sink(ministry.url, TOKEN)).state == "accepted"


def test_a_wrong_token_is_refused(ministry: SampleMinistry) -> None:
    ministry.token = TOKEN
    with pytest.raises(DeliveryRefused, match="credentials"):
        send(sink(ministry.url, "khong-phai-the"))
    with pytest.raises(DeliveryRefused, match="credentials"):
        sink(ministry.url).ask(ONE)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_these_statuses_carry_a_receipt(status: int) -> None:
    with answering(status, receipt("received")) as (url, asked):
        assert send(sink(url + "/")).state == "received"
    [request] = asked
    assert request.startswith(f"PUT /api/releases/{ONE}\n")
    assert f"Idempotency-Key: {ONE}\n" in request
    assert "Content-Type: application/json\n" in request


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_a_client_error_without_a_receipt_is_refused(status: int) -> None:
    with (
        answering(status, "<h1>Không nhận</h1>") as (url, _),
        pytest.raises(DeliveryRefused, match="Không nhận"),
    ):
        send(sink(url))


@pytest.mark.parametrize("status", [401, 403])
def test_no_entry_is_refused_whatever_the_body_says(status: int) -> None:
    with answering(status, receipt("rejected")) as (url, _), pytest.raises(DeliveryRefused):
        send(sink(url))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_recipient_in_trouble_is_unavailable_whatever_the_body_says(status: int) -> None:
    with (
        answering(status, receipt("rejected")) as (url, _),
        pytest.raises(DeliveryUnavailable, match=str(status)),
    ):
        send(sink(url))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with (
        answering(200, receipt()) as (other, asked),
        answering(status, "", Location=other) as (url, _),
    ):
        with pytest.raises(DeliveryUnavailable, match="redirect"):
            send(sink(url, TOKEN))
        assert asked == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>OK</html>"),
        (200, ""),
        (204, ""),
        (200, receipt(delivery=TWO)),
        (200, receipt(state="lost")),
        (200, json.dumps({"delivery": ONE})),
        (200, receipt()[:-5]),
        (409, receipt(delivery=TWO, state="rejected")),
        (409, receipt(state="accepted")),
    ],
)
def test_an_answer_that_is_not_understood_leaves_the_effect_in_doubt(
    status: int, body: str
) -> None:
    with answering(status, body) as (url, _):
        with pytest.raises(DeliveryUnavailable, match="could not be understood"):
            send(sink(url))
        with pytest.raises(DeliveryUnavailable, match="could not be understood"):
            sink(url).ask(ONE)


def test_an_answer_larger_than_any_receipt_is_not_read_to_its_end() -> None:
    with (
        answering(200, receipt() + " " * 17_000_000) as (url, _),
        pytest.raises(DeliveryUnavailable, match="in doubt"),
    ):
        send(sink(url))


def test_an_answer_that_drips_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            client, _ = server.accept()
            with client, contextlib.suppress(ConnectionError):
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while True:
                    client.sendall(b" ")
                    threading.Event().wait(0.05)

        dripping = threading.Thread(target=drip)
        dripping.start()
        with pytest.raises(DeliveryUnavailable, match="in time"):
            sink(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.3).ask(ONE)
        dripping.join(timeout=30)
        assert not dripping.is_alive()


def test_proxies_of_the_environment_are_not_used(
    ministry: SampleMinistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert send(sink(ministry.url)).state == "accepted"


@pytest.mark.parametrize("status", [200, 302, 401, 422, 500])
def test_the_token_is_in_no_error_text(status: int) -> None:
    with answering(status, f"You sent: Bearer {TOKEN}") as (url, asked):
        with pytest.raises((DeliveryRefused, DeliveryUnavailable)) as raised:
            send(sink(url, TOKEN))
        assert f"Bearer {TOKEN}" in asked[0]
    assert TOKEN not in "".join(traceback.format_exception(raised.value))
    assert TOKEN not in repr(sink(url, TOKEN).settings)


@pytest.mark.parametrize(
    "settings",
    [
        {
            "url": "https://ministry.example/api",
            "auth": {"kind": "bearer", "token": "bi-mat-cua-cum\r\nX: y"},
        },
        {"url": "https://ministry.example/api", "auth": {"kind": "bearer", "token": "bi-mat"}},
        {
            "url": "http://ministry.example/api",
            "auth": {"kind": "bearer", "token": "bi-mat-cua-cum"},
        },
        {"url": "https://ministry.example/api?a=bi-mat"},
        {"url": "https://hub:bi-mat@ministry.example/api"},
        {"url": "ftp://ministry.example/bi-mat"},
        {"url": "https://ministry.example/api", "timeout_seconds": 0},
        {"url": "https://ministry.example/api", "tokn": "bi-mat"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused_without_telling_secrets(
    settings: dict[str, object],
) -> None:
    with pytest.raises(ValidationError) as raised:
        RestSettings.model_validate(settings)
    assert "bi-mat" not in str(raised.value)


def test_the_token_is_in_no_receipt_either() -> None:
    echo = json.dumps(
        {"delivery": ONE, "state": "accepted", "reference": "1", "message": f"Bearer {TOKEN}"}
    )
    with answering(200, echo) as (url, _):
        assert send(sink(url, TOKEN)).message == "Bearer ***"


def test_an_answer_that_unfolds_to_more_than_any_receipt_is_not_unfolded() -> None:
    class Bomb(System):
        def answer(self, asked: RequestHandler) -> None:
            asked.reply(200, bomb(64 << 20), {"Content-Encoding": "gzip"})

    with (
        Bomb() as recipient,
        pytest.raises(
            DeliveryUnavailable, match="more than 16777216 bytes; the effect is in doubt"
        ),
    ):
        sink(recipient.address).ask(ONE)


def test_headers_that_drip_are_not_waited_for() -> None:
    class Slow(System):
        def answer(self, asked: RequestHandler) -> None:
            asked.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000)

    began = time.monotonic()
    with Slow() as recipient, pytest.raises(DeliveryUnavailable, match="in time"):
        sink(recipient.address, timeout=0.3).ask(ONE)
    assert time.monotonic() - began < 10  # to their end they take most of a minute
