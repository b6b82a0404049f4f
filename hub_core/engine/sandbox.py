"""Where a child may write: a scratch folder for each order, and what of it the hub takes back."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hub_core.engine.users import SystemUser, take_back
from hub_core.model.limits import Limits


@dataclass(frozen=True)
class SandboxPolicy:
    """What a child has for one order: where it may write, how much it may take, and how long."""

    scratch: Path
    scratches: list[Path]  # of all orders that it will be given
    limits: Limits
    seconds: float
    closed: list[Path]  # what it may not read

    def told(self, user: str | None) -> dict[str, Any]:
        """The room as the child hears of it."""
        every, closed = ([str(each) for each in paths] for paths in (self.scratches, self.closed))
        told = {"scratch": str(self.scratch), "scratches": every, "closed": closed}
        return {**told, "limits": asdict(self.limits), "user": user}


@contextmanager
def sandboxes(orders: list[dict[str, Any]], user: SystemUser | None) -> Iterator[list[Path]]:
    """The scratch folder of each order, open to the child's user alone.

    One that names none gets one for a while.
    """
    with tempfile.TemporaryDirectory(prefix="hub-scratch-", ignore_cleanup_errors=True) as spare:
        folders = [Path(order.get("scratch") or Path(spare, "scratch")) for order in orders]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            if user is not None:
                user.lend(folder)
        yield folders


def sanitize_scratch(scratch: Path, user: SystemUser | None) -> None:
    """Leave only plain files and folders of the hub's own in what a child has left.

    Its temporary files go.
    """
    if scratch.is_symlink():
        scratch.unlink()
        return
    if user is not None:
        take_back(scratch)
    with suppress(OSError):
        shutil.rmtree(scratch / "tmp")
    for here, folders, files in os.walk(scratch):
        for name in (*folders, *files):
            path = Path(here, name)
            with suppress(FileNotFoundError):
                kind = path.lstat().st_mode
                if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                    path.unlink()
