"""Gateways in trouble.

Each ends with its own named error, in bounded time and memory, or is borne.
"""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from connectors.http.client import unpacked
from hub_core import SourceChanged, SourceRefused, SourceUnavailable
from hub_core.testing.gateway import Gateway, packed
from hub_core.testing.servers import System

if TYPE_CHECKING:
    from hub_core.testing.servers import RequestHandler
    from tests.connectors.sources.conftest import Fetch

ROWS = [{"don_vi": f"{k:05d}", "gia_tri": str(k)} for k in range(250)]
NEXT = {"kind": "next_link", "at": "/next"}
BY_CURSOR = {"kind": "cursor", "at": "/next_cursor"}
EXPECT = {"/success": "^true$"}

TROUBLES: list[tuple[str, type[Exception], str, dict[str, Any]]] = [
    ("429", SourceUnavailable, "answered 429.*throttled out", {}),
    ("503", SourceUnavailable, "answered 503", {}),
    (
        "error body",
        SourceUnavailable,
        r"\^true\$ at /success.*Hệ thống đang bảo trì",
        {"expect": EXPECT},
    ),
    ("error body", SourceUnavailable, r"\^\$ at /error.*DB-08001", {"expect": {"/error": "^$"}}),
    ("inside", SourceChanged, r"moved to http://169\.254\.169\.254", {}),
    ("next inside", SourceRefused, "not on an allowed host", {}),
    ("drip", SourceUnavailable, "broke off after [1-9].*ReadTimeout", {"page_seconds": 1.5}),
    ("drip headers", SourceUnavailable, "did not answer.*ReadTimeout", {"page_seconds": 1.5}),
    ("gzip bomb", SourceChanged, "more than 1000000 bytes", {"part_bytes": 1_000_000}),
    ("torn gzip", SourceUnavailable, "broke off after .*ends before its end", {}),
    ("endless", SourceChanged, "more than 5 pages", {"max_parts": 5, "pages": BY_CURSOR}),
]


@pytest.mark.parametrize(("fault", "kind", "words", "settings"), TROUBLES)
def test_each_trouble_has_its_error_in_bounded_time(
    fetch: Fetch, fault: Any, kind: type[Exception], words: str, settings: dict[str, Any]
) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault, gateway.fault_from = fault, 0 if fault == "endless" else 100
        began = time.monotonic()
        parts, error = fetch(gateway.url, **{"pages": NEXT, **settings})
        took = time.monotonic() - began
    assert type(error) is kind
    assert re.search(words, str(error)), error
    assert json.loads(parts[0].content)["total"] == 250  # what came before is kept
    assert took < 30  # to their end, drips take minutes


