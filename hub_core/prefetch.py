"""Taking items before they are asked for, in threads of their own."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def prefetch(items: Iterator[T], depth: int) -> Iterator[T]:
    """The items of an iterator that runs from now on in a thread of its own, so many ahead.

    Its error has its place.
    """
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


def parallel_map(make: Callable[[S], T], items: Iterable[S], hands: int) -> Iterator[T]:
    """What is made of each item, in their order.

    So many are made at once, and no more than that ahead.
    """
    with ThreadPoolExecutor(hands) as pool:
        waiting: deque[Future[T]] = deque()
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > hands:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
