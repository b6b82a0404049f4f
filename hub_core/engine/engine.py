"""Where children run: processes on this machine, or inline for tests."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from hub_core.engine.child import Answer, Child, PluginEnvironment, Progress
from hub_core.engine.sandbox import SandboxPolicy, sandboxes, sanitize_scratch
from hub_core.engine.shared import library_links
from hub_core.engine.users import SystemUser
from hub_core.errors import ConfigurationError, StoreError
from hub_core.model.exchange import Plugin
from hub_core.model.limits import Limits
from hub_core.packages import installed
from hub_core.secrets import Secrets

if TYPE_CHECKING:
    from hub_core.config.operator import Config

__all__ = ["Answer", "Child", "Engine", "InlineEngine", "local"]

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Engine:
    """Holds conversations with children.

    A conversation is a list of orders of one province, and the answers to them.
    """

    def __init__(
        self, make_executor: Callable[[int], Executor], spares: Iterable[Child] = ()
    ) -> None:
        """Take what makes an executor for so many processes.

        ``spares``: children that were started before their orders are known, while the hub itself
        still starts.
        """
        self._make_executor = make_executor
        self._executor: Executor | None = None
        self.processes = 2  # how many at once; to be said before the first conversation
        self.limits = Limits()
        self.config: Config | None = None
        self.spares = list(spares)

    def configure(self, config: Config) -> None:
        """Take over what a home says of its children; call it before the first conversation."""
        gather = config.settings.gather
        self.config, self.processes = config, gather.processes
        self.limits = Limits(gather.memory_mb, gather.file_mb, gather.scratch_mb)
        if self.spares:
            with suppress(OSError):  # whatever needs the snapshot will say that it cannot be kept
                catalogue = config.snapshot()
                for child in self.spares:
                    child.prepare(config.settings.plugins.trusted, catalogue)

    def submit(
        self, orders: list[dict[str, Any]], seconds: float, progress: Progress
    ) -> Future[list[Answer]]:
        """Begin a conversation; each order may take ``seconds``."""
        if self._executor is None:
            self._executor = self._make_executor(self.processes)
        return self._executor.submit(self._converse, orders, seconds, progress)

    def ask(self, orders: list[dict[str, Any]], seconds: float) -> list[Answer]:
        """Return the answers to a list of orders of one province."""
        return self.submit(orders, seconds, lambda *_: None).result()

    def _converse(
        self, orders: list[dict[str, Any]], seconds: float, progress: Progress
    ) -> list[Answer]:
        try:
            user = self._system_user(orders[0]["plugin"]["name"])
            plugin_environment = self._plugin_environment(orders[0])
            child = self._make_child(user, plugin_environment)
        except (ConfigurationError, StoreError) as error:
            return [{"error": error.as_dict()} for _ in orders]
        answers, secret_files = [], Secrets.of(self.config).places() if self.config else []
        try:
            with sandboxes(orders, user) as scratches:
                for order, scratch in zip(orders, scratches, strict=True):
                    if not child.alive:
                        child.close()
                        child = Child(user, plugin_environment)
                    sandbox = SandboxPolicy(scratch, scratches, self.limits, seconds, secret_files)
                    _log.debug("child %d: %s", child.process.pid, _order_name(order))
                    answers.append(child.ask(order, sandbox, progress))
                    _log.info("%s: %s", _order_name(order), _outcome(answers[-1]))
                    if user is not None:
                        # nothing of the user's is at work where the hub, as root, takes its files
                        child.end()
                    sanitize_scratch(scratch, user)
        finally:
            child.close()
        return answers

    def _make_child(
        self, user: SystemUser | None, plugin_environment: PluginEnvironment | None
    ) -> Child:
        return (
            self.spares.pop()
            if self.spares and user is None and plugin_environment is None
            else Child(user, plugin_environment)
        )

    def _plugin_environment(self, order: dict[str, Any]) -> PluginEnvironment | None:
        """Return the Python of a province's own environment, with links to the hub's libraries.

        None where it runs in the hub's own.
        """
        python = installed.python(Plugin.model_validate(order["plugin"]))
        if python is None or self.config is None:
            return None
        return PluginEnvironment(python, str(library_links(self.config.home, order["trusted"])))

    def _system_user(self, province: str) -> SystemUser | None:
        """Return the system user that a province's child runs as, and let it read what it must.

        None where it runs as the hub's own.
        """
        config = self.config
        declared = config.settings.provinces.get(province) if config else None
        if config is None or declared is None or declared.user is None:
            return None
        user = SystemUser.of(province, declared.user)
        user.let_read(config.home, config.landing, province)
        return user

    def close(self) -> None:
        """End what still runs."""
        for child in self.spares:
            child.close()
        if self._executor is not None:
            self._executor.shutdown()


def _order_name(order: dict[str, Any]) -> str:
    """Name an order for a log: its kind, province and provision."""
    place = "/".join(filter(None, (order["plugin"]["name"], order.get("provision"))))
    return f"{order.get('kind', 'gather')} {place}"


def _outcome(answer: Answer) -> str:
    """Say in a word how an order was answered; secrets were struck out before."""
    error = answer.get("error")
    return (
        f"{error.get('error')}: {error.get('message')}" if isinstance(error, dict) else "answered"
    )


class _InThisThread(Executor):
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
        super().__init__(lambda _: _InThisThread())

    def _converse(
        self,
        orders: list[dict[str, Any]],
        seconds: float,  # noqa: ARG002 - there is no process to end
        progress: Progress,
    ) -> list[Answer]:
        from hub_core.child import Provinces, answer

        provinces, answers = Provinces(), []
        for order in orders:
            order_answer = answer(
                json.loads(json.dumps(order)), provinces, lambda counts: progress("", counts)
            )
            answers.append(json.loads(json.dumps(order_answer)))
        return answers


def local(spares: Iterable[Child] = ()) -> Engine:
    """Return an engine that runs children as processes of this machine.

    ``spares``: children that were started ahead, which it uses first.
    """
    return Engine(
        lambda processes: ThreadPoolExecutor(max_workers=processes, thread_name_prefix="child"),
        spares,
    )
