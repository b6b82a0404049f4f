"""A gather whose service says that what it sent before still stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Landing
from hub_core.testing.gateway import Gateway
from tests.hub_core.child.conftest import SOUND, Desk, Gone

SECRET = "khoa-bi-mat-8"
ASKED = ("2025-M01", "2025-M02", "2025-M03")
SOURCE = """
kind    = "rest"
url     = "{url}?khoa=secret:key"
pages   = {{ kind = "next_link", at = "/next" }}
retries = 0
{more}
"""


@dataclass
class Service:
    """A gateway of one figure a page, a page a month, and the desk that gathers from it."""

    desk: Desk
    gateway: Gateway

    def gather(self, *, after: int | None = None, secret: str = SECRET, more: str = "") -> Gone:
        """Gather all months; ``after``: the number of the gather before."""
        self.desk.source = SOURCE.format(url=self.gateway.url, more=more)
        self.desk.order = {"allow_loopback": True, "secrets": {"key": secret}}
        if after is not None:
            self.desk.order["previous_landing"] = str(
                self.folder(after) / "gathers" / f"20250101-{after:08d}"
            )
        self.gateway.sent = self.gateway.not_modified = self.gateway.requests = 0
        return self.desk.gather(asked=ASKED)

    def folder(self, gather: int) -> Path:
        """Where a gather left what it landed."""
        return self.desk.folder / f"scratch-{gather}-0"

    def parts(self, gather: int) -> list[Path]:
        """The files of the parts that a gather wrote."""
        return sorted((self.folder(gather) / "parts").iterdir())


@pytest.fixture
def service(desk: Desk) -> Iterator[Service]:
    rows = [SOUND | {"ky": month, "gt": str(n)} for n, month in enumerate(ASKED)]
    with Gateway(rows, page_size=1, guard="none") as gateway:
        gateway.validators = "etag"
        desk.reader = 'kind = "json"\nrows = "/data"'
        yield Service(desk, gateway)


def landing(gone: Gone) -> Landing:
    assert gone.answer.landing is not None
    return gone.answer.landing


def figures(gone: Gone) -> list[tuple[str, str]]:
    return [figure for month in ASKED for figure in gone.figures(month)]


def test_what_still_stands_is_landed_without_its_bytes_and_read(service: Service) -> None:
    first, again = service.gather(), service.gather(after=1)
    assert (again.error, service.gateway.not_modified, service.gateway.sent) == (None, 3, 0)
    assert (landing(again).complete, landing(again).parts) == (True, landing(first).parts)
    assert (len(service.parts(1)), service.parts(2)) == (3, [])
    assert figures(again) == figures(first) == [("AA.2", "0"), ("AA.2", "1"), ("AA.2", "2")]


def test_a_gather_after_one_that_was_sent_nothing_is_sent_nothing(service: Service) -> None:
    service.gather()
    second = service.gather(after=1)
    for path in service.parts(1):  # the landing zone has them together
        path.rename(service.folder(2) / "parts" / path.name)
    third = service.gather(after=2)
    assert (service.gateway.not_modified, service.gateway.sent) == (3, 0)
    assert landing(third).parts == landing(second).parts


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_page_that_changed_is_written_and_all_are_read(service: Service, place: int) -> None:
    service.gather()
    service.gateway.rows[place]["gt"] = "77"  # type: ignore[index]
    again = service.gather(after=1)
    assert (again.error, service.gateway.not_modified, len(service.parts(2))) == (None, 2, 1)
    assert figures(again) == [("AA.2", "77" if n == place else str(n)) for n in range(3)]


@pytest.mark.parametrize("damage", ["gone", "flipped", "other", "long"])
def test_a_part_that_is_damaged_is_asked_for_again(service: Service, damage: str) -> None:
    first = service.gather()
    path, other = service.parts(1)[:2]
    match damage:
        case "gone":
            path.unlink()
        case "flipped":
            content = bytearray(path.read_bytes())
            content[-1] ^= 1
            path.write_bytes(content)
        case "other":
            path.write_bytes(other.read_bytes())
        case _:
            path.write_bytes(b"x" * 1000)
    again = service.gather(after=1)
    assert (again.error, service.gateway.not_modified, service.gateway.requests) == (None, 3, 4)
    assert [each.name for each in service.parts(2)] == [path.name]
    assert (landing(again).parts, figures(again)) == (landing(first).parts, figures(first))


@pytest.mark.parametrize("damage", ["gone", "torn", "a list", "cut off", "format", "etag"])
def test_a_landing_that_does_not_read_is_no_landing(service: Service, damage: str) -> None:
    first = service.gather()
    path = service.folder(1) / "gathers" / "20250101-00000001" / "landing.json"
    told = json.loads(path.read_text())
    changed: dict[str, Any] = {
        "a list": [],
        "cut off": told | {"complete": False, "why": "x"},
        "format": told | {"format": 2},
        "etag": told | {"parts": [part | {"etag": '"one"\r\nX: two'} for part in told["parts"]]},
    }
    path.write_text(json.dumps(changed[damage]) if damage in changed else path.read_text()[:-30])
    if damage == "gone":
        path.unlink()
    again = service.gather(after=1)
    assert (again.error, service.gateway.not_modified) == (None, 0)
    assert "if-none-match" not in service.gateway.headers
    assert landing(again).parts == landing(first).parts


def test_nothing_is_known_to_somebody_else(service: Service) -> None:
    """What one account was shown may not be what another is."""
    service.gather()
    service.gather(after=1, secret="another-key-8")
    assert (service.gateway.not_modified, "if-none-match" in service.gateway.headers) == (0, False)


def test_nothing_is_known_to_who_asks_in_another_way(service: Service) -> None:
    service.gather()
    service.gather(after=1, more='headers = { Accept = "text/csv" }')
    assert (service.gateway.not_modified, "if-none-match" in service.gateway.headers) == (0, False)


def test_a_source_that_is_told_to_ask_for_all_neither_asks_nor_remembers(service: Service) -> None:
    service.gather()
    again = service.gather(after=1, more="validators = false")
    assert service.gateway.not_modified == 0
    assert {(part.etag, part.question) for part in landing(again).parts} == {(None, None)}


def test_a_secret_in_an_address_is_not_landed_nor_easily_guessed(service: Service) -> None:
    gone = service.gather()
    told = (service.folder(1) / "gathers" / "20250101-00000001" / "landing.json").read_text()
    assert SECRET not in told
    assert SECRET not in (service.folder(1) / "parts.jsonl").read_text()
    question = f"GET {service.gateway.url}?khoa={SECRET}"
    assert landing(gone).parts[0].question not in (
        None,
        hashlib.sha256(question.encode()).hexdigest(),
    )


@pytest.mark.parametrize("fault", ["long etag", "torn etag"])
def test_an_etag_that_is_none_is_not_remembered(service: Service, fault: Any) -> None:
    service.gateway.fault = fault
    gone = service.gather()
    assert (gone.error, {part.etag for part in landing(gone).parts}) == (None, {None})
    service.gather(after=1)
    assert "if-none-match" not in service.gateway.headers


def test_what_still_stood_is_in_what_is_kept_of_a_child_that_was_ended(service: Service) -> None:
    first = service.gather()
    service.gather(after=1)
    left = Scratch(service.folder(2))
    assert (left.landed(), left.landed(service.folder(1) / "parts")) == ([], landing(first).parts)
