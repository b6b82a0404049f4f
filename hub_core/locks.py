"""Locks on a home between the processes of one machine; they end with whoever holds them."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hub_core.errors import StateError

_PAUSES = (0.02, 0.2)  # whoever only asks, or clears up, soon lets go


@contextmanager
def held(path: Path, why: str) -> Iterator[IO[str]]:
    """Hold a lock alone; whoever inherits the open file holds it too.

    Raises StateError with the words of ``why`` where another holds it.
    """
    with path.open("a") as lock:
        for pause in (*_PAUSES, 0.0):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if not pause:
                    raise StateError(why) from error
                time.sleep(pause)
        yield lock


def is_held(path: Path) -> bool:
    """Tell whether somebody holds a lock at this moment."""
    if not path.exists():
        return False
    with path.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
