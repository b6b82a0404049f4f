"""Collect: the parts of a payload from a department's system."""

from __future__ import annotations

from collections.abc import Iterator

from hub_core.contracts import PayloadPart, Request, Source
from hub_core.errors import HubError, PluginError


def collect(source: Source, request: Request, cursor: str | None = None) -> Iterator[PayloadPart]:
    """Yield the parts that a source gives, in order.

    Raises the hub's errors as the source raises them, and PluginError for any other exception.
    """
    try:
        yield from source.fetch(request, cursor)
    except (HubError, GeneratorExit):
        raise
    except Exception as error:  # an edge: a source may be anybody's code
        raise PluginError(f"source {source.kind} raised {type(error).__name__}: {error}") from error
