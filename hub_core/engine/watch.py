"""What a child takes, looked at from the hub, and the end of all that it started."""

from __future__ import annotations

import os
import re
import signal
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from hub_core.model.limits import MB, Limits

MARK = "HUB_CHILD"  # a variable in a child's environment that all it starts inherits
LOOK = 0.25  # seconds between two looks
_SLOW = 1.0  # between two looks at the scratch folder
_PRINTED = 100 * MB
_FILES = 100_000  # in a scratch folder
_OUT_OF_MEMORY = (
    "MemoryError",
    "memory allocation of",
    "bad_alloc",
    "Cannot allocate memory",
    "out of memory",
)
_GONE = 5.0  # seconds in which what was killed must have gone
_PROC = Path("/proc")
_RESIDENT = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB", re.MULTILINE)


class Watch:
    """One child: its process, the files that hold what it prints, and the limits it is held to.

    Where there is no ``/proc`` only files are looked at.
    """

    def __init__(self, pid: int, mark: str, printed: tuple[int, int]) -> None:
        self.pid = pid
        self._mark = f"{MARK}={mark}".encode()
        self._printed = printed
        self._next = self._next_slow = 0.0
        self.limits = Limits()
        self.scratch: Path | None = None
        self.may_start = False  # whether a connector that it uses says that it starts processes

    def begin(self, limits: Limits, scratch: Path) -> None:
        """Watch it through one order."""
        self.limits, self.scratch = limits, scratch
        self._next = self._next_slow = time.monotonic() + LOOK

    def wait(self, left: float) -> float:
        """How long to sleep before the next look."""
        return max(0.0, min(left, self._next - time.monotonic()))

    def look(self) -> str | None:
        """Why the child must be ended, or None.

        Most calls come before it is time and cost nothing.
        """
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + LOOK
        why = self._started(below(self.pid)) or self._remembers() or self.has_printed()
        if why is None and now >= self._next_slow:
            why = self._keeps()
            self._next_slow = time.monotonic() + _SLOW
        return why

    def last_look(self) -> str | None:
        """The same when it has answered, also for what it left behind in another session."""
        left = (pid for pid in self._marked() if pid != self.pid)
        return self._started(left) or self._remembers() or self.has_printed() or self._keeps()

    def has_printed(self, most: int = _PRINTED) -> str | None:
        """What is said where it has printed too much."""
        size = max(os.fstat(file).st_size for file in self._printed)
        return (
            f"printed more than {most // MB} MB, and was ended; its author must print less"
            if size >= most
            else None
        )

    def reason(self, code: int, words: str) -> str | None:
        """The limit that a process ran into, by how it ended and its last words.

        None where it was none.
        """
        if code == -signal.SIGXFSZ:
            most = self.limits.file_mb * MB
            return self.has_printed(most) or self.limits.exceeded_message(
                "file_mb", "wrote a file larger"
            )
        if code and any(sign in words for sign in _OUT_OF_MEMORY):
            return self.limits.exceeded_message("memory_mb", "asked for more memory")
        return None

    def _started(self, found: Iterable[int]) -> str | None:
        if self.may_start or not (started := list(found)):
            return None
        words = next(filter(None, map(_command, started)), "which has ended")
        return f"started a process ({words}) and both were ended: a package may start none, its author must do without"

    def _remembers(self) -> str | None:
        taken = sum(map(_resident, (self.pid, *(below(self.pid) if self.may_start else ())))) // MB
        if taken <= self.limits.memory_mb:
            return None
        return self.limits.exceeded_message("memory_mb", f"took {taken} MB of memory, more")

    def _keeps(self) -> str | None:
        assert self.scratch is not None
        limit = self.limits.scratch_mb
        size, files = _on_disk(self.scratch, limit * MB)
        size += self._nameless()
        if files > _FILES:
            return f"keeps more than {_FILES} files in its scratch folder, and was ended; its author must keep fewer"
        if size > limit * MB:
            return self.limits.exceeded_message(
                "scratch_mb", f"keeps {size // MB} MB in its scratch folder, more"
            )
        return None

    def _nameless(self) -> int:
        """Bytes in files that it has removed and still holds open."""
        size = 0
        mine = {os.fstat(file).st_ino for file in self._printed}
        with suppress(OSError), os.scandir(_PROC / str(self.pid) / "fd") as held:
            for each in held:
                with suppress(OSError):
                    found = each.stat()
                    if (
                        stat.S_ISREG(found.st_mode)
                        and found.st_nlink == 0
                        and found.st_ino not in mine
                    ):
                        size += found.st_blocks * 512
        return size

    def end(self, *, gone: bool) -> None:
        """Kill the child and all that it started, also what left its process group; its owner waits for it.

        ``gone``: it was waited for already, and its number may be a stranger's; only its mark tells
        then.
        """
        if not gone:
            for pid in [*below(self.pid)]:
                _kill(pid)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        until = time.monotonic() + _GONE
        while (left := self._marked()) and time.monotonic() < until:
            for pid in left:
                _kill(pid)
            time.sleep(0.01)

    def _marked(self) -> list[int]:
        """The processes that carry its mark, whoever is their parent now."""
        found = []
        for folder in _PROC.glob("[0-9]*"):
            with suppress(OSError):
                if self._mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found


def below(pid: int) -> Iterator[int]:
    """The processes below a process."""
    with suppress(OSError), os.scandir(_PROC / str(pid) / "task") as tasks:
        for task in tasks:
            with suppress(OSError):
                for each in (Path(task.path) / "children").read_text().split():
                    yield int(each)
                    yield from below(int(each))


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _resident(pid: int) -> int:
    """Bytes of memory that are a process's own.

    File pages, which the system takes back as it needs, are not.
    """
    try:
        return sum(map(int, _RESIDENT.findall((_PROC / str(pid) / "status").read_bytes()))) * 1024
    except OSError:
        return 0


def _command(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "exe").readlink().name
    except OSError:
        return ""


def _on_disk(root: Path, most: int) -> tuple[int, int]:
    """Bytes and files below a folder, counted until they are too many; no link is followed."""
    size = files = 0
    folders = [str(root)]
    while folders and size <= most and files <= _FILES:
        with suppress(OSError), os.scandir(folders.pop()) as found:
            for each in found:
                files += 1
                with suppress(OSError):
                    if each.is_dir(follow_symlinks=False):
                        folders.append(each.path)
                    size += each.stat(follow_symlinks=False).st_blocks * 512
                if files > _FILES:
                    break
    return size, files
