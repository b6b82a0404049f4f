"""Paging of the REST source: every row once, and an end that is sure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from connectors.sources.rest import RestSource
from hub_core import PayloadPart, SourceChanged, SourceUnavailable
from hub_core.testing.gateway import Gateway
from hub_core.testing.servers import System

if TYPE_CHECKING:
    from hub_core.testing.servers import RequestHandler
    from tests.connectors.sources.conftest import Fetch

ROWS = [{"don_vi": f"{k:05d}", "gia_tri": str(k)} for k in range(250)]
BY_PAGE = {"kind": "page", "rows": "/data"}
BY_OFFSET = {"kind": "offset", "rows": "/data"}
BY_CURSOR = {"kind": "cursor", "at": "/next_cursor"}
NEXT = {"kind": "next_link", "at": "/next"}
TOTAL, MORE = {"total": "/total"}, {"more": "/has_more"}


def rows_of(parts: list[PayloadPart]) -> list[Any]:
    return [row for part in parts for row in json.loads(part.content)["data"]]


WAYS: list[tuple[dict[str, str], int]] = [
    (NEXT, 3),
    (BY_CURSOR, 3),
    (BY_PAGE, 4),
    (BY_PAGE | TOTAL, 3),
    (BY_PAGE | MORE, 3),
    (BY_OFFSET, 4),
    (BY_OFFSET | TOTAL, 3),
    (BY_OFFSET | MORE, 3),
]


@pytest.mark.parametrize(("pages", "requests"), WAYS)
def test_every_row_comes_once(fetch: Fetch, pages: dict[str, str], requests: int) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        parts, error = fetch(gateway.url, pages=pages)
        assert gateway.requests == requests
    assert error is None
    assert rows_of(parts) == ROWS


@pytest.mark.parametrize("pages", [way for way, _ in WAYS])
@pytest.mark.parametrize("count", [0, 1, 100, 200])
def test_full_last_pages_and_no_rows_end_too(
    fetch: Fetch, pages: dict[str, str], count: int
) -> None:
    with Gateway(ROWS[:count], guard="none") as gateway:
        parts, error = fetch(gateway.url, pages=pages)
    assert error is None
    assert rows_of(parts) == ROWS[:count]


@pytest.mark.parametrize("pages", [BY_PAGE, BY_PAGE | TOTAL, BY_PAGE | MORE, NEXT])
def test_a_page_size_that_changes_on_the_way_loses_no_row_unseen(
    fetch: Fetch, pages: dict[str, str]
) -> None:
    with Gateway(ROWS, guard="none", page_size=60) as gateway:
        gateway.fault, gateway.fault_from = "page size", 60
        _, error = fetch(gateway.url, pages=pages)
    assert isinstance(error, SourceChanged)
    assert "size of pages changed" in str(error) or "repeats" in str(error)


@pytest.mark.parametrize("pages", [BY_OFFSET, BY_OFFSET | TOTAL, BY_OFFSET | MORE, BY_CURSOR])
def test_offsets_and_cursors_bear_a_page_size_that_changes(
    fetch: Fetch, pages: dict[str, str]
) -> None:
    with Gateway(ROWS, guard="none", page_size=60) as gateway:
        gateway.fault, gateway.fault_from = "page size", 60
        parts, error = fetch(gateway.url, pages=pages)
    assert error is None
    assert rows_of(parts) == ROWS


@pytest.mark.parametrize("pages", [BY_PAGE | TOTAL, BY_OFFSET | TOTAL])
def test_a_total_that_changes_while_it_is_read_is_for_another_time(
    fetch: Fetch, pages: dict[str, str]
) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault = "total"
        _, error = fetch(gateway.url, pages=pages)
    assert isinstance(error, SourceUnavailable)
    assert "total changed" in str(error)


def test_a_cursor_that_repeats_is_not_asked_for_again(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="none") as gateway:
        gateway.fault, gateway.fault_from = "same cursor", 100
        _, error = fetch(gateway.url, pages=BY_CURSOR)
        assert gateway.requests == 2
    assert isinstance(error, SourceChanged)
    assert "repeats" in str(error)


class Scripted(System):
    """Gives these bodies one after another, the last for ever."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = [json.dumps(body).encode() for body in bodies]
        self.paths: list[str] = []
        super().__init__()

    def answer(self, asked: RequestHandler) -> None:
        self.paths.append(asked.path)
        asked.reply(200, self.bodies[min(len(self.paths), len(self.bodies)) - 1])


