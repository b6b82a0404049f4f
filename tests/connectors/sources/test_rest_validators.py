"""Questions under a condition.

What a service need not send again, and when it is not taken at its word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from hub_core import CachedPart, PayloadPart, Request, SourceChanged, SourceUnavailable
from hub_core.testing.gateway import Gateway
from hub_core.testing.servers import PagedJson
from tests.connectors.sources.conftest import JANUARY

if TYPE_CHECKING:
    from tests.connectors.sources.conftest import Fetch

ROWS = [{"don_vi": f"{k:05d}", "gia_tri": str(k)} for k in range(25)]
ONE: dict[str, Any] = {"kind": "none"}
PAGES: list[dict[str, Any]] = [
    {"kind": "next_link", "at": "/next"},
    {"kind": "cursor", "at": "/next_cursor"},
    {"kind": "page", "rows": "/data", "total": "/total"},
    {"kind": "offset", "rows": "/data", "more": "/has_more"},
    {"kind": "page", "rows": "/data"},
]
LINKS = PAGES[0]


def after(parts: Iterable[PayloadPart], *, gone: str = "") -> Request:
    """A request after a gather that brought these parts.

    The bytes of the one named ``gone`` are no longer there.
    """
    before = {part.question: part for part in parts}

    def bytes_of(part: PayloadPart) -> Callable[[], PayloadPart | None]:
        return lambda: None if part.name == gone else part

    def known(question: str) -> CachedPart | None:
        part = before.get(question)
        told = part and (part.etag or part.last_modified)
        return CachedPart(part.etag, part.last_modified, bytes_of(part)) if part and told else None

    return Request((JANUARY,), allow_loopback=True, cached=known)


def gateway(validators: Any = "etag", guard: Any = "none") -> Gateway:
    made = Gateway([dict(row) for row in ROWS], page_size=10, guard=guard)
    made.validators = validators
    return made


def rows_of(parts: list[PayloadPart]) -> list[dict[str, str]]:
    return [row for part in parts for row in json.loads(part.content)["data"]]


@pytest.mark.parametrize("pages", [ONE, *PAGES])
def test_what_is_as_it_was_is_not_sent_and_given_all_the_same(
    fetch: Fetch, pages: dict[str, Any]
) -> None:
    with gateway() as system:
        first, error = fetch(system.url, pages=pages)
        sent, asked = system.sent, system.requests
        again, error_again = fetch(system.url, after(first), pages=pages)
        assert (system.sent - sent, system.not_modified) == (0, asked) == (0, len(first))
    assert (error, error_again) == (None, None)
    assert again == first


@pytest.mark.parametrize("pages", PAGES[:4])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_page_that_changed_is_sent_alone(fetch: Fetch, pages: dict[str, Any], place: int) -> None:
    with gateway() as system:
        first, _ = fetch(system.url, pages=pages)
        system.rows[place * 10]["gia_tri"] = "12345"  # type: ignore[index]
        again, error = fetch(system.url, after(first), pages=pages)
        assert (error, system.not_modified) == (None, 2)
        assert rows_of(again) == system.rows
    assert [n for n in range(3) if again[n] != first[n]] == [place]
    assert again[place].etag not in (None, first[place].etag)


def test_a_page_more_is_found_behind_a_last_one_that_says_so(fetch: Fetch) -> None:
    with PagedJson(ROWS[:20], page_size=10) as system:
        system.validators = "etag"
        first, _ = fetch(system.url, pages=LINKS)
        system.rows = ROWS
        again, error = fetch(system.url, after(first), pages=LINKS)
        assert (error, len(first), len(again), system.not_modified) == (None, 2, 3, 1)
    assert rows_of(again) == ROWS


@pytest.mark.parametrize("validators", ["weak", "date"])
def test_what_means_the_same_does_for_one_page_and_not_for_the_end_of_many(
    fetch: Fetch, validators: Any
) -> None:
    """A last page that means the same may have got a page behind it."""
    with gateway(validators) as system:
        one, _ = fetch(system.url)
        fetch(system.url, after(one))
        assert system.not_modified == 1
        for pages in PAGES:
            many, _ = fetch(system.url, pages=pages)
            again, error = fetch(system.url, after(many), pages=pages)
            assert (again, error) == (many, None)
            assert not {"if-none-match", "if-modified-since"} & set(system.headers)
        assert system.not_modified == 1


def test_a_page_that_has_just_changed_is_not_known_by_its_date(fetch: Fetch) -> None:
    """It may change again within the second, and keep it."""
    with gateway("date") as system:
        first, _ = fetch(system.url)
        assert first[0].last_modified is not None
        system.rows[0]["gia_tri"] = "12345"  # type: ignore[index]
        second, _ = fetch(system.url, after(first))
        assert (second[0].last_modified, system.not_modified) == (None, 0)
    assert rows_of(second)[0]["gia_tri"] == "12345"


def test_an_etag_goes_alone_where_there_is_a_date_too(fetch: Fetch) -> None:
    known = PayloadPart(b"", "", "", "", "", '"one"', "Sun, 01 Feb 2026 00:00:00 GMT")
    with gateway() as system:
        request = Request(
            (JANUARY,),
            allow_loopback=True,
            cached=lambda _: CachedPart(known.etag, known.last_modified, id),
        )  # type: ignore[arg-type]  # it is never called
        fetch(system.url, request)
        assert system.headers["if-none-match"] == '"one"'
        assert "if-modified-since" not in system.headers


# When a service is not taken at its word


@pytest.mark.parametrize("pages", [ONE, LINKS])
def test_not_modified_that_nobody_asked_about_is_named(fetch: Fetch, pages: dict[str, Any]) -> None:
    with gateway() as system:
        system.fault = "304"
        parts, error = fetch(system.url, pages=pages)
    assert isinstance(error, SourceChanged)
    assert "answered 304 (not modified), and was not asked whether it is" in str(error)
    assert [part.content for part in parts] == [b""]


def test_bytes_that_are_gone_are_asked_for_again_once(fetch: Fetch) -> None:
    with gateway() as system:
        first, _ = fetch(system.url, pages=LINKS)
        asked = system.requests
        again, error = fetch(system.url, after(first, gone="page 2"), pages=LINKS)
        assert (system.requests - asked, system.not_modified) == (4, 3)
    assert (again, error) == (first, None)


def test_bytes_that_are_gone_from_a_service_that_sends_none_end_it(fetch: Fetch) -> None:
    with gateway() as system:
        first, _ = fetch(system.url)
        system.fault = "304"
        asked = system.requests
        _, error = fetch(system.url, after(first, gone="page 1"))
        assert system.requests - asked == 2
    assert isinstance(error, SourceChanged)


@pytest.mark.parametrize("validators", ["etag", "weak", "date"])
def test_not_modified_that_speaks_of_another_is_asked_about_again(
    fetch: Fetch, validators: Any
) -> None:
    with gateway(validators) as system:
        first, _ = fetch(system.url)
        system.rows[0]["gia_tri"] = "12345"  # type: ignore[index]
        system.fault = "304 other"
        again, error = fetch(system.url, after(first))
    assert error is None
    assert rows_of(again)[0]["gia_tri"] == "12345"


def test_a_body_behind_not_modified_is_no_answer_to_the_next_question(fetch: Fetch) -> None:
    with gateway() as system:
        first, _ = fetch(system.url, pages=LINKS)
        system.fault = "304 body"
        again, error = fetch(system.url, after(first), pages=LINKS, retries=3)
    assert (again, error) == (first, None)


def test_a_service_that_never_says_what_changed_is_believed_until_it_is_switched_off(
    fetch: Fetch,
) -> None:
    with gateway() as system:
        first, _ = fetch(system.url)
        system.rows[0]["gia_tri"] = "12345"  # type: ignore[index]
        system.fault = "stale"
        believed, _ = fetch(system.url, after(first))
        assert believed == first
        seen, _ = fetch(system.url, after(first), validators=False)
        assert rows_of(seen)[0]["gia_tri"] == "12345"
        assert (seen[0].etag, "if-none-match" in system.headers) == (None, False)


def test_what_an_earlier_page_says_must_hold_what_is_expected_too(fetch: Fetch) -> None:
    with gateway() as system:
        first, _ = fetch(system.url)
        again, error = fetch(system.url, after(first), expect={"/success": "^false$"})
        assert system.not_modified == 1
    assert isinstance(error, SourceUnavailable)
    assert again == first


def test_a_token_that_has_ended_is_renewed_and_the_condition_asked_again(fetch: Fetch) -> None:
    with gateway(guard="oauth2") as system:
        auth = {
            "kind": "oauth2_client_credentials",
            "token_url": system.token_url,
            "id": system.id,
            "secret": system.secret,
        }
        first, _ = fetch(system.url, pages=LINKS, auth=auth)
        system.fault, system.fault_from, system.times = "expire", 10, 1
        again, error = fetch(system.url, after(first), pages=LINKS, auth=auth)
        assert (error, system.not_modified, system.granted) == (None, 3, 3)
    assert again == first


def test_headers_without_end_are_unavailable(fetch: Fetch) -> None:
    with gateway() as system:
        system.fault, system.etag_length = "long etag", 200_000
        parts, error = fetch(system.url)
    assert (type(error), parts) == (SourceUnavailable, [])
