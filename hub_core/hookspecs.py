"""The hooks, all of them: what a package may offer the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from hub_core.config.province import Province
    from hub_core.contracts import Reader, Sink, Source, Writer
    from hub_core.rules import Rule

GROUP = "lienthong"  # the entry-point group of packages

hookspec = pluggy.HookspecMarker("lienthong")
hookimpl = pluggy.HookimplMarker("lienthong")


@hookspec
def hub_province() -> Province:  # type: ignore[empty-body]  # a specification has no body
    """Return the province that this package serves."""


@hookspec
def hub_connectors() -> list[type[Source] | type[Reader] | type[Writer[Any]] | type[Sink]]:  # type: ignore[empty-body]
    """Return connector classes, each with a ``kind`` that no other of its role has."""


@hookspec
def hub_rules() -> list[Rule]:  # type: ignore[empty-body]  # a specification has no body
    """Return more rules, beside the built-in ones."""