ODD: list[tuple[dict[str, str], list[Any]]] = [
    (BY_PAGE, [{"data": [1, 2]}, {"data": [3]}, {"data": [4]}]),  # short, and yet not the last
    (BY_PAGE, [{"data": [1]}, {"data": [2, 3]}]),
    (BY_PAGE, [{"data": [1]}, {"error": "x"}]),  # no rows at all is no empty page
    (BY_PAGE, [{"data": None}]),
    (BY_PAGE, [{"data": {"a": 1}}]),
    (BY_PAGE | TOTAL, [{"data": [1, 2], "total": 3}, {"data": [], "total": 3}]),
    (BY_PAGE | TOTAL, [{"data": [1, 2], "total": 1}]),
    (BY_PAGE | TOTAL, [{"data": [1, 2]}]),
    (BY_PAGE | TOTAL, [{"data": [1, 2], "total": "2"}]),
    (BY_PAGE | MORE, [{"data": [], "has_more": True}]),
    (BY_PAGE | MORE, [{"data": [1], "has_more": "no"}]),
    (BY_CURSOR, [{"data": [1], "next_cursor": {"a": 1}}]),
    (BY_CURSOR, [{"next_cursor": "a"}, {"next_cursor": "b", "x": 1}, {"next_cursor": "a", "x": 2}]),
]


@pytest.mark.parametrize(("pages", "bodies"), ODD)
def test_an_end_that_is_not_sure_has_changed(
    fetch: Fetch, pages: dict[str, str], bodies: list[Any]
) -> None:
    with Scripted(*bodies) as system:
        parts, error = fetch(system.address, pages=pages)
    assert isinstance(error, SourceChanged)
    assert len(parts) == len(system.paths) == len(bodies)


def test_the_parameters_are_added_and_the_others_stay_as_written(fetch: Fetch) -> None:
    with Scripted({"d": [1], "c": "a b&c"}, {"d": [2], "c": None}) as system:
        url = system.address + "/x?fields=a,b&page=9&q=%C4%90%E1%BB%93ng+Nai"
        fetch(url, pages={"kind": "page", "rows": "/d", "first": 0})
        fetch(url, pages={"kind": "offset", "rows": "/d", "parameter": "$skip"})
        fetch(url, pages={"kind": "cursor", "at": "/c"})
    kept = "/x?fields=a,b&q=%C4%90%E1%BB%93ng+Nai"
    assert system.paths[0] == f"{kept}&page=0"
    assert f"{url.removeprefix(system.address)}&$skip=0" in system.paths
    assert system.paths[-1] == url.removeprefix(system.address)


def test_a_whole_document_may_be_the_rows(fetch: Fetch) -> None:
    with Scripted([1, 2], [3], []) as system:
        parts, error = fetch(system.address, pages={"kind": "offset", "rows": ""})
    assert (len(parts), error) == (3, None)
    assert system.paths == ["/?offset=0", "/?offset=2", "/?offset=3"]


@pytest.mark.parametrize(
    "pages",
    [
        {"kind": "page"},
        {"kind": "page", "rows": "data"},
        {"kind": "page", "rows": "/data", "first": -1},
        {"kind": "page", "rows": "/data", "parameter": "a&b"},
        BY_OFFSET | TOTAL | MORE,
        {"kind": "cursor"},
    ],
)
def test_paging_that_cannot_be_meant_is_refused(pages: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RestSource.Settings(url="https://a.example/", pages=pages)
