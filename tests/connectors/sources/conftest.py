from __future__ import annotations

from datetime import date
from typing import Any, Protocol

import pytest

from connectors.sources.rest import RestSource
from hub_core import PayloadPart, Request, RequestedPeriod
from hub_core.errors import HubError

JANUARY = RequestedPeriod("2025-M01", date(2025, 1, 1), date(2025, 1, 31))


class Fetch(Protocol):
    def __call__(
        self, url: str, request: Request | None = None, **settings: Any
    ) -> tuple[list[PayloadPart], HubError | None]: ...


@pytest.fixture
def fetch() -> Fetch:
    """Asks a service; gives the parts, and the error that ended them.

    Nothing is asked twice unless a test says so.
    """

    def fetched(
        url: str, request: Request | None = None, **settings: Any
    ) -> tuple[list[PayloadPart], HubError | None]:
        source = RestSource(RestSource.Settings(**{"url": url, "retries": 0, **settings}))
        parts = []
        try:
            for part in source.fetch(request or Request((JANUARY,), allow_loopback=True), None):
                parts.append(part)  # noqa: PERF402 - what came before the error counts
        except HubError as error:
            return parts, error
        return parts, None

    return fetched
