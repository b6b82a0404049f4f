from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hub_core.prefetch import parallel_map, prefetch


def test_items_come_in_their_order() -> None:
    assert list(prefetch(iter(range(100)), 1)) == list(range(100))


def test_they_are_made_before_anybody_asks_and_no_further_ahead_than_may_be() -> None:
    made, enough = [], threading.Event()

    def items() -> Iterator[int]:
        for n in range(10):
            made.append(n)
            if n == 2:
                enough.set()
            yield n

    taken = prefetch(items(), 2)
    assert enough.wait(60)
    assert made == [0, 1, 2]
    assert list(taken) == list(range(10))


def test_an_error_comes_where_it_happened() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("two")

    taken = prefetch(items(), 5)
    assert next(taken) == 1
    with pytest.raises(KeyError, match="two"):
        next(taken)


def test_side_by_side_they_come_in_their_order_whichever_is_made_first() -> None:
    last = threading.Event()

    def make(n: int) -> int:
        if n == 0:
            assert last.wait(60)
        last.set()
        return n * n

    assert list(parallel_map(make, range(20), 2)) == [n * n for n in range(20)]


def test_side_by_side_no_more_are_begun_than_may_be() -> None:
    begun: list[int] = []

    def items() -> Iterator[int]:
        for n in range(10):
            begun.append(n)
            yield n

    made = parallel_map(str, items(), 2)
    assert (next(made), begun) == ("0", [0, 1, 2])
    assert list(made) == [str(n) for n in range(1, 10)]


def test_side_by_side_an_error_comes_where_it_happened() -> None:
    made = parallel_map({1: "one"}.__getitem__, [1, 2, 1], 2)
    assert next(made) == "one"
    with pytest.raises(KeyError):
        next(made)
