"""``python -m hub_core.child FD``: takes orders on standard input, and writes answers to FD.

A line of JSON on standard input is an order, a line on FD its answer.

Each order has a token, and so has its answer. Standard output and standard error belong to the
province's code and never reach the answers.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from hub_core.child import Provinces, answer
from hub_core.child.confine import end_with_the_hub
from hub_core.child.guard import Guard
from hub_core.errors import HubError
from hub_core.model.limits import Limits


def serve(answers: int) -> None:
    """Take orders until there are no more."""
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    null_input = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null_input, 0)
    os.close(null_input)
    end_with_the_hub()
    _warm_up()
    guard = Guard(answers)
    provinces = Provinces(guard.allow_process_start)
    for line in orders:
        message = json.loads(line)
        if "prepare" in message:
            _prepare(message["prepare"], provinces)
            continue
        order_answer = _answer(message, provinces, guard)
        with suppress(ValueError):  # it was closed
            sys.stdout.flush()
        guard.send({"answer": order_answer})


def _answer(message: dict[str, Any], provinces: Provinces, guard: Guard) -> dict[str, Any]:
    order, guard.token = message["order"], message["token"]
    try:
        # what the hub trusts is loaded before the guard is up
        provinces.connectors(order["trusted"])
        guard.begin(order, message["room"])
    except HubError as error:
        return {"error": error.as_dict()}
    try:
        return answer(order, provinces, partial(_progress, guard))
    except MemoryError:
        guard.refuse(
            Limits(**message["room"]["limits"]).exceeded_message(
                "memory_mb", "asked for more memory"
            )
        )


def _progress(guard: Guard, counts: dict[str, int]) -> None:
    guard.send({"progress": counts})


def _warm_up() -> None:
    """Import what nearly every order needs, while the hub is still opening its database."""
    import httpx  # noqa: F401

    import hub_core.child.gathering
    import hub_core.packages.load  # noqa: F401

    gc.freeze()


def _prepare(preparation: dict[str, Any], provinces: Provinces) -> None:
    """Load what the hub trusts and the catalogue, before the first order."""
    from hub_core.structures import open_snapshot

    with suppress(HubError, OSError):  # the order that needs them will say so
        provinces.connectors(preparation["trusted"])
        open_snapshot(Path(preparation["catalogue"]))


gc.set_threshold(50_000, 20, 100)  # frames and texts make no circles
serve(int(sys.argv[1]))
