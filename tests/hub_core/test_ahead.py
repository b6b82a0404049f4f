from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hub_core.ahead import ahead


def test_items_come_in_their_order() -> None:
    assert list(ahead(iter(range(100)), 1)) == list(range(100))


def test_they_are_made_before_anybody_asks_and_no_further_ahead_than_may_be() -> None:
    made, enough = [], threading.Event()

    def items() -> Iterator[int]:
        for n in range(10):
            made.append(n)
            if n == 2:
                enough.set()
            yield n

    taken = ahead(items(), 2)
    assert enough.wait(5)
    assert made == [0, 1, 2]
    assert list(taken) == list(range(10))


def test_an_error_comes_where_it_happened() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("two")

    taken = ahead(items(), 5)
    assert next(taken) == 1
    with pytest.raises(KeyError, match="two"):
        next(taken)
