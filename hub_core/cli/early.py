"""The first child of a command that gathers.

It is started before the command's own libraries are loaded.
"""

from __future__ import annotations

from hub_core.engine.child import Child

_started: list[Child] = []


def start() -> None:
    """Start a child; it ends with this process, whether it is taken or not."""
    _started.append(Child())


def children(several: int) -> list[Child]:
    """Return ``several`` children, the one that was started early first."""
    started = [_started.pop() for _ in range(min(several, len(_started)))]
    return started + [Child() for _ in range(several - len(started))]
