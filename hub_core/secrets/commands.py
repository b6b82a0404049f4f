"""Secrets that a command prints; it runs without a shell, and its output is never shown."""

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
_DRAIN = 0.2  # seconds after the command's end in which what it printed has come
_SHOWN = 200  # letters of its complaint


def output(
    command: Sequence[str],
    most: int,
    environment: Mapping[str, str],
    folder: Path,
    seconds: float = SECONDS,
) -> bytes:
    """Run a command in this folder, and return what it prints.

    Raises ConfigurationError where the command cannot be run, ends otherwise than with 0, prints
    more than ``most`` bytes, or takes too long; it is ended then, with what it started. The error
    names the command's first word alone.
    """
    command_name = f"command {command[0]}"
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
        raise ConfigurationError(f"{command_name} cannot be run: {error.strerror}") from error
    try:
        printed, complaint = _read_pipes(process, most, time.monotonic() + seconds)
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"{command_name} gave no answer within {seconds:g} s, and was ended"
        ) from error
    finally:
        _end(process)
    if len(printed) > most:
        raise ConfigurationError(
            f"{command_name} printed more than a secret may hold, and was ended"
        )
    if process.returncode:
        ending = _ending(process.returncode)
        raise ConfigurationError(f"{command_name} {ending}{_complaint(printed, complaint)}")
    return printed


def _ending(code: int) -> str:
    """Say how a process with this return code ended."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _read_pipes(process: subprocess.Popen[bytes], most: int, until: float) -> tuple[bytes, bytes]:
    """Return what a process wrote to stdout and stderr, once it has ended or printed too much.

    What it leaves running, such as an agent, may hold the pipes; nobody waits for that. Raises
    TimeoutExpired.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    received = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    stdout, stderr = received
    with selectors.DefaultSelector() as selector:
        for pipe in received:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() and len(received[stdout]) <= most:
            ended = process.poll() is not None
            remaining = until - time.monotonic()
            if remaining <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            ready = selector.select(min(remaining, _DRAIN))
            if ended and not ready:
                break
            for key, _ in ready:
                chunk = os.read(key.fd, _PIECE)
                if not chunk:
                    selector.unregister(key.fd)
                elif key.fd == stdout or len(received[stderr]) < _PIECE:
                    received[key.fd] += chunk
    if len(received[stdout]) <= most:
        process.wait(max(0.0, until - time.monotonic()))
    return received[stdout], received[stderr]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that still runs, with what it started, and let go of its pipes."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _complaint(printed: bytes, complaint: bytes) -> str:
    """Return a complaint's first line; nothing where output, which it may repeat, was printed."""
    line = complaint.decode(errors="replace").strip().split("\n")[0].strip()
    return f": {line[:_SHOWN]}" if line and not printed.strip() else ""
