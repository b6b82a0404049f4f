"""A child as the hub sees it: orders in, answers out, and its end."""

from __future__ import annotations

import json
import os
import secrets as secrets_module
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hub_core.engine.sandbox import SandboxPolicy
from hub_core.engine.users import SystemUser, cannot_start
from hub_core.engine.watch import MARK, Watch
from hub_core.errors import PluginError
from hub_core.secrets import redact

Answer = dict[str, Any]
Progress = Callable[[str, dict[str, int]], None]
# polars' allocator: one arena, so that one thread takes what another lets go, and what is free goes
# back
_FRUGAL = {"_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0"}
_ENVIRONMENT = ("LANG", "LC_ALL", "TZ", "PATH", "SSL_CERT_FILE", "POLARS_MAX_THREADS")
_ANSWER_BYTES = 16 * 2**20
_PATIENCE = 1.0  # seconds in which a process that let go of its answers has ended
_KEPT = 1 << 16  # bytes of what a child printed that are looked at
_LONGEST = 12  # characters at most that one of a secret is written with, as two escapes of JSON
_SHOWN = 400  # characters of it that are shown


class Stopped(Exception):  # noqa: N818 - no fault of the hub's
    """A child had to be ended, or ended itself; says why."""


@dataclass(frozen=True)
class PluginEnvironment:
    """The Python of a province's own environment, and where the hub's libraries stand for it.

    It obeys no file of the environment when it starts (``-S``): what stands there is run under the
    guard.
    """

    python: str
    path: str


