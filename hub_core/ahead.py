"""Taking items before they are asked for, in a thread of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T], depth: int) -> Iterator[T]:
    """The items of an iterator that runs from now on in a thread of its own, so many ahead; its error has its place."""
    ready: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(depth)

    def run() -> None:
        try:
            for item in items:
                ready.put((item,))
            ready.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
            ready.put(error)

    threading.Thread(target=run, daemon=True).start()
    return _taken(ready)


def _taken(ready: queue.Queue[tuple[T] | BaseException | None]) -> Iterator[T]:
    while (item := ready.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item[0]
