"""Commands of ``hub`` in the test's own process, as a person would give them: words in; words and an exit code out.

A hub that starts takes a second, nearly all of it for what it loads. Where its start, its end, its
memory, its terminal or a signal is the matter, and once for every command, a test starts ``HUB``
as a process.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

HUB = [sys.executable, "-c", "from hub_core.cli import main; main()"]


def hub(
    *words: str, environment: Mapping[str, str], given: str = "", cwd: Path | None = None
) -> CompletedProcess[str]:
    """``hub WORDS`` to its end; ``given``: its standard input."""
    out, err = _stream(), _stream()
    with (
        _in_environment(environment),
        _reading(given),
        _signals_kept(),
        chdir(cwd or Path.cwd()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = _ended(words)
    return CompletedProcess(["hub", *words], code, _text(out), _text(err))


def _ended(words: tuple[str, ...]) -> int:
    """The exit code of the command line, whose errors are said as ``hub_core.cli.main`` says them."""
    from hub_core.cli.app import app
    from hub_core.cli.output import complain
    from hub_core.errors import HubError, StoreError

    try:
        app(args=list(words), prog_name="hub")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except (HubError, OSError) as error:
        return complain(error if isinstance(error, HubError) else StoreError.of(error))
    except Exception:  # noqa: BLE001 - what ends a process by a traceback
        traceback.print_exc()
        return 1
    return 0


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@contextmanager
def _in_environment(environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _reading(given: str) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


@contextmanager
def _signals_kept() -> Iterator[None]:
    """A command says what is done when it is told to stop."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
