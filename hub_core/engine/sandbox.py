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

    def to_message(self, user: str | None) -> dict[str, Any]:
        """Return the policy as the JSON that the child gets."""
        scratches, closed = (
            [str(path) for path in paths] for paths in (self.scratches, self.closed)
        )
        folders = {"scratch": str(self.scratch), "scratches": scratches, "closed": closed}
        return {**folders, "limits": asdict(self.limits), "user": user}


@contextmanager
def sandboxes(orders: list[dict[str, Any]], user: SystemUser | None) -> Iterator[list[Path]]:
    """Make the scratch folder of each order, open to the child's user alone.

    An order that names none gets one until the end of the context.
    """
    with tempfile.TemporaryDirectory(
        prefix="hub-scratch-", ignore_cleanup_errors=True
    ) as temporary:
        folders = [Path(order.get("scratch") or Path(temporary, "scratch")) for order in orders]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            if user is not None:
                user.lend(folder)
        yield folders


def sanitize_scratch(scratch: Path, user: SystemUser | None) -> None:
    """Leave only plain files and folders of the hub's own in what a child has left.

    The child's temporary files are removed.
    """
    if scratch.is_symlink():
        scratch.unlink()
        return
    if user is not None:
        take_back(scratch)
    with suppress(OSError):
        shutil.rmtree(scratch / "tmp")
    for root, folders, files in os.walk(scratch):
        for name in (*folders, *files):
            path = Path(root, name)
            with suppress(FileNotFoundError):
                kind = path.lstat().st_mode
                if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                    path.unlink()
