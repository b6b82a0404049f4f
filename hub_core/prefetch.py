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
    """Run an iterator in a background thread, buffering up to ``depth`` items.

    Its exception is raised again after the items before it.
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
    return _drain(ready)


def _drain(ready: queue.Queue[tuple[T] | BaseException | None]) -> Iterator[T]:
    while (item := ready.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item[0]


def parallel_map(make: Callable[[S], T], items: Iterable[S], workers: int) -> Iterator[T]:
    """Yield ``make(item)`` for each item in order, made in ``workers`` threads.

    No more than ``workers`` results wait to be taken.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[T]] = deque()
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
