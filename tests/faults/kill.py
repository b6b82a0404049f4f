"""Runs ``hub`` or its child, and ends it by SIGKILL at a border of the path.

``kill.py WHERE hub WORDS...`` is ``hub WORDS``; WHERE is
``MODULE:NAME.NAME:before|after:NTH:hub|child``: the process ends itself before, or after, the nth
call of that function. A child that is to end so is started by this file too. Where ``FAULT_STOPS``
is the number of another process, as of a database server, it is that one which is told to stop at
once (SIGQUIT), and the hub goes on when it has ended.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from functools import wraps
from pathlib import Path
from typing import Any


def strike() -> None:
    """End this process, or the other one."""
    other = os.environ.get("FAULT_STOPS")
    if other is None:
        signal.raise_signal(signal.SIGKILL)
        return
    os.kill(int(other), signal.SIGQUIT)
    state = Path(f"/proc/{other}/stat")
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)


def armed(where: str) -> None:
    """Put a function that ends the process in the place of another."""
    module, names, when, nth, _ = where.split(":")
    owner: Any = importlib.import_module(module)
    *path, name = names.split(".")
    for step in path:
        owner = getattr(owner, step)
    whole, left = getattr(owner, name), [int(nth)]

    @wraps(whole)
    def deadly(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if when == "before" and left[0] == 0:
            strike()
        result = whole(*args, **kwargs)
        if when == "after" and left[0] == 0:
            strike()
        return result

    setattr(owner, name, deadly)


def children_armed(where: str) -> None:
    """Let the hub start its children through this file; only the first of them ends itself."""
    start, ours, first = subprocess.Popen.__init__, __file__, [True]

    def started(self: Any, command: Any, *args: Any, **kwargs: Any) -> None:
        if "hub_core.child" in command and first[0]:
            first[0] = False
            command = [sys.executable, "-P", ours, where, "child", command[-1]]
        start(self, command, *args, **kwargs)

    subprocess.Popen.__init__ = started  # type: ignore[method-assign]


def main() -> None:
    where, kind, *words = sys.argv[1:]
    if kind == "child":
        armed(where)
        sys.argv = ["child", *words]
        importlib.import_module("hub_core.child.__main__")
        return
    if where.endswith(":child"):
        children_armed(where)
    elif where:
        armed(where)
    from hub_core.cli import main as hub

    sys.argv = ["hub", *words]
    hub()


if __name__ == "__main__":
    main()
