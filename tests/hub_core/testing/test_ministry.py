import hashlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest

from hub_core.model.observation import SCHEMA, content_digest
from hub_core.testing.ministry import SampleMinistry

ROWS = [
    {"indicator": "VT.03", "org_unit": "cluster-5", "dims": "", "value": "9.50", "status": "P"},
    {
        "indicator": "VT.03",
        "org_unit": "vn-nghe-an",
        "dims": "AREA=U;SEX=F",
        "value": "9.50",
        "status": "A",
    },
    {"indicator": "VT.04", "org_unit": "vn-nghe-an", "dims": "", "value": None, "status": "M"},
]
FIXED = {"period": "2025-Q1", "calendar": "S", "measure": "actual"}


def figures_digest() -> str:
    frame = pl.DataFrame([{**FIXED, **row} for row in ROWS]).cast({"value": pl.Decimal(38, 6)})
    return content_digest(frame.select(name for name in SCHEMA if name in frame.columns))


def manifest(**more: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "dataflow": "TELECOM",
        "calendar": "S",
        "period": "2025-Q1",
        "version": 1,
        "reason": "initial",
        "reporters": [],
        "submissions": [],
        "coverage": {},
        "catalogue": "ca" * 32,
        "figures": len(ROWS),
        "figures_digest": figures_digest(),
        "previous": None,
        "now": "2026-04-03T02:00:00Z",
        **more,
    }


def body(**more: Any) -> dict[str, Any]:
    release = manifest(**more)
    text = json.dumps(release, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    figures = []
    for row in ROWS:
        dims = dict(pair.split("=") for pair in row["dims"].split(";")) if row["dims"] else {}
        figures.append({**FIXED, **row, "dims": dims, "unit": "thuê bao", "coverage": ""})
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"format": 1, "manifest": release, "manifest_digest": digest, "figures": figures}


def delivery(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def ask(url: str, method: str = "GET", content: object = None, **headers: str) -> tuple[int, Any]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        sent = (
            content
            if isinstance(content, bytes) or content is None
            else json.dumps(content).encode()
        )
        connection.request(
            method,
            parts.path,
            sent,
            {name.replace("_", "-"): text for name, text in headers.items()},
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def put(ministry: SampleMinistry, name: str, content: object, **headers: str) -> tuple[int, Any]:
    key = delivery(name)
    return ask(f"{ministry.url}/{key}", "PUT", content, **{"Idempotency_Key": key, **headers})


@pytest.fixture
def ministry() -> Iterator[SampleMinistry]:
    with SampleMinistry() as running:
        yield running


def test_a_new_delivery_is_one_effect_with_a_reference(ministry: SampleMinistry) -> None:
    status, receipt = put(ministry, "a", body())
    assert status == 201
    assert (receipt["state"], receipt["reference"]) == ("accepted", "BTTTT-2026-000001")
    [entry] = ministry.ledger
    assert (entry["order"], entry["delivery"], entry["version"], entry["resent"]) == (
        1,
        delivery("a"),
        1,
        0,
    )
    assert entry["figures_digest"] == figures_digest()


def test_the_same_delivery_again_has_no_effect_and_gets_the_first_receipt(
    ministry: SampleMinistry,
) -> None:
    _, first = put(ministry, "a", body())
    ministry.mode = "reject"
    assert put(ministry, "a", body()) == (200, first)
    assert put(ministry, "a", body()) == (200, first)
    assert [entry["resent"] for entry in ministry.ledger] == [2]


def test_many_at_once_are_one_effect(ministry: SampleMinistry) -> None:
    sent = [threading.Thread(target=put, args=(ministry, "a", body())) for _ in range(8)]
    for thread in sent:
        thread.start()
    for thread in sent:
        thread.join()
    assert [entry["resent"] for entry in ministry.ledger] == [7]


def test_it_answers_whether_it_has_a_delivery(ministry: SampleMinistry) -> None:
    address = f"{ministry.url}/{delivery('a')}"
    assert ask(address)[0] == 404
    _, receipt = put(ministry, "a", body())
    assert ask(address) == (200, receipt)


def test_the_same_version_under_another_delivery_is_rejected(ministry: SampleMinistry) -> None:
    put(ministry, "a", body())
    status, receipt = put(ministry, "b", body())
    assert (status, receipt["state"]) == (409, "rejected")
    assert len(ministry.ledger) == 1
    assert [refused.delivery for refused in ministry.refused] == [delivery("b")]


def test_a_version_is_the_next_one_of_its_dataflow_calendar_and_period(
    ministry: SampleMinistry,
) -> None:
    assert put(ministry, "a", body(version=2))[0] == 409
    assert put(ministry, "b", body(version=1))[0] == 201
    assert put(ministry, "a", body(version=2))[0] == 201
    assert put(ministry, "c", body(version=1, calendar="A"))[0] == 201


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"manifest_digest": "0" * 64}, "manifest digest"),
        ({"figures": []}, "figures digest"),
        (
            {"figures": [{**body()["figures"][0], "value": "9.51"}, *body()["figures"][1:]]},
            "figures digest",
        ),
        ({"figures": body()["figures"][::-1]}, "figures digest"),
        (
            {"figures": [{**body()["figures"][0], "value": 9.5}, *body()["figures"][1:]]},
            "figures.0.value",
        ),
        ({"format": 2}, "format"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_what_does_not_hold_is_rejected_without_effect(
    ministry: SampleMinistry, change: dict[str, object], words: str
) -> None:
    status, receipt = put(ministry, "a", {**body(), **change})
    assert (status, receipt["state"]) == (422, "rejected")
    assert words in receipt["message"]
    assert ministry.ledger == []


def test_what_is_no_json_is_rejected(ministry: SampleMinistry) -> None:
    assert put(ministry, "a", b"PK\x03\x04")[0] == 422


def test_an_idempotency_key_of_another_delivery_is_refused(ministry: SampleMinistry) -> None:
    assert put(ministry, "a", body(), Idempotency_Key=delivery("b"))[0] == 400
    assert ministry.ledger == []


def test_rejecting_by_figure_names_the_figures_that_the_release_holds(
    ministry: SampleMinistry,
) -> None:
    ministry.mode = "reject"
    ministry.reject_figures = [
        {"indicator": "VT.03", "org_unit": "vn-nghe-an", "message": "Vượt số hộ"},
        {"indicator": "VT.99"},
    ]
    status, receipt = put(ministry, "a", body())
    assert (status, receipt["state"]) == (201, "rejected")
    key = {**FIXED, "indicator": "VT.03", "org_unit": "vn-nghe-an", "dims": "AREA=U;SEX=F"}
    assert receipt["rejected"] == [{**key, "value": "9.50", "message": "Vượt số hộ"}]
    assert ministry.ledger[0]["state"] == "rejected"


def test_a_release_without_the_rejected_value_is_accepted(ministry: SampleMinistry) -> None:
    ministry.mode, ministry.reject_figures = "reject", [{"indicator": "VT.03", "value": "8"}]
    assert put(ministry, "a", body())[1]["state"] == "accepted"


def test_down_has_neither_answer_nor_effect(ministry: SampleMinistry) -> None:
    ministry.mode = "down"
    with pytest.raises(http.client.RemoteDisconnected):
        put(ministry, "a", body())
    assert ministry.ledger == []


def test_a_lost_answer_has_its_effect(ministry: SampleMinistry) -> None:
    ministry.mode = "lose answer"
    with pytest.raises(http.client.RemoteDisconnected):
        put(ministry, "a", body())
    assert ask(f"{ministry.url}/{delivery('a')}")[1]["state"] == "accepted"


def test_a_body_that_is_cut_off_has_no_effect(ministry: SampleMinistry) -> None:
    head = f"PUT /releases/{delivery('a')} HTTP/1.1\r\nIdempotency-Key: {delivery('a')}\r\n"
    head += "Content-Length: 100000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", ministry.port), timeout=10) as client:
        client.sendall(head.encode() + json.dumps(body()).encode())
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert ministry.ledger == []
    assert ministry.refused == []