class Child:
    """A child process: orders in, answers out.

    It has a session of its own, and no secret in its environment.
    """

    def __init__(
        self, user: SystemUser | None = None, own: PluginEnvironment | None = None
    ) -> None:
        """Start the process.

        ``user``: the system user that it runs as; ``own``: its own Python, where it has an
        environment.
        """
        python = own.python if own else sys.executable
        answers_end, child_end = os.pipe()
        mark = secrets_module.token_hex(16)
        self.user = user
        self.stdout_file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self.stderr_file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                [python, *(["-S"] if own else []), "-P", "-m", "hub_core.child", str(child_end)],
                stdin=subprocess.PIPE,
                stdout=self.stdout_file,
                stderr=self.stderr_file,
                pass_fds=[child_end],
                env=_environment(mark, own),
                cwd=tempfile.gettempdir(),
                start_new_session=True,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
        except OSError as error:
            os.close(answers_end)
            self.stdout_file.close()
            self.stderr_file.close()
            if user is None and own is None:
                raise
            raise cannot_start(user, python, error) from error
        finally:
            os.close(child_end)
        os.set_blocking(answers_end, False)
        self.watch = Watch(
            self.process.pid, mark, (self.stdout_file.fileno(), self.stderr_file.fileno())
        )
        self._answers = answers_end
        self._rest = b""

    def prepare(self, trusted: list[str], catalogue: Path) -> None:
        """Let it load what any order will need, while the hub still opens.

        What is wrong with it is told by the first order.
        """
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            preparation = {"prepare": {"trusted": trusted, "catalogue": str(catalogue)}}
            self.process.stdin.write(json.dumps(preparation).encode() + b"\n")
            self.process.stdin.flush()

    def ask(self, order: dict[str, Any], sandbox: SandboxPolicy, progress: Progress) -> Answer:
        """Give one order and return the answer to it.

        Where none comes in time, or the process ends, the answer is an error that says so.
        """
        assert self.process.stdin is not None
        secrets = list(order.get("secrets", {}).values())
        printed = self._size(self.stdout_file)
        token = secrets_module.token_hex(16)
        message = {
            "token": token,
            "order": order,
            "room": sandbox.to_message(self.user.name if self.user else None),
        }
        self.watch.begin(sandbox.limits, sandbox.scratch)
        try:
            with suppress(BrokenPipeError):
                self.process.stdin.write(json.dumps(message).encode() + b"\n")
                self.process.stdin.flush()
            answer = self._wait(
                token, sandbox.seconds, lambda n: progress(str(order.get("provision", "")), n)
            )
            if answer is None:
                raise Stopped(self._last_words(secrets))
            if violation := self.watch.find_last_excess():
                raise Stopped(violation)
        except Stopped as why:
            self.end()
            error = PluginError(redact(str(why), secrets), province=order["plugin"]["name"])
            return {"error": error.located(provision=order.get("provision")).as_dict()}
        if self._size(self.stdout_file) > printed:
            self.stdout_file.seek(printed)
            text = _shown(
                self.stdout_file.read(_KEPT),
                secrets,
                end=self._size(self.stdout_file) > printed + _KEPT,
            )
            answer.setdefault("notes", []).append(f"wrote to standard output: {text[:_SHOWN]}")
        return _without_secrets(answer, secrets)

    def _wait(
        self, token: str, seconds: float, progress: Callable[[dict[str, int]], None]
    ) -> Answer | None:
        """Wait for the answer that carries the order's token.

        None where the process closes the pipe. What else is written where answers go is no answer.
        Raises Stopped where the child must be ended.
        """
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while True:
                seconds_left = deadline - time.monotonic()
                if seconds_left <= 0:
                    raise Stopped(
                        f"gave no answer within {seconds:g} s, and its process group was ended"
                    )
                if selector.select(self.watch.seconds_until_check(seconds_left)):
                    chunk = os.read(self._answers, 1 << 16)
                    if not chunk:
                        return None
                    *lines, self._rest = (self._rest + chunk).split(b"\n")
                    for line in lines:
                        message = (
                            json.loads(line.removeprefix(token.encode()))
                            if line.startswith(token.encode())
                            else {}
                        )
                        if "answer" in message:
                            return dict(message["answer"])
                        if "refused" in message:
                            raise Stopped(message["refused"])
                        if "progress" in message:
                            progress(message["progress"])
                        self.watch.may_start = self.watch.may_start or "starts" in message
                if len(self._rest) > _ANSWER_BYTES:
                    raise Stopped(f"its answer is longer than {_ANSWER_BYTES} bytes")
                if why := self.watch.find_excess():
                    raise Stopped(why)

    def _last_words(self, secrets: list[str]) -> str:
        """Say how the process ended, or that it only closed the pipe."""
        try:
            code = self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return "closed the pipe on which its answer was awaited, and was ended; its author must leave it open"
        start = max(0, self._size(self.stderr_file) - _KEPT)
        self.stderr_file.seek(start)
        last_output = _shown(self.stderr_file.read(), secrets, start=start > 0)
        if limit_words := self.watch.limit_reached(code, last_output):
            return limit_words
        last_output = last_output[-_SHOWN:]
        ending = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return f"its process ended {ending}" + (
            f"; its last words: {last_output}" if last_output else ""
        )

    @staticmethod
    def _size(file: IO[bytes]) -> int:
        return os.fstat(file.fileno()).st_size

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def end(self) -> None:
        """End the process and all that it started."""
        self.watch.end(already_waited=self.process.returncode is not None)
        self.process.wait()

    def close(self) -> None:
        """End the process and let go of what it holds."""
        self.end()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        os.close(self._answers)
        self.stdout_file.close()
        self.stderr_file.close()


def _environment(mark: str, own: PluginEnvironment | None) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return inherited | _FRUGAL | {MARK: mark} | ({"PYTHONPATH": own.path} if own else {})


def _shown(content: bytes, secrets: list[str], *, start: bool = False, end: bool = False) -> str:
    """Return what was printed, without secrets.

    ``start``, ``end``: whether it was cut there, perhaps within a secret.
    """
    margin = _LONGEST * max(map(len, secrets), default=0)
    text = redact(content.decode(errors="replace"), secrets)
    return text[margin if start else 0 : max(0, len(text) - margin) if end else None].strip()


def _without_secrets(answer: Answer, secrets: list[str]) -> Answer:
    """Redact secrets in what people read of an answer, and return it.

    Codes, digests and counts are left as they are.
    """
    error = answer.get("error")
    if isinstance(error, dict):
        error["message"] = redact(str(error.get("message")), secrets)
        place = error.get("place")
        if isinstance(place, dict):
            error["place"] = {
                k: redact(v, secrets) if isinstance(v, str) else v for k, v in place.items()
            }
    landing = answer.get("landing")
    if isinstance(landing, dict) and landing.get("why"):
        landing["why"] = redact(str(landing["why"]), secrets)
    if isinstance(answer.get("notes"), list):
        answer["notes"] = [redact(str(note), secrets) for note in answer["notes"]]
    return answer
