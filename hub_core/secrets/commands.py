"""Secrets that a command prints.

Run without a shell, for so long, and what it prints never shown.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hub_core.errors import ConfigurationError

SECONDS = 10.0
_PIECE = 1 << 16
_LOOK = 0.2  # seconds after the command's end in which what it printed has come
_SHOWN = 200  # letters of its complaint


def output(
    command: Sequence[str],
    most: int,
    environment: Mapping[str, str],
    folder: Path,
    seconds: float = SECONDS,
) -> bytes:
    """What a command prints, run in this folder.

    Raises ConfigurationError, which names the command's first word alone, where it cannot be run,
    ends otherwise than with 0, prints more than ``most`` bytes, or takes too long; it is ended
    then, with what it started.
    """
    first = f"command {command[0]}"
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigurationError(f"{first} cannot be run: {error.strerror}") from error
    try:
        said, complained = _heard(process, most, time.monotonic() + seconds)
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"{first} gave no answer within {seconds:g} s, and was ended"
        ) from error
    finally:
        _end(process)
    if len(said) > most:
        raise ConfigurationError(f"{first} printed more than a secret may hold, and was ended")
    if process.returncode:
        code = process.returncode
        how = (
            f"was ended by {signal.Signals(-code).name}"
            if code < 0
            else f"ended with exit code {code}"
        )
        raise ConfigurationError(f"{first} {how}{_complaint(said, complained)}")
    return said


def _heard(process: subprocess.Popen[bytes], most: int, until: float) -> tuple[bytes, bytes]:
    """What it prints and what it complains of, when it has ended or has printed too much. Raises TimeoutExpired.

    What it leaves running, such as an agent, may hold the pipes; nobody waits for that.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    heard = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    said, complained = heard
    with selectors.DefaultSelector() as selector:
        for pipe in heard:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() and len(heard[said]) <= most:
            ended = process.poll() is not None
            left = until - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            ready = selector.select(min(left, _LOOK))
            if ended and not ready:
                break
            for key, _ in ready:
                chunk = os.read(key.fd, _PIECE)
                if not chunk:
                    selector.unregister(key.fd)
                elif key.fd == said or len(heard[complained]) < _PIECE:
                    heard[key.fd] += chunk
    if len(heard[said]) <= most:
        process.wait(max(0.0, until - time.monotonic()))
    return heard[said], heard[complained]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that still runs, with what it started, and let go of its pipes."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _complaint(said: bytes, complained: bytes) -> str:
    """The first line of a complaint; none where something was printed, which it may tell of."""
    line = complained.decode(errors="replace").strip().split("\n")[0].strip()
    return f": {line[:_SHOWN]}" if line and not said.strip() else ""
