"""``python -m hub_core.child FD``: a line of JSON on standard input is an order, a line on FD its answer.

Each order has a token, and so has its answer. Standard output and standard error belong to the
province's code and never reach the answers.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import partial
from typing import Any

from hub_core.child import Provinces, answer
from hub_core.child.confine import end_with_the_hub
from hub_core.child.guard import Guard
from hub_core.errors import HubError
from hub_core.model.limits import Limits


def serve(answers: int) -> None:
    """Take orders until there are no more."""
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    end_with_the_hub()
    _warm_up()
    guard = Guard(answers)
    provinces = Provinces(guard.let_start)
    for line in orders:
        told = _answer(json.loads(line), provinces, guard)
        with suppress(ValueError):  # it was closed
            sys.stdout.flush()
        guard.tell({"answer": told})


def _answer(asked: dict[str, Any], provinces: Provinces, guard: Guard) -> dict[str, Any]:
    order, guard.token = asked["order"], asked["token"]
    try:
        provinces.connectors(order["trusted"])  # what the hub trusts is loaded before the guard is up
        guard.begin(order, asked["room"])
    except HubError as error:
        return {"error": error.as_dict()}
    try:
        return answer(order, provinces, partial(_progress, guard))
    except MemoryError:
        guard.refuse(Limits(**asked["room"]["limits"]).passed("memory_mb", "asked for more memory"))


def _progress(guard: Guard, counts: dict[str, int]) -> None:
    guard.tell({"progress": counts})


def _warm_up() -> None:
    """Import what every order needs, while the hub is still opening its database."""
    import hub_core.child.gathering
    import hub_core.plugins  # noqa: F401


serve(int(sys.argv[1]))