def test_it_comes_back_at_the_same_address_with_its_ledger(ministry: SampleMinistry) -> None:
    put(ministry, "a", body())
    url = ministry.url
    ministry.stop()
    with pytest.raises(ConnectionRefusedError):
        put(ministry, "a", body())
    ministry.start()
    assert ministry.url == url
    assert put(ministry, "a", body())[0] == 200


def test_stopping_does_not_wait_for_the_slow(ministry: SampleMinistry) -> None:
    ministry.mode, ministry.delay = "slow", 60
    failed: list[type[BaseException]] = []

    def send() -> None:
        try:
            put(ministry, "a", body())
        except (OSError, http.client.HTTPException) as error:
            failed.append(type(error))

    waiting, before = threading.Thread(target=send), threading.active_count()
    waiting.start()
    until = time.monotonic() + 60
    while threading.active_count() < before + 2:  # one that sends, and one that makes it wait
        assert time.monotonic() < until
        time.sleep(0.01)
    ministry.stop()
    waiting.join(timeout=60)
    assert not waiting.is_alive()
    assert failed
    assert ministry.ledger == []


def test_a_token_is_asked_for_at_every_address() -> None:
    with SampleMinistry(token="bi-mat-12345") as ministry:
        assert put(ministry, "a", body())[0] == 401
        assert ask(ministry.url.replace("/releases", "/ledger"))[0] == 401
        assert put(ministry, "a", body(), Authorization="Bearer bi-mat-12345")[0] == 201


def test_ledger_and_mode_are_answered_when_it_is_down(ministry: SampleMinistry) -> None:
    root = ministry.url.removesuffix("/releases")
    put(ministry, "a", body())
    assert ask(f"{root}/mode", "POST", {"mode": "down"})[0] == 200
    assert [entry["delivery"] for entry in ask(f"{root}/ledger")[1]] == [delivery("a")]
    assert ask(f"{root}/mode", "POST", {"mode": "asleep"})[0] == 400
    assert ministry.mode == "down"


def test_a_ledger_outlives_its_ministry(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with SampleMinistry(ledger_path=path) as first:
        _, receipt = put(first, "a", body())
        put(first, "a", body())
    with path.open("ab") as file:
        file.write(b'{"order": 2, "deli')  # killed while writing
    with SampleMinistry(ledger_path=path) as second:
        assert second.ledger == first.ledger
        assert put(second, "a", body()) == (200, receipt)
        assert put(second, "b", body(version=2))[1]["reference"] == "BTTTT-2026-000002"
    assert [(e["version"], e["resent"]) for e in SampleMinistry(ledger_path=path).ledger] == [
        (1, 2),
        (2, 0),
    ]


def test_it_runs_as_a_process_and_a_kill_loses_no_effect(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "hub_core.testing.ministry",
        "--ledger",
        str(tmp_path / "ledger.jsonl"),
    ]
    root = str(Path(__file__).parents[3])
    key = delivery("a")
    for expected in (201, 200):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
            assert process.stdout
            url = process.stdout.readline().strip()
            assert ask(f"{url}/{key}", "PUT", body(), Idempotency_Key=key)[0] == expected
            process.send_signal(signal.SIGKILL)
