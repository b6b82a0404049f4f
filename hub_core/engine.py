"""Where children run: processes on this machine, or inline for tests."""

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
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, TypeVar

from hub_core.errors import PluginError
from hub_core.secrets import redact

T = TypeVar("T")
Answer = dict[str, Any]
Progress = Callable[[str, dict[str, int]], None]
_ENVIRONMENT = ("LANG", "LC_ALL", "TZ", "PATH", "SSL_CERT_FILE", "POLARS_MAX_THREADS")
_ANSWER_BYTES = 16 * 2**20
_KEPT = 1 << 16  # bytes of what a child printed that are looked at
_SHOWN = 400  # characters of it that are shown


class Child:
    """A child process: orders in, answers out, its own process group, and no secret in its environment."""

    def __init__(self) -> None:
        answers, theirs = os.pipe()
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self.said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self.complained: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "hub_core.child", str(theirs)],
                stdin=subprocess.PIPE,
                stdout=self.said,
                stderr=self.complained,
                pass_fds=[theirs],
                env=environment,
                cwd=tempfile.gettempdir(),
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        os.set_blocking(answers, False)
        self._answers = answers
        self._rest = b""

    def ask(self, order: dict[str, Any], seconds: float, progress: Progress) -> Answer:
        """The answer to one order; where none comes in time, or the process ends, an error that says so."""
        assert self.process.stdin is not None
        secrets = list(order.get("secrets", {}).values())
        printed = self._size(self.said)
        token = secrets_module.token_hex(16)
        try:
            self.process.stdin.write(json.dumps({"token": token, "order": order}).encode() + b"\n")
            self.process.stdin.flush()
            answer = self._wait(token, seconds, lambda counts: progress(str(order.get("provision", "")), counts))
        except BrokenPipeError:
            answer = None
        except TimeoutError:
            self.end()
            return _failed(f"gave no answer within {seconds:g} s, and its process group was ended")
        if answer is None:
            self.end()
            return _failed(redact(self._last_words(secrets), secrets))
        if self._size(self.said) > printed:
            self.said.seek(printed)
            text = redact(self.said.read(_KEPT).decode(errors="replace"), secrets).strip()
            answer.setdefault("notes", []).append(f"wrote to standard output: {text[:_SHOWN]}")
        return _without(answer, secrets)

    def _wait(self, token: str, seconds: float, progress: Callable[[dict[str, int]], None]) -> Answer | None:
        """The answer that carries the order's token; what else is written where answers go is no answer."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while True:
                while b"\n" in self._rest:
                    line, _, self._rest = self._rest.partition(b"\n")
                    told = json.loads(line.removeprefix(token.encode())) if line.startswith(token.encode()) else {}
                    if "answer" in told:
                        return dict(told["answer"])
                    if "progress" in told:
                        progress(told["progress"])
                left = deadline - time.monotonic()
                if left <= 0 or len(self._rest) > _ANSWER_BYTES:
                    raise TimeoutError
                if selector.select(left):
                    chunk = os.read(self._answers, 1 << 16)
                    if not chunk:
                        return None
                    self._rest += chunk

    def _last_words(self, secrets: list[str]) -> str:
        code = self.process.wait()
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        self.complained.seek(max(0, self._size(self.complained) - _KEPT))
        words = redact(self.complained.read().decode(errors="replace"), secrets).strip()[-_SHOWN:]
        return f"its process ended {how}" + (f"; its last words: {words}" if words else "")

    @staticmethod
    def _size(file: IO[bytes]) -> int:
        return os.fstat(file.fileno()).st_size

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def end(self) -> None:
        """End the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End the process and let go of what it holds."""
        self.end()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        os.close(self._answers)
        self.said.close()
        self.complained.close()


def _without(answer: Answer, secrets: list[str]) -> Answer:
    """An answer without secrets in what people read of it; codes, digests and counts are left as they are."""
    error = answer.get("error")
    if isinstance(error, dict):
        error["message"] = redact(str(error.get("message")), secrets)
        place = error.get("place")
        if isinstance(place, dict):
            error["place"] = {k: redact(v, secrets) if isinstance(v, str) else v for k, v in place.items()}
    landing = answer.get("landing")
    if isinstance(landing, dict) and landing.get("why"):
        landing["why"] = redact(str(landing["why"]), secrets)
    if isinstance(answer.get("notes"), list):
        answer["notes"] = [redact(str(note), secrets) for note in answer["notes"]]
    return answer


def _failed(message: str) -> Answer:
    return {"error": PluginError(message).as_dict()}


class Engine:
    """Runs conversations with children: a list of orders of one province, and the answers to them."""

    def __init__(self, make: Callable[[int], Executor]) -> None:
        self._make = make
        self._executor: Executor | None = None
        self.processes = 2  # how many at once; to be said before the first conversation
        self.spares: list[Child] = []

    def warm(self, children: int) -> None:
        """Start children before their orders are known, while the hub itself still starts."""
        self.spares += [Child() for _ in range(children)]

    def submit(self, orders: list[dict[str, Any]], seconds: float, progress: Progress) -> Future[list[Answer]]:
        """Begin a conversation; each order may take so many seconds."""
        if self._executor is None:
            self._executor = self._make(self.processes)
        return self._executor.submit(self._converse, orders, seconds, progress)

    def ask(self, orders: list[dict[str, Any]], seconds: float) -> list[Answer]:
        """The answers to a list of orders of one province."""
        return self.submit(orders, seconds, lambda *_: None).result()

    def _converse(self, orders: list[dict[str, Any]], seconds: float, progress: Progress) -> list[Answer]:
        child = self.spares.pop() if self.spares else Child()
        answers = []
        try:
            for order in orders:
                if not child.alive:
                    child.close()
                    child = Child()
                answers.append(child.ask(order, seconds, progress))
        finally:
            child.close()
        return answers

    def close(self) -> None:
        """End what still runs."""
        for child in self.spares:
            child.close()
        if self._executor is not None:
            self._executor.shutdown()


class _Here(Executor):
    """Runs what it is given at once, in this thread."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed to whoever asks the future
            future.set_exception(error)
        return future


class InlineEngine(Engine):
    """The same code without a process; for tests only."""

    def __init__(self) -> None:
        super().__init__(lambda _: _Here())

    def warm(self, children: int) -> None:
        """Nothing is started ahead."""

    def _converse(
        self,
        orders: list[dict[str, Any]],
        seconds: float,  # noqa: ARG002 - there is no process to end
        progress: Progress,
    ) -> list[Answer]:
        from hub_core.child import Provinces, answer

        provinces, answers = Provinces(), []
        for order in orders:
            told = answer(json.loads(json.dumps(order)), provinces, lambda counts: progress("", counts))
            answers.append(json.loads(json.dumps(told)))
        return answers


def local() -> Engine:
    """Children as processes of this machine."""
    return Engine(lambda processes: ThreadPoolExecutor(max_workers=processes, thread_name_prefix="child"))
