"""Watches from the hub what a child uses, and ends all that it started."""

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
CHECK_SECONDS = 0.25  # seconds between two checks
_SLOW_CHECK_SECONDS = 1.0  # between two checks of the scratch folder
_OUTPUT_BYTES = 100 * MB
_FILES = 100_000  # in a scratch folder
_OUT_OF_MEMORY = (
    "MemoryError",
    "memory allocation of",
    "bad_alloc",
    "Cannot allocate memory",
    "out of memory",
)
_END_SECONDS = 5.0  # seconds in which what was killed must have gone
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
        self._next_check = self._next_slow_check = 0.0
        self.limits = Limits()
        self.scratch: Path | None = None
        self.may_start = False  # whether a connector that it uses says that it starts processes

    def begin(self, limits: Limits, scratch: Path) -> None:
        """Watch the child through one order."""
        self.limits, self.scratch = limits, scratch
        self._next_check = self._next_slow_check = time.monotonic() + CHECK_SECONDS

    def seconds_until_check(self, left: float) -> float:
        """Return how long to sleep before the next check, at most ``left``."""
        return max(0.0, min(left, self._next_check - time.monotonic()))

    def find_excess(self) -> str | None:
        """Return why the child must be ended, or None.

        Most calls come before it is time for a check and cost nothing.
        """
        now = time.monotonic()
        if now < self._next_check:
            return None
        self._next_check = now + CHECK_SECONDS
        why = (
            self._describe_started(below(self.pid))
            or self._find_memory_excess()
            or self.find_output_excess()
        )
        if why is None and now >= self._next_slow_check:
            why = self._find_scratch_excess()
            self._next_slow_check = time.monotonic() + _SLOW_CHECK_SECONDS
        return why

    def find_last_excess(self) -> str | None:
        """Return why a child that has answered must be ended, or None.

        What it left behind in another session is found too.
        """
        left_behind = (pid for pid in self._marked() if pid != self.pid)
        return (
            self._describe_started(left_behind)
            or self._find_memory_excess()
            or self.find_output_excess()
            or self._find_scratch_excess()
        )

    def find_output_excess(self, limit_bytes: int = _OUTPUT_BYTES) -> str | None:
        """Return what is said where the child has printed too much, or None."""
        size = max(os.fstat(file).st_size for file in self._printed)
        return (
            f"printed more than {limit_bytes // MB} MB, and was ended; its author must print less"
            if size >= limit_bytes
            else None
        )

    def limit_reached(self, code: int, words: str) -> str | None:
        """Return the limit that a process ran into, by how it ended and its last words.

        None where it was none.
        """
        if code == -signal.SIGXFSZ:
            limit_bytes = self.limits.file_mb * MB
            return self.find_output_excess(limit_bytes) or self.limits.exceeded_message(
                "file_mb", "wrote a file larger"
            )
        if code and any(sign in words for sign in _OUT_OF_MEMORY):
            return self.limits.exceeded_message("memory_mb", "asked for more memory")
        return None

    def _describe_started(self, pids: Iterable[int]) -> str | None:
        if self.may_start or not (started := list(pids)):
            return None
        program = next(filter(None, map(_command, started)), "which has ended")
        return (
            f"started a process ({program}) and both were ended: "
            "a package may start none, its author must do without"
        )

    def _find_memory_excess(self) -> str | None:
        used = sum(map(_resident, (self.pid, *(below(self.pid) if self.may_start else ())))) // MB
        if used <= self.limits.memory_mb:
            return None
        return self.limits.exceeded_message("memory_mb", f"took {used} MB of memory, more")

    def _find_scratch_excess(self) -> str | None:
        assert self.scratch is not None
        limit = self.limits.scratch_mb
        size, files = _disk_use(self.scratch, limit * MB)
        size += self._removed_file_bytes()
        if files > _FILES:
            return f"keeps more than {_FILES} files in its scratch folder, and was ended; its author must keep fewer"
        if size > limit * MB:
            return self.limits.exceeded_message(
                "scratch_mb", f"keeps {size // MB} MB in its scratch folder, more"
            )
        return None

    def _removed_file_bytes(self) -> int:
        """Return the bytes in files that the child has removed and still holds open."""
        size = 0
        output_inodes = {os.fstat(file).st_ino for file in self._printed}
        with suppress(OSError), os.scandir(_PROC / str(self.pid) / "fd") as descriptors:
            for descriptor in descriptors:
                with suppress(OSError):
                    status = descriptor.stat()
                    if (
                        stat.S_ISREG(status.st_mode)
                        and status.st_nlink == 0
                        and status.st_ino not in output_inodes
                    ):
                        size += status.st_blocks * 512
        return size

    def end(self, *, already_waited: bool) -> None:
        """Kill the child and all that it started; its owner waits for it.

        What left its process group is killed too. ``already_waited``: it was waited for already,
        and its number may be a stranger's; only its mark tells then.
        """
        if not already_waited:
            for pid in [*below(self.pid)]:
                _kill(pid)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        until = time.monotonic() + _END_SECONDS
        while (marked := self._marked()) and time.monotonic() < until:
            for pid in marked:
                _kill(pid)
            time.sleep(0.01)

    def _marked(self) -> list[int]:
        """Return the processes that carry the child's mark, whoever is their parent now."""
        pids = []
        for folder in _PROC.glob("[0-9]*"):
            with suppress(OSError):
                if self._mark in (folder / "environ").read_bytes().split(b"\0"):
                    pids.append(int(folder.name))
        return pids


def below(pid: int) -> Iterator[int]:
    """Yield the processes below a process."""
    with suppress(OSError), os.scandir(_PROC / str(pid) / "task") as tasks:
        for task in tasks:
            with suppress(OSError):
                for child in (Path(task.path) / "children").read_text().split():
                    yield int(child)
                    yield from below(int(child))


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _resident(pid: int) -> int:
    """Return the bytes of memory that are a process's own.

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


def _disk_use(root: Path, limit_bytes: int) -> tuple[int, int]:
    """Count the bytes and files below a folder until they are too many; no link is followed."""
    size = files = 0
    folders = [str(root)]
    while folders and size <= limit_bytes and files <= _FILES:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                files += 1
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                if files > _FILES:
                    break
    return size, files
