"""pip, as the operator has set it up.

Its index, its certificates and its cache are those of this machine.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hub_core.errors import ConfigurationError

_SHOWN = 800  # characters of what it said that are shown,
_OF_A_LINE = 240  # and of one line, which may list every version that there ever was
_NOISE = ("To fix this", "1. loosen", "2. remove", "[notice]", "hint:", "note:")


@dataclass(frozen=True)
class Pip:
    """pip of the hub's own Python.

    ``wheels``: folders in which it looks too; ``lock``: held for as long as it runs, also where the
    hub is killed.
    """

    wheels: list[Path]
    lock: IO[str]

    def install(self, *words: str, into: str | None = None, path: Path | None = None) -> None:
        """Run ``pip install``; ``into`` another Python, with ``path`` before its libraries.

        Raises ConfigurationError with pip's own words.
        """
        if importlib.util.find_spec("pip") is None:
            raise ConfigurationError(f"{sys.executable} has no pip: {sys.executable} -m ensurepip")
        python = ["--python", into] if into else []
        find_links = [
            word for folder in self.wheels for word in ("--find-links", str(folder.resolve()))
        ]
        quiet = [
            "--no-input",
            "--disable-pip-version-check",
            "--no-color",
            "--no-warn-script-location",
        ]
        environment = {
            name: text for name, text in os.environ.items() if not name.startswith("HUB_SECRET_")
        }
        environment |= {"PYTHONPATH": str(path)} if path else {}
        self._run(
            [sys.executable, "-P", "-m", "pip", *python, "install", *quiet, *find_links, *words],
            environment,
        )

    def _run(self, command: list[str], environment: dict[str, str]) -> None:
        process = subprocess.Popen(  # noqa: S603 - pip itself
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[self.lock.fileno()],
            start_new_session=True,
        )
        try:
            output = process.communicate()[0].decode(errors="replace")
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode:
            raise ConfigurationError(f"pip says: {last_words(output)}")


def last_words(output: str) -> str:
    """Return what pip says of its failure, in one line.

    That is all from its first error on, or else the end.
    """
    stripped = [line.strip()[:_OF_A_LINE] for line in output.splitlines()]
    lines = [line for line in stripped if line and not line.startswith(_NOISE)]
    first = next(
        (n for n, line in enumerate(lines) if line.lower().startswith("error")),
        max(0, len(lines) - 5),
    )
    return " | ".join(lines[first:])[:_SHOWN]
