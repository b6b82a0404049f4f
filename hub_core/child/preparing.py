"""The function of a package that sees a frame before it is mapped."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import polars as pl

from hub_core.errors import MappingError


def load_prepare(name: str | None) -> Callable[[pl.DataFrame], pl.DataFrame] | None:
    """Return the function that a provision names as ``prepare``, or None where it names none.

    Raises MappingError where the function cannot be imported.
    """
    if name is None:
        return None
    module, _, function = name.partition(":")
    try:
        prepare: Callable[[pl.DataFrame], pl.DataFrame] = getattr(
            importlib.import_module(module), function
        )
    except (ImportError, AttributeError) as error:
        raise MappingError(f"prepare {name}: {error}") from error
    return prepare
