"""Time a command from its start to its end: wall, CPU and memory of it and all that it starts."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE = 0.02  # seconds between two looks at the memory
LOOK_AROUND = 5  # samples between two looks for new processes: that look costs 2 ms


@dataclass(frozen=True)
class Measured:
    """What a command took.

    ``peak_mb`` is the largest sum of its processes' resident sizes, in MiB.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    exit_code: int
    output: str
    complaints: str


class _Watch(threading.Thread):
    """Looks at a process and all below it until told to stop."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.root = psutil.Process(process)
        self.tree = {process: self.root}
        self.peak = 0
        self.cpu: dict[int, float] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        looks = 0
        while not self.ended.wait(SAMPLE):
            if looks % LOOK_AROUND == 0:
                self._look_around()
            looks += 1
            self.peak = max(self.peak, sum(self._resident(each) for each in self.tree.values()))

    def _look_around(self) -> None:
        try:
            self.tree |= {
                each.pid: each
                for each in self.root.children(recursive=True)
                if each.pid not in self.tree
            }
        except psutil.NoSuchProcess:
            self.ended.set()

    def _resident(self, process: psutil.Process) -> int:
        try:
            with process.oneshot():
                times = process.cpu_times()
                self.cpu[process.pid] = times.user + times.system
                return int(process.memory_info().rss)
        except psutil.NoSuchProcess:
            return 0


def measure(command: list[str], scratch: Path) -> Measured:
    """Run a command to its end, its output kept in ``scratch``."""
    scratch.mkdir(parents=True, exist_ok=True)
    said, complained = scratch / "stdout", scratch / "stderr"
    with said.open("wb") as out, complained.open("wb") as err:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        watch = _Watch(process.pid)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.ended.set()
        watch.join()
    # wait4 counts a process and those that it waited for; what was seen of each counts those that
    # it did not
    cpu = max(used.ru_utime + used.ru_stime, sum(watch.cpu.values()))
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in (said, complained))
    return Measured(wall, cpu, watch.peak / 2**20, process.returncode, *texts)