def test_a_bomb_takes_little_more_memory_than_a_page_may(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        fetch(gateway.url)  # imports
        gateway.fault, gateway.bomb_bytes = "gzip bomb", 128 << 20
        tracemalloc.start()
        _, error = fetch(gateway.url, part_bytes=4 << 20)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert isinstance(error, SourceChanged)
    assert peak < 16 << 20  # the server's own part included; a block of 64 KiB holds 64 MiB


@pytest.mark.parametrize("cut", [1, 7, 4096])
def test_packed_content_is_unpacked_however_it_is_cut(cut: int) -> None:
    content = json.dumps(ROWS).encode()
    stream = packed(content) + packed(b"") + packed(content)  # RFC 1952: members, one after another
    assert (
        b"".join(unpacked(stream[k : k + cut] for k in range(0, len(stream), cut))) == content * 2
    )


@pytest.mark.parametrize(
    "stream", [b"khong phai gzip", packed(b"abc")[:-1], packed(b"abc") + b"x", packed(b"abc")[:9]]
)
def test_content_that_is_not_packed_to_its_end_is_no_content(stream: bytes) -> None:
    with pytest.raises(httpx.DecodingError):
        b"".join(unpacked([stream]))


def test_a_packed_page_is_landed_unpacked(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        plain, _ = fetch(gateway.url, pages=NEXT)
        gateway.fault = "gzip"
        parts, error = fetch(gateway.url, pages=NEXT)
    assert error is None
    assert [part.content for part in parts] == [part.content for part in plain]


class Saying(System):
    """Gives one body to everybody."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        super().__init__()

    def answer(self, asked: RequestHandler) -> None:
        asked.reply(200, self.body)


EXPECTED: list[tuple[str, str, bytes, type[Exception] | None]] = [
    ("/code", "^00$", b'{"code": "00"}', None),
    ("/code", "^0$", b'{"code": 0}', None),
    ("/code", "^$", b"{}", None),
    ("/code", "^$", b'{"code": null}', None),
    ("/a/ok", "^true$", b'{"a": {"ok" : true }}', None),
    ("/a", "ok", b'{"a": {"ok": 1}}', None),
    ("/code", "^00$", b'{"code": "000"}', SourceUnavailable),
    ("/code", "^00$", b"{}", SourceUnavailable),
    ("/code", "^00$", b"<html>", SourceChanged),
    ("/code", "^00$", b'{"code": "\\ud800"}', SourceChanged),
    ("/code/deep", "^$", b'{"code": 1}', SourceChanged),
]


@pytest.mark.parametrize(("pointer", "pattern", "body", "kind"), EXPECTED)
def test_what_is_expected_is_looked_for_in_each_page(
    fetch: Fetch, pointer: str, pattern: str, body: bytes, kind: type[Exception] | None
) -> None:
    with Saying(body) as system:
        parts, error = fetch(system.address, expect={pointer: pattern})
    assert [part.content for part in parts] == [body]
    assert (error is None) if kind is None else (type(error) is kind)


# Asking again


@pytest.mark.parametrize("fault", ["429", "503", "torn gzip"])
def test_a_page_that_failed_and_then_came_is_one_part(fetch: Fetch, fault: Any) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault, gateway.fault_from, gateway.times = fault, 100, 1
        parts, error = fetch(gateway.url, pages=NEXT, retries=1)
        assert gateway.requests == 4
    assert error is None
    assert [row for part in parts for row in json.loads(part.content)["data"]] == ROWS


@pytest.mark.parametrize("fault", ["error body", "401", "inside", "gzip bomb"])
def test_what_asking_again_does_not_mend_is_asked_once(fetch: Fetch, fault: Any) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault = fault
        fetch(gateway.url, retries=5, expect=EXPECT, part_bytes=100_000)
        assert gateway.requests == 1


def test_asking_again_has_an_end_and_the_last_answer_is_given(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault = "503"
        parts, error = fetch(gateway.url, retries=1)
        assert gateway.requests == 2
    assert isinstance(error, SourceUnavailable)
    assert len(parts) == 1


def test_retry_after_is_obeyed(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault, gateway.times, gateway.retry_after = "429", 1, "1"
        _, error = fetch(gateway.url, retries=1)
        assert error is None
        first, second = gateway.asked_at
    assert 1 <= second - first < 10


def test_a_retry_after_beyond_the_bound_is_not_waited_for_and_named(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault, gateway.retry_after = "429", "3600"
        began = time.monotonic()
        _, error = fetch(gateway.url, retries=5, retry_seconds=10)
        assert gateway.requests == 1
    assert "it asks to wait 3600 s" in str(error)
    assert time.monotonic() - began < 10


class Dated(System):
    """Sends away until a date of its own clock, which is years behind."""

    zone = "GMT"

    def answer(self, asked: RequestHandler) -> None:
        self.count_request({})
        if self.requests > 1:
            asked.reply(200, b"{}")
            return
        asked.send_response_only(503)
        asked.send_header("Date", f"Tue, 01 Jan 2019 00:00:59 {self.zone}")
        asked.send_header("Retry-After", "Tue, 01 Jan 2019 00:01:00 GMT")
        asked.send_header("Content-Length", "0")
        asked.end_headers()


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_a_date_to_come_back_is_read_by_the_gateways_own_clock(fetch: Fetch, zone: str) -> None:
    began = time.monotonic()
    with Dated() as system:
        system.zone = zone
        _, error = fetch(system.address, retries=1)
    assert error is None
    assert 1 <= time.monotonic() - began < 10


def test_time_lost_to_failures_is_bounded_over_all_pages(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault = "drip"
        began = time.monotonic()
        _, error = fetch(gateway.url, page_seconds=0.3, retries=20, retry_seconds=0.5)
    assert isinstance(error, SourceUnavailable)
    assert time.monotonic() - began < 10  # twenty times, and what is waited between, are minutes


def test_questions_keep_their_pace(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="none", page_size=50) as gateway:
        began = time.monotonic()
        _, error = fetch(gateway.url, pages=NEXT, per_minute=1200)
        asked = gateway.asked_at
    assert error is None
    assert len(asked) == 5
    # a question may be long on its way, and the next one then seem to follow at once: each is
    # held against the first that can have been sent
    assert all(at - began >= n * 0.05 for n, at in enumerate(asked))
