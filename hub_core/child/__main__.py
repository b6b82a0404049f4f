"""``python -m hub_core.child FD``: a line of JSON on standard input is an order, a line on FD its answer.

Each order has a token, and so has its answer. Standard output and standard error belong to the
province's code and never reach the answers.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from hub_core.child import Provinces, answer

_PR_SET_PDEATHSIG = 1


def serve(answers: int) -> None:
    """Take orders until there are no more."""
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    out = os.fdopen(answers, "w", encoding="utf-8")

    def say(token: str, told: dict[str, Any]) -> None:
        """A line of its own that carries the order's token, whatever else was written there."""
        sys.stdout.flush()
        out.write(f"\n{token}{json.dumps(told, ensure_ascii=False)}\n")
        out.flush()

    _end_with_the_hub()
    _warm_up()
    provinces = Provinces()
    for line in orders:
        asked = json.loads(line)
        token = asked["token"]
        say(token, {"answer": answer(asked["order"], provinces, partial(_progress, say, token))})


def _progress(say: Callable[[str, dict[str, Any]], None], token: str, counts: dict[str, int]) -> None:
    say(token, {"progress": counts})


def _end_with_the_hub() -> None:
    """A hub that is killed takes its children with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _warm_up() -> None:
    """Import what every order needs, while the hub is still opening its database."""
    import hub_core.child.gathering
    import hub_core.plugins  # noqa: F401


serve(int(sys.argv[1]))
