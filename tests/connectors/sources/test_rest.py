from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import ValidationError

from connectors.http.addresses import check_host, open_addresses
from connectors.sources.rest import RestSource
from hub_core import (
    PayloadPart,
    Request,
    RequestedPeriod,
    SourceChanged,
    SourceRefused,
    SourceUnavailable,
)
from hub_core.errors import HubError
from hub_core.testing.servers import DRIP_SECONDS, PagedJson

if TYPE_CHECKING:
    from tests.connectors.sources.conftest import Fetch

JANUARY = RequestedPeriod("2025-M01", date(2025, 1, 1), date(2025, 1, 31))
FEBRUARY = RequestedPeriod("2025-M02", date(2025, 2, 1), date(2025, 2, 28))
ROWS = [{"don_vi": f"{k:05d}", "gia_tri": str(k)} for k in range(250)]
NEXT = {"kind": "next_link", "at": "/next"}
TOKEN = "bi-mat-cua-so"


def rows_of(parts: list[PayloadPart]) -> list[dict[str, str]]:
    return [row for part in parts for row in json.loads(part.content)["data"]]


@contextmanager
def answering(
    answer: Callable[[BaseHTTPRequestHandler], None], host: str = "127.0.0.1"
) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer((host, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://{host}:{server.server_port}"
        server.shutdown()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_pages_follow_the_next_link(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        parts, error = fetch(system.url, pages=NEXT)
    assert error is None
    assert rows_of(parts) == ROWS
    assert [p.name for p in parts] == ["page 1", "page 2", "page 3"]
    assert {p.media_type for p in parts} == {"application/json"}
    assert parts[1].origin.endswith("/bao-cao?ky=&page=2")


def test_without_paging_the_first_answer_is_all(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        parts, error = fetch(system.url)
    assert (len(parts), error) == (1, None)


def test_a_placeholder_asks_once_for_each_period(fetch: Fetch) -> None:
    with PagedJson({"2025-M01": ROWS[:150], "2025-M02": ROWS[150:]}) as system:
        request = Request((JANUARY, FEBRUARY), allow_loopback=True)
        parts, error = fetch(system.url + "?ky={period}", request, pages=NEXT)
    assert error is None
    assert [p.name for p in parts] == ["2025-M01 page 1", "2025-M01 page 2", "2025-M02 page 1"]
    assert rows_of(parts) == ROWS


def test_a_nested_next_link_is_followed(fetch: Fetch) -> None:
    with PagedJson(ROWS, next_at="/paging/next page") as system:
        parts, error = fetch(system.url, pages={"kind": "next_link", "at": "/paging/next page"})
    assert (len(parts), error) == (3, None)


@pytest.mark.parametrize(
    "last", [b"{}", b'{"paging": null}', b'{"paging": {"next": null}}', b'{"paging": {"next": ""}}']
)
def test_null_empty_or_absent_is_the_last_page(fetch: Fetch, last: bytes) -> None:
    with answering(lambda handler: reply(handler, 200, last)) as url:
        parts, error = fetch(url, pages={"kind": "next_link", "at": "/paging/next"})
    assert (len(parts), error) == (1, None)


@pytest.mark.parametrize(
    "odd", [b"[]", b'{"next": 2}', b'{"next": "/x"', b"", b'{"next": "http://[::1"}']
)
def test_a_page_whose_next_link_cannot_be_read_has_changed(fetch: Fetch, odd: bytes) -> None:
    with answering(lambda handler: reply(handler, 200, odd)) as url:
        parts, error = fetch(url, pages=NEXT)
    assert isinstance(error, SourceChanged)
    assert [p.content for p in parts] == [odd]


def test_a_login_page_in_html_has_changed_and_says_how_it_starts(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        system.fault = "html"
        parts, error = fetch(system.url, pages=NEXT)
    assert isinstance(error, SourceChanged)
    assert "text/html: <!DOCTYPE html> <html lang='vi'>" in str(error)
    assert len(parts) == 1


@pytest.mark.parametrize("fault", ["repeat", "same bytes"])
def test_pages_that_repeat_have_changed(fetch: Fetch, fault: Any) -> None:
    with PagedJson(ROWS) as system:
        system.fault, system.fault_from = fault, 2
        parts, error = fetch(system.url, pages=NEXT)
        if fault == "repeat":  # page=1 is written out there: it is the bytes that tell
            assert system.requests == 3
    assert isinstance(error, SourceChanged)
    assert "repeats" in str(error)
    assert len(parts) in {2, 3}


def test_a_next_link_to_the_same_page_is_not_fetched_again(fetch: Fetch) -> None:
    with answering(
        lambda handler: reply(handler, 200, json.dumps({"next": handler.path}).encode())
    ) as url:
        parts, error = fetch(url + "/a", pages=NEXT)
    assert isinstance(error, SourceChanged)
    assert len(parts) == 1


def test_the_same_bytes_for_two_periods_are_no_repetition(fetch: Fetch) -> None:
    with PagedJson(ROWS[:5]) as system:
        request = Request((JANUARY, FEBRUARY), allow_loopback=True)
        parts, error = fetch(system.url + "?ky={period}", request, pages=NEXT)
    assert (len(parts), error) == (2, None)


def test_endless_pages_stop_at_the_limit(fetch: Fetch) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, 200, json.dumps({"next": handler.path + "x"}).encode())

    with answering(answer) as url:
        parts, error = fetch(url + "/a", pages=NEXT, max_parts=4)
    assert isinstance(error, SourceChanged)
    assert len(parts) == 4


def test_the_token_is_sent_as_bearer(fetch: Fetch) -> None:
    with PagedJson(ROWS, token=TOKEN) as system:
        parts, error = fetch(system.url, pages=NEXT, auth={"kind": "bearer", "token": TOKEN + "\n"})
        assert system.headers["authorization"] == f"Bearer {TOKEN}"
    assert (len(parts), error) == (3, None)


def test_a_refusal_is_given_before_it_is_raised_and_holds_no_secret(fetch: Fetch) -> None:
    with PagedJson(ROWS, token="other") as system:
        url = system.url + "?api_key=khoa-bi-mat&ky=1"
        parts, error = fetch(url, auth={"kind": "bearer", "token": TOKEN})
    assert isinstance(error, SourceRefused)
    assert json.loads(parts[0].content) == {"loi": "không được"}
    assert parts[0].origin.endswith("?api_key=***&ky=1")
    assert "khoa-bi-mat" not in str(error)
    assert TOKEN not in str(error)


STATUSES = [
    (400, SourceRefused),
    (401, SourceRefused),
    (403, SourceRefused),
    (404, SourceChanged),
    (410, SourceChanged),
    (408, SourceUnavailable),
    (429, SourceUnavailable),
    (500, SourceUnavailable),
    (503, SourceUnavailable),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_each_status_is_given_and_then_named(
    fetch: Fetch, status: int, kind: type[HubError]
) -> None:
    with answering(lambda handler: reply(handler, status, b"no")) as url:
        parts, error = fetch(url)
    assert type(error) is kind
    assert str(status) in str(error)
    assert [p.content for p in parts] == [b"no"]


def test_a_redirect_is_not_followed_and_says_where_it_points(fetch: Fetch) -> None:
    target = "https://u:p@dang-nhap.example/sso?ticket=abc"
    with answering(lambda handler: reply(handler, 302, b"", Location=target)) as url:
        _, error = fetch(url)
    assert isinstance(error, SourceChanged)
    assert "https://dang-nhap.example/sso (302)" in str(error)


def test_a_service_that_is_not_there_is_unavailable(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        url = system.url
    parts, error = fetch(url)
    assert isinstance(error, SourceUnavailable)
    assert error.retryable
    assert parts == []


def test_silence_is_unavailable(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        system.fault = "timeout"
        parts, error = fetch(system.url, timeout_seconds=0.2)
    assert isinstance(error, SourceUnavailable)
    assert parts == []


def test_a_body_that_breaks_off_is_given_as_far_as_it_came(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        system.fault, system.fault_from = "truncated", 2
        parts, error = fetch(system.url, pages=NEXT)
        whole = system.page("", 2)
    assert isinstance(error, SourceUnavailable)
    assert len(parts) == 2
    assert whole.startswith(parts[1].content)
    assert 0 < len(parts[1].content) < len(whole)


def test_a_page_over_the_limit_has_changed(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        _, error = fetch(system.url, part_bytes=100)
    assert isinstance(error, SourceChanged)
    assert "100 bytes" in str(error)


def test_a_packed_body_is_unpacked(fetch: Fetch) -> None:
    body = gzip.compress(b'{"data": []}')
    with answering(lambda handler: reply(handler, 200, body, Content_Encoding="gzip")) as url:
        parts, error = fetch(url)
    assert error is None
    assert parts[0].content == b'{"data": []}'


def test_a_small_body_that_unpacks_to_much_stops_at_the_limit(fetch: Fetch) -> None:
    body = gzip.compress(bytes(20 << 20))
    with answering(lambda handler: reply(handler, 200, body, Content_Encoding="gzip")) as url:
        _, error = fetch(url, part_bytes=1 << 20)
    assert isinstance(error, SourceChanged)


def test_a_packing_that_was_not_asked_for_has_changed(fetch: Fetch) -> None:
    with answering(lambda handler: reply(handler, 200, b"x", Content_Encoding="zstd")) as url:
        _, error = fetch(url)
    assert isinstance(error, SourceChanged)


@pytest.mark.parametrize(
    "link", ["http://khac.example/2", "ftp://127.0.0.1/2", "https://127.0.0.1/2", "//khac.example"]
)
def test_a_next_link_to_another_host_or_scheme_is_refused(fetch: Fetch, link: str) -> None:
    with answering(lambda handler: reply(handler, 200, json.dumps({"next": link}).encode())) as url:
        parts, error = fetch(url, pages=NEXT)
    assert isinstance(error, SourceRefused)
    assert len(parts) == 1


def test_the_token_does_not_go_to_another_allowed_host(fetch: Fetch) -> None:
    seen: list[dict[str, str]] = []

    def second(handler: BaseHTTPRequestHandler) -> None:
        seen.append({name.lower(): value for name, value in handler.headers.items()})
        reply(handler, 200, b'{"next": null}')

    with answering(second, "127.0.0.2") as other:
        link = json.dumps({"next": other.replace("://", "://u:p@") + "/2"}).encode()
        with answering(lambda handler: reply(handler, 200, link)) as url:
            request = Request((JANUARY,), ("127.0.0.1", "127.0.0.2"), allow_loopback=True)
            auth = {"kind": "bearer", "token": TOKEN}
            parts, error = fetch(url, request, pages=NEXT, auth=auth, headers={"X-Key": "bi-mat"})
    assert (len(parts), error) == (2, None)
    assert not {"authorization", "x-key"} & seen[0].keys()


def test_a_host_that_the_province_does_not_allow_is_refused_unasked(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        _, error = fetch(
            system.url, Request((JANUARY,), ("lgsp.nghean.example",), allow_loopback=True)
        )
        assert system.requests == 0
    assert isinstance(error, SourceRefused)


INSIDE = [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "169.254.169.254",
    "10.1.2.3",
    "0.0.0.0",
]


@pytest.mark.parametrize("host", INSIDE)
def test_addresses_inside_the_network_are_refused(fetch: Fetch, host: str) -> None:
    _, error = fetch(f"http://{host}:9/", Request((JANUARY,)), timeout_seconds=0.2)
    assert isinstance(error, SourceRefused)


def test_a_private_address_is_taken_only_where_the_province_names_it() -> None:
    there = "10.255.255.1"
    assert open_addresses(there, 9, Request((JANUARY,), (there,))) == [there]
    with pytest.raises(SourceRefused, match="inside this network"):
        open_addresses(there, 9, Request((JANUARY,)))


@pytest.mark.parametrize("named", ["trục.example", "TRỤC.example.", "xn--trc-loz.example"])
def test_a_host_with_a_vietnamese_name_may_be_named_either_way(named: str) -> None:
    url = httpx.URL("https://trục.example/")
    check_host(url, ("https", "a.example", 443), Request((JANUARY,), (named,)))
    with pytest.raises(SourceRefused):
        check_host(url, ("https", "a.example", 443), Request((JANUARY,), ("truc.example",)))


def test_an_allowed_host_does_not_open_the_inside(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        _, error = fetch(system.url, Request((JANUARY,), ("127.0.0.1",)))
        assert system.requests == 0
    assert isinstance(error, SourceRefused)


WRONG: list[dict[str, Any]] = [
    {"url": "ftp://a.example/"},
    {"url": "https://u:p@a.example/"},
    {"url": "https://{period}.example/"},
    {"url": "https://a.example/{quarter}"},
    {"url": "https://a.example/", "auth": {"kind": "bearer", "token": "bi mat\x00"}},
    {"url": "https://a.example/", "headers": {"X": "bi mat\r\nY: z"}},
    {"url": "https://a.example/", "pages": {"kind": "next_link", "at": "next"}},
    {"url": "https://a.example/", "verify": False},
]


@pytest.mark.parametrize("settings", WRONG)
def test_settings_that_cannot_be_are_refused_without_a_secret(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        RestSource.Settings(**settings)
    assert "bi mat" not in str(refused.value)
    assert "u:p" not in str(refused.value)


def stop_when_it_drips(system: PagedJson) -> None:
    """Stop a service in mid answer: when it was asked, and some bytes have gone."""
    until = time.monotonic() + 60
    while not system.requests and time.monotonic() < until:
        time.sleep(0.01)
    system.stopping.wait(10 * DRIP_SECONDS)
    system.stop()


def test_dripping_bytes_are_stopped_by_whoever_asked(fetch: Fetch) -> None:
    with PagedJson(ROWS) as system:
        system.fault = "drip"
        stopping = threading.Thread(target=stop_when_it_drips, args=(system,))
        stopping.start()
        parts, error = fetch(system.url, timeout_seconds=60)
        stopping.join()
        whole = system.page("", 1)
    assert isinstance(error, SourceUnavailable)
    assert 0 < len(parts[0].content) < len(whole)


def test_the_sample_system_ends_its_threads(fetch: Fetch) -> None:
    before = set(threading.enumerate())
    with PagedJson(ROWS) as system:
        fetch(system.url, pages=NEXT)
    assert set(threading.enumerate()) <= before
