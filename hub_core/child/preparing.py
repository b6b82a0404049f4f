"""The function of a package that sees a frame before it is mapped."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import polars as pl

from hub_core.errors import MappingError


def prepared(name: str | None) -> Callable[[pl.DataFrame], pl.DataFrame] | None:
    """The function that a provision names as ``prepare``.

    Raises MappingError where there is none.
    """
    if name is None:
        return None
    module, _, function = name.partition(":")
    try:
        made: Callable[[pl.DataFrame], pl.DataFrame] = getattr(
            importlib.import_module(module), function
        )
    except (ImportError, AttributeError) as error:
        raise MappingError(f"prepare {name}: {error}") from error
    return made
